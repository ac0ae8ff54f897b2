"""How many starts agree on the optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.fitting.fit import Fit
from scaling_jax.reporting import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AGREE = 1e-6  # as in Fit.agreement
_FLOOR, _CAP = 1e-12, 1e6  # smaller differences are rounding, larger ones all the same


def plot_starts(fit: Fit, *, ax: Axes | None = None) -> Figure:
    """Plot how far above the best objective every start ended, the best first.

    A long flat part at the left is a trustworthy optimum; a staircase shows other optima.

    Args:
        fit: A fit that was made here; a loaded one has forgotten its starts.
        ax: Axes to draw on; a new figure by default.

    Raises:
        FitError: The fit was loaded.
    """
    if fit.starts is None:
        raise FitError("a loaded fit has no starts to plot; fit again to see them")
    ends = np.sort(fit.starts.objective)
    found = ends[np.isfinite(ends)]
    above = np.clip((found - found[0]) / max(abs(found[0]), 1e-300), _FLOOR, _CAP)
    rank = np.arange(1, len(found) + 1)
    agree = above <= _AGREE
    with style.canvas(ax, (6.2, 3.6)) as axes:
        style.scale_axis(axes, "y", log=True, shown=_power)
        axes.axhspan(_FLOOR / 3.0, _AGREE, color=style.SHADE, linewidth=0.0, zorder=0)
        axes.plot(
            rank[agree], above[agree], ".", color=style.BLUE, markersize=4, zorder=3,
            label=f"same optimum (within $10^{{-6}}$): {np.sum(agree)} of {len(ends)}",
        )  # fmt: skip
        if not np.all(agree):
            axes.plot(
                rank[~agree], above[~agree], ".", color=style.VERMILION, markersize=4, zorder=3,
                label=f"elsewhere: {np.sum(~agree)}",
            )  # fmt: skip
        if len(found) < len(ends):
            axes.plot([], [], " ", label=f"not finite: {len(ends) - len(found)}")
        axes.set_ylim(_FLOOR / 3.0, max(float(above[-1]) * 3.0, _AGREE * 100.0))
        axes.set_xlim(0.0, len(ends) + 1.0)
        axes.set_xlabel("start, the best first (count)")
        axes.set_ylabel("objective above the best (relative)")
        style.key_above(axes)
        style.title(axes, ax, fit)
    return style.figure_of(axes)


def _power(value: float) -> str:
    sign = r"\leq" if value <= _FLOOR * 1.01 else r"\geq" if value >= _CAP * 0.99 else ""
    return f"${sign}10^{{{round(np.log10(value))}}}$"
