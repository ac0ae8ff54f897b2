"""From cells to the checked columns of a run table.

Reading happens in two steps, so that a filter can drop the rows that are not sound: `parse`
notes what is wrong with which cell, `sound` refuses what is wrong in the rows that are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from scaling_jax.errors import RunTableError
from scaling_jax.runs.cells import Cells, Faults, looks_like_text, to_labels, to_numbers
from scaling_jax.runs.checks import Locate, and_more, check_numbers, keeping
from scaling_jax.runs.columns import CANONICAL, LABEL


@dataclass(frozen=True)
class Parsed:
    """A column whose cells have been read, sound or not.

    Attributes:
        name: Name of the column.
        shown: The column as messages call it.
        values: float64, NaN where a cell is at fault, or text ``[rows]``.
        faults: What is wrong, by position.
        required: Whether faults in kept rows are an error; else the column is left out.
    """

    name: str
    shown: str
    values: np.ndarray
    faults: Faults
    required: bool


def parse(
    name: str,
    cells: Cells,
    *,
    shown: str = "",
    required: bool = True,
    label: bool = False,
    factor: float | None = None,
) -> Parsed:
    """Read the cells of one column as numbers or as text.

    Args:
        name: Name of the column; canonical columns know their kind, in others text is what is
            not all numbers.
        cells: The cells.
        shown: The column as messages call it, if not by its name.
        required: Whether faults in kept rows are an error.
        label: Read as text whatever the cells look like; a canonical column keeps its kind.
        factor: What numbers are multiplied by; a column with one is not read as text.
    """
    column = CANONICAL.get(name)
    if column is not None:
        text = column.kind == LABEL
    else:
        text = label or (factor is None and looks_like_text(cells))
    if text:
        labels, faults = to_labels(cells)
        return Parsed(name, shown or name, np.array(labels, dtype=np.str_), faults, required)
    sizes = column is not None and column.counts
    values, faults = to_numbers(cells, sizes=sizes, factor=1.0 if factor is None else factor)
    if faults:
        values = values.copy()
        values[list(faults)] = np.nan
    return Parsed(name, shown or name, values, faults, required)


def sound(
    parsed: Iterable[Parsed], kept: np.ndarray, locate: Locate, *, reading: bool = False
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the checked columns at the kept rows.

    Args:
        parsed: The columns as read.
        kept: Positions of the rows to keep.
        locate: From a position among all rows to the row's place in the source.
        reading: Whether the remedies of `read_runs` are at hand.

    Returns:
        The values by column, and for each column left out the reason.

    Raises:
        RunTableError: A required column has a cell in a kept row that it cannot hold.
    """
    columns: dict[str, np.ndarray] = {}
    left_out: dict[str, str] = {}
    for column in parsed:
        faulty = [row for row in kept.tolist() if row in column.faults] if column.faults else []
        if faulty and column.required:
            raise RunTableError(_fault(column, faulty, locate, reading))
        if faulty:
            place = locate(faulty[0]).rpartition(", ")[2]
            left_out[column.name] = f"it {column.faults[faulty[0]]} in {place}"
            continue
        values = column.values[kept]
        if values.dtype.kind == "f":
            check_numbers(
                column.name, values, lambda i: locate(int(kept[i])),
                shown=column.shown, reading=reading,
            )  # fmt: skip
        columns[column.name] = values
    return columns, left_out


def _fault(column: Parsed, faulty: list[int], locate: Locate, reading: bool) -> str:
    known = CANONICAL.get(column.name)
    fault = column.faults[faulty[0]]
    text = fault.startswith("holds the text")
    size = " such as 7e9 or 7B" if text and known is not None and known.counts else ""
    remedy = f"write a number{size}" if text else "correct it"
    if reading:
        remedy += (
            f", drop such rows with {keeping(column.name)}, or leave the column out with ignore"
        )
    return f"{locate(faulty[0])}: {column.shown} {fault}{and_more(len(faulty))}; {remedy}"
