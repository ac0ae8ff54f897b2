"""bootstrap(): refit thousands of resamples of the runs as lanes of one program."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import numpy as np

from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.fitting.batch import solve_replicates
from scaling_jax.fitting.coordinates import natural_of_lanes
from scaling_jax.fitting.fit import Fit
from scaling_jax.fitting.problem import make_problem
from scaling_jax.fitting.resampling import SCHEMES, Multinomial, Resampling
from scaling_jax.fitting.solver import CONVERGED, NONFINITE
from scaling_jax.fitting.starts import quasi_random
from scaling_jax.progress import counting
from scaling_jax.uncertainty.draws import Draws

_NEARBY = 0.5  # half-width of the box of further starts around the optimum, in its coordinates


def bootstrap(
    fit: Fit,
    replicates: int | None = None,
    scheme: str | Resampling = Multinomial(),
    *,
    seed: int = 0,
    starts: int = 1,
    devices: Sequence[Any] | None = None,
    progress: bool | None = None,
) -> Draws:
    """Refit resamples of the runs; each refit is one draw.

    A replicate depends on the seed and its number alone: the same seed gives the same draws
    whatever the number of devices, and the first draws of a longer bootstrap are those of a
    shorter one.

    Args:
        fit: The fit to resample.
        replicates: Number of resamples; 4000 by default, and all there are for a jackknife.
        scheme: How runs are resampled: a name or one of `Multinomial`, `Stratified`, `Blocks`,
            `Poisson`, `LeaveOneOut`.
        seed: Seed of the resampling.
        starts: Starts of every refit: the optimum and, if more, points around it.
        devices: Devices to use; all local ones by default.
        progress: Show a progress bar; by default if it takes long and stderr is a terminal.

    Returns:
        Draws with one value a replicate. Replicates that drew fewer rows than there are parameters
        or whose objective is not finite are left out and counted in `Draws.failed`; those that did
        not converge are kept and counted in `Draws.unconverged`.

    Raises:
        FitError: Unknown scheme, some replicates of a jackknife only, or every replicate failed.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> loss = (8.8e13 / params) ** 0.076 * np.exp(0.01 * np.cos(np.arange(12)))
        >>> runs = sj.RunTable.from_columns(dict(params=params, loss=loss))
        >>> draws = sj.bootstrap(sj.fit("kaplan_n", runs, starts=16), replicates=100)
        >>> draws["alpha_N"].shape
        (100,)
    """
    scheme = _scheme(scheme)
    available = scheme.lanes(fit.runs)
    replicates = _count(replicates, available, scheme)
    if starts < 1:
        raise FitError(f"starts must be at least 1, not {starts}")
    problem = make_problem(fit.law, fit.runs, fit.criterion, _extra_weights(fit))
    near = fit.z + _NEARBY * (2.0 * quasi_random(starts, len(fit.z), seed) - 1.0)
    near[0] = fit.z
    with _bar(progress, replicates * starts) as advance:
        solution = solve_replicates(
            fit.law, fit.criterion, problem, scheme, scheme.units(fit.runs), near,
            replicates=replicates, seed=seed, devices=devices, progress=advance,
        )  # fmt: skip
    return _draws(fit, scheme, solution, problem.logs)


def _draws(fit: Fit, scheme: Resampling, solution: Any, logs: dict[str, float]) -> Draws:
    good = np.isfinite(solution.value) & (solution.status != NONFINITE)
    if not np.any(good):
        raise FitError(
            f"none of {len(good)} replicates determines {fit.law.name} (fewer rows than "
            "parameters, or an objective that is not finite); look at fit.summary(), or resample "
            "smaller groups"
        )
    with jax.enable_x64(True):
        params = natural_of_lanes(solution.z[:, good], logs, law=fit.law)
    return Draws(
        params, fit, scheme.name,
        objective=solution.value[good],
        failed=int(np.sum(~good)),
        unconverged=int(np.sum(solution.status[good] != CONVERGED)),
    )  # fmt: skip


def _scheme(scheme: str | Resampling) -> Resampling:
    if isinstance(scheme, Resampling):
        return scheme
    if scheme not in SCHEMES:
        raise FitError(f"there is no resampling scheme {scheme!r}; {did_you_mean(scheme, SCHEMES)}")
    return SCHEMES[scheme]()


def _count(replicates: int | None, available: int | None, scheme: Resampling) -> int:
    if replicates is None:
        return available or 4000
    if replicates < 1:
        raise FitError(f"replicates must be at least 1, not {replicates}")
    if available is not None and replicates != available:  # a part has another standard error
        raise FitError(
            f"{scheme.name} has {available} replicates on these runs, not {replicates}; leave the "
            "number out"
        )
    return replicates


def _extra_weights(fit: Fit) -> np.ndarray | None:
    """Return the weights given to fit() beside the table's own, up to a factor."""
    if fit.weights is None:
        return None
    own = np.asarray(fit.runs["weight"]) if "weight" in fit.runs else np.ones(len(fit.runs))
    return np.divide(fit.weights, own, out=np.zeros_like(fit.weights), where=own > 0.0)


def _bar(progress: bool | None, lanes: int) -> AbstractContextManager[Callable[[int], None] | None]:
    if progress is False:
        return nullcontext()
    return counting("bootstrap", lanes, unit="lanes", always=bool(progress))
