"""The parts of a report: sections with text, tables and figures."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scaling_jax.reporting.markup import Markup, element, table_markup
from scaling_jax.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 150  # of clouds of points that are kept as an image


@dataclass(frozen=True)
class Illustration:
    """A figure with the sentence below it.

    Attributes:
        figure: A matplotlib figure.
        caption: One sentence: what to see in it.
        alt: What it shows, for those who do not see it; the caption by default.
    """

    figure: Figure
    caption: str
    alt: str = ""

    def markup(self) -> Markup:
        """Return the figure as HTML that holds the picture itself."""
        return element(
            "figure",
            element("img", src=data_address(self.figure), alt=self.alt or self.caption),
            element("figcaption", self.caption),
        )


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: Heading.
        text: Paragraphs.
        tables: Tables, below the text.
        figures: Figures, below the tables.
    """

    title: str
    text: Sequence[str] | str = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Illustration] = ()

    def markup(self) -> Markup:
        """Return the section as HTML."""
        text = [self.text] if isinstance(self.text, str) else self.text
        return element(
            "section",
            element("h2", self.title),
            # Markup is made by element() alone, and stays as it is.
            [part if isinstance(part, Markup) else element("p", part) for part in text if part],
            [table_markup(table) for table in self.tables],
            [illustration.markup() for illustration in self.figures],
        )


def data_address(figure: Figure) -> str:
    """Return a figure as a data address of an SVG image, the same bytes for the same picture."""
    import matplotlib as mpl

    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "scaling_jax", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", dpi=_DPI, metadata={"Date": None, "Creator": None})
    # The comments name the fonts and their makers; nobody sees them in an image.
    svg = re.sub(rb"<!--.*?-->\s*", b"", stream.getvalue(), flags=re.DOTALL)
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
