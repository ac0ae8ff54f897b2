"""The checks that every value of a run table has passed: where it stands, what to do about it."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from scaling_jax.errors import RunTableError, listing
from scaling_jax.runs.columns import CANONICAL, FRACTION, LABEL, POSITIVE, WEIGHT

SHARE_TOLERANCE = 1e-6
# 6ND counts no attention and no embeddings, and experts are used in part: far more than that is
# a matter of units.
_COMPUTE_RATIO = 100.0

Locate = Callable[[int], str]  # position of a run -> "runs.csv, row 3 (line 4)"


class RunTableWarning(UserWarning):
    """Something about a run table that is probably, but not certainly, a mistake."""


def check_numbers(
    name: str, values: np.ndarray, locate: Locate, *, shown: str = "", reading: bool = False
) -> None:
    """Refuse finite numbers that a column of this name cannot hold.

    Args:
        name: Name of the column; one that is not canonical takes any finite number.
        values: Its numbers ``[runs]``.
        locate: From a position to the row's place in the source.
        shown: The column as messages call it, if not by its name.
        reading: Whether the remedies of `read_runs` are at hand.

    Raises:
        RunTableError: Names the first such row, the value and the remedy.
    """
    kind = CANONICAL[name].kind if name in CANONICAL else None
    shown = shown or name
    remedy = f"correct the row, or drop such rows with {keeping(name)}" if reading else "correct it"
    if kind == POSITIVE:
        _refuse(values <= 0.0, values, locate, shown, "a scale is positive", remedy)
    elif kind == FRACTION:
        percent = f", or convert percent with units={{{name!r}: 0.01}}" if reading else ""
        outside = (values < 0.0) | (values > 1.0)
        rule = "a fraction lies between 0 and 1"
        _refuse(outside, values, locate, shown, rule, remedy + percent)
    elif kind == WEIGHT:
        remedy = "use 0 to leave a run out of the fit"
        _refuse(values < 0.0, values, locate, shown, "a weight is not negative", remedy)
        if not np.any(values > 0.0):
            source = locate(0).rpartition(", ")[0]
            raise RunTableError(f"{source}: {shown} is zero in every row; give some run a weight")


def _refuse(
    bad: np.ndarray, values: np.ndarray, locate: Locate, shown: str, rule: str, remedy: str
) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        raise RunTableError(
            f"{locate(int(rows[0]))}: {shown} is {values[rows[0]]:.6g}, but {rule}"
            f"{and_more(rows.size)}; {remedy}"
        )


def and_more(count: int) -> str:
    """Return the remark that a problem occurs in more rows than the one that is named."""
    if count < 2:
        return ""
    return f" (and so in {count - 1} more row{'s' if count > 2 else ''})"


def keeping(name: str) -> str:
    """Return the arguments of `read_runs` that keep the rows where a column has a value.

    >>> keeping("params"), keeping("error"), keeping("score")
    ("where='params > 0'", "where='0 <= error <= 1'", "where='score == score'")
    """
    column = CANONICAL.get(name)
    if column is not None and column.kind == FRACTION:
        return f"where='0 <= {name} <= 1'"
    if column is not None and column.kind == WEIGHT:
        return f"where='{name} >= 0'"
    if column is not None and (column.kind == POSITIVE or column.usual):
        return f"where='{name} > 0'"
    if name.isidentifier():
        return f"where='{name} == {name}'"  # false for what is not a number
    return f"columns={{'value': {name!r}}}, where='value == value'"


def check_shares(
    shares: Mapping[str, np.ndarray], locate: Locate, tolerance: float = SHARE_TOLERANCE
) -> None:
    """Refuse mixture shares that are no fractions or do not sum to one.

    Args:
        shares: The shares ``[runs]`` of every domain.
        locate: From a position to the row's place in the source.
        tolerance: By how much a sum may differ from one.

    Raises:
        RunTableError: Names the first such row and its value or sum.
    """
    for name, values in shares.items():
        outside = (values < 0.0) | (values > 1.0)
        rule = "a share lies between 0 and 1"
        _refuse(outside, values, locate, f"the share {name}", rule, "correct it")
    total = np.sum(list(shares.values()), axis=0)
    rows = np.flatnonzero(~(np.abs(total - 1.0) <= tolerance))
    if rows.size:
        raise RunTableError(
            f"{locate(int(rows[0]))}: the shares {listing(shares)} sum to "
            f"{total[rows[0]]:.9g}, not to 1{and_more(rows.size)}; divide each row by its sum, or "
            "name the shares that are missing"
        )


def warn_unusual(
    source: str,
    columns: Mapping[str, np.ndarray],
    usual: Mapping[str, tuple[float, float] | None] | None = None,
    stacklevel: int = 2,
) -> None:
    """Warn of columns that are probably in another unit than the library takes them to be in.

    Args:
        source: File name for the message.
        columns: Numbers of each column ``[runs]``.
        usual: Usual (low, high) range of each column; those of the canonical columns by default.
        stacklevel: As in `warnings.warn`.
    """
    if usual is None:
        usual = {name: column.usual for name, column in CANONICAL.items() if column.kind != LABEL}
    for message in unusual(source, columns, usual):
        warnings.warn(message, RunTableWarning, stacklevel=stacklevel + 1)
    _warn_of_compute(source, columns, stacklevel + 1)


def unusual(
    source: str,
    columns: Mapping[str, np.ndarray],
    usual: Mapping[str, tuple[float, float] | None],
) -> list[str]:
    """Return a sentence for every column whose median lies outside its usual range."""
    messages = []
    for name, span in usual.items():
        if span is None or name not in columns:
            continue
        median = float(np.median(columns[name]))
        if median <= 0.0 or span[0] <= median <= span[1]:  # no unit makes a sign positive
            continue
        unit = CANONICAL[name].unit if name in CANONICAL else ""
        messages.append(
            f"{source}: {name} has the median {median:.3g}, outside the usual {span[0]:.3g} to "
            f"{span[1]:.3g} {unit}".rstrip()
            + "; if it is in another unit, convert it on reading: "
            f"{_conversion(name, median, span)}"
        )
    return messages


def _conversion(name: str, median: float, span: tuple[float, float]) -> str:
    words = {1e6: "millions", 1e9: "billions", 1e12: "trillions"}
    fitting = [f for f in words if span[0] <= median * f <= span[1]]
    if not fitting:
        return f"units={{{name!r}: factor}}"
    choices = [f"{f:.0e} for {words[f]}".replace("e+0", "e").replace("e+", "e") for f in fitting]
    return f"units={{{name!r}: factor}} with the factor {' or '.join(choices)}"


def _warn_of_compute(source: str, columns: Mapping[str, np.ndarray], stacklevel: int) -> None:
    needed = ("compute_flops", "params", "tokens")
    if not all(name in columns and np.all(columns[name] > 0.0) for name in needed):
        return
    logs = [np.log(columns[name]) for name in needed]
    ratio = float(np.exp(np.median(logs[0] - logs[1] - logs[2]) - np.log(6.0)))
    if not 1.0 / _COMPUTE_RATIO <= ratio <= _COMPUTE_RATIO:
        warnings.warn(
            f"{source}: compute_flops is {ratio:.2g} times 6 * params * tokens (median of the "
            "runs), so one of the three is probably in another unit; convert it on reading with "
            "units={name: factor}",
            RunTableWarning,
            stacklevel=stacklevel + 1,
        )


def require_names(value: Any, argument: str) -> tuple[str, ...]:
    """Return one name or several as a tuple of names.

    Raises:
        RunTableError: It is neither text nor a collection of texts.
    """
    names = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    for name in names:
        if not isinstance(name, str):
            raise RunTableError(f"{argument} takes column names, not {name!r}")
    return names
