"""RunTable: named columns of training runs, checked once, and a JAX pytree."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.core import Tracer

from scaling_jax._pytree import pytree, static
from scaling_jax.errors import RunTableError, listing
from scaling_jax.runs import checks, display, presence, selection, writing
from scaling_jax.runs import derive as rules
from scaling_jax.runs.cells import cells_of
from scaling_jax.runs.columns import tidied
from scaling_jax.runs.parsing import parse, sound

if TYPE_CHECKING:
    import pandas as pd


@pytree
class RunTable:
    """Training runs in named columns; made by `read_runs` or `RunTable.from_columns`.

    A table has at least one run, its numbers are finite, and positive where the column is a
    scale. It cannot be changed: every method that selects or adds returns a new table.

    As a pytree its leaves are arrays ``[runs]``, so `jax.vmap` maps over single runs.

    Attributes:
        numbers: float64 array ``[runs]`` of every numeric column.
        codes: int32 array ``[runs]`` of every label column: position in its `categories`.
        rows: Row of each run in its source, from 1 ``[runs]``.
        origins: Which of `sources` each run is from ``[runs]``.
        order: The column names in order.
        categories: The sorted texts of every label column, as (column, texts) pairs.
        sources: File names or descriptions of where the runs are from.
        left_out: (column, reason) of columns of the source that are not in the table.

    Example:
        >>> import scaling_jax as sj
        >>> runs = sj.RunTable.from_columns(
        ...     {"params": [7e7, 7e8], "tokens": [1e9, 1e10], "family": ["pile", "c4"]}
        ... )
        >>> runs["params"]
        array([7.e+07, 7.e+08])
        >>> runs.derive("compute_flops", "6ND").where("family == 'c4'")["compute_flops"]
        array([4.2e+19])
    """

    numbers: dict[str, np.ndarray]
    codes: dict[str, np.ndarray]
    rows: np.ndarray
    origins: np.ndarray
    order: tuple[str, ...] = static()
    categories: tuple[tuple[str, tuple[str, ...]], ...] = static(default=())
    sources: tuple[str, ...] = static(default=("the columns",))
    left_out: tuple[tuple[str, str], ...] = static(default=())

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Any],
        *,
        source: str = "the columns",
        labels: str | Iterable[str] = (),
    ) -> RunTable:
        """Return a table of columns that already have their final names.

        Args:
            columns: Array-like ``[runs]`` of numbers or text by column name.
            source: Where the runs are from, for messages.
            labels: Columns to read as text even if they look like numbers.

        Raises:
            RunTableError: A value that the column cannot hold, or columns that do not fit.
        """
        from scaling_jax.runs.frames import raw_of_mapping

        raw = raw_of_mapping(columns, source)
        text = checks.require_names(labels, "labels")
        cells = zip(raw.headers, raw.cells, strict=True)
        parsed = [parse(name, values, label=name in text) for name, values in cells]
        every = np.arange(raw.count)
        values, _ = sound(parsed, every, raw.locate)
        return make_table(values, every + 1, sources=(source,))

    # Columns

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in order."""
        return self.order

    @property
    def source(self) -> str:
        """Where the runs are from, in words."""
        return listing(self.sources)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column: float64, or text for a label column.

        Raises:
            RunTableError: There is no such column.
        """
        if not isinstance(name, str):
            raise RunTableError(
                f"runs[...] takes the name of a column, not {type(name).__name__}; select runs "
                "with where(mask) or take(positions)"
            )
        if name in self.numbers:
            return self.numbers[name]
        if name in self.codes:
            return self._labels(name)
        raise RunTableError(presence.absent(self, name))

    def _labels(self, name: str) -> np.ndarray:
        codes = self.codes[name]
        if isinstance(codes, Tracer):
            raise RunTableError(
                f"the text of {name} cannot be traced by JAX; use runs.codes[{name!r}]"
            )
        return np.array(dict(self.categories)[name], dtype=np.str_)[np.asarray(codes)]

    def __contains__(self, name: object) -> bool:
        return name in self.order

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)

    def __len__(self) -> int:
        return self.rows.shape[-1]

    def require(self, names: str | Iterable[str], for_: str = "this") -> None:
        """Check that the table has columns of numbers with these names.

        Args:
            names: The columns.
            for_: What needs them, for the message: ``"the law chinchilla"``.

        Raises:
            RunTableError: Names what is missing, what there is, and how to supply it.
        """
        presence.require(self, checks.require_names(names, "require"), for_)

    def check_shares(
        self, names: Iterable[str], *, tolerance: float = checks.SHARE_TOLERANCE
    ) -> None:
        """Check that columns are the shares of a mixture: within [0, 1], summing to one.

        Args:
            names: The share of every domain.
            tolerance: By how much the sum of a run may differ from one.

        Raises:
            RunTableError: Names the first row that is not a mixture, and its sum.
        """
        names = checks.require_names(names, "check_shares")
        presence.require(self, names, "a mixture")
        shares = {name: np.asarray(self.numbers[name]) for name in names}
        checks.check_shares(shares, self._locate, tolerance)

    def where_is(self, position: int) -> str:
        """Return where a run stands in its source: ``row 3``.

        Example:
            >>> import scaling_jax as sj
            >>> runs = sj.RunTable.from_columns({"loss": [4.0, 3.0, 2.0]})
            >>> runs.where("loss < 3.5").where_is(0)
            'row 2'
        """
        row = f"row {int(self.rows[position])}"
        return row if len(self.sources) == 1 else f"{row} of {self._source_of(position)}"

    def _source_of(self, position: int) -> str:
        return self.sources[int(self.origins[position])]

    def _locate(self, position: int) -> str:
        return f"{self._source_of(position)}, row {int(self.rows[position])}"

    # Selecting runs

    def where(self, condition: Any) -> RunTable:
        """Return the runs that fulfil a condition.

        Args:
            condition: Boolean array ``[runs]``, or an expression such as
                ``"loss < 5 and family == 'pile'"``.

        Raises:
            RunTableError: No run fulfils it, or it cannot be evaluated.
        """
        mask = selection.mask_of(self, condition)
        if not mask.any():
            shown = repr(condition) if isinstance(condition, str) else "the mask"
            raise RunTableError(f"no run of {self.source} fulfils {shown}; loosen the condition")
        return self._at(np.flatnonzero(mask))

    def split(self, condition: Any) -> tuple[RunTable, RunTable]:
        """Return the runs that fulfil a condition, and the others; see `where`.

        Raises:
            RunTableError: One of the two would be empty, or the condition is not one.
        """
        mask = selection.mask_of(self, condition)
        if mask.all() or not mask.any():
            raise RunTableError(
                f"{'every' if mask.all() else 'no'} run of {self.source} fulfils the condition, "
                "so one side of the split is empty; choose another condition"
            )
        return self._at(np.flatnonzero(mask)), self._at(np.flatnonzero(~mask))

    def take(self, positions: Any) -> RunTable:
        """Return the runs at these positions, in that order; repeats are allowed.

        Raises:
            RunTableError: No positions, or positions that do not exist.
        """
        return self._at(selection.positions_of(self, positions))

    def sort(self, by: str | Iterable[str], *, descending: bool = False) -> RunTable:
        """Return the runs sorted by one column or several, ties in their present order."""
        names = self._known(by, "sort")
        return self._at(selection.sorted_positions(self, names, descending))

    def group(self, by: str) -> dict[str, RunTable]:
        """Return one table for each value of a column, in the order of the values.

        Args:
            by: A label column, or a column of numbers with few values; a number becomes the
                key as text: ``"70000000"``.
        """
        return {key: self._at(found) for key, found in selection.groups(self, by).items()}

    def _at(self, positions: np.ndarray) -> RunTable:
        return jax.tree.map(lambda leaf: _frozen(_on_host(leaf)[positions]), self)

    # Adding and removing columns

    def with_column(self, name: str, values: Any, *, label: bool = False) -> RunTable:
        """Return the table with a column added or replaced.

        Args:
            name: Name of the column.
            values: Numbers or text, one a run ``[runs]`` or one for all.
            label: Read as text even if it looks like numbers.

        Raises:
            RunTableError: A value that the column cannot hold, or not one a run.
        """
        columns = {**self.to_dict(), **self._checked(name, values, label)}
        return self._rebuilt(columns)

    def derive(self, target: str, rule: str | None = None, **settings: float) -> RunTable:
        """Return the table with a missing column computed from others, in float64.

        Args:
            target: The column to compute.
            rule: Name of a rule of `scaling_jax.runs.RULES`, or an expression in the table's
                columns; by default the one rule for the target whose columns are all there.
            **settings: Numbers that a rule takes besides columns, such as ``bytes_per_token``.

        Raises:
            RunTableError: The column exists, no rule or several rules apply, or a column or
                setting is missing; the message lists the rules for the target.

        Example:
            >>> import scaling_jax as sj
            >>> runs = sj.RunTable.from_columns({"params": [1e9], "compute_flops": [1.2e20]})
            >>> runs.derive("tokens")["tokens"]
            array([2.e+10])
        """
        return self.with_column(target, rules.derived(self, target, rule, settings))

    def drop(self, names: str | Iterable[str]) -> RunTable:
        """Return the table without some columns."""
        dropped = self._known(names, "drop")
        kept = {name: self[name] for name in self.order if name not in dropped}
        if not kept:
            raise RunTableError(f"dropping {listing(dropped)} leaves no column of {self.source}")
        return self._rebuilt(kept)

    def rename(self, names: Mapping[str, str]) -> RunTable:
        """Return the table with columns renamed, and checked for what their new names mean.

        Args:
            names: Old name -> new name.
        """
        self._known(names, "rename")
        columns: dict[str, np.ndarray] = {}
        for name in self.order:
            new = names.get(name, name)
            if new in columns or (new != name and new in self.order and new not in names):
                raise RunTableError(f"{self.source} has a column {new!r} already; drop it first")
            same = new == name
            columns |= (
                {name: self[name]} if same else self._checked(new, self[name], name in self.codes)
            )
        return self._rebuilt(columns)

    def concat(self, *others: RunTable) -> RunTable:
        """Return the runs of this table followed by those of others with the same columns.

        Raises:
            RunTableError: The columns differ.
        """
        tables = (self, *others)
        columns = selection.stacked(tables)
        sources, origins = selection.joined_sources(tables)
        rows = np.concatenate([np.asarray(table.rows) for table in tables])
        return make_table(columns, rows, origins=origins, sources=sources)

    def _known(self, names: str | Iterable[str], argument: str) -> tuple[str, ...]:
        known = checks.require_names(names, argument)
        for name in known:
            if name not in self.order:
                raise RunTableError(presence.absent(self, name))
        return known

    def _checked(self, name: str, values: Any, label: bool) -> dict[str, np.ndarray]:
        """Return one new column, checked, under its name."""
        if not isinstance(name, str) or not name.strip():
            raise RunTableError(f"the name of a column is text, not {name!r}")
        name = tidied(name)
        if isinstance(values, str | bool | int | float | np.generic) or np.shape(values) == ():
            values = [values] * len(self)
        try:
            cells = cells_of(values)
        except ValueError as error:
            raise RunTableError(f"the column {name} {error}") from None
        if len(cells) != len(self):
            raise RunTableError(
                f"the column {name} has {len(cells)} values, but {self.source} has {len(self)} "
                "runs; give one value a run"
            )
        parsed = parse(name, cells, label=label)
        return sound([parsed], np.arange(len(self)), self._locate)[0]

    def _rebuilt(self, columns: Mapping[str, np.ndarray]) -> RunTable:
        return make_table(
            columns,
            self.rows,
            origins=self.origins,
            sources=self.sources,
            left_out={name: why for name, why in self.left_out if name not in columns},
        )

    # Leaving

    def to_dict(self) -> dict[str, np.ndarray]:
        """Return the columns as arrays by name: float64, or text."""
        return {name: self[name] for name in self.order}

    def to_pandas(self) -> pd.DataFrame:
        """Return the columns as a pandas frame, label columns as text."""
        return writing.to_pandas(self)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the columns to a CSV file that `read_runs` reads back exactly.

        The file appears whole or not at all.

        Raises:
            RunTableError: The file cannot be written.
        """
        writing.to_csv(self, path)

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the columns to a Parquet file that `read_runs` reads back exactly.

        The file appears whole or not at all.

        Raises:
            RunTableError: The file cannot be written, or pyarrow is not installed.
        """
        writing.to_parquet(self, path)

    def describe(self) -> tuple[display.Summary, ...]:
        """Return, for every column, its unit, meaning, range and number of distinct values."""
        return display.describe(self)

    def __repr__(self) -> str:
        return display.one_line(self)

    def __str__(self) -> str:
        return display.text(self)

    def _repr_html_(self) -> str:
        return display.html(self)


def make_table(
    columns: Mapping[str, np.ndarray],
    rows: np.ndarray,
    *,
    origins: np.ndarray | None = None,
    sources: tuple[str, ...],
    left_out: Mapping[str, str] | None = None,
) -> RunTable:
    """Return the table of columns that have been checked: float64, or text.

    Args:
        columns: Values ``[runs]`` by column name.
        rows: Row of each run in its source, from 1 ``[runs]``.
        origins: Which of `sources` each run is from ``[runs]``; the first by default.
        sources: File names or descriptions.
        left_out: The reason for each column of the source that is not in the table.
    """
    numbers, codes, categories = {}, {}, []
    for name, values in columns.items():
        values = _on_host(values)
        if values.dtype.kind == "U":
            texts, positions = np.unique(values, return_inverse=True)
            codes[name] = _frozen(positions.astype(np.int32))
            categories.append((name, tuple(texts.tolist())))
        else:
            numbers[name] = _frozen(values.astype(np.float64, copy=False))
    return RunTable(
        numbers=numbers,
        codes=codes,
        rows=_frozen(_on_host(rows).astype(np.int32)),
        origins=_frozen(
            _on_host(np.zeros(len(rows)) if origins is None else origins).astype(np.int32)
        ),
        order=tuple(columns),
        categories=tuple(sorted(categories)),
        sources=sources,
        left_out=tuple((left_out or {}).items()),
    )


def _on_host(array: Any) -> np.ndarray:
    if isinstance(array, Tracer):
        raise RunTableError(
            "the run table is traced by JAX, so its runs are not known yet; select runs and change "
            "columns outside jit, vmap and grad"
        )
    return np.asarray(array)


def _frozen(array: np.ndarray) -> np.ndarray:
    """Return the array, read-only: a table that was checked stays what it was."""
    array = array.view()
    array.flags.writeable = False
    return array
