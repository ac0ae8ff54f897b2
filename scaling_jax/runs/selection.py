"""Which rows of a run table: masks, positions, order, groups, and tables one below the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_jax import expressions
from scaling_jax.errors import RunTableError, listing
from scaling_jax.runs.cells import label_of, reason

if TYPE_CHECKING:
    from scaling_jax.runs.table import RunTable


def mask_of(runs: RunTable, condition: Any) -> np.ndarray:
    """Return which runs fulfil a condition, as booleans ``[runs]``."""
    return mask_from(condition, runs.to_dict(), len(runs), runs.source)


def mask_from(
    condition: Any, columns: dict[str, np.ndarray], count: int, source: str
) -> np.ndarray:
    """Return which rows of some columns fulfil a condition, as booleans ``[rows]``.

    Args:
        condition: Boolean array ``[rows]``, or an expression over the columns.
        columns: Values by name; a number that is not there is NaN, which fulfils no comparison
            but ``!=``.
        count: Number of rows.
        source: Where the rows are from, for messages.

    Raises:
        RunTableError: The expression cannot be evaluated, or the result is not one boolean a row.
    """
    shown = f"the condition {condition!r}" if isinstance(condition, str) else "the mask"
    if isinstance(condition, str):
        try:
            condition = expressions.evaluate(condition, columns)
        except expressions.ExpressionError as error:
            hint = _unnameable(condition, columns)
            raise RunTableError(f"{source} cannot be filtered: {error}{hint}") from None
    try:
        mask = np.asarray(condition)
    except Exception as error:  # whatever a foreign array raises when it is converted
        raise RunTableError(f"{shown} cannot be read as an array: {reason(error)}") from None
    if mask.dtype != np.bool_ or mask.ndim != 1:
        raise RunTableError(
            f"{shown} gives {_described(mask)}, not true or false for every row of {source}; "
            "compare a column with something, such as 'loss < 5'"
        )
    if len(mask) != count:
        raise RunTableError(f"the mask has {len(mask)} values, but {source} has {count} rows")
    return mask


def _unnameable(condition: str, columns: Iterable[str]) -> str:
    """Return advice if the condition seems to mean a column whose name is no plain word."""
    for name in columns:
        if not name.isidentifier() and name in condition:
            return f"; give {name!r} a plain name on reading, such as columns={{'x': {name!r}}}"
    return ""


def _described(array: np.ndarray) -> str:
    kind = {"b": "booleans", "f": "numbers", "i": "numbers", "u": "numbers", "U": "text"}
    what = kind.get(array.dtype.kind, str(array.dtype))
    return f"a single value ({array})" if array.ndim == 0 else f"{what} of shape {array.shape}"


def positions_of(runs: RunTable, positions: Any) -> np.ndarray:
    """Return row positions as integers, counted from the front ``[any]``."""
    try:
        array = np.asarray(positions)
    except Exception as error:  # whatever a foreign array raises when it is converted
        raise RunTableError(f"the positions cannot be read as an array: {reason(error)}") from None
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.size == 0:
        raise RunTableError(
            f"take needs whole numbers in one dimension, at least one, not {array.dtype} of shape "
            f"{array.shape}; use where for a mask"
        )
    count = len(runs)
    outside = (array >= count) | (array < -count)
    if outside.any():
        raise RunTableError(
            f"there is no run {array[outside][0]} in {runs.source}; positions go from {-count} "
            f"to {count - 1}"
        )
    return array.astype(np.int64)


def sorted_positions(runs: RunTable, by: Sequence[str], descending: bool) -> np.ndarray:
    """Return the positions that sort the runs, stable in either direction."""
    # Label codes are in the order of the texts, so codes sort as the texts do.
    columns = {**runs.numbers, **runs.codes}
    keys = [np.asarray(columns[name]) for name in by]
    if not keys:
        raise RunTableError("sort needs the name of at least one column")
    return np.lexsort([-key if descending else key for key in reversed(keys)])


def groups(runs: RunTable, by: str) -> dict[str, np.ndarray]:
    """Return the positions of each value of a column, values in order."""
    values, codes = np.unique(runs[by], return_inverse=True)
    return {label_of(v): np.flatnonzero(codes == i) for i, v in enumerate(values.tolist())}


def stacked(tables: Sequence[RunTable]) -> dict[str, np.ndarray]:
    """Return the columns of tables one below the other, in the order of the first."""
    first = tables[0]
    for table in tables[1:]:
        differing = set(first.columns) ^ set(table.columns)
        differing |= {name for name in first.codes if name not in table.codes}
        differing |= {name for name in first.numbers if name not in table.numbers}
        if differing:
            raise RunTableError(
                f"{first.source} and {table.source} differ in {listing(sorted(differing))}; drop "
                "or add columns so that both have the same, of the same kind"
            )
    return {name: np.concatenate([table[name] for table in tables]) for name in first.columns}


def joined_sources(tables: Sequence[RunTable]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return all sources of tables, and which of them each row is from."""
    sources = tuple(dict.fromkeys(source for table in tables for source in table.sources))
    origins = []
    for table in tables:
        places = np.array([sources.index(source) for source in table.sources])
        origins.append(places[np.asarray(table.origins)])
    return sources, np.concatenate(origins)
