"""How a run table shows itself: one line, a text table, and a table for notebooks."""

from __future__ import annotations

import html as markup
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import numpy as np
from jax.core import Tracer

from scaling_jax.runs.columns import CANONICAL

if TYPE_CHECKING:
    from scaling_jax.runs.table import RunTable

_HEADINGS = ("column", "unit", "lowest", "highest", "distinct", "meaning")


@dataclass(frozen=True)
class Summary:
    """One column of a run table in short.

    Attributes:
        name: Name of the column.
        unit: Unit in words, empty if unknown.
        meaning: One line, empty if the column is not canonical.
        low: Smallest number, or first text in order.
        high: Largest number, or last text in order.
        distinct: Number of different values.
    """

    name: str
    unit: str
    meaning: str
    low: float | str
    high: float | str
    distinct: int


def describe(runs: RunTable) -> tuple[Summary, ...]:
    """Return the summary of every column; see `RunTable.describe`."""
    summaries = []
    for name in runs.columns:
        known = CANONICAL.get(name)
        values = np.unique(np.asarray(runs[name])).tolist()
        unit, meaning = (known.unit, known.meaning) if known else ("", "")
        summaries.append(Summary(name, unit, meaning, values[0], values[-1], len(values)))
    return tuple(summaries)


def one_line(runs: RunTable) -> str:
    """Return the table in one line; holds also while JAX traces it."""
    if not _concrete(runs):
        return f"RunTable({', '.join(runs.columns)})"
    count = len(runs)
    many = "run" if count == 1 else "runs"
    return f"RunTable({count} {many} of {runs.source}: {', '.join(runs.columns)})"


def text(runs: RunTable) -> str:
    """Return a line for the table and one for every column."""
    if not _concrete(runs):
        return one_line(runs)
    table = [_HEADINGS, *(_row(summary) for summary in describe(runs))]
    widths = [max(len(row[i]) for row in table) for i in range(len(_HEADINGS))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in table]
    return "\n".join(line.rstrip() for line in [_caption(runs), *lines, *_left_out(runs)])


def html(runs: RunTable) -> str:
    """Return the text table as HTML."""
    if not _concrete(runs):
        return f"<code>{markup.escape(one_line(runs))}</code>"
    head = "".join(f"<th>{heading}</th>" for heading in _HEADINGS)
    body = "".join(
        f"<tr>{''.join(f'<td>{markup.escape(cell)}</td>' for cell in _row(summary))}</tr>"
        for summary in describe(runs)
    )
    notes = "".join(f"<p>{markup.escape(line)}</p>" for line in _left_out(runs))
    return (
        f"<table><caption>{markup.escape(_caption(runs))}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
    )


def _caption(runs: RunTable) -> str:
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'} of {runs.source}"


def _left_out(runs: RunTable) -> list[str]:
    return [f"left out: {name}, because {reason}" for name, reason in runs.left_out]


def _row(summary: Summary) -> tuple[str, ...]:
    return (
        summary.name, summary.unit, _shown(summary.low), _shown(summary.high),
        str(summary.distinct), summary.meaning,
    )  # fmt: skip


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value if len(value) <= 24 else value[:23] + "…"
    return f"{value:.4g}"


def _concrete(runs: RunTable) -> bool:
    leaves = jax.tree.leaves(runs)
    readable = all(
        isinstance(leaf, np.ndarray | jax.Array) and not isinstance(leaf, Tracer) for leaf in leaves
    )
    return readable and np.ndim(runs.rows) == 1
