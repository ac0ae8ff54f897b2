"""Colours for the levels of a scale: a legend of few levels, or a colour bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_jax.reporting.labels import number
from scaling_jax.reporting.levels import Levels
from scaling_jax.reporting.style import GREY, INK, figure_of, scale_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LIGHTEST = 0.86  # of viridis: its yellow end is too light for lines on white
_ONE = 0.35  # where in viridis a single level lies


class Shades:
    """Colours of a column's values, by viridis, on the column's own (log) scale.

    Attributes:
        levels: The levels that curves are drawn at.
        discrete: Whether every run belongs to a level, so that a legend can list them.
    """

    def __init__(self, column: np.ndarray, levels: Levels) -> None:
        from matplotlib import colormaps
        from matplotlib.colors import ListedColormap, LogNorm, Normalize

        low, high = float(np.min(column)), float(np.max(column))
        self.levels = levels
        self.discrete = levels.complete
        self.log = low > 0.0
        self._map = ListedColormap(colormaps["viridis"](np.linspace(0.0, _LIGHTEST, 256)))
        if not low < high:
            low, high = (low / 2.0, high * 4.0) if self.log else (low - 1.0, high + 2.0)
        self._norm = LogNorm(low, high) if self.log else Normalize(low, high)

    def __call__(self, values: Any) -> Any:
        """Return the colour of a value, or of each of several."""
        return self._map(self._norm(np.asarray(values, float)))

    def bar(self, ax: Axes, label: str) -> None:
        """Put a colour bar beside the axes."""
        from matplotlib.cm import ScalarMappable

        drawn = figure_of(ax).colorbar(
            ScalarMappable(self._norm, self._map), ax=ax, label=label, pad=0.02, aspect=30
        )
        scale_axis(drawn.ax, "y", self.log)
        drawn.outline.set_visible(False)
        drawn.ax.tick_params(which="both", color=GREY, labelcolor=INK, labelsize=9.0, width=0.8)

    def entries(self, digits: int = 3) -> list[Any]:
        """Return a legend entry for each level, rounded to significant digits."""
        from matplotlib.lines import Line2D

        return [
            Line2D(
                [], [], color=self(value), marker="o", markersize=4.5,
                label=number(float(f"{value:.{digits}g}")),
            )
            for value in self.levels.values
        ]  # fmt: skip
