"""The generic picture of a law: its output against one input, a curve for each level of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_jax.errors import PredictionError, did_you_mean
from scaling_jax.fitting.fit import Fit
from scaling_jax.reporting import style
from scaling_jax.reporting.curves import Region, Span, follow
from scaling_jax.reporting.labels import axis_label
from scaling_jax.reporting.levels import levels
from scaling_jax.reporting.shades import Shades
from scaling_jax.uncertainty.draws import Draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 160
_REACH = 0.35  # decades that curves reach beyond the runs, dashed


def plot_curve(
    source: Fit | Draws, along: str | None = None, *, by: str | None = None, ax: Axes | None = None
) -> Figure:
    """Plot a law's output against one input, with a curve for each level of another.

    Args:
        source: A fit, or draws, which give bands that hold 90 % of them.
        along: The input on the horizontal axis; the law's first by default.
        by: The input whose levels are the curves; the law's next by default. Any further input
            is held at the middle of its range.
        ax: Axes to draw on; a new figure by default.

    Raises:
        PredictionError: The law has no such input.
    """
    draws = Draws.of(source)
    fit = draws.fit
    along, by = _roles(fit, along, by)
    with style.canvas(ax) as axes:
        span = Span.of(np.asarray(fit.runs[along]))
        style.scale_axis(axes, "x", span.log)
        style.scale_axis(axes, "y", log_output(fit))
        x = span.grid(_POINTS, _REACH, _REACH)
        if by is None:
            _one_curve(axes, draws, along, x)
        else:
            _family(axes, draws, along, by, x)
        axes.set_xlabel(axis_label(fit.law, along))
        axes.set_ylabel(axis_label(fit.law, fit.law.output.column))
        style.title(axes, ax, fit)
    return style.figure_of(axes)


def _roles(fit: Fit, along: str | None, by: str | None) -> tuple[str, str | None]:
    names = fit.law.input_names
    for name in (along, by):
        if name is not None and name not in names:
            raise PredictionError(
                f"{fit.law.name} does not take {name!r}; {did_you_mean(name, names)}"
            )
    along = along or next(name for name in names if name != by)
    if by == along:
        raise PredictionError(f"curves along {along} need levels of another input, not of {by}")
    return along, by or next((name for name in names if name != along), None)


def log_output(fit: Fit) -> bool:
    """Return whether the output is drawn on a logarithmic axis: where residuals are logarithms."""
    observed = np.asarray(fit.runs[fit.law.output.column])
    return fit.criterion.scale == "log" and bool(np.all(observed > 0.0))


def _one_curve(axes: Axes, draws: Draws, along: str, x: np.ndarray) -> None:
    fit = draws.fit
    style.points(
        axes, fit.runs[along], fit.runs[fit.law.output.column], color=style.BLUE, label="runs"
    )
    curve = follow(draws, Region.of(fit), {along: x})
    style.line(axes, curve, along, style.VERMILION, label="fit")
    style.key(axes)


def _family(axes: Axes, draws: Draws, along: str, by: str, x: np.ndarray) -> None:
    fit = draws.fit
    column = np.asarray(fit.runs[by])
    shades = Shades(column, levels(column))
    region = Region.of(fit)
    held = {
        name: Span.of(np.asarray(fit.runs[name])).centre
        for name in fit.law.input_names
        if name not in (along, by)
    }
    style.points(axes, fit.runs[along], fit.runs[fit.law.output.column], color=shades(column))
    for level in shades.levels.values:
        curve = follow(draws, region, {along: x, by: level, **held}).within(_REACH)
        style.line(axes, curve, along, shades(level), label=f"_{by} {level:g}")
    label = axis_label(fit.law, by)
    if shades.discrete:
        style.key(axes, label, shades.entries())
    else:
        shades.bar(axes, label)
        style.key_above(axes)
