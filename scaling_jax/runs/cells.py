"""From the cells of one column, as a file or frame gives them, to float64 numbers or to text.

A cell that cannot be used becomes a *fault*: its position and what is wrong with it. Faults are
collected, not raised, because only the rows and columns that are kept have to be sound.
"""

import decimal
import numbers
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from scaling_jax.runs.sizes import SizeError, parse_size

Cells = np.ndarray | list[Any]  # float64 numbers, or Python objects (None: missing)
Faults = dict[int, str]

# Spellings of "no value" in a column of numbers; in a column of text they are text.
_MISSING = {"", "-", "--", "na", "n/a", "nan", "none", "null", "nil", "<na>", "nat", "?"}


def cells_of(values: Any) -> Cells:
    """Return a one-dimensional array-like as float64 numbers, or as Python objects.

    Raises:
        ValueError: It is not one-dimensional, or cannot be read at all; the text says which.
    """
    if isinstance(values, list | tuple | range):
        return _from_list(list(values))
    if isinstance(values, np.ma.MaskedArray):
        return _from_list(values.tolist())
    if isinstance(values, str | bytes) or not hasattr(values, "__array__"):
        raise ValueError(f"is of type {type(values).__name__}, not an array")
    if isinstance(values, Tracer):
        raise ValueError("is traced by JAX; make the run table outside jit, vmap and grad")
    try:
        array = np.asarray(values)
    except Exception as error:  # whatever a foreign array raises when it is converted
        raise ValueError(f"cannot be read as an array: {reason(error)}") from None
    if array.ndim != 1:
        raise ValueError(f"has the shape {array.shape}, not one value a run")
    if jnp.issubdtype(array.dtype, np.integer) or jnp.issubdtype(array.dtype, np.floating):
        with np.errstate(over="ignore"):  # long double beyond float64: infinite, found later
            return array.astype(np.float64)
    return array.tolist()


def reason(error: Exception) -> str:
    """Return the first line of an error's text, so that a sentence stays one."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _from_list(values: list[Any]) -> Cells:
    # Exact types: a bool is an int to isinstance, but not a number to people.
    if values and all(type(value) in (float, int) for value in values):
        try:
            return np.array([float(value) for value in values])
        except OverflowError:
            return values
    return values


def to_numbers(
    cells: Cells, *, sizes: bool = False, factor: float = 1.0
) -> tuple[np.ndarray, Faults]:
    """Return cells as numbers, NaN where there is none, and the faults.

    Args:
        cells: The cells of a column.
        sizes: Whether text such as ``7B`` is read as a size.
        factor: What every number is multiplied by; unless it is 1, a size must have no suffix,
            since ``7B`` names a unit of its own.

    Example:
        >>> to_numbers(["1.5", "7B", "oops"], sizes=True)[1]
        {2: "holds the text 'oops', not a number"}
    """
    faults: Faults = {}
    if isinstance(cells, np.ndarray):
        values = cells
    else:
        values = _numbers_of_objects(cells, _Style(sizes, suffixes=factor == 1.0), faults)
    with np.errstate(over="ignore", under="ignore"):
        values = values * factor
    for row in np.flatnonzero(~np.isfinite(values)).tolist():
        faults.setdefault(row, "is NaN" if np.isnan(values[row]) else "is infinite")
    return values, faults


class _Style(NamedTuple):
    """How text may be written: as sizes at all, and with suffixes."""

    sizes: bool
    suffixes: bool


def _numbers_of_objects(cells: list[Any], style: _Style, faults: Faults) -> np.ndarray:
    if all(type(cell) is str for cell in cells):
        try:
            return np.array([float(cell) for cell in cells], dtype=np.float64)  # the quick way
        except ValueError:
            pass
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        try:
            values[row] = _number(cell, style)
        except ValueError as error:
            faults[row] = str(error)
    return values


def _number(cell: Any, style: _Style) -> float:
    if _is_null(cell) or (isinstance(cell, str) and not cell.strip()):
        raise ValueError("is empty")
    if isinstance(cell, str):
        return _number_of_text(cell, style)
    if isinstance(cell, bool | np.bool_):
        raise ValueError(f"is {cell}, not a number")
    if isinstance(cell, numbers.Real | decimal.Decimal):
        try:
            return float(cell)
        except (OverflowError, ValueError):
            raise ValueError("is beyond the range of float64") from None
    raise ValueError(f"holds a value of type {type(cell).__name__}, not a number")


def _number_of_text(text: str, style: _Style) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    if style.sizes and (style.suffixes or not text.rstrip()[-1:].isalpha()):
        try:
            return parse_size(text)
        except SizeError:
            pass
    shown = text if len(text) <= 40 else text[:37] + "..."
    raise ValueError(f"holds the text {shown!r}, not a number")


def is_missing(cell: Any) -> bool:
    """Whether a cell of a column of numbers holds no value at all."""
    if isinstance(cell, str):
        return cell.strip().casefold() in _MISSING
    return _is_null(cell)


def _is_null(cell: Any) -> bool:
    if cell is None or (isinstance(cell, float) and cell != cell):
        return True
    return type(cell).__name__ in ("NAType", "NaTType")  # pandas, without importing it


def to_labels(cells: Cells) -> tuple[list[str], Faults]:
    """Return cells as text without surrounding blanks, and the faults.

    Example:
        >>> to_labels([" pile", None, 7, True])[0]
        ['pile', '', '7', 'True']
    """
    faults: Faults = {}
    labels = []
    for row, cell in enumerate(cells.tolist() if isinstance(cells, np.ndarray) else cells):
        if isinstance(cell, str | bool | np.bool_ | numbers.Real) or _is_null(cell):
            labels.append(label_of(cell))
        else:
            faults[row] = f"holds a value of type {type(cell).__name__}, not text"
            labels.append("")
    return labels, faults


def label_of(cell: Any) -> str:
    """Return one value as the text of a label.

    >>> label_of(7e9), label_of(0.5)
    ('7000000000', '0.5')
    """
    if _is_null(cell):
        return ""
    if isinstance(cell, str):
        return cell.strip().strip("\0").strip()  # numpy drops a NUL at the end of text
    if isinstance(cell, bool | np.bool_ | int):
        return str(cell)
    try:
        number = float(cell)
    except (OverflowError, ValueError):
        return str(cell)
    whole = number.is_integer() and abs(number) < 2.0**53
    return str(int(number)) if whole else repr(number)


def looks_like_text(cells: Cells) -> bool:
    """Whether a column of unstated kind holds text: words, or anything beside numbers.

    >>> looks_like_text(["1", "NA"]), looks_like_text(["none", "none"]), looks_like_text([None])
    (False, True, False)
    """
    if isinstance(cells, np.ndarray):
        return False
    if any(isinstance(cell, bool | np.bool_) for cell in cells):
        return True
    words = [cell for cell in cells if isinstance(cell, str)]
    if not all(_is_numeric_text(word) for word in words):
        return True
    numeric = any(not is_missing(cell) for cell in cells)
    return not numeric and any(word.strip() for word in words)


def _is_numeric_text(text: str) -> bool:
    if is_missing(text):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True
