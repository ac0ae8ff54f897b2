"""A table as it came in: headers and cells, nothing interpreted yet."""

from collections.abc import Sequence
from dataclasses import dataclass

from scaling_jax.errors import RunTableError, listing
from scaling_jax.runs.cells import Cells
from scaling_jax.runs.columns import tidied


@dataclass(frozen=True)
class RawTable:
    """Headers and cells of one file, frame or mapping.

    Attributes:
        source: File name, or a description of the frame, for messages.
        headers: The headers, on one line each, in order; unnamed columns are left out.
        cells: The cells of each header, all equally many.
        count: Number of rows, at least one.
        lines: First line of each row in a text file, or None.
    """

    source: str
    headers: tuple[str, ...]
    cells: tuple[Cells, ...]
    count: int
    lines: Sequence[int] | None = None

    def row(self, index: int) -> str:
        """Return where a row stands in the source: ``row 3 (line 4)``."""
        line = f" (line {self.lines[index]})" if self.lines is not None else ""
        return f"row {index + 1}{line}"

    def locate(self, index: int) -> str:
        """Return where a row stands, with the source: ``runs.csv, row 3 (line 4)``."""
        return f"{self.source}, {self.row(index)}"


def make_raw(
    source: str,
    headers: Sequence[object],
    cells: Sequence[Cells],
    lines: Sequence[int] | None = None,
) -> RawTable:
    """Check the shape of a table as it came in.

    Raises:
        RunTableError: No columns, no rows, a repeated header, or columns of unequal length.
    """
    names = [tidied(header) for header in headers]
    named = [(name, column) for name, column in zip(names, cells, strict=True) if name]
    if not named:
        raise RunTableError(f"{source} has no named columns; give each column a header")
    _check_distinct(source, names)
    lengths = {name: len(column) for name, column in named}
    first, count = next(iter(lengths.items()))
    for name, length in lengths.items():
        if length != count:
            raise RunTableError(
                f"{source}: column {name!r} has {length} rows but {first!r} has {count}; give "
                "every column one value a run"
            )
    if count == 0:
        raise RunTableError(f"{source} has the headers {listing(lengths)} but no rows; add runs")
    return RawTable(source, tuple(lengths), tuple(column for _, column in named), count, lines)


def _check_distinct(source: str, names: Sequence[str]) -> None:
    for name in names:
        places = [str(i + 1) for i, other in enumerate(names) if other == name]
        if name and len(places) > 1:
            raise RunTableError(
                f"{source} has the header {name!r} more than once (columns {listing(places)}); "
                "rename or remove all but one"
            )
