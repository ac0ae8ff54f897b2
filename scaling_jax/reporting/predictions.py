"""Predictions with their intervals, and where extrapolation begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_jax.errors import PredictionError, did_you_mean, listing
from scaling_jax.fitting.fit import Fit
from scaling_jax.prediction import Prediction
from scaling_jax.reporting import style
from scaling_jax.reporting.curves import LEVEL, Curve, Region, Span, edge, follow, part_way
from scaling_jax.reporting.labels import axis_label, drawable, number, variable
from scaling_jax.reporting.lines import log_output
from scaling_jax.runs import RunTable
from scaling_jax.uncertainty.draws import Draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 160
_A_LINE = 10  # predictions in order of one input are joined to a line from this many on


def plot_prediction(
    source: Prediction | Draws | Fit,
    along: str | None = None,
    *,
    at: Mapping[str, float] | None = None,
    reach: float = 1.0,
    level: float = LEVEL,
    truth: RunTable | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Plot predictions against one input, with intervals and the extrapolated region shaded.

    Args:
        source: Predictions at points of their own, or draws or a fit, which are followed along
            one input.
        along: The input on the horizontal axis; by default the one that the predictions vary
            most in, or the law's first.
        at: Values of the other inputs, for draws or a fit; by default the middles of the runs.
        reach: How far beyond the runs to follow, in decades.
        level: Share of the draws that the intervals hold.
        truth: Runs that were held out, to draw on top.
        ax: Axes to draw on; a new figure by default.

    Raises:
        PredictionError: The law has no such input, or `at` is given for predictions.
    """
    if isinstance(source, Prediction):
        draws = source.draws
        if at:
            raise PredictionError("predictions have their inputs; give at only with draws or a fit")
        along = _along(draws.fit, along, source.inputs)
        curve = _of_prediction(source, along, level)
    else:
        draws = Draws.of(source)
        along = _along(draws.fit, along, {})
        curve = _followed(draws, along, at or {}, _reach(draws.fit, along, reach, truth), level)
    fit = draws.fit
    region = Region.of(fit)
    noisy = isinstance(source, Prediction) and source.noisy
    with style.canvas(ax) as axes:
        style.scale_axis(axes, "x", Span.of(np.asarray(fit.runs[along])).log)
        style.scale_axis(axes, "y", log_output(fit))
        output = fit.law.output.column
        style.points(axes, fit.runs[along], fit.runs[output], color="#B5B5B5", label="fitted runs")
        share = f"{level:.0%} of {'new runs' if noisy else 'the draws'}"
        if _is_line(curve, along):
            _line(axes, curve, along, share)
            outside = _outside(curve, along, region)
        else:
            _bars(axes, curve, along)
            span = Span.of(np.asarray(fit.runs[along]))
            outside = [(-np.inf, span.low), (span.high, np.inf)]
        if truth is not None:
            _truth(axes, truth, along, fit)
        _shade(axes, outside)
        axes.set_xlabel(axis_label(fit.law, along))
        axes.set_ylabel(axis_label(fit.law, output))
        bars = [] if curve.low is None or _is_line(curve, along) else [f"bars: {share}"]
        style.key(axes, "\n".join([*_held(fit, curve, along), *bars]))
        style.title(axes, ax, fit)
    return style.figure_of(axes)


def _along(fit: Fit, along: str | None, inputs: Mapping[str, np.ndarray]) -> str:
    names = fit.law.input_names
    if along is not None and along not in names:
        raise PredictionError(
            f"{fit.law.name} does not take {along!r}; {did_you_mean(along, names)}"
        )
    if along is not None:
        return along
    return max(names, key=lambda name: _width(inputs.get(name, np.ones(1))))


def _width(column: np.ndarray) -> float:
    low, high = float(np.min(column)), float(np.max(column))
    return float(np.log(high / low)) if low > 0.0 else high - low


# What to draw


def _of_prediction(prediction: Prediction, along: str, level: float) -> Curve:
    low, high = prediction.interval(level) if len(prediction.values) > 1 else (None, None)
    order = np.argsort(prediction.inputs[along], kind="stable")
    return Curve(
        {name: column[order] for name, column in prediction.inputs.items()},
        prediction.median[order],
        None if low is None else low[order],
        None if high is None else high[order],
        prediction.distance[order],
    )


def _followed(
    draws: Draws, along: str, at: Mapping[str, float], reach: float, level: float
) -> Curve:
    fit = draws.fit
    others = [name for name in fit.law.input_names if name != along]
    for name in at:
        if name not in others:
            raise PredictionError(
                f"{fit.law.name} drawn along {along} takes a value of "
                f"{listing(others) or 'no other input'}, not of {name}"
            )
    spans = {name: Span.of(np.asarray(fit.runs[name])) for name in fit.law.input_names}
    held = {name: float(at.get(name, spans[name].centre)) for name in others}
    path = {along: spans[along].grid(_POINTS, above=reach), **held}
    return follow(draws, Region.of(fit), path, level, median=True)


def _reach(fit: Fit, along: str, reach: float, truth: RunTable | None) -> float:
    """Return the reach beyond the runs that also covers the held-out runs."""
    high = Span.of(np.asarray(fit.runs[along])).high
    if truth is None or not high > 0.0:
        return reach
    truth.require((along,), for_="the picture of held-out runs")
    return max(reach, float(np.log10(np.max(np.asarray(truth[along])) / high)) + 0.1)


def _is_line(curve: Curve, along: str) -> bool:
    x = curve.inputs[along]
    return len(x) >= _A_LINE and bool(np.all(np.diff(x) > 0.0))


def _outside(curve: Curve, along: str, region: Region) -> list[tuple[float, float]]:
    """Return the parts of the axis where the curve is extrapolated."""
    x, inside = curve.inputs[along], curve.inside
    borders = np.flatnonzero(inside[1:] != inside[:-1])
    marks = [_border(curve, int(k), along, region) for k in borders]
    ends = [-np.inf if not inside[0] else None, *marks, np.inf if not inside[-1] else None]
    limits = [end for end in ends if end is not None]
    if not marks and not inside[0]:
        return [(-np.inf, np.inf)]
    assert len(limits) % 2 == 0, x
    return list(zip(limits[::2], limits[1::2], strict=True))


def _border(curve: Curve, k: int, along: str, region: Region) -> float:
    """Return where between points k and k + 1 the region of the runs ends."""
    a, b = (k, k + 1) if curve.inside[k] else (k + 1, k)
    within = {name: float(column[a]) for name, column in curve.inputs.items()}
    beyond = {name: float(column[b]) for name, column in curve.inputs.items()}
    share = edge(region, within, beyond)
    return part_way(within, beyond, share)[along]


def _held(fit: Fit, curve: Curve, along: str) -> list[str]:
    """Return the values that the other inputs are held at, to head the legend."""
    return [
        drawable(f"{variable(fit.law, name).symbol} = ") + number(float(column[0]))
        for name, column in curve.inputs.items()
        if name != along and np.ptp(column) == 0.0
    ]


# Drawing


def _line(axes: Axes, curve: Curve, along: str, share: str) -> None:
    style.line(axes, curve, along, style.BLUE, label="prediction")
    for band in axes.collections:
        if band.get_label() == style.BAND:
            band.set_label(share)


def _bars(axes: Axes, curve: Curve, along: str) -> None:
    x = curve.inputs[along]
    for inside, label, fill in (
        (curve.inside, "interpolated", style.BLUE),
        (~curve.inside, "extrapolated", "white"),
    ):
        if not np.any(inside):
            continue
        spread: Any = None
        if curve.low is not None and curve.high is not None:
            middle = curve.middle[inside]
            spread = np.stack([middle - curve.low[inside], curve.high[inside] - middle])
        axes.errorbar(
            x[inside], curve.middle[inside], yerr=spread, fmt="o", color=style.BLUE, capsize=2.5,
            markerfacecolor=fill, markersize=5.5, elinewidth=1.2, label=label, zorder=4,
        )  # fmt: skip


def _truth(axes: Axes, truth: RunTable, along: str, fit: Fit) -> None:
    truth.require((along, fit.law.output.column), for_="the picture of held-out runs")
    axes.plot(
        truth[along], truth[fit.law.output.column], "D", color=style.VERMILION, markersize=4.5,
        markeredgecolor="white", markeredgewidth=0.6, label="held-out runs", zorder=5,
    )  # fmt: skip


def _shade(axes: Axes, outside: list[tuple[float, float]]) -> None:
    left, right = axes.get_xlim()
    label = "beyond the runs"
    for low, high in outside:
        low, high = max(low, left), min(high, right)
        if low < high:
            axes.axvspan(low, high, color=style.SHADE, linewidth=0.0, zorder=0, label=label)
            label = "_beyond the runs"
    axes.set_xlim(left, right)
