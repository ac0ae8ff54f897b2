"""Procedures around loss surfaces: families of runs, counting parameters, local exponents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from scaling_jax.errors import FitError
from scaling_jax.fitting.fit import Fit, fit
from scaling_jax.laws import Law
from scaling_jax.objectives import Objective, Squared
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

LAST_SHARE = 0.3  # of the target's training, on which the error is measured
FIRST_TOKENS = 1e10  # checkpoints up to here are dropped: warm-up, not scaling


def absolute_relative_error(observed: ArrayLike, predicted: ArrayLike) -> jax.Array:
    """Return the mean of |observed - predicted| / observed, ARE.

    Example:
        >>> round(float(absolute_relative_error([2.0, 4.0], [2.2, 3.8])), 3)
        0.075
    """
    observed, predicted = jnp.asarray(observed), jnp.asarray(predicted)
    return jnp.mean(jnp.abs(observed - predicted) / observed)


@dataclass(frozen=True)
class FamilyPrediction:
    """The largest model of a family, predicted from the others.

    Attributes:
        fit: The law on the smaller models' checkpoints.
        target: Checkpoints of the largest model that the error is measured on.
        predicted: Predicted loss of those ``[checkpoints]``.
        error: Mean absolute relative error, ARE.
    """

    fit: Fit
    target: RunTable
    predicted: np.ndarray
    error: float


@protocol("hitchhiker_protocol")
def predict_largest(
    runs: RunTable,
    models: int | None = None,
    *,
    law: str | Law = "hitchhiker_protocol",
    objective: Objective | None = None,
    share: float = 1.0,
    after: float = FIRST_TOKENS,
    starts: int = 64,
    seed: int = 0,
) -> FamilyPrediction:
    """Predict the loss of a family's largest model from all checkpoints of its smaller ones.

    The error is measured over the last 30 % of the largest model's training. Predictions from two
    sizes depend on the starts: two sizes cannot determine E, A and alpha.

    Args:
        runs: Checkpoints of one family with params, tokens and loss.
        models: How many of the smallest sizes to fit; by default all but the largest.
        law: A law of params and tokens.
        objective: By default squared residuals of the loss.
        share: Share of each model's training to fit, counted from its start.
        after: Fitted checkpoints have more tokens than this.
        starts: How many starts the fit takes.
        seed: Seed of the starts.

    Raises:
        FitError: The family has too few sizes, or no checkpoint is left.

    Reference:
        Choshen, Zhang, Andreas (2024), arXiv:2410.11840.
    """
    params, tokens = runs["params"], runs["tokens"]
    sizes = np.unique(params)
    models = len(sizes) - 1 if models is None else models
    if not 1 <= models < len(sizes):
        raise FitError(
            f"{runs.source} has {len(sizes)} sizes, the largest is predicted: models must be "
            f"between 1 and {len(sizes) - 1}, not {models}"
        )
    last = np.array([tokens[params == size].max() for size in params])
    used = (params <= sizes[models - 1]) & (tokens > after) & (tokens <= share * last)
    if not used.any():
        raise FitError(
            f"{runs.source} has no checkpoint of the {models} smallest sizes with more than "
            f"{after:g} tokens within the first {share:.0%} of training; lower `after` or raise "
            "`share`"
        )
    target = runs.where((params == sizes[-1]) & (tokens >= (1.0 - LAST_SHARE) * last))
    fitted = fit(
        law, runs.where(used), objective or Squared(scale="natural"), starts=starts, seed=seed
    )
    predicted = fitted(**{name: target[name] for name in fitted.law.input_names})
    error = float(absolute_relative_error(target["loss"], predicted))
    return FamilyPrediction(fitted, target, predicted, error)


@protocol("chinchilla_robustness")
def perturbed_params(
    params: ArrayLike,
    *,
    factor: float = 1.0,
    added: float = 0.0,
    slope: float = 1.0,
    pivot: float = 1e9,
    noise: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """Return model sizes counted wrongly: refit a law with them to see how it changes.

    Args:
        params: Model sizes ``[runs]``.
        factor: Multiplies every size (c_m).
        added: Is added to every size (c_a); sizes must stay positive.
        slope: Power s of the systematic error, pivot * (N / pivot)**s.
        pivot: Size that the systematic error leaves alone (mu).
        noise: Standard deviation of log-normal noise (sigma).
        seed: Seed of the noise.

    Raises:
        FitError: A size would not be positive.

    Example:
        >>> perturbed_params([1e8, 1e10], factor=2.0)
        array([2.e+08, 2.e+10])

    Reference:
        Schaeffer et al. (2025), arXiv:2509.23963.
    """
    sizes = pivot * (np.asarray(params, np.float64) / pivot) ** slope
    draws = np.random.default_rng(seed).normal(size=sizes.shape) if noise else 0.0
    sizes = (sizes * factor + added) * np.exp(noise * draws)
    if not np.all(sizes > 0.0):
        raise FitError(
            f"added={added:g} leaves sizes that are not positive; the smallest is "
            f"{np.min(sizes):g}: add more than minus the smallest size"
        )
    return sizes


def perturbed_coefficients(
    theta: Mapping[str, Any], *, factor: float = 1.0, slope: float = 1.0, pivot: float = 1e9
) -> dict[str, Any]:
    """Return the Chinchilla coefficients that a refit to wrongly counted sizes gives, exactly.

    Sizes that are multiplied change A alone; a systematic error divides alpha by its slope.

    Args:
        theta: E, A, B, alpha and beta for the true sizes.
        factor: As in `perturbed_params`.
        slope: As in `perturbed_params`.
        pivot: As in `perturbed_params`.

    Reference:
        Schaeffer et al. (2025), arXiv:2509.23963.
    """
    alpha = theta["alpha"] / slope
    amplitude = theta["A"] * pivot ** (theta["alpha"] * (1.0 - slope) / slope)
    return {**theta, "A": amplitude * factor**alpha, "alpha": alpha}


def ratio_exponent(theta: Mapping[str, Any], slope: float = 1.0) -> Any:
    """Return the exponent of the optimal tokens per parameter in compute, sizes off by a slope."""
    alpha = theta["alpha"] / slope
    return (alpha - theta["beta"]) / (alpha + theta["beta"])


@protocol("pearce_song")
def non_embedding_frontier(
    theta: Mapping[str, Any], params_no_embed: ArrayLike
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return tokens, compute and the local exponent where a non-embedding size is optimal.

    On 6 * N_ne * D = C the size N_ne is best if beta * B / D**beta equals alpha * A / N_T**alpha
    times the share s by which ln N_T grows with ln N_ne; so D is a function of N_ne.

    Args:
        theta: Coefficients of the law ``pearce_song``.
        params_no_embed: Non-embedding parameters N_ne ``[sizes]``.

    Returns:
        Tokens D, non-embedding compute 6 * N_ne * D, and d ln N_ne / d ln C, each ``[sizes]``.

    Example:
        >>> import scaling_jax as sj
        >>> theta = sj.laws.get("pearce_song").published("epoch").params
        >>> _, compute, exponent = non_embedding_frontier(theta, 1e12)  # embeddings do not matter
        >>> round(float(exponent), 3), round(0.3658 / (0.3478 + 0.3658), 3)
        (0.513, 0.513)

    Reference:
        Pearce, Song (2024), arXiv:2406.12907.
    """
    t, n = theta, jnp.asarray(params_no_embed, float)
    log_n = jnp.log(n)

    def log_tokens(log_size: jax.Array) -> jax.Array:
        embedding = jnp.log(t["gamma"]) - 2.0 / 3.0 * log_size  # log of its ratio to N_ne
        log_total = log_size + jax.nn.softplus(embedding)
        share = 1.0 - 2.0 / 3.0 * jax.nn.sigmoid(embedding)
        slope = jnp.log(t["alpha"] * t["A"]) - t["alpha"] * log_total + jnp.log(share)
        return (jnp.log(t["beta"] * t["B"]) - slope) / t["beta"]

    log_d = log_tokens(log_n)
    growth = jax.grad(lambda size: jnp.sum(log_tokens(size)))(log_n)
    return jnp.exp(log_d), 6.0 * jnp.exp(log_n + log_d), 1.0 / (1.0 + growth)
