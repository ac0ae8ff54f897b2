"""`read_runs`: the only door through which outside data comes in."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from scaling_jax import expressions
from scaling_jax.errors import RunTableError, did_you_mean
from scaling_jax.runs.checks import require_names, warn_unusual
from scaling_jax.runs.derive import requests
from scaling_jax.runs.files import raw_of_file
from scaling_jax.runs.frames import raw_of_frame, raw_of_mapping
from scaling_jax.runs.headers import Assigned, assign
from scaling_jax.runs.parsing import Parsed, parse, sound
from scaling_jax.runs.raw import RawTable
from scaling_jax.runs.selection import mask_from
from scaling_jax.runs.sizes import SizeError, parse_size
from scaling_jax.runs.table import RunTable, make_table


def read_runs(
    data: Any,
    columns: Mapping[str, str] | None = None,
    *,
    derive: str | Iterable[str] | Mapping[str, str | None] = (),
    where: Any = None,
    units: Mapping[str, float | str] | None = None,
    shares: str | Iterable[str] = (),
    labels: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    source: str | None = None,
) -> RunTable:
    """Read training runs and check them.

    Headers that are canonical names or known spellings of one (``N``, ``Model Size``, ``lr``)
    become that column by themselves; other columns keep their name. Cells may hold sizes such
    as ``7B`` where a column counts something. A column that nobody asked for and that has gaps
    is left out; the table says so, and why.

    Args:
        data: Path of a CSV, TSV, JSON-lines (each also ``.gz``) or Parquet file; a pandas,
            polars, pyarrow or other frame; or a mapping of column name to array ``[rows]``.
        columns: Column name -> header, where the headers do not say it themselves.
        derive: Missing columns to compute: ``["tokens"]`` by the only rule whose columns are
            there, ``["tokens = C/6N"]`` by a named rule or an expression; see `RULES`.
        where: Rows to keep: an expression such as ``"loss < 5"`` or a boolean array ``[rows]``.
            Rows that are dropped need not be sound.
        units: Factor by which a column is multiplied: ``{"params": 1e6}`` (or ``"1M"``) for
            params in millions.
        shares: Columns that are the shares of a mixture and must sum to one.
        labels: Columns to read as text even if they look like numbers.
        ignore: Headers to leave out.
        source: Name of the data in messages; the file name by default.

    Raises:
        RunTableError: Names the file, column, row and remedy.

    Example:
        >>> import scaling_jax as sj
        >>> runs = sj.read_runs(
        ...     {"N": ["70M", "7B"], "D": ["1.4B", "1.4T"], "final loss": [3.6, 2.0]},
        ...     derive="compute_flops",
        ... )
        >>> runs.columns
        ('params', 'tokens', 'loss', 'compute_flops')
        >>> runs["compute_flops"]
        array([5.88e+17, 5.88e+22])
    """
    if isinstance(data, RunTable):
        if columns or units or labels or ignore:
            raise RunTableError(
                f"{data.source} is a run table already; use its methods rename, with_column, drop"
            )
        table = data if where is None else data.where(where)
        return _finished(table, derive, None, shares)
    raw = _raw(data, source)
    ignored = require_names(ignore, "ignore")
    assigned, left_out = assign(raw.source, raw.headers, _mapping(columns, "columns"), ignored)
    parsed = _parsed(raw, assigned, units, labels, shares)
    kept, later = _kept(raw, parsed, where)
    values, gaps = sound(parsed, kept, raw.locate, reading=True)
    if not values:
        reasons = "; ".join(f"{name}: {why}" for name, why in (left_out | gaps).items())
        raise RunTableError(f"{raw.source} has no column that can be used ({reasons})")
    table = make_table(values, kept + 1, sources=(raw.source,), left_out=left_out | gaps)
    warn_unusual(table.source, table.numbers)
    return _finished(table, derive, later, shares)


def _raw(data: Any, source: str | None) -> RawTable:
    if isinstance(data, str | os.PathLike):
        raw = raw_of_file(data)
    elif isinstance(data, Mapping):
        raw = raw_of_mapping(data, source or "the mapping")
    else:
        raw = raw_of_frame(data, source)
    return raw


def _mapping(value: Any, argument: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RunTableError(f"{argument} is a mapping from column names, not {value!r}")
    return value


def _parsed(
    raw: RawTable, assigned: list[Assigned], units: Any, labels: Any, shares: Any
) -> list[Parsed]:
    names = [column.name for column in assigned]
    factors = {name: _factor(name, f) for name, f in _mapping(units, "units").items()}
    text = require_names(labels, "labels")
    asked = {*factors, *text, *require_names(shares, "shares")}
    for argument, given in (("units", factors), ("labels", text)):
        for name in given:
            if name not in names:
                hint = did_you_mean(name, names)
                raise RunTableError(f"{raw.source} has no column {name!r} for {argument}; {hint}")
    cells = dict(zip(raw.headers, raw.cells, strict=True))
    return [
        parse(
            column.name,
            cells[column.header],
            shown=column.shown,
            required=column.required or column.name in asked,
            label=column.name in text,
            factor=factors.get(column.name),
        )
        for column in assigned
    ]


def _factor(name: str, factor: Any) -> float:
    try:
        return parse_size(factor)
    except SizeError:
        raise RunTableError(
            f"the unit of {name} is a positive factor such as 1e6 or '1M', not {factor!r}"
        ) from None


def _kept(raw: RawTable, parsed: list[Parsed], where: Any) -> tuple[np.ndarray, str | None]:
    """Return the rows to keep, and the condition if it can be evaluated only later."""
    if where is None:
        return np.arange(raw.count), None
    columns = {column.name: column.values for column in parsed}
    if isinstance(where, str) and not _refers_only_to(where, columns):
        return np.arange(raw.count), where
    kept = np.flatnonzero(mask_from(where, columns, raw.count, raw.source))
    if not kept.size:
        raise RunTableError(f"no row of {raw.source} fulfils {where!r}; loosen the condition")
    return kept, None


def _refers_only_to(condition: str, columns: Mapping[str, Any]) -> bool:
    try:
        return all(name in columns for name in expressions.names(condition))
    except expressions.ExpressionError:
        return True  # evaluating it gives the error


def _finished(table: RunTable, derive: Any, where: str | None, shares: Any) -> RunTable:
    for target, rule in requests(derive):
        table = table.derive(target, rule)
    if where is not None:
        table = table.where(where)
    names = require_names(shares, "shares")
    if names:
        table.check_shares(names)
    return table
