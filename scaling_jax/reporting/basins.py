"""Basins: loss against a hyperparameter, one curve for each level of another column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_jax.errors import RunTableError
from scaling_jax.reporting import style
from scaling_jax.reporting.labels import number, words
from scaling_jax.reporting.levels import levels
from scaling_jax.reporting.shades import Shades
from scaling_jax.runs import RunTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def basin_minimum(x: np.ndarray, loss: np.ndarray) -> float:
    """Return where a basin is lowest: the top of a parabola in log x through its three lowest runs.

    Args:
        x: A hyperparameter ``[n]``, positive, each value once.
        loss: The loss there ``[n]``.

    Returns:
        The minimum, or the lowest run's x where that run is the first or the last.

    Example:
        >>> x = np.array([0.001, 0.01, 0.1])
        >>> round(basin_minimum(x, (np.log10(x) + 1.7) ** 2), 4)
        0.02
    """
    order = np.argsort(x)
    x, loss = np.log(np.asarray(x, float)[order]), np.asarray(loss, float)[order]
    at = int(np.argmin(loss))
    if at in (0, len(x) - 1):
        return float(np.exp(x[at]))
    second, first, _ = np.polyfit(x[at - 1 : at + 2] - x[at], loss[at - 1 : at + 2], 2)
    return float(np.exp(x[at] - first / (2 * second)))


def plot_basins(
    runs: RunTable,
    along: str = "learning_rate",
    by: str = "width",
    *,
    output: str = "loss",
    ax: Axes | None = None,
) -> Figure:
    """Plot the loss against a hyperparameter, a curve for each level of another column.

    Minima in a vertical line mean that the hyperparameter transfers along that column. Runs that
    agree in both columns are averaged.

    Args:
        runs: Runs that differ in nothing else that matters.
        along: The hyperparameter on the horizontal axis.
        by: The column that curves are told apart by.
        output: The column on the vertical axis.
        ax: Axes to draw on; a new figure by default.

    Raises:
        RunTableError: A column is missing, or a level has one run only.
    """
    runs.require((along, by, output), for_="plot_basins")
    shades = Shades(runs[by], levels(runs[by]))
    with style.canvas(ax) as axes:
        for level in np.unique(runs[by]):
            x, y = _means(runs.where(runs[by] == level), along, output)
            if len(x) < 2:
                raise RunTableError(
                    f"{runs.source}: {by} = {level:g} has runs at one {along} only, which is no "
                    "basin; leave them out or add runs"
                )
            color = shades(level)
            axes.plot(
                x, y, color=color, marker="o", markersize=4, linewidth=1.6, label=number(level)
            )
            axes.axvline(basin_minimum(x, y), color=color, linewidth=0.9, dashes=(3, 2), zorder=1)
        style.scale_axis(axes, "x", log=True)
        axes.set_xlabel(words(along))
        axes.set_ylabel(words(output))
        style.key(axes, words(by))
        return style.figure_of(axes)


def _means(runs: RunTable, along: str, output: str) -> tuple[np.ndarray, np.ndarray]:
    x = np.unique(runs[along])
    return x, np.array([np.mean(runs[output][runs[along] == value]) for value in x])
