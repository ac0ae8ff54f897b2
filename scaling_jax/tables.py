"""Result tables: one record that prints in a terminal, a notebook and a data frame."""

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    """A titled table with notes below it.

    Attributes:
        title: Line above the table.
        header: Column names.
        rows: Cells: text, numbers or None.
        notes: Lines below the table.
        right: Columns aligned right; by default those that hold numbers.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()

    def __rich__(self) -> Any:
        from rich import box
        from rich.console import Group, RenderableType
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for k, name in enumerate(self.header):
            # Text that is too long goes on in the next line; a number that did would mislead.
            if self._numeric(k):
                table.add_column(Text(name), justify="right", no_wrap=True)
            else:
                table.add_column(Text(name), overflow="fold")
        for row in self.rows:
            table.add_row(*(Text(format_cell(cell)) for cell in row))
        parts: list[RenderableType] = [Text(self.title, style="bold")] if self.title else []
        if self.header:
            parts.append(table)
        return Group(*parts, *(Text(note) for note in self.notes))

    def __str__(self) -> str:
        from rich.console import Console

        stream = io.StringIO()
        Console(file=stream, width=100, color_system=None).print(self)
        return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().splitlines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th{self._style(k)}>{html.escape(name)}</th>" for k, name in enumerate(self.header)
        )
        body = "".join(
            "<tr>" + "".join(self._cell_html(k, cell) for k, cell in enumerate(row)) + "</tr>"
            for row in self.rows
        )
        notes = f"<pre>{html.escape(chr(10).join(self.notes))}</pre>" if self.notes else ""
        title = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        return (
            f'<div class="sj"><table>{title}<thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>{notes}</div>"
        )

    def to_pandas(self) -> Any:
        """Return the rows as a pandas data frame."""
        import pandas as pd

        return pd.DataFrame([list(row) for row in self.rows], columns=list(self.header))

    def _numeric(self, column: int) -> bool:
        cells = [row[column] for row in self.rows if row[column] is not None]
        return bool(cells) and all(isinstance(c, int | float | np.number) for c in cells)

    def _style(self, column: int) -> str:
        # Notebooks align every cell right unless it says otherwise.
        return f' style="text-align:{"right" if self._numeric(column) else "left"}"'

    def _cell_html(self, column: int, cell: Any) -> str:
        return f"<td{self._style(column)}>{html.escape(format_cell(cell))}</td>"


def format_cell(cell: Any) -> str:
    """Return a cell as text; numbers get five significant digits.

    Example:
        >>> format_cell(1234567.0), format_cell(0.34731), format_cell(12), format_cell(None)
        ('1.2346e+06', '0.34731', '12', '')
    """
    if cell is None:
        return ""
    if isinstance(cell, bool | np.bool_):
        return "yes" if cell else "no"
    if isinstance(cell, int | np.integer):
        return str(cell)
    if isinstance(cell, float | np.floating):
        return format_number(float(cell))
    return str(cell)


def format_number(value: float, digits: int = 5) -> str:
    """Return a number with `digits` significant digits, in powers of ten if very large or small.

    Example:
        >>> format_number(477.82587), format_number(2.1434e13, 3)
        ('477.83', '2.14e+13')
    """
    return f"{value:.{digits}g}"


def sentence_list(lines: Sequence[str]) -> tuple[str, ...]:
    """Return lines numbered ``[1] ...`` as notes of a table."""
    return tuple(f"[{k}] {line}" for k, line in enumerate(lines, start=1))
