"""How pictures look: one set of colours, sizes and axes, without touching the caller's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_jax.reporting.curves import Curve
from scaling_jax.reporting.labels import drawable, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scaling_jax.fitting.fit import Fit

# Okabe and Ito's colours, told apart with any colour vision; yellow is too light for lines.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
BLUE, VERMILION, GREEN = OKABE_ITO[:3]
INK, GREY, SHADE = "#222222", "#767676", "#EFEFEF"
DASHES = (0, (4, 2))
EXTRAPOLATED = "_extrapolated"  # label of dashed lines; the underscore keeps it out of legends
BAND = "_band"

_STYLE: dict[Any, Any] = {
    "figure.dpi": 110, "figure.facecolor": "white", "savefig.facecolor": "white",
    "font.size": 10.0, "axes.labelsize": 10.0, "axes.titlesize": 10.0, "legend.fontsize": 9.0,
    "legend.frameon": False, "legend.title_fontsize": 9.0, "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": GREY, "axes.labelcolor": INK,
    "axes.titlelocation": "left", "text.color": INK, "lines.linewidth": 1.6,
}  # fmt: skip
_SIZE = (6.6, 4.4)
_ABOVE = "legend-above"
_RASTER = 1000  # more points than this become an image inside a vector file


@contextmanager
def styled() -> Iterator[None]:
    """Use the library's style inside the block, whatever the caller's settings; then restore."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


@contextmanager
def canvas(ax: Axes | None, size: tuple[float, float] = _SIZE) -> Iterator[Axes]:
    """Give axes to draw on: the caller's, as they are styled, or those of a new figure."""
    if ax is not None:
        yield ax
        return
    with styled():
        drawn = new_figure(size).add_subplot()
        soften(drawn)
        yield drawn


def new_figure(size: tuple[float, float] = _SIZE) -> Figure:
    """Return a figure that pyplot does not know of."""
    from scaling_jax.reporting.canvas import Picture

    return Picture(figsize=size, layout="constrained")


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes belong to."""
    figure: Any = ax.figure
    return figure


def soften(ax: Axes) -> None:
    """Set grid and ticks; ticks are made when drawn, so they cannot take the style from a block."""
    ax.grid(True, color="#E4E4E4", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(which="both", color=GREY, labelcolor=INK, labelsize=9.0, width=0.8)


def scale_axis(
    ax: Axes, which: str, log: bool, *, most: int = 7, shown: Callable[[float], str] = number
) -> None:
    """Make an axis logarithmic or linear, with few ticks that read as people write numbers.

    Args:
        ax: The axes.
        which: ``"x"`` or ``"y"``.
        log: Whether it is logarithmic.
        most: Largest number of ticks on a logarithmic axis.
        shown: From a tick's position to its text.
    """
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    from scaling_jax.reporting.canvas import LogTicks

    axis = getattr(ax, f"{which}axis")
    getattr(ax, f"set_{which}scale")("log" if log else "linear")
    if log:
        axis.set_major_locator(LogTicks(most))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))


def title(ax: Axes, given: Axes | None, fit: Fit) -> None:
    """Say above axes of our own what is shown; the caller's may have a title.

    That a fit is not identified is said on any axes: its curves look like any other's.
    """
    lines = [] if fit.identified else ["not identified: other coefficients fit these runs as well"]
    if given is None:
        room = int(13.0 * (figure_of(ax).get_figwidth() - 0.8))  # letters, at 13 to the inch
        text = f"{fit.law.label}, {len(fit.runs)} runs of {fit.runs.source}"
        lines.append(drawable(text, room))
    if lines and not ax.get_title(loc="left"):
        color = GREY if fit.identified else VERMILION
        legend = ax.get_legend()
        pad = 24.0 if legend is not None and legend.get_gid() == _ABOVE else 6.0
        ax.set_title("\n".join(lines), loc="left", color=color, fontsize=9.0, pad=pad)


def points(ax: Axes, x: np.ndarray, y: np.ndarray, **style: Any) -> Any:
    """Draw runs as points, smaller and fainter the more there are."""
    count = len(x)
    size = float(np.interp(np.log10(max(count, 1)), [1.0, 2.5, 3.5, 5.0], [30.0, 16.0, 6.0, 1.5]))
    alpha = float(np.interp(np.log10(max(count, 1)), [2.0, 3.5, 5.0], [0.9, 0.5, 0.12]))
    edge = {"edgecolors": "white", "linewidths": 0.4} if count <= 500 else {"linewidths": 0.0}
    style = {"s": size, "alpha": alpha, "rasterized": count > _RASTER, "zorder": 2, **edge, **style}
    return ax.scatter(x, y, **style)


def line(ax: Axes, curve: Curve, along: str, color: Any, **style: Any) -> None:
    """Draw a curve: solid where the runs support it, dashed where it is extrapolated."""
    x = curve.inputs[along]
    inside = curve.inside
    label = style.pop("label", "_curve")
    style = {"color": color, "zorder": 3, **style}
    solid = np.where(inside, curve.middle, np.nan)
    dashed = np.where(inside & ~_borders(inside), np.nan, curve.middle)
    ax.plot(x, solid, label=label, **style)
    ax.plot(x, dashed, linestyle=DASHES, label=EXTRAPOLATED, **style)
    if curve.low is not None and curve.high is not None:
        ax.fill_between(
            x, curve.low, curve.high, color=color, alpha=0.18, linewidth=0.0, label=BAND,
            zorder=1.5,
        )  # fmt: skip


def _borders(inside: np.ndarray) -> np.ndarray:
    """Return the inside points that have a neighbour outside."""
    padded = np.concatenate([[True], inside, [True]])
    return inside & ~(padded[:-2] & padded[2:])


def dashed_handles(ax: Axes) -> list[Any]:
    """Return a legend entry that says what dashes mean, if there are any."""
    from matplotlib.lines import Line2D

    drawn = [found.get_ydata() for found in ax.get_lines() if found.get_label() == EXTRAPOLATED]
    if not any(np.any(np.isfinite(np.asarray(y, float))) for y in drawn):
        return []
    return [Line2D([], [], color=GREY, linestyle=DASHES, label="extrapolation")]


def key(ax: Axes, title: str = "", more: list[Any] | None = None) -> None:
    """Put the legend beside the axes, where it cannot cover data.

    Args:
        ax: The axes.
        title: What the entries are.
        more: Handles of entries to add below those of the axes.
    """
    handles = [*ax.get_legend_handles_labels()[0], *(more or []), *dashed_handles(ax)]
    if handles:
        legend = ax.legend(
            handles=handles, title=title or None, loc="upper left", bbox_to_anchor=(1.01, 1.0),
            borderaxespad=0.0, alignment="left",
        )  # fmt: skip
        _show_points(legend)


def key_above(ax: Axes) -> None:
    """Put the legend in one row above axes that have a colour bar beside them."""
    handles = [*ax.get_legend_handles_labels()[0], *dashed_handles(ax)]
    if handles:
        legend = ax.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(handles),
            borderaxespad=0.2, borderpad=0.2, columnspacing=1.2, handletextpad=0.5,
        )  # fmt: skip
        legend.set_gid(_ABOVE)
        _show_points(legend)


def _show_points(legend: Any) -> None:
    """Make points in a legend visible where those in the picture are tiny and faint."""
    for handle in legend.legend_handles:
        if hasattr(handle, "set_sizes"):
            handle.set_sizes([18.0])
            handle.set_alpha(1.0)
