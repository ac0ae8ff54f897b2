"""Run tables from memory: frames of any library that narwhals knows, and mappings of arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling_jax.errors import RunTableError
from scaling_jax.runs.cells import Cells, cells_of, reason
from scaling_jax.runs.raw import RawTable, make_raw


def raw_of_mapping(columns: Mapping[Any, Any], source: str) -> RawTable:
    """Return the cells of a mapping from header to array-like ``[rows]``.

    Raises:
        RunTableError: A value is not one-dimensional, or the columns do not fit together.
    """
    if not isinstance(columns, Mapping):
        raise RunTableError(
            f"{source} is of type {type(columns).__name__}; give a mapping of column name to array"
        )
    cells: list[Cells] = []
    for header, values in columns.items():
        try:
            cells.append(cells_of(values))
        except ValueError as error:
            raise RunTableError(
                f"{source}: the column {header!r} {error}; give one number or text a run"
            ) from None
    return make_raw(source, list(columns), cells)


def raw_of_frame(data: Any, source: str | None = None) -> RawTable:
    """Return the cells of a pandas, polars, pyarrow or other frame; a lazy one is collected.

    Raises:
        RunTableError: The frame cannot be read, or its columns do not fit together.
    """
    import narwhals as nw

    source = source or f"the {type(data).__module__.partition('.')[0]} frame"
    try:
        frame = nw.from_native(data, allow_series=False)
    except TypeError:
        raise RunTableError(
            f"cannot read runs from {type(data).__name__}; give the path of a file, a frame, or a "
            "mapping of column name to array"
        ) from None
    except Exception as error:  # a frame that narwhals refuses, such as one with a column twice
        raise RunTableError(_unreadable(source, error)) from None
    try:
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
        columns = [(series.name, _cells(series)) for series in frame.iter_columns()]
    except Exception as error:  # each of the libraries behind narwhals has its own errors
        raise RunTableError(_unreadable(source, error)) from None
    return make_raw(source, [header for header, _ in columns], [cells for _, cells in columns])


def _unreadable(source: str, error: Exception) -> str:
    return f"{source} cannot be read: {reason(error)}; check its columns"


def _cells(series: Any) -> Cells:
    if series.dtype.is_float() or series.dtype.is_integer():
        values = series.to_numpy()  # nulls become NaN
        if values.dtype.kind in "fiu":
            return values.astype(np.float64)
    missing = series.is_null().to_list()
    return [None if gone else v for v, gone in zip(series.to_list(), missing, strict=True)]
