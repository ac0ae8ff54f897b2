"""Chains of a posterior: from the mode, in coordinates whitened by the curvature there."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.fitting.coordinates import Coordinates, natural_of_lanes
from scaling_jax.fitting.fit import Fit
from scaling_jax.laws import Law
from scaling_jax.runs import RunTable
from scaling_jax.uncertainty.convergence import Sampler
from scaling_jax.uncertainty.draws import Draws
from scaling_jax.uncertainty.importance import importance_draws
from scaling_jax.uncertainty.model import Model, ModelData, noise_scale
from scaling_jax.uncertainty.nuts import Chains, climb, sample
from scaling_jax.uncertainty.scatter import Sampled

STARTS = 128  # of the fit from which the mode is climbed
METHODS = ("nuts", "laplace")


@dataclass(frozen=True)
class Sampling:
    """How a posterior is sampled.

    Attributes:
        chains: Chains of each table.
        draws: Draws of each chain that are kept.
        warmup: Transitions that are thrown away.
        target_accept: Mean acceptance probability.
        seed: Same seed, same draws.
        method: ``"nuts"``, or ``"laplace"``: resampled by importance around the mode.
    """

    chains: int
    draws: int
    warmup: int
    target_accept: float
    seed: int
    method: str

    def __post_init__(self) -> None:
        for name in ("chains", "draws", "warmup"):
            if getattr(self, name) < 1:
                raise FitError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.method not in METHODS:
            raise FitError(
                f"there is no method {self.method!r}; {did_you_mean(self.method, METHODS)}"
            )


def sampled(
    model: Model, data: Sequence[ModelData], optima: Sequence[Fit], sampling: Sampling
) -> list[Draws]:
    """Return draws of every table's posterior.

    Args:
        model: The model of all tables.
        data: Each one's data, whitened at its mode.
        optima: Each one's fit.
        sampling: How to sample.

    Raises:
        FitError: A density is not finite.
    """
    if sampling.method == "nuts":
        visited = run_chains(model, data, sampling)
        each = [jax.tree.map(lambda leaf, k=k: leaf[k], visited) for k in range(len(data))]
        quality = [(None, None)] * len(data)
    else:
        found = [importance_draws(model, one, sampling.chains, sampling.draws, sampling.seed)
                 for one in data]  # fmt: skip
        each, quality = [one[0] for one in found], [one[1:] for one in found]
    result = []
    for one, chains, optimum, (pareto_k, effective) in zip(
        data, each, optima, quality, strict=True
    ):
        check_finite(chains, model.law, optimum.runs)
        draws = draws_of(model, one, chains, optimum)
        assert draws.sampler is not None
        sampler = replace(draws.sampler, pareto_k=pareto_k, effective=effective)
        result.append(replace(draws, method=sampling.method, sampler=sampler))
    return result


def run_chains(model: Model, data: Sequence[ModelData], sampling: Sampling) -> Chains:
    """Return what the chains on every table visited, leading axes ``[tables, chains, draws]``."""
    chains = sampling.chains
    lanes = jax.tree.map(lambda *leaves: jnp.repeat(jnp.stack(leaves), chains, axis=0), *data)
    count = len(data) * chains
    first, *keys = jax.random.split(jax.random.key(sampling.seed), count + 1)
    start = jax.random.normal(first, (count, len(model.names)))
    visited = sample(
        lanes, start, jnp.stack(keys), log_density=model,
        warmup=sampling.warmup, draws=sampling.draws, target_accept=sampling.target_accept,
    )  # fmt: skip
    return jax.tree.map(
        lambda leaf: np.asarray(leaf).reshape(len(data), chains, *leaf.shape[1:]), visited
    )


def whiten(model: Model, data: ModelData, z: np.ndarray) -> ModelData:
    """Return the data centred at the posterior's mode and whitened by its curvature.

    Args:
        model: The model.
        data: Its data.
        z: The law's coordinates to climb from ``[free]``.
    """
    start = jnp.concatenate([z, data.mean[len(z) :]])
    peak = _climb(model.from_x(start, data), data, model=model)
    return data._replace(centre=peak.position, factor=peak.factor)


@functools.partial(jax.jit, static_argnames=("model",))
def _climb(start: Any, data: ModelData, *, model: Model) -> Any:
    return climb(model.sampled_density, start, data)


@functools.partial(jax.jit, static_argnames=("model",))
def visited_points(w: Any, data: ModelData, *, model: Model) -> tuple[Any, Any, Any]:
    """Return coordinates, noise parameters and pointwise log densities of positions ``[s, d]``."""
    x = model.to_x(data.centre + w @ data.factor.T, data)
    return x, model.noise(x.T), jax.vmap(lambda one: model.pointwise(one, data))(x)


def check_finite(visited: Chains, law: Law, runs: RunTable) -> None:
    """Refuse chains with a density that is not finite.

    Raises:
        FitError: Some density is not.
    """
    if not np.all(np.isfinite(visited.log_density)):
        raise FitError(
            f"the posterior of {law.name} on {runs.source} is not finite along the chains; narrow "
            "the priors, or check the columns' units"
        )


def draws_of(model: Model, data: ModelData, visited: Chains, optimum: Fit) -> Draws:
    """Return what the chains on one table visited ``[chains, draws]`` as draws of its law."""
    law, shape = model.law, visited.log_density.shape
    flat = visited.position.reshape(-1, visited.position.shape[-1])
    x, noise, pointwise = jax.tree.map(np.asarray, visited_points(flat, data, model=model))
    free = len(Coordinates(law).free)
    params = natural_of_lanes(x[:, :free].T, optimum.logs, law=law)
    used = np.asarray(data.weights) > 0.0
    sampler = Sampler(
        names=model.names,
        coordinates=x.reshape(*shape, -1),
        log_density=np.asarray(visited.log_density),
        diverging=np.asarray(visited.diverging),
        steps=np.asarray(visited.steps),
        acceptance=np.asarray(visited.acceptance),
        energy=np.asarray(visited.energy),
        prior_sd=np.asarray(data.sd),
        floors=_floors(law),
        log_likelihood=pointwise[:, used].reshape(*shape, -1),
    )
    return Draws(params, optimum, "nuts", noise=_scatter(model, noise, optimum), sampler=sampler)


def _scatter(model: Model, noise: Mapping[str, np.ndarray], optimum: Fit) -> Sampled:
    growth = model.likelihood.growth
    reference = float(np.mean(np.log(np.asarray(optimum.runs[growth])))) if growth else 0.0
    return Sampled(model.likelihood, noise, noise_scale(model, optimum.logs), reference)


def _floors(law: Law) -> tuple[str, ...]:
    """Return the coordinates that are logarithms of an irreducible part in units of the output."""
    return tuple(
        p.name
        for p in Coordinates(law).free
        if p.unit == law.output.column and "irreducible" in p.meaning and p.bounds[0] == 0.0
    )
