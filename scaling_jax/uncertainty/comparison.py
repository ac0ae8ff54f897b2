"""Which law predicts runs that it has not seen: leave-one-out scores and stacking weights.

PSIS-LOO estimates from one posterior what leaving each run out in turn would give; stacking finds
the mixture of posteriors that predicts the left-out runs best. ArviZ computes both.

Both score runs within the range of the data. That a law wins there says little of a decade beyond.

Reference: Vehtari, Gelman and Gabry, arXiv:1507.04544 (PSIS-LOO); Yao et al., arXiv:1704.02030
(stacking).
"""

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.errors import FitError, listing
from scaling_jax.tables import Table, sentence_list
from scaling_jax.uncertainty.convergence import PARETO_K
from scaling_jax.uncertainty.draws import Draws
from scaling_jax.uncertainty.likelihoods import Counts
from scaling_jax.uncertainty.scatter import Sampled

_UNRELIABLE = PARETO_K  # Pareto k above which importance sampling is not to be trusted


@dataclass(frozen=True)
class LeaveOneOutScore:
    """How well a posterior predicts each run from the others.

    Attributes:
        elpd: Expected log density of a run that was left out, summed over runs.
        se: Its standard error.
        parameters: Effective number of parameters.
        pointwise: The terms of the sum, log densities of the output in its own units ``[runs]``.
        pareto_k: Reliability of each term: above 0.7 it is not to be trusted ``[runs]``.
        rows: The runs that are scored, as positions in the table ``[runs]``.
        draws: Number of draws.
    """

    elpd: float
    se: float
    parameters: float
    pointwise: np.ndarray
    pareto_k: np.ndarray
    rows: np.ndarray
    draws: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against the score, one sentence each."""
        bad = self.rows[self.pareto_k > _UNRELIABLE]
        if not len(bad):
            return ()
        some = listing(str(int(row) + 1) for row in bad[:5])
        more = " and others" if len(bad) > 5 else ""
        return (
            f"Pareto k is above {_UNRELIABLE} for {len(bad)} runs (rows {some}{more} of the "
            "table): the posterior without them differs too much; look at these runs, use the "
            "student_t likelihood, or leave them out by a refit",
        )

    def table(self) -> Table:
        """Return the score as a table."""
        doubts = self.warnings
        return Table(
            f"Leave-one-out score of {len(self.pointwise)} runs, {self.draws} draws",
            ("quantity", "value", "std. error"),
            (
                ("log predictive density", self.elpd, self.se),
                ("effective parameters", self.parameters, None),
                ("largest Pareto k", float(np.max(self.pareto_k)), None),
            ),
            ("", *sentence_list(doubts)) if doubts else (),
        )

    def __repr__(self) -> str:
        return str(self.table())


@dataclass(frozen=True)
class Stacking:
    """Weights of several posteriors in the mixture that predicts left-out runs best.

    Attributes:
        weights: Weight of each, summing to one.
        scores: Leave-one-out score of each.
        differences: Score of the best one minus that of each, with its standard error.
    """

    weights: dict[str, float]
    scores: dict[str, LeaveOneOutScore]
    differences: dict[str, tuple[float, float]]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against the weights, one sentence each."""
        return tuple(f"{name}: {w}" for name, score in self.scores.items() for w in score.warnings)

    def table(self) -> Table:
        """Return weights and scores, the best first."""
        order = sorted(self.scores, key=lambda name: -self.scores[name].elpd)
        rows = [
            (name, self.weights[name], self.scores[name].elpd, *self.differences[name])
            for name in order
        ]
        doubts = self.warnings
        return Table(
            "Stacking by leave-one-out prediction",
            ("posterior", "weight", "score", "below the best", "std. error"),
            tuple(rows),
            ("", *sentence_list(doubts)) if doubts else (),
        )

    def __repr__(self) -> str:
        return str(self.table())


def run_log_density(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Return the log density of every run's output, in its own units, and which runs these are.

    Args:
        draws: A sampled posterior.

    Returns:
        Log densities ``[chains, draws, runs]``, and the runs' positions in the table ``[runs]``:
        those of positive weight. Densities on the log and the natural scale are comparable. Those
        of counts are probabilities without the binomial coefficient.

    Raises:
        FitError: The draws are not a posterior's, or its runs are not independent.
    """
    if draws.sampler is None or not isinstance(draws.noise, Sampled):
        raise FitError(
            f"draws by {draws.method} have no density of each run; take them from sj.posterior"
        )
    fit, likelihood = draws.fit, draws.noise.likelihood
    if getattr(likelihood, "repeats", False):
        raise FitError(
            "repeated runs share a deviation, so leaving out one of them is no test; compare laws "
            "by held-out configurations, or sample with likelihood='lognormal'"
        )
    weights = np.asarray(fit.runs["weight"]) if "weight" in fit.runs else np.ones(len(fit.runs))
    rows = np.flatnonzero(weights > 0.0)
    found = draws.sampler.log_likelihood
    if found.shape[-1] != len(rows):
        raise FitError(
            f"the draws have densities of {found.shape[-1]} runs, their fit has {len(rows)}; load "
            "the draws with the fit that was saved beside them"
        )
    if isinstance(likelihood, Counts):
        return found, rows
    output = np.asarray(fit.runs[fit.law.output.column], np.float64)[rows]
    log_slope = -np.log(np.abs(output)) if likelihood.scale == "log" else -np.log(draws.noise.scale)
    return found + log_slope, rows


def loo(draws: Draws) -> LeaveOneOutScore:
    """Return the leave-one-out score of a posterior by Pareto-smoothed importance sampling.

    Args:
        draws: A sampled posterior. Weights of runs other than zero do not enter the score.

    Raises:
        FitError: The draws are not a posterior's, or its runs are not independent.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> loss = (8.8e13 / params) ** 0.076 * np.exp(0.01 * np.cos(np.arange(12)))
        >>> runs = sj.RunTable.from_columns(dict(params=params, loss=loss))
        >>> draws = sj.posterior("kaplan_n", runs, chains=2, draws=200, warmup=200)
        >>> bool(1 < sj.loo(draws).parameters < 5)
        True
    """
    from arviz_stats.base.array import array_stats

    density, rows = run_log_density(draws)
    pointwise, pareto_k, parameters = array_stats.loo(density, chain_axis=0, draw_axis=1)
    elpd, se, total, _ = array_stats.loo_summary(pointwise, parameters)
    return LeaveOneOutScore(
        float(elpd), float(se), float(total), np.asarray(pointwise), np.asarray(pareto_k), rows,
        density.shape[0] * density.shape[1],
    )  # fmt: skip


def stacking(posteriors: Mapping[str, Draws]) -> Stacking:
    """Return the weights of several laws' posteriors on the same runs.

    Args:
        posteriors: Draws by name, at least two, of the same runs and output.

    Raises:
        FitError: One posterior only, different runs, counts beside residuals, or no xarray.
    """
    if len(posteriors) < 2:
        raise FitError("stacking weighs at least two posteriors; give a dictionary of several")
    _check_comparable(posteriors)
    try:
        xarray = importlib.import_module("xarray")
        importlib.import_module("pandas")
    except ImportError:
        raise FitError(
            "stacking() needs xarray; install it with pip install scaling-jax[arviz]"
        ) from None
    from arviz_stats.loo import compare
    from arviz_stats.utils import ELPDData

    scores = {name: loo(draws) for name, draws in posteriors.items()}
    found = {
        name: ELPDData(
            kind="loo", elpd=score.elpd, se=score.se, p=score.parameters,
            n_samples=score.draws, n_data_points=len(score.pointwise), scale="log",
            warning=bool(score.warnings), good_k=_UNRELIABLE,
            elpd_i=xarray.DataArray(score.pointwise, dims="run"),
            pareto_k=xarray.DataArray(score.pareto_k, dims="run"),
        )
        for name, score in scores.items()
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # ArviZ's own use of pandas
        table = compare(found, method="stacking")
    best = max(scores, key=lambda name: scores[name].elpd)
    return Stacking(
        {name: float(np.clip(table.loc[name, "weight"], 0.0, 1.0)) for name in scores},
        scores,
        {name: _difference(scores[best], score) for name, score in scores.items()},
    )


def _difference(best: LeaveOneOutScore, other: LeaveOneOutScore) -> tuple[float, float]:
    """Return the difference of two scores and its standard error, that of paired terms."""
    terms = best.pointwise - other.pointwise
    return float(np.sum(terms)), float(np.sqrt(len(terms) * np.var(terms)))


def _check_comparable(posteriors: Mapping[str, Draws]) -> None:
    (first, reference), *others = posteriors.items()
    observed, rows = _observed(reference)
    for name, draws in others:
        theirs, their_rows = _observed(draws)
        same = draws.fit.law.output.column == reference.fit.law.output.column
        if not (same and np.array_equal(rows, their_rows) and np.array_equal(observed, theirs)):
            raise FitError(
                f"{name} and {first} are posteriors of different runs; sample both on one table"
            )
        if _is_of_counts(draws) != _is_of_counts(reference):
            raise FitError(
                f"{name} and {first} are a density and a probability of counts, which do not "
                "compare; use likelihoods of one kind"
            )


def _observed(draws: Draws) -> tuple[Any, np.ndarray]:
    _, rows = run_log_density(draws)
    return np.asarray(draws.fit.runs[draws.fit.law.output.column])[rows], rows


def _is_of_counts(draws: Draws) -> bool:
    return isinstance(draws.noise, Sampled) and isinstance(draws.noise.likelihood, Counts)
