"""From a run table to the arrays that a fit needs, with the checks that need the law.

Columns that occur in the law's units are divided by their geometric mean. Rows are padded to a
few sizes with weight zero, so that tables of similar length share one compiled program.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scaling_jax.errors import FitError, listing
from scaling_jax.expressions import log_monomial
from scaling_jax.laws import Law
from scaling_jax.laws.curves import arguments_of_rows
from scaling_jax.laws.declaration import SIMPLEX_TOLERANCE
from scaling_jax.objectives import Objective
from scaling_jax.runs import RunTable
from scaling_jax.runs.checks import unusual


@dataclass(frozen=True)
class Problem:
    """The arrays of one fit, in float64.

    Attributes:
        rows: Reduced arguments of the law's function and observed output ``[runs, k]``, see
            `row_of`.
        weights: Weight of each run, divided by their sum if the objective is a mean ``[runs]``.
        logs: Natural logarithm of the reference scale of every column of the law.
    """

    rows: np.ndarray
    weights: np.ndarray
    logs: dict[str, float]

    def padded(self) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and weights with rows of weight zero added up to a common size."""
        missing = padded_length(len(self.rows)) - len(self.rows)
        rows = np.concatenate([self.rows, np.repeat(self.rows[-1:], missing, axis=0)])
        return rows, np.concatenate([self.weights, np.zeros(missing)])


def padded_length(count: int) -> int:
    """Return the next length on a grid of eight steps an octave: at most an eighth is padding.

    Example:
        >>> [padded_length(n) for n in (5, 24, 240, 1000)]
        [8, 24, 240, 1024]
    """
    step = max(8, 1 << max(0, count.bit_length() - 4))
    return -(-count // step) * step


def make_problem(
    law: Law, runs: RunTable, objective: Objective, weights: np.ndarray | None = None
) -> Problem:
    """Check that `runs` can determine `law` and return the arrays of the fit.

    Args:
        law: The law.
        runs: Runs with the law's inputs and output.
        objective: The objective.
        weights: Weight of each run ``[runs]``, times the table's own ``weight`` column if any.

    Raises:
        RunTableError: A column is missing.
        FitError: Too few rows, all rows at one size, a loss that has no logarithm, or
            proportions that do not sum to one.
    """
    columns = (*law.input_names, law.output.column)
    runs.require(columns, for_=f"the law {law.name}")
    values = {name: np.asarray(runs[name], np.float64) for name in columns}
    if law.curve is not None:
        return _curve_problem(law, runs, objective, weights, values)
    _check_rows(law, runs)
    _check_spread(law, runs, values)
    _check_mixtures(law, runs, values)
    reduced = () if law.anchor else law.unit_columns
    logged = [*law.unit_columns, *(columns if law.anchor else ())]
    if objective.scale == "log":
        logged.append(law.output.column)
    _check_positive(law, runs, values, logged)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = {name: float(np.mean(np.log(values[name]))) for name in columns}
    logs = {name: log if np.isfinite(log) else 0.0 for name, log in logs.items()}
    scaled = [
        values[name] * np.exp(-logs[name]) if name in reduced else values[name] for name in columns
    ]
    return Problem(np.stack(scaled, axis=1), _weights(runs, objective, weights), logs)


def _curve_problem(
    law: Law,
    runs: RunTable,
    objective: Objective,
    weights: np.ndarray | None,
    values: dict[str, np.ndarray],
) -> Problem:
    """Return the problem of a law over whole runs: every point is a row of quantities.

    Columns of a curve have their mean as reference scale: a rate may end at zero.
    """
    assert law.curve is not None
    output = law.output.column
    _check_rows(law, runs)
    others = [n for n in law.input_names if n not in law.curve.columns and n in law.unit_columns]
    _check_positive(law, runs, values, [*others, *([output] if objective.scale == "log" else [])])
    logs = {name: _log_scale(column, name in law.curve.columns) for name, column in values.items()}
    arguments = arguments_of_rows(law, runs) | {output: values[output]}
    units = {q.name: log_monomial(q.unit, logs, {}) for q in law.curve.quantities}
    units |= {name: logs[name] if name in law.unit_columns else 0.0 for name in (*others, output)}
    rows = [(arguments[name].T * np.exp(-units.get(name, 0.0))).T for name in arguments]
    wide = [row[:, None] if row.ndim == 1 else row for row in rows]
    return Problem(np.concatenate(wide, axis=1), _weights(runs, objective, weights), logs)


def _log_scale(column: np.ndarray, of_curve: bool) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(np.mean(column)) if of_curve else np.mean(np.log(column))
    return float(log) if np.isfinite(log) else 0.0


def unusual_columns(law: Law, runs: RunTable) -> list[str]:
    """Return a sentence for every column that lies outside what the law's publication covers."""
    variables = (*law.inputs, law.output)
    columns = {v.column: np.asarray(runs[v.column], np.float64) for v in variables}
    return unusual(runs.source, columns, {v.column: v.usual for v in variables})


def _check_rows(law: Law, runs: RunTable) -> None:
    needed = len(law.free)
    if len(runs) < needed:
        raise FitError(
            f"{runs.source} has {len(runs)} runs, but {law.name} has {needed} free parameters "
            f"({listing(law.free_names)}); add runs, or hold parameters with law.fix()"
        )


def _check_spread(law: Law, runs: RunTable, values: Mapping[str, np.ndarray]) -> None:
    """Refuse a table that never varies an input, unless parameters were held for that reason."""
    if law.fixed or law.tied:
        return
    for name in law.input_names:
        if np.ptp(values[name]) == 0.0:
            raise FitError(
                f"all {len(runs)} runs of {runs.source} have {name} = {values[name][0]:g}, so "
                f"{law.name} cannot tell how its output depends on {name}; add runs at other "
                f"values, or use a law without {name}"
            )


def _check_mixtures(law: Law, runs: RunTable, values: Mapping[str, np.ndarray]) -> None:
    """Refuse proportions that are outside 0 .. 1 or do not sum to one."""
    if not law.simplex:
        return
    shares = np.stack([values[name] for name in law.simplex])
    totals = np.sum(shares, axis=0)
    off = np.abs(totals - 1.0) > SIMPLEX_TOLERANCE
    bad = np.flatnonzero(off | np.any((shares < 0.0) | (shares > 1.0), axis=0))
    if bad.size:
        raise FitError(
            f"{runs.source}, {runs.where_is(int(bad[0]))}: the proportions "
            f"({listing(law.simplex)}) lie between 0 and 1 and sum to one, not to "
            f"{totals[bad[0]]:g}; divide them by their sum"
        )


def _check_positive(
    law: Law, runs: RunTable, values: Mapping[str, np.ndarray], needed: list[str]
) -> None:
    for name in dict.fromkeys(needed):
        bad = np.flatnonzero(~(values[name] > 0.0))
        if bad.size:
            raise FitError(
                f"{runs.source}, {runs.where_is(int(bad[0]))}: {name} is "
                f"{values[name][bad[0]]:g}, which has no logarithm, and {law.name} with this "
                "objective needs one; drop the row"
                + (" or use the natural scale" if name == law.output.column else "")
            )


def _weights(runs: RunTable, objective: Objective, given: np.ndarray | None) -> np.ndarray:
    weights = np.asarray(runs["weight"], np.float64) if "weight" in runs else np.ones(len(runs))
    if given is not None:
        given = np.asarray(given, np.float64)
        if given.shape != (len(runs),):
            raise FitError(
                f"weights has shape {given.shape}, but {runs.source} has {len(runs)} runs; give "
                "one weight a run"
            )
        if not (np.all(np.isfinite(given)) and np.all(given >= 0.0) and np.any(given > 0.0)):
            raise FitError("weights must be finite, not negative, and not all zero")
        weights = weights * given
    if not np.sum(weights) > 0.0:
        raise FitError(f"all runs of {runs.source} have weight 0; give some run a weight")
    return weights / np.sum(weights) if objective.reduction == "mean" else weights
