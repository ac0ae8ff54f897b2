"""How well a law describes the runs: residuals against each scale, predicted against observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_jax.fitting.fit import Fit
from scaling_jax.reporting import style
from scaling_jax.reporting.curves import Span, compute_of
from scaling_jax.reporting.labels import axis_label, drawable, in_brackets, words
from scaling_jax.reporting.levels import levels
from scaling_jax.reporting.lines import log_output
from scaling_jax.reporting.shades import Shades

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEWEST = 10  # runs from which on medians say something
_RUNS_A_BIN, _MOST_BINS = 4, 14


def plot_residuals(fit: Fit) -> Figure:
    """Plot the residuals against each input, and against compute where the law has N and D.

    A law that is true leaves a band without trend around zero; the medians show trends.

    Args:
        fit: A fit; residuals on the log scale are drawn as prediction errors in percent.
    """
    columns = {name: np.asarray(fit.runs[name]) for name in fit.law.input_names}
    labels = {name: axis_label(fit.law, name) for name in columns}
    if {"params", "tokens"} <= set(columns) and "compute_flops" not in columns:
        columns["compute_flops"] = compute_of(fit.runs)[0]
        own = "compute_flops" in fit.runs
        labels["compute_flops"] = (
            axis_label(fit.law, "compute_flops") if own else "training compute 6·N·D (FLOP)"
        )
    y, y_label = _errors(fit)
    with style.styled():
        figure = style.new_figure((max(5.2, 3.4 * len(columns)), 3.3))
        panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        for axes, (name, x) in zip(panels, columns.items(), strict=True):
            style.soften(axes)
            _panel(axes, x, y)
            axes.set_xlabel(labels[name])
        panels[0].set_ylabel(y_label)
        style.key(panels[-1])
        style.title(panels[0], None, fit)
    return figure


def _errors(fit: Fit) -> tuple[np.ndarray, str]:
    """Return the residuals as people read them, and their label."""
    output = fit.law.output
    name = drawable(words(output.column))
    if fit.criterion.scale == "log":
        return 100.0 * np.expm1(fit.residuals), f"predicted / observed {name} − 1 (%)"
    return np.asarray(
        fit.residuals
    ), f"predicted − observed {name}{drawable(in_brackets(output.unit))}"


def _panel(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    style.scale_axis(axes, "x", Span.of(x).log, most=5)
    style.points(axes, x, y, color=style.BLUE, label="runs")
    axes.axhline(0.0, color=style.GREY, linewidth=0.9, zorder=1.5)
    if len(x) >= _FEWEST:
        axes.plot(
            *medians(x, y), color=style.VERMILION, label="median of\nneighbours", zorder=4,
            linewidth=1.8, marker="o", markersize=3.0,
        )  # fmt: skip


def medians(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places and medians of `y` over the levels of `x`, or over bins of as many runs.

    Args:
        x: ``[runs]``.
        y: ``[runs]``.

    Example:
        >>> import numpy as np
        >>> x, y = medians(np.repeat([1.0, 2.0, 4.0], 5), np.arange(15.0))
        >>> x.tolist(), y.tolist()
        ([1.0, 2.0, 4.0], [2.0, 7.0, 12.0])
    """
    found = levels(x, _MOST_BINS)
    if found.complete and len(x) >= 2 * len(found):
        bins = [np.flatnonzero(found.member == k) for k in range(len(found))]
    else:
        count = int(np.clip(len(x) // _RUNS_A_BIN, 2, _MOST_BINS))
        bins = np.array_split(np.argsort(x, kind="stable"), count)
    return (
        np.array([np.median(x[inside]) for inside in bins]),
        np.array([np.median(y[inside]) for inside in bins]),
    )


def plot_predicted_vs_observed(fit: Fit, *, ax: Axes | None = None) -> Figure:
    """Plot the law's prediction of every run against its observation, coloured by the first input.

    Args:
        fit: A fit.
        ax: Axes to draw on; a new figure by default.
    """
    output, first = fit.law.output, fit.law.input_names[0]
    observed, predicted = np.asarray(fit.runs[output.column]), fit.predicted
    log = log_output(fit) and bool(np.all(predicted > 0.0))
    column = np.asarray(fit.runs[first])
    with style.canvas(ax, (5.4, 4.6)) as axes:
        for which in "xy":
            style.scale_axis(axes, which, log)
        shades = Shades(column, levels(column))
        both = Span.of(np.concatenate([observed, predicted]))
        margin = 0.02 * (np.log10(both.high / both.low) if log else 1.0)
        ends = Span(both.low, both.high, log).grid(2, margin, margin)
        axes.plot(
            ends, ends, color=style.GREY, linewidth=1.0, label="predicted = observed", zorder=1.5
        )
        style.points(axes, observed, predicted, color=shades(column))
        axes.set_xlim(*ends)
        axes.set_ylim(*ends)
        axes.set_aspect("equal")
        axes.set_xlabel(f"observed {axis_label(fit.law, output.column)}")
        axes.set_ylabel(f"predicted {axis_label(fit.law, output.column)}")
        label = axis_label(fit.law, first)
        if shades.discrete and len(shades.levels) > 1:
            style.key(axes, label, shades.entries())
        else:
            shades.bar(axes, label)
            style.key_above(axes)
        style.title(axes, ax, fit)
    return style.figure_of(axes)
