"""posterior(): draws of a law's parameters given runs, by NUTS from the batch engine's optimum."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.fitting.coordinates import Coordinates, natural_of_lanes
from scaling_jax.fitting.fit import Fit, fit
from scaling_jax.fitting.problem import make_problem
from scaling_jax.laws import Law, resolve
from scaling_jax.runs import RunTable
from scaling_jax.uncertainty.convergence import Sampler
from scaling_jax.uncertainty.draws import Draws
from scaling_jax.uncertainty.likelihoods import Likelihood
from scaling_jax.uncertainty.likelihoods import resolve as resolve_likelihood
from scaling_jax.uncertainty.model import Model, ModelData, model_data, noise_scale
from scaling_jax.uncertainty.nuts import Chains, climb, sample
from scaling_jax.uncertainty.priors import make_priors
from scaling_jax.uncertainty.scatter import Sampled

_STARTS = 128  # of the fit from which the mode is climbed


def posterior(
    law: str | Law,
    runs: RunTable,
    *,
    likelihood: str | Likelihood = "student_t",
    priors: str | Mapping[str, Any] | None = None,
    chains: int = 4,
    draws: int = 1000,
    warmup: int = 1000,
    target_accept: float = 0.9,
    discrepancy: bool = True,
    seed: int = 0,
) -> Draws:
    """Sample the posterior of a law's parameters with NUTS.

    The chains start around the optimum that the batch engine finds, in scale-free coordinates
    whitened by the curvature there, and run side by side in one program, in float64.

    Args:
        law: A law or the name of one.
        runs: Runs with the law's inputs and its output; a ``weight`` column multiplies the log
            likelihood.
        likelihood: How a run scatters around the law: a name of
            `scaling_jax.uncertainty.likelihoods.LIKELIHOODS`, or a `Likelihood`.
        priors: ``"weak"`` (scale-free, from the law's declaration), ``"literature"`` (from the
            atlas' published values of each parameter's role, widened), or NumPyro distributions by
            parameter, for the parameters as the paper prints them.
        chains: Chains, all in one program.
        draws: Draws of each chain that are kept.
        warmup: Transitions of each chain that adapt the sampler and are thrown away.
        target_accept: Mean acceptance probability; closer to 1 takes smaller steps.
        discrepancy: Learn how far the law strays beyond its data, for the intervals of new runs
            (`Draws.with_discrepancy`).
        seed: Same seed, same draws.

    Returns:
        Draws, chain after chain, with the chains' diagnostics in `Draws.sampler`.

    Raises:
        FitError: Unknown likelihood or prior, or runs that cannot determine the law.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> loss = (8.8e13 / params) ** 0.076 * np.exp(0.01 * np.cos(np.arange(12)))
        >>> runs = sj.RunTable.from_columns(dict(params=params, loss=loss))
        >>> draws = sj.posterior("kaplan_n", runs, chains=2, draws=200, warmup=200)
        >>> bool(abs(np.median(draws["alpha_N"]) - 0.076) < 0.002)
        True
    """
    return posteriors(
        law, [runs],
        likelihood=likelihood, priors=priors, chains=chains, draws=draws, warmup=warmup,
        target_accept=target_accept, discrepancy=discrepancy, seed=seed,
    )[0]  # fmt: skip


def posteriors(
    law: str | Law,
    tables: Sequence[RunTable],
    *,
    likelihood: str | Likelihood = "student_t",
    priors: str | Mapping[str, Any] | None = None,
    chains: int = 4,
    draws: int = 1000,
    warmup: int = 1000,
    target_accept: float = 0.9,
    discrepancy: bool = True,
    seed: int = 0,
) -> list[Draws]:
    """Sample the posteriors of one law on many tables, all chains of all tables in one program.

    Tables are padded to the length of the longest, so they should be of similar size. Each one's
    draws depend on its own place in the list and the seed only through the random numbers.

    Args:
        law: A law or the name of one.
        tables: Runs of each data set.
        likelihood: As in `posterior`.
        priors: As in `posterior`.
        chains: Chains of each table.
        draws: Draws of each chain that are kept.
        warmup: Transitions that are thrown away.
        target_accept: Mean acceptance probability.
        discrepancy: As in `posterior`.
        seed: Same seed, same draws.

    Raises:
        FitError: No table, unknown likelihood or prior, or runs that cannot determine the law.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> wiggle = 0.01 * np.cos(np.arange(12))
        >>> tables = [
        ...     sj.RunTable.from_columns(
        ...         dict(params=params, loss=(8.8e13 / params) ** alpha * np.exp(wiggle))
        ...     )
        ...     for alpha in (0.05, 0.08)
        ... ]
        >>> found = sj.posteriors("kaplan_n", tables, chains=2, draws=200, warmup=200)
        >>> [round(float(np.median(draws["alpha_N"])), 2) for draws in found]
        [0.05, 0.08]
    """
    law, likelihood = resolve(law), resolve_likelihood(likelihood)
    _check_counts(chains=chains, draws=draws, warmup=warmup, tables=len(tables))
    optima = [fit(law, runs, likelihood.objective, starts=_STARTS, seed=seed) for runs in tables]
    problems = [make_problem(law, runs, likelihood.objective) for runs in tables]
    chosen = [make_priors(law, priors, problem.logs) for problem in problems]
    model = Model(law, likelihood, tuple(chosen[0].given))
    with jax.enable_x64(True):
        length = max(len(problem.padded()[0]) for problem in problems)
        data = [
            whiten(model, model_data(model, runs, problem, prior, length), optimum.z)
            for runs, problem, prior, optimum in zip(tables, problems, chosen, optima, strict=True)
        ]
        visited = run_chains(model, data, chains, draws, warmup, target_accept, seed)
        for k, runs in enumerate(tables):
            if not np.all(np.isfinite(visited.log_density[k])):
                raise FitError(
                    f"the posterior of {law.name} on {runs.source} is not finite along the "
                    "chains; narrow the priors, or check the columns' units"
                )
        found = [
            _draws(model, one, jax.tree.map(lambda leaf, k=k: leaf[k], visited), optimum)
            for k, (one, optimum) in enumerate(zip(data, optima, strict=True))
        ]
    return [one.with_discrepancy(seed) for one in found] if discrepancy else found


def run_chains(
    model: Model,
    data: Sequence[ModelData],
    chains: int,
    draws: int,
    warmup: int,
    target_accept: float,
    seed: int,
) -> Chains:
    """Return what the chains on every table visited, leading axes ``[tables, chains, draws]``."""
    lanes = jax.tree.map(lambda *leaves: jnp.repeat(jnp.stack(leaves), chains, axis=0), *data)
    count = len(data) * chains
    first, *keys = jax.random.split(jax.random.key(seed), count + 1)
    start = jax.random.normal(first, (count, len(model.names)))
    visited = sample(
        lanes, start, jnp.stack(keys),
        log_density=model, warmup=warmup, draws=draws, target_accept=target_accept,
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
    peak = _climb(model.from_x(start), data, model=model)
    return data._replace(centre=peak.position, factor=peak.factor)


@functools.partial(jax.jit, static_argnames=("model",))
def _climb(start: Any, data: ModelData, *, model: Model) -> Any:
    return climb(model.sampled_density, start, data)


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise FitError(f"{name} must be at least 1, not {value}")


@functools.partial(jax.jit, static_argnames=("model",))
def _coordinates(w: Any, data: ModelData, *, model: Model) -> tuple[Any, Any, Any]:
    """Return coordinates, noise parameters and pointwise log densities of positions ``[s, d]``."""
    x = model.to_x(data.centre + w @ data.factor.T)
    return x, model.noise(x.T), jax.vmap(lambda one: model.pointwise(one, data))(x)


def _draws(model: Model, data: ModelData, visited: Chains, optimum: Fit) -> Draws:
    law, shape = model.law, visited.log_density.shape
    flat = visited.position.reshape(-1, visited.position.shape[-1])
    x, noise, pointwise = jax.tree.map(np.asarray, _coordinates(flat, data, model=model))
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
