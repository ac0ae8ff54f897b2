"""One picture a subject: a panel a law, over its usual domain at published coefficients.

A law of one input is a curve for each published estimate; of two inputs in decades, a surface; of
more, curves at several values of the second input, the others in the middle of their range.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from scaling_jax.atlas.examples import Example, cosine, examples, members
from scaling_jax.atlas.illustrations import illustrated
from scaling_jax.laws import Law, Variable
from scaling_jax.reporting.labels import drawable, number
from scaling_jax.reporting.style import (
    DASHES,
    GREY,
    INK,
    OKABE_ITO,
    VERMILION,
    new_figure,
    scale_axis,
    soften,
    styled,
)
from scaling_jax.runs.columns import CANONICAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS = 4  # panels in a row
_PANEL = (2.75, 2.3)  # inches
_DPI = 96
_FINE, _COARSE = 160, 48  # points of a curve, of each side of a surface
_RUN_POINTS, _RUN_STEPS = 120, 24_000  # of a schedule
_LEVELS = 4  # of a second input
_MOST_CURVES = 6  # estimates in one panel
_IN_DECADES = 30.0  # outputs that span more are drawn in logarithms
_DEEPEST = 1e-6  # of the largest value: below it a surface has one colour
_FLAT = 0.01  # an output that varies less, relatively, is flat
_SMALL, _TINY = 6.5, 5.5
_EDGE, _APART = 0.06, 0.1  # of the diagonal: where no level is written, and between two of them
_NAME = (0.4, 0.82)  # right of and above which the output's name stands

# Where a publication says nothing narrower: the scales of models that are trained, not the whole
# range of numbers that pass for a count when a table is read.
_TRAINED = {
    "params": (1e6, 1e12),
    "active_params": (1e6, 1e12),
    "tokens": (1e8, 1e13),
    "unique_tokens": (1e8, 1e13),
    "compute_flops": (1e17, 1e26),
    "tokens_per_param": (1.0, 1e3),
    "learning_rate": (1e-5, 1e-1),
}


@dataclass(frozen=True)
class Side:
    """An axis of a panel: an input, or a mixture from none to all of its first domain.

    Attributes:
        label: Name of the input.
        low: Begin of the range.
        high: End of the range.
        columns: The columns it moves: one, or all proportions.
    """

    label: str
    low: float
    high: float
    columns: tuple[str, ...]

    @property
    def log(self) -> bool:
        """Whether it is drawn in decades."""
        return self.low > 0.0 and self.high / self.low >= 10.0

    def values(self, count: int) -> np.ndarray:
        """Return values from end to end."""
        return (np.geomspace if self.log else np.linspace)(self.low, self.high, count)

    @property
    def middle(self) -> float:
        """The value that it is held at where others vary."""
        return float(self.values(3)[1])

    def inputs(self, value: Any) -> dict[str, np.ndarray]:
        """Return the columns at a value."""
        first, *others = self.columns
        return {first: value} | {other: (1.0 - value) / len(others) for other in others}


def contact_sheet(names: Sequence[str]) -> bytes:
    """Return a PNG with a panel for each law."""
    with styled(), jax.enable_x64(True):
        rows = -(-len(names) // _ACROSS)
        across = min(_ACROSS, len(names))
        figure = new_figure((_PANEL[0] * across, _PANEL[1] * rows))
        for ax, name in zip(
            np.ravel(figure.subplots(rows, across, squeeze=False)), names, strict=False
        ):
            panel(ax, shown(name))
        for ax in figure.axes[len(names) :]:
            ax.set_axis_off()
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=_DPI)
    return _compressed(stream.getvalue())


def shown(name: str) -> list[Example]:
    """Return what is drawn of a law: the first member that has a complete published estimate."""
    every = [examples(law) for law in members(name)]
    return illustrated(next((found for found in every if found[0].estimate), every[0]))


def sides(law: Law) -> list[Side]:
    """Return the axes that a law may be drawn along."""
    found = [_side(v) for v in law.inputs if v.column not in law.simplex]
    if law.simplex:
        (first,) = (v for v in law.inputs if v.column == law.simplex[0])
        low, high = first.usual or (0.0, 1.0)
        found.insert(0, Side(f"share of {first.column}", low, high, law.simplex))
    return found


def panel(ax: Axes, found: Sequence[Example]) -> None:
    """Draw one law."""
    law = found[0].law
    soften(ax)
    ax.tick_params(labelsize=_SMALL)
    along, curves = sides(law), 1
    if law.curve:
        _schedules(ax, found[0])
    elif len(along) == 1:
        curves = len(found[:_MOST_CURVES])
        _curves(ax, found[:_MOST_CURVES], along[0])
    elif len(along) == 2 and all(side.log for side in along):
        _surface(ax, found[0], along)
    else:
        _family(ax, found[0], along)
    _title(ax, found, curves)


def _curves(ax: Axes, found: Sequence[Example], side: Side) -> None:
    x = side.values(_FINE)
    drawn = [(example.estimate, _value(example, side.inputs(x))) for example in found]
    for (name, y), color in zip(drawn, OKABE_ITO, strict=False):
        ax.plot(x, y, color=color, linewidth=1.2, label=drawable(name, 22))
    _axes(ax, found[0].law, side, np.concatenate([y for _, y in drawn]))
    if len(drawn) > 1:
        _legend(ax)


def _family(ax: Axes, example: Example, along: Sequence[Side]) -> None:
    """Draw curves along the first input at values of the second, the others in the middle."""
    first, second, *others = along
    held = {n: x for side in others for n, x in side.inputs(np.float64(side.middle)).items()}
    x, drawn = first.values(_FINE), []
    colors = _shades(_LEVELS)
    for level, color in zip(second.values(_LEVELS), colors, strict=True):
        inputs = held | second.inputs(np.float64(level)) | first.inputs(x)
        drawn.append(_value(example, inputs))
        label = number(float(f"{level:.2g}"))
        ax.plot(x, drawn[-1], color=color, linewidth=1.2, label=label)
    _axes(ax, example.law, first, np.concatenate(drawn))
    _legend(ax, second.label)


def _surface(ax: Axes, example: Example, along: Sequence[Side]) -> None:
    from matplotlib.colors import LogNorm, Normalize

    first, second = along
    x, y = np.meshgrid(first.values(_COARSE), second.values(_COARSE))
    z = _value(example, first.inputs(x) | second.inputs(y))
    log, high = _spans_decades(z), float(np.max(z))
    low = max(float(np.min(z)), _DEEPEST * high) if log else float(np.min(z))
    levels = np.geomspace(low, high, 9) if log else np.linspace(low, high, 9)
    if low < high:
        norm = LogNorm(low, high) if log else Normalize(low, high)
        ax.contourf(x, y, z, levels=levels, cmap="viridis_r", norm=norm, alpha=0.85, extend="min")
        lines = ax.contour(x, y, z, levels=levels[1:-1:2], colors="white", linewidths=0.6)
    scale_axis(ax, "x", True, most=4)
    scale_axis(ax, "y", True, most=4)
    if low < high:
        _label_levels(ax, lines, (x, y, z))
    ax.grid(False)
    ax.text(
        0.97, 0.95, drawable(example.law.output.column, 24), fontsize=_SMALL, color=INK,
        transform=ax.transAxes, ha="right", va="top",
        bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0.0, "pad": 1.5},
    )  # fmt: skip
    ax.set_xlabel(drawable(first.label, 34), fontsize=_SMALL, labelpad=3.0)
    ax.set_ylabel(drawable(second.label, 30), fontsize=_SMALL, labelpad=3.0)


def _label_levels(ax: Axes, lines: Any, surface: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Write the levels along the diagonal that crosses more of them, clear of the output's name."""
    x, y, z = surface
    cells, along = np.arange(len(z)), np.linspace(0.0, 1.0, len(z))
    rising, falling = z[cells, cells], z[cells, cells[::-1]]
    up = _crossed(rising, lines.levels) >= _crossed(falling, lines.levels)
    values, column = (rising, cells) if up else (falling, cells[::-1])
    found: dict[float, int] = {}
    for level in lines.levels:
        crossing = np.flatnonzero(np.diff(np.sign(values - level)))
        at = [k for k in crossing if _EDGE < along[k] < 1.0 - _EDGE]
        at = [k for k in at if along[k] < _NAME[1] or along[column[k]] < _NAME[0]]
        at = [k for k in at if all(abs(k - other) > _APART * len(z) for other in found.values())]
        if at:
            found[level] = int(at[0])
    if found:
        places = [(x[0, column[k]], y[k, 0]) for k in found.values()]
        ax.clabel(
            lines, list(found), fmt=lambda v: number(float(f"{v:.2g}")), fontsize=_TINY + 0.5,
            colors=INK, manual=places,
        )  # fmt: skip


def _crossed(values: np.ndarray, levels: np.ndarray) -> int:
    return sum(bool(np.min(values) < level < np.max(values)) for level in levels)


def _schedules(ax: Axes, example: Example) -> None:
    """Draw the run under three schedules of one peak rate, by the step."""
    law, share = example.law, np.linspace(1.0 / _RUN_POINTS, 1.0, _RUN_POINTS)
    held = {side.label: side.middle for side in sides(law)} | {"warmup_steps": 0.0}
    (peak,) = (float(s.values(5)[3]) for s in sides(law) if s.label == "learning_rate")
    step = np.ceil(share * _RUN_STEPS)
    falling = np.clip((1.0 - share) / 0.2, 0.1, 1.0)
    drawn = []
    for (name, rate), color in zip(
        {"constant": np.ones_like(share), "cosine": cosine(share), "decay at 80%": falling}.items(),
        OKABE_ITO,
        strict=False,
    ):
        values = {**held, "step": step, "learning_rate": peak * rate}
        inputs = {v.column: np.broadcast_to(values[v.column], step.shape) for v in law.inputs}
        drawn.append(_value(example, inputs))
        ax.plot(step, drawn[-1], color=color, linewidth=1.2, label=name)
    (along,) = (side for side in sides(law) if side.label == "step")
    _axes(ax, law, replace(along, low=0.0, high=float(_RUN_STEPS)), np.concatenate(drawn))
    _legend(ax)


def _axes(ax: Axes, law: Law, side: Side, drawn: np.ndarray) -> None:
    scale_axis(ax, "x", side.log, most=4)
    scale_axis(ax, "y", _spans_decades(drawn), most=5)
    if not _spans_decades(drawn):
        ax.locator_params(axis="y", nbins=5)
        _widen(ax, drawn)
    if not side.log:
        ax.locator_params(axis="x", nbins=4)
    ax.set_xlabel(drawable(side.label, 34), fontsize=_SMALL, labelpad=3.0)
    ax.set_ylabel(drawable(law.output.column, 30), fontsize=_SMALL, labelpad=3.0)


def _widen(ax: Axes, drawn: np.ndarray) -> None:
    """Let what hardly varies look flat, and its ticks differ."""
    low, high = float(np.min(drawn)), float(np.max(drawn))
    least = _FLAT * max(abs(low), abs(high))
    if high - low < least:
        centre = 0.5 * (low + high)
        ax.set_ylim(centre - least, centre + least)


def _title(ax: Axes, found: Sequence[Example], curves: int) -> None:
    """Say above a panel which law it is, which estimate, and what of it is unverified."""
    law, estimate = found[0].law, found[0].estimate
    ax.set_title(drawable(law.name, 34), fontsize=8.0, pad=13.0)
    what = f"{curves} estimates" if curves > 1 else estimate or "generic coefficients"
    unverified = not law.verified or (
        bool(estimate) and law.published(estimate).verified == "recalled"
    )
    text = f"{drawable(what, 30)}, unverified" if unverified else drawable(what, 40)
    color = VERMILION if unverified else GREY
    ax.text(0.0, 1.02, text, fontsize=_SMALL, color=color, transform=ax.transAxes, va="bottom")
    if not estimate:
        for spine in ax.spines.values():
            spine.set_linestyle(DASHES)


def _legend(ax: Axes, title: str = "") -> None:
    legend = ax.legend(
        fontsize=_TINY, title=drawable(title, 26) or None, title_fontsize=_TINY, loc="best",
        handlelength=1.0, labelspacing=0.15, borderpad=0.1, handletextpad=0.4, frameon=True,
    )  # fmt: skip
    legend.get_frame().set(alpha=0.7, linewidth=0.0)


def _value(example: Example, inputs: Mapping[str, Any]) -> np.ndarray:
    shape = np.broadcast_shapes(*(np.shape(x) for x in inputs.values()))
    value = np.asarray(example.law(example.theta, inputs), np.float64)
    return np.broadcast_to(value, shape)


def _spans_decades(values: np.ndarray) -> bool:
    low, high = float(np.min(values)), float(np.max(values))
    return low > 0.0 and high / low > _IN_DECADES


def _side(variable: Variable) -> Side:
    low, high = variable.usual or (1.0, 10.0)
    known = CANONICAL.get(variable.column)
    if known is not None and variable.usual == known.usual:
        low, high = _TRAINED.get(variable.column, (low, high))
    return Side(variable.column, low, high, (variable.column,))


def _shades(count: int) -> Any:
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(0.05, 0.8, count))


def _compressed(png: bytes) -> bytes:
    """Return the picture with a palette, a third of the size; rare colours keep their place."""
    from PIL import Image

    stream = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    palette = image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
