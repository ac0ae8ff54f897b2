"""The quantities of every row of a run table, for laws over whole runs."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from scaling_jax.errors import RunTableError
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.parts import Curve
from scaling_jax.runs import RunTable

_FEW, _MANY = 40, 64  # points are padded to multiples of these: runs share compiled programs


def arguments_of_rows(law: Law, runs: RunTable) -> dict[str, np.ndarray]:
    """Return what the law's function takes for every row ``[n]``, or ``[n, history]``, in float64.

    Rows with equal values in the column ``run`` are the points of one run; without that column
    all rows are. Points of weight 0 count in the schedule, so that it can be given where no loss
    was recorded.

    Raises:
        RunTableError: A column is missing, or two rows of a run have the same step.
    """
    runs.require(law.input_names, for_=f"the law {law.name}")
    columns = {name: np.asarray(runs[name], np.float64) for name in law.input_names}
    if law.curve is None:
        return columns
    found: dict[str, list[np.ndarray]] = {name: [] for name in law.curve.names}
    rows = list(_runs(law.curve.along, runs))
    for of_run in rows:
        points = {name: columns[name][of_run] for name in law.curve.columns}
        for name, values in _quantities(law.curve, points).items():
            found[name].append(values)
    back = np.argsort(np.concatenate(rows), kind="stable")
    joined = {
        name: _stacked(parts, "constant" if name == law.curve.mass else "edge")[back]
        for name, parts in found.items()
    }
    others = {name: columns[name] for name in law.argument_names if name in columns}
    return joined | others


def _runs(along: str, runs: RunTable) -> Iterator[np.ndarray]:
    """Yield the rows of every run in the order of its points."""
    order = np.asarray(runs[along], np.float64)
    label = np.asarray(runs["run"]) if "run" in runs else np.zeros(len(runs))
    for name in np.unique(label):
        rows = np.flatnonzero(label == name)
        rows = rows[np.argsort(order[rows], kind="stable")]
        same = np.flatnonzero(np.diff(order[rows]) == 0.0)
        if same.size:
            first, second = rows[same[0]], rows[same[0] + 1]
            raise RunTableError(
                f"{runs.source}, {runs.where_is(int(second))}: {along} {order[second]:g} stands "
                f"also in {runs.where_is(int(first))} of the same run; tell the runs apart in a "
                "column 'run', or drop the row"
            )
        yield rows


def _quantities(curve: Curve, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the quantities of one run's points, history cut to the entries that count."""
    points = len(columns[curve.along])
    missing = -points % (_FEW if points <= _FEW else _MANY)
    padded = {name: np.pad(values, (0, missing), mode="edge") for name, values in columns.items()}
    with jax.enable_x64(True):
        found = _sums(np.arange(points + missing), padded, curve=curve)
        found = {name: np.asarray(found[name])[:points] for name in curve.names}
    if not curve.mass:
        return found
    there = found[curve.mass] != 0.0
    order = np.argsort(~there, axis=1, kind="stable")[:, : max(1, int(there.sum(axis=1).max()))]
    history = {quantity.name for quantity in curve.quantities if quantity.history}
    return {
        name: np.take_along_axis(values, order, axis=1) if name in history else values
        for name, values in found.items()
    }


@functools.partial(jax.jit, static_argnames=("curve",))
def _sums(at: Any, columns: dict[str, Any], *, curve: Curve) -> dict[str, Any]:
    return curve.sums(at, **columns)


def _stacked(parts: list[np.ndarray], fill: Any) -> np.ndarray:
    """Join arrays of several runs; shorter histories are filled up, the mass with zeros."""
    if parts[0].ndim == 1:
        return np.concatenate(parts)
    longest = max(part.shape[1] for part in parts)
    wide = [np.pad(part, ((0, 0), (0, longest - part.shape[1])), mode=fill) for part in parts]
    return np.concatenate(wide)
