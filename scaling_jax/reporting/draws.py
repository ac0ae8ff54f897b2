"""Marginals and pairs of draws: what runs say of each parameter, and of two together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.fitting.fit import Fit
from scaling_jax.reporting import style
from scaling_jax.reporting.curves import LEVEL
from scaling_jax.reporting.labels import drawable
from scaling_jax.uncertainty.draws import Draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 40
_CUT = 0.002  # share of the draws on each side that is left out of the axis
_WIDE = 10.0  # a ratio of the ends from which on an axis is logarithmic
_POINTS = 1500
_COLUMNS = 5
_PANEL = 2.1  # inches


def plot_marginals(
    draws: Draws,
    names: Sequence[str] | None = None,
    *,
    derived: Mapping[str, np.ndarray] | None = None,
    level: float = LEVEL,
) -> Figure:
    """Plot the distribution of every parameter with median and central interval.

    Args:
        draws: Draws of a law.
        names: Parameters to show; all by default.
        derived: More quantities by name, one value a draw, as of `Draws.derive` ``[draws]``.
        level: Share of the draws that the shaded interval holds.

    Raises:
        FitError: An unknown parameter, a quantity of another length, or a single draw.
    """
    values = _chosen(draws, names, derived)
    columns = min(_COLUMNS, len(values))
    rows = -(-len(values) // columns)
    with style.styled():
        figure = style.new_figure((_PANEL * columns + 0.3, 1.8 * rows + 0.3))
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, (name, value) in zip(grid.flat, values.items(), strict=False):
            style.soften(axes)
            _histogram(axes, value, level)
            axes.set_xlabel(drawable(name))
        for axes in grid.flat[len(values) :]:
            axes.set_axis_off()
        _title(figure, draws, f"shaded: {level:.0%} of the draws")
    return figure


def plot_pairs(
    draws: Draws,
    names: Sequence[str] | None = None,
    *,
    derived: Mapping[str, np.ndarray] | None = None,
    level: float = LEVEL,
) -> Figure:
    """Plot draws of each two parameters against each other, divergent transitions in red.

    A thin ridge is two parameters of which the runs tell one combination; red points at one end
    of it are where the sampler did not get further.

    Args:
        draws: Draws of a law.
        names: Parameters to show; all by default.
        derived: More quantities by name, one value a draw, as of `Draws.derive` ``[draws]``.
        level: Share of the draws that the shaded interval on the diagonal holds.

    Raises:
        FitError: An unknown parameter, a quantity of another length, or a single draw.
    """
    values = _chosen(draws, names, derived)
    count = len(values)
    shown = np.unique(np.linspace(0, draws.count - 1, _POINTS).astype(int))
    red = _diverging(draws)
    with style.styled():
        figure = style.new_figure((1.7 * count + 0.6, 1.7 * count + 0.4))
        grid = figure.subplots(count, count, squeeze=False)
        for i, (below, y) in enumerate(values.items()):
            for j, (left, x) in enumerate(values.items()):
                axes = grid[i, j]
                if j > i:
                    axes.set_axis_off()
                    continue
                style.soften(axes)
                if i == j:
                    _histogram(axes, x, level)
                else:
                    style.points(axes, x[shown], y[shown], color=style.BLUE)
                    axes.scatter(x[red], y[red], s=12, color=style.VERMILION, zorder=3)
                    _span(axes, "x", x)
                    _span(axes, "y", y)
                axes.set_xlabel(drawable(left) if i == count - 1 else "")
                axes.set_ylabel(drawable(below) if j == 0 and i > 0 else "")
        some = f", red: {np.sum(red)} divergent" if np.any(red) else ""
        _title(figure, draws, f"shaded: {level:.0%} of the draws{some}")
    return figure


def _chosen(
    draws: Draws, names: Sequence[str] | None, derived: Mapping[str, np.ndarray] | None
) -> dict[str, np.ndarray]:
    if isinstance(draws, Fit) or draws.count < 2:
        raise FitError(
            "a single fit has no distribution to plot; take draws, as of sj.laplace(fit)"
        )
    values = {name: draws[name] for name in (draws if names is None else names)}
    for name, value in (derived or {}).items():
        values[name] = np.asarray(value, np.float64)
        if values[name].shape != (draws.count,):
            raise FitError(
                f"{name} has the shape {values[name].shape}, but there are {draws.count} draws; "
                "make it with draws.derive()"
            )
    return values


def _diverging(draws: Draws) -> np.ndarray:
    if draws.sampler is None:
        return np.zeros(draws.count, bool)
    return draws.sampler.diverging.ravel()


def _histogram(axes: Axes, value: np.ndarray, level: float) -> None:
    low, high = _span(axes, "x", value)
    log = axes.get_xscale() == "log"
    edges = np.geomspace(low, high, _BINS + 1) if log else np.linspace(low, high, _BINS + 1)
    counts = np.histogram(value, edges)[0]
    tails = np.quantile(value, [(1.0 - level) / 2.0, 0.5, (1.0 + level) / 2.0])
    axes.axvspan(tails[0], tails[2], color=style.SHADE, linewidth=0.0, zorder=0)
    axes.stairs(counts, edges, color=style.BLUE, fill=True, alpha=0.7, zorder=2)
    axes.axvline(tails[1], color=style.INK, linewidth=1.0, zorder=3)
    axes.set_yticks([])


def _span(axes: Axes, which: str, value: np.ndarray) -> tuple[float, float]:
    """Set limits that leave out the farthest draws, and return them."""
    low, high = (float(end) for end in np.quantile(value, [_CUT, 1.0 - _CUT]))
    log = low > 0.0 and high / low > _WIDE
    if not high > low:  # a parameter that does not vary
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    style.scale_axis(axes, which, log, most=3)
    if not log:
        getattr(axes, f"{which}axis").set_major_locator(_few_ticks())
    getattr(axes, f"set_{which}lim")(low, high)
    return low, high


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3)


def _title(figure: Figure, draws: Draws, what: str) -> None:
    text = f"{draws.fit.law.label}, {draws.count} draws by {draws.method}; {what}"
    figure.suptitle(drawable(text), x=0.01, ha="left", fontsize=9.0, color=style.GREY)
