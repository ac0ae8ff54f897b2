"""posterior(): draws of a law's parameters given runs, by NUTS from the batch engine's optimum."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax

from scaling_jax.errors import FitError
from scaling_jax.fitting.fit import fit
from scaling_jax.fitting.problem import make_problem
from scaling_jax.laws import Law, resolve
from scaling_jax.runs import RunTable
from scaling_jax.uncertainty.chains import STARTS, Sampling, sampled, whiten
from scaling_jax.uncertainty.draws import Draws
from scaling_jax.uncertainty.likelihoods import Likelihood
from scaling_jax.uncertainty.likelihoods import resolve as resolve_likelihood
from scaling_jax.uncertainty.model import Model, model_data
from scaling_jax.uncertainty.pooling import pooled_posterior
from scaling_jax.uncertainty.priors import make_priors


def posterior(
    law: str | Law,
    runs: RunTable,
    *,
    likelihood: str | Likelihood = "student_t",
    priors: str | Mapping[str, Any] | None = None,
    groups: str | None = None,
    varying: Sequence[str] | None = None,
    group_spread: float = 0.5,
    method: str = "nuts",
    chains: int = 4,
    draws: int = 1000,
    warmup: int = 1000,
    target_accept: float = 0.9,
    discrepancy: bool = True,
    seed: int = 0,
) -> Draws:
    """Sample the posterior of a law's parameters.

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
        groups: A label column: runs of one label share a law, and the laws of all groups scatter
            around a common one, whose draws are returned; `Draws.group` has each group's,
            `Draws.new_group` that of a group without runs.
        varying: Parameters that differ between groups, all by default; of a law with coordinates
            of its own, these.
        group_spread: Scale of the half-normal prior of their spread between groups, relative to
            the parameter. The spread itself is learnt; near 0 all groups are one.
        method: ``"nuts"``, or ``"laplace"``, which takes a moment: draws around the mode, resampled
            by importance, with a warning where that does not cover the posterior.
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
        FitError: Unknown likelihood, prior, method or parameter, or runs that cannot determine
            the law.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> loss = (8.8e13 / params) ** 0.076 * np.exp(0.01 * np.cos(np.arange(12)))
        >>> runs = sj.RunTable.from_columns(dict(params=params, loss=loss))
        >>> draws = sj.posterior("kaplan_n", runs, chains=2, draws=200, warmup=200)
        >>> bool(abs(np.median(draws["alpha_N"]) - 0.076) < 0.002)
        True
    """
    if groups is None:
        if varying is not None:
            raise FitError("varying says how groups differ; name their column with groups=")
        return posteriors(
            law, [runs],
            likelihood=likelihood, priors=priors, method=method, chains=chains, draws=draws,
            warmup=warmup, target_accept=target_accept, discrepancy=discrepancy, seed=seed,
        )[0]  # fmt: skip
    found = pooled_posterior(
        resolve(law), runs, resolve_likelihood(likelihood), priors, groups, varying, group_spread,
        Sampling(chains, draws, warmup, target_accept, seed, method),
    )  # fmt: skip
    return found.with_discrepancy(seed) if discrepancy else found


def posteriors(
    law: str | Law,
    tables: Sequence[RunTable],
    *,
    likelihood: str | Likelihood = "student_t",
    priors: str | Mapping[str, Any] | None = None,
    method: str = "nuts",
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
        method: As in `posterior`.
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
    sampling = Sampling(chains, draws, warmup, target_accept, seed, method)
    if not tables:
        raise FitError("posteriors() needs at least one table")
    optima = [fit(law, runs, likelihood.objective, starts=STARTS, seed=seed) for runs in tables]
    problems = [make_problem(law, runs, likelihood.objective) for runs in tables]
    chosen = [make_priors(law, priors, problem.logs) for problem in problems]
    model = Model(law, likelihood, tuple(chosen[0].given))
    with jax.enable_x64(True):
        length = max(len(problem.padded()[0]) for problem in problems)
        data = [
            whiten(model, model_data(model, runs, problem, prior, length), optimum.z)
            for runs, problem, prior, optimum in zip(tables, problems, chosen, optima, strict=True)
        ]
        found = sampled(model, data, optima, sampling)
    return [one.with_discrepancy(seed) for one in found] if discrepancy else found
