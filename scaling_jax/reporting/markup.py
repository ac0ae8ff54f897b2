"""HTML put together so that text is always escaped: only `element` makes markup."""

import html
import numbers
from typing import Any

from scaling_jax.runs.columns import CANONICAL
from scaling_jax.runs.sizes import format_size
from scaling_jax.tables import Table, format_cell

_VOID = ("meta", "img", "br")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *content: Any, **attributes: Any) -> Markup:
    """Return an element; content that is not markup is escaped, None is left out.

    Args:
        name: Name of the element.
        *content: Text, markup, or lists of them.
        **attributes: Attributes; a trailing underscore is dropped, others become dashes.

    Example:
        >>> element("p", "1 < 2 ", element("b", "yes"), class_="note")
        '<p class="note">1 &lt; 2 <b>yes</b></p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{_joined(content)}</{name}>")


def _joined(content: Any) -> str:
    parts = []
    for part in content:
        if isinstance(part, Markup):
            parts.append(str(part))
        elif isinstance(part, list | tuple):
            parts.append(_joined(part))
        elif part is not None:
            parts.append(html.escape(str(part)))
    return "".join(parts)


def table_markup(table: Table) -> Markup:
    """Return a table with headers that screen readers can follow, in a box that can scroll."""
    columns = range(len(table.header))
    kinds = ["number" if _numeric(table, k) else None for k in columns]
    head = [
        element("th", name, scope="col", class_=kind)
        for name, kind in zip(table.header, kinds, strict=True)
    ]
    rows = [
        element("tr", [
            element("th", _cell(table, 0, row[0]), scope="row", class_=kinds[0]),
            *(element("td", _cell(table, k, row[k]), class_=kinds[k]) for k in columns[1:]),
        ])
        for row in table.rows
    ]  # fmt: skip
    return element(
        "div",
        element(
            "table",
            element("caption", table.title) if table.title else None,
            element("thead", element("tr", head)),
            element("tbody", rows),
        ),
        _notes(table),
        class_="table",
        tabindex="0",
        role="region",
        aria_label=table.title or "table",
    )


def _notes(table: Table) -> Markup | None:
    notes = [note for note in table.notes if note]
    if any("  " in note for note in notes):  # in columns, so of letters of one width
        return element("pre", "\n".join(notes), class_="note")
    return element("div", [element("p", note) for note in notes], class_="note") if notes else None


def _numeric(table: Table, column: int) -> bool:
    cells = [row[column] for row in table.rows if row[column] is not None]
    return bool(cells) and all(isinstance(cell, numbers.Real) for cell in cells)


def _cell(table: Table, column: int, cell: Any) -> str:
    known = CANONICAL.get(table.header[column])
    if known is not None and known.counts and isinstance(cell, numbers.Real):
        return format_size(float(cell), 4)
    return format_cell(cell)
