"""How far a law strays beyond its data: an error that grows with the distance extrapolated.

No law is exactly true, so intervals that know only noise and parameters are too narrow a decade
further on. The law's error is taken as a relative slope s per decade of distance from the runs,

    log y(x) = log f(x) + s d(x) + noise,    s ~ Normal(0, tau),   tau ~ LogNormal(1 %, factor 2)

and tau is learnt from the runs themselves: the law is fitted to the cheapest runs only, several
times, and its errors on the dearer runs it has not seen are pseudo-extrapolations of known
outcome. With few or narrow runs tau stays near the prior, one per cent a decade.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.fitting.fit import Fit, fit
from scaling_jax.laws import Law
from scaling_jax.support import Support
from scaling_jax.uncertainty.normal import normal_around

_SHARES = (0.5, 0.6, 0.7, 0.8)  # of the runs, the cheapest ones, that the trial fits see
_PRIOR_MEDIAN = 0.01  # relative error a decade
_PRIOR_SD = 0.7  # of log tau: a factor of 2
_GRID = np.geomspace(3e-4, 0.3, 120)
_STARTS = 128  # as many as the posterior's own fit, whose compiled program they share
_DRAWS = 200  # of a trial's parameters
_NEARER = 0.05  # decades: runs nearer than this to the trial's runs tell of noise, not of the law


@dataclass(frozen=True)
class Discrepancy:
    """The size of a law's error beyond its data.

    Attributes:
        tau: Values of the relative error a decade ``[grid]``.
        probability: Their posterior probability ``[grid]``.
        slopes: Error a decade of each trial extrapolation ``[trials]``.
        slope_errors: Standard error of each, from noise and unsure parameters ``[trials]``.
    """

    tau: np.ndarray
    probability: np.ndarray
    slopes: np.ndarray
    slope_errors: np.ndarray

    @property
    def median(self) -> float:
        """Posterior median of tau."""
        return float(self.tau[np.searchsorted(np.cumsum(self.probability), 0.5)])

    def errors(self, distance: np.ndarray, draws: int, seed: int) -> np.ndarray:
        """Return relative errors of the law, one slope a draw ``[draws, q]``.

        Args:
            distance: Decades between each query point and the runs ``[q]``.
            draws: Number of draws.
            seed: Seed.
        """
        rng = np.random.default_rng([seed, 1])  # another stream than the noise of the runs
        tau = rng.choice(self.tau, size=draws, p=self.probability)
        return (tau * rng.standard_normal(draws))[:, None] * distance[None, :]


def learn_discrepancy(optimum: Fit, seed: int = 0) -> Discrepancy:
    """Fit the cheapest runs, look at the dearer ones, and return what that says of tau.

    Args:
        optimum: The fit of all runs.
        seed: Seed of the trial fits' starts.
    """
    trials = [t for share in _SHARES if (t := _trial(optimum, share, seed)) is not None]
    slopes, errors = (
        (np.array(column) for column in zip(*trials, strict=True)) if trials else ((), ())
    )
    return posterior_of_tau(np.asarray(slopes, float), np.asarray(errors, float))


def posterior_of_tau(slopes: np.ndarray, errors: np.ndarray) -> Discrepancy:
    """Return the posterior of tau given trial slopes ``s_k ~ Normal(0, tau^2 + error_k^2)``.

    The trials see nested sets of runs, so together they count as two observations, not four.
    """
    log_prior = -0.5 * (np.log(_GRID / _PRIOR_MEDIAN) / _PRIOR_SD) ** 2
    variance = _GRID[:, None] ** 2 + errors[None, :] ** 2
    log_likelihood = -0.5 * (slopes[None, :] ** 2 / variance + np.log(variance))
    share = min(1.0, 2.0 / max(len(slopes), 1))
    log_posterior = log_prior + share * log_likelihood.sum(axis=1)
    weights = np.exp(log_posterior - log_posterior.max())
    return Discrepancy(_GRID, weights / weights.sum(), slopes, errors)


def cost(optimum: Fit) -> np.ndarray:
    """Return what orders runs from cheap to dear: the sum of the inputs' logarithms ``[runs]``."""
    columns = [np.asarray(optimum.runs[name], float) for name in optimum.law.input_names]
    logs = [np.log10(c) for c in columns if np.all(c > 0.0)]
    return np.sum(logs, axis=0) if logs else np.zeros(len(optimum.runs))


def _trial(optimum: Fit, share: float, seed: int) -> tuple[float, float] | None:
    """Return error a decade and its standard error of one trial extrapolation."""
    law, runs, order = optimum.law, optimum.runs, cost(optimum)
    if law.along:
        return None  # the rows of one run belong together
    cheap = order <= np.quantile(order, share)
    names = tuple(law.input_names)
    if np.sum(cheap) < 2 * len(law.free) or np.all(cheap):
        return None
    seen = runs.where(cheap)
    if any(np.ptp(np.asarray(seen[name])) == 0.0 for name in names):
        return None
    try:
        trial = fit(law, runs, optimum.criterion, weights=cheap.astype(float), starts=_STARTS,
                    seed=seed)  # fmt: skip
    except FitError:
        return None
    unseen = {name: np.asarray(runs[name], float)[~cheap] for name in names}
    distance = Support.of(seen, names).distance(unseen)
    far = distance > _NEARER
    if np.sum(far) < 3:
        return None
    error, d = -trial.residuals[~cheap][far], distance[far]
    if optimum.criterion.scale == "natural":
        error = error / np.exp(optimum.logs[law.output.column])
    noise = 1.4826 * np.median(np.abs(trial.residuals[cheap])) / np.sqrt(d @ d)
    share_of_error = np.zeros(len(runs))  # each run's part in the slope; 0 for the runs seen
    share_of_error[np.flatnonzero(~cheap)[far]] = d / (d @ d)
    unsure = _slope_of_parameters(trial, share_of_error)
    return float(d @ error / (d @ d)), float(np.hypot(noise, unsure))


def _slope_of_parameters(trial: Fit, share: np.ndarray) -> float:
    """Return the standard deviation of the error a decade that unsure parameters alone make."""
    try:
        params = normal_around(trial, "sandwich", _DRAWS, seed=0)
    except FitError:
        return float(_GRID[-1])  # parameters that are not identified: the trial tells nothing
    columns = {n: np.asarray(trial.runs[n], float) for n in trial.law.input_names}
    with jax.enable_x64(True):
        values = np.asarray(_surfaces(params, columns, law=trial.law))
    with np.errstate(invalid="ignore", divide="ignore"):
        if trial.criterion.scale == "log":
            error = np.log(values / trial.predicted)
        else:
            scale = np.exp(trial.logs[trial.law.output.column])
            error = (values - trial.predicted) / scale
        slopes = np.where(share > 0.0, error, 0.0) @ share
    usable = slopes[np.isfinite(slopes)]
    return float(np.std(usable)) if len(usable) > _DRAWS // 2 else float(_GRID[-1])


@functools.partial(jax.jit, static_argnames=("law",))
def _surfaces(params: Any, columns: Any, *, law: Law) -> jax.Array:
    """Return the law at all runs for many parameters ``[draws, runs]``."""
    theta = {name: values[:, None] for name, values in params.items()}
    return law(theta, {name: values[None, :] for name, values in columns.items()})
