"""Latent skills and capabilities that all benchmarks of a table have in common."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from scaling_jax._pytree import pytree
from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.protocols.registry import protocol

_HUBER = 0.01  # beta of the published loss: residuals up to one point count squared
_FLAT = 1e-7  # norm of the gradient that ends a fit; the objectives are of order 0.01
_EDGE = 0.01  # scores this close to their bounds are moved inside for the start


Array = jax.Array | np.ndarray


@pytree
class Sloth:
    """Parameters of the skills model.

    Attributes:
        lower: gamma, score by chance ``[benchmarks]``.
        loadings: Lambda ``[benchmarks, skills]``.
        intercepts: b ``[benchmarks]``.
        families: alpha, skills of each family at 1e9 parameters and 1e12 tokens
            ``[families, skills]``.
        slopes: beta, in log parameters, log tokens and their product ``[skills, 3]``.
    """

    lower: Array
    loadings: Array
    intercepts: Array
    families: Array
    slopes: Array


def sloth_skills(model: Sloth, family: ArrayLike, params: ArrayLike, tokens: ArrayLike):
    """Return the skills theta of models ``[models, skills]``.

    Args:
        model: The parameters.
        family: Position of each model's family ``[models]``.
        params: Parameters ``[models]``.
        tokens: Training tokens ``[models]``.
    """
    return model.families[jnp.asarray(family)] + _features(params, tokens) @ model.slopes.T


def sloth_scores(model: Sloth, family: ArrayLike, params: ArrayLike, tokens: ArrayLike):
    """Return the scores mu of models on every benchmark ``[models, benchmarks]``.

    It can be compiled, mapped and differentiated; arguments as of `sloth_skills`.

    Reference:
        Maia Polo et al. (2024), arXiv:2412.06540, equation 3.
    """
    theta = sloth_skills(model, family, params, tokens)
    logit = theta @ model.loadings.T + model.intercepts
    return model.lower + (1.0 - model.lower) * jax.nn.sigmoid(logit)


def _features(params: ArrayLike, tokens: ArrayLike) -> jax.Array:
    log_s, log_t = jnp.log(jnp.asarray(params) / 1e9), jnp.log(jnp.asarray(tokens) / 1e12)
    return jnp.stack([log_s, log_t, log_s * log_t], axis=-1)


@dataclass(frozen=True, eq=False)
class SlothFit:
    """The skills model fitted to a table of scores.

    Attributes:
        model: Its parameters; skills are known up to an invertible matrix only.
        families: Names of the families, in the order of ``model.families``.
        objective: Mean penalty over the known scores.
    """

    model: Sloth
    families: tuple[str, ...]
    objective: float

    def __call__(self, families: Iterable[str], params: ArrayLike, tokens: ArrayLike) -> np.ndarray:
        """Return predicted scores ``[models, benchmarks]``.

        Args:
            families: Family of each model ``[models]``, of those that were fitted.
            params: Parameters ``[models]``.
            tokens: Training tokens ``[models]``.
        """
        wanted = list(families)
        for family in wanted:
            if family not in self.families:
                hint = did_you_mean(family, self.families)
                raise FitError(f"no member of the family {family!r} was fitted; {hint}")
        positions = np.array([self.families.index(family) for family in wanted])
        with jax.enable_x64(True):
            return np.asarray(sloth_scores(self.model, positions, params, tokens))


@protocol("sloth")
def fit_sloth(
    scores: Any,
    families: Iterable[str],
    params: Any,
    tokens: Any,
    *,
    lower: Any,
    skills: int = 3,
    most_steps: int = 2000,
) -> SlothFit:
    """Fit skills, loadings and family levels to a table of benchmark scores together.

    The start is closed: principal components of the logits, then least squares of the skills on
    the families and the logarithms of size and tokens.

    Args:
        scores: Scores ``[models, benchmarks]`` from 0 to 1, NaN where missing.
        families: Family of each model ``[models]``; base and instruct versions are two families.
        params: Parameters ``[models]``.
        tokens: Training tokens ``[models]``.
        lower: Score by chance of each benchmark ``[benchmarks]``.
        skills: How many skills.
        most_steps: Most steps of the fit.

    Raises:
        FitError: The table's columns do not fit together, or there are too many skills.

    Reference:
        Maia Polo et al. (2024), arXiv:2412.06540, section 3. They minimise the same penalty (Huber
        with beta 0.01) with Adam.
    """
    labels = list(families)
    names = tuple(dict.fromkeys(labels))
    positions = np.array([names.index(label) for label in labels])
    table = [np.asarray(column, np.float64) for column in (scores, params, tokens, lower)]
    _check_table(table, positions, skills)
    scores, params, tokens, lower = table
    with jax.enable_x64(True):
        start = _sloth_start(scores, positions, len(names), params, tokens, lower, skills)
        known = ~np.isnan(scores)
        data = (lower, positions, params, tokens, np.where(known, scores, 0.0), known)
        parts, objective = _minimised(start, data, most_steps, objective=_sloth_objective)
        return SlothFit(_sloth(parts, lower), names, float(objective))


def _check_table(table, positions, skills) -> None:
    scores, params, tokens, lower = table
    models, benchmarks = scores.shape if scores.ndim == 2 else (-1, -1)
    if not (
        params.shape == tokens.shape == positions.shape == (models,)
        and lower.shape == (benchmarks,)
    ):
        raise FitError(
            f"scores have shape {scores.shape}: give families, params and tokens of each of its "
            "models, and a lower bound of each of its benchmarks"
        )
    if not 1 <= skills <= min(models, benchmarks):
        raise FitError(
            f"{skills} skills of {models} models and {benchmarks} benchmarks; ask for fewer skills"
        )


def _sloth_start(scores, positions, families, params, tokens, lower, skills) -> tuple:
    """Return loadings, intercepts, family levels and slopes to start from."""
    share = np.clip((scores - lower) / (1.0 - lower), _EDGE, 1.0 - _EDGE)
    logit = np.log(share / (1.0 - share))
    intercepts = np.nanmean(logit, axis=0)
    filled = np.where(np.isnan(logit), 0.0, logit - intercepts)
    left, singular, right = np.linalg.svd(filled, full_matrices=False)
    theta = left[:, :skills] * singular[:skills]
    dummies = np.eye(families)[positions]
    design = np.concatenate([dummies, np.asarray(_features(params, tokens))], axis=1)
    coefficients = np.linalg.lstsq(design, theta, rcond=None)[0]
    return right[:skills].T, intercepts, coefficients[:families], coefficients[families:].T


def _sloth(parts: tuple, lower) -> Sloth:
    loadings, intercepts, families, slopes = parts
    return Sloth(jnp.asarray(lower), loadings, intercepts, families, slopes)


def _sloth_objective(parts, lower, positions, params, tokens, scores, known):
    """Return the mean Huber penalty, in units of its linear part, over the known scores."""
    residual = sloth_scores(_sloth(parts, lower), positions, params, tokens) - scores
    size = jnp.abs(residual)
    penalty = jnp.where(size < _HUBER, 0.5 * residual**2 / _HUBER, size - 0.5 * _HUBER)
    return jnp.sum(jnp.where(known, penalty, 0.0)) / jnp.sum(known)


def skill_optimum(model: Sloth, skill: int, compute_flops: ArrayLike) -> dict[str, jax.Array]:
    """Return the size and tokens at which a skill is largest for a compute of 6 N D.

    On the line of one compute a skill is a parabola in log parameters, bent by the interaction.

    Args:
        model: The parameters.
        skill: Which skill, from 0.
        compute_flops: Training compute ``[budgets]``.

    Returns:
        params and tokens ``[budgets]``.

    Raises:
        FitError: The interaction is not positive, so that the largest skill is at an end.
    """
    size, data, interaction = (float(slope) for slope in model.slopes[skill])
    if interaction <= 0.0:
        raise FitError(
            f"skill {skill} has the interaction {interaction:.3g}: its parabola opens upwards, and "
            "only the ends of a range of sizes can be compared"
        )
    total = jnp.log(jnp.asarray(compute_flops) / 6e21)  # log s + log t
    log_s = 0.5 * (total + (size - data) / interaction)
    return {"params": 1e9 * jnp.exp(log_s), "tokens": 1e12 * jnp.exp(total - log_s)}


# One capability


@dataclass(frozen=True, eq=False)
class CapabilityScale:
    """Models and benchmarks on one scale.

    Attributes:
        capability: C of each model ``[models]``.
        difficulty: D of each benchmark ``[benchmarks]``; the anchor's is zero.
        slope: alpha of each benchmark ``[benchmarks]``; the anchor's is one.
    """

    capability: np.ndarray
    difficulty: np.ndarray
    slope: np.ndarray

    def __call__(self) -> np.ndarray:
        """Return the scores that it gives ``[models, benchmarks]``."""
        logit = self.slope * (self.capability[:, None] - self.difficulty)
        return 1.0 / (1.0 + np.exp(-logit))


@protocol("rosetta_stone")
def capability_scale(
    scores: Any, *, anchor: int = 0, shrinkage: float = 1e-3, most_steps: int = 2000
) -> CapabilityScale:
    """Put models and benchmarks on one scale from a table of scores with holes.

    Args:
        scores: Scores ``[models, benchmarks]`` from 0 to 1, NaN where missing.
        anchor: The benchmark of difficulty zero and slope one.
        shrinkage: Weight of the squares of difficulties and log slopes, which keeps models with
            perfect scores at a finite place; zero for plain least squares.
        most_steps: Most steps of the fit.

    Raises:
        FitError: A model or benchmark has no score.

    Reference:
        Ho et al. (2025), arXiv:2512.00193.
    """
    scores = np.asarray(scores, np.float64)
    known = ~np.isnan(scores)
    for axis, what in ((1, "model"), (0, "benchmark")):
        if not np.all(known.any(axis=axis)):
            bad = int(np.argmin(known.any(axis=axis)))
            raise FitError(f"{what} {bad} has no score; leave it out")
    clipped = np.clip(scores, _EDGE, 1.0 - _EDGE)
    logit = np.log(clipped / (1.0 - clipped))
    others = scores.shape[1] - 1
    with jax.enable_x64(True):
        start = (np.nanmean(logit, axis=1), np.zeros(others), np.zeros(others))
        data = (anchor, shrinkage, np.where(known, scores, 0.0), known)
        parts, _ = _minimised(start, data, most_steps, objective=_scale_objective)
        capability, difficulty, log_slope = (np.asarray(part) for part in parts)
    return CapabilityScale(
        capability, np.insert(difficulty, anchor, 0.0), np.exp(np.insert(log_slope, anchor, 0.0))
    )


def _scale_objective(parts, anchor, shrinkage, scores, known):
    """Return the mean squared residual and the shrinkage of difficulties and log slopes."""
    capability, *others = parts
    positions = jnp.arange(scores.shape[1])
    # The anchor's zero, put among the others at a position that is data.
    difficulty, log_slope = (
        jnp.where(positions == anchor, 0.0, jnp.append(x, 0.0)[positions - (positions > anchor)])
        for x in others
    )
    logit = jnp.exp(log_slope) * (capability[:, None] - difficulty)
    residual = jnp.where(known, jax.nn.sigmoid(logit) - scores, 0.0)
    shrunk = jnp.sum(difficulty**2) + jnp.sum(log_slope**2)
    return (jnp.sum(residual**2) + shrinkage * shrunk) / jnp.sum(known)


def capability_trend(
    capability: ArrayLike, compute_flops: ArrayLike, release_years: ArrayLike
) -> dict[str, float]:
    """Return how capability rises with log compute and with time, by least squares.

    Args:
        capability: Of each model ``[models]``.
        compute_flops: Training compute ``[models]``.
        release_years: Time of release in years ``[models]``.

    Returns:
        ``k`` a unit of log compute, ``r`` a year, ``b_0`` at 1 FLOP and year 0.
    """
    x = np.stack([np.log(compute_flops), release_years, np.ones(np.shape(capability))], axis=1)
    k, r, level = np.linalg.lstsq(x, np.asarray(capability, np.float64), rcond=None)[0]
    return {"k": float(k), "r": float(r), "b_0": float(level)}


# One minimisation over many parameters


@functools.partial(jax.jit, static_argnames=("objective",))
def _minimised(start: Any, data: tuple, most_steps: int, *, objective: Callable[..., Any]):
    """Return the parameters after L-BFGS from `start`, and the objective there.

    ``objective(parameters, *data)`` is a function of a module, so that it is compiled once.
    """
    import optax

    solver = optax.lbfgs(memory_size=20)

    def value(parameters):
        return objective(parameters, *data)

    def step(carry):
        parameters, state, count, _ = carry
        known, gradient = optax.value_and_grad_from_state(value)(parameters, state=state)
        updates, state = solver.update(
            gradient, state, parameters, value=known, grad=gradient, value_fn=value
        )
        return optax.apply_updates(parameters, updates), state, count + 1, gradient

    def unfinished(carry):
        _, _, count, gradient = carry
        return (count < most_steps) & (optax.tree.norm(gradient) > _FLAT)

    first = (start, solver.init(start), 0, jax.grad(value)(start))
    parameters, *_ = jax.lax.while_loop(unfinished, step, first)
    return parameters, value(parameters)
