"""Loss against training compute: isoparameter curves or isoFLOP profiles, and the frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_jax.errors import PredictionError
from scaling_jax.fitting.fit import Fit
from scaling_jax.reporting import style
from scaling_jax.reporting.curves import (
    LEVEL,
    Curve,
    Region,
    Span,
    band,
    compute_of,
    follow,
    frontier,
)
from scaling_jax.reporting.labels import axis_label
from scaling_jax.reporting.levels import Levels, budgets, levels
from scaling_jax.reporting.lines import log_output, plot_curve
from scaling_jax.reporting.shades import Shades
from scaling_jax.uncertainty.draws import Draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ISOPARAMS, ISOFLOP = "isoparams", "isoflop"
_POINTS = 120
_REACH = 0.3  # decades that curves reach beyond the runs, dashed
_BEYOND = 1.0  # decades of compute that the frontier reaches beyond the runs, dashed
_BUDGETS = 48  # points of the frontier
_AT_BUDGETS = 0.8  # share of the runs at common budgets from which on they are isoFLOP runs
_KNOWN = 0.5  # share of the draws that need an optimum for its interval to be drawn
_PLAIN = 0.02  # relative distance from 6 that is still 6 FLOP per parameter and token


def plot_loss_vs_compute(
    source: Fit | Draws, *, curves: str | None = None, ax: Axes | None = None
) -> Figure:
    """Plot loss against training compute with the fitted curves and the compute-optimal frontier.

    Compute is the runs' column compute_flops, else 6 * params * tokens, which the axis then says.
    A law that has not both params and tokens is drawn against its own inputs: see `plot_curve`.

    Args:
        source: A fit, or draws, which give the frontier a band that holds 90 % of them.
        curves: ``"isoparams"``: loss against compute, a curve for each model size.
            ``"isoflop"``: loss against model size, a curve for each budget at which several
            sizes were trained, and the lowest point of each. By default the latter if most runs
            are at such budgets.
        ax: Axes to draw on; a new figure by default.

    Raises:
        PredictionError: Unknown curves, or no budget has three sizes.

    Reference: Hoffmann et al. (2022), arXiv:2203.15556, figures 2 and 3.
    """
    if curves not in (None, ISOPARAMS, ISOFLOP):
        raise PredictionError(f"curves are 'isoparams' or 'isoflop', not {curves!r}")
    draws = Draws.of(source)
    fit = draws.fit
    if not {"params", "tokens"} <= set(fit.law.input_names):
        along = "compute_flops" if "compute_flops" in fit.law.input_names else None
        return plot_curve(draws, along, ax=ax)
    compute, factor = compute_of(fit.runs)
    found = budgets(compute, np.asarray(fit.runs["params"]))
    if curves == ISOFLOP and not len(found):
        raise PredictionError(
            f"{fit.runs.source} has no three sizes trained with one compute budget; use "
            "curves='isoparams'"
        )
    common = float(np.mean(found.member >= 0)) >= _AT_BUDGETS and len(found) > 1
    with style.canvas(ax) as axes:
        if curves == ISOFLOP or (curves is None and common):
            _isoflop(axes, draws, found, compute, factor)
        else:
            _isoparams(axes, draws, compute, factor)
        axes.set_ylabel(axis_label(fit.law, fit.law.output.column))
        style.title(axes, ax, fit)
    return style.figure_of(axes)


# Loss against compute, a curve for each size


def _isoparams(axes: Axes, draws: Draws, compute: np.ndarray, factor: np.ndarray) -> None:
    fit = draws.fit
    sizes, loss = np.asarray(fit.runs["params"]), np.asarray(fit.runs[fit.law.output.column])
    style.scale_axis(axes, "x", log=True)
    style.scale_axis(axes, "y", log_output(fit))
    shades = Shades(sizes, levels(sizes))
    region = Region.of(fit)
    style.points(axes, compute, loss, color=shades(sizes))
    reach = Span.of(np.asarray(fit.runs["tokens"])).grid(_POINTS, _REACH, _REACH)
    for size in shades.levels.values:
        curve = follow(draws, region, {"params": size, "tokens": reach}).within(_REACH)
        cost = usual(factor) * curve.inputs["params"] * curve.inputs["tokens"]
        plain = Curve(
            curve.inputs | {"compute_flops": cost}, curve.middle, None, None, curve.distance
        )
        style.line(
            axes, plain, "compute_flops", shades(size), linewidth=1.2, label=f"_params {size:g}"
        )
    budget = Span.of(compute).grid(_BUDGETS, above=_BEYOND)
    _draw_frontier(axes, draws, budget, usual(factor), "compute_flops")
    axes.set_xlabel(_compute_label(fit))
    label = axis_label(fit.law, "params")
    if shades.discrete:
        style.key(axes, label, shades.entries())
    else:
        shades.bar(axes, label)
        style.key_above(axes)


def _draw_frontier(
    axes: Axes, draws: Draws, compute: np.ndarray, factor: np.ndarray | float, along: str
) -> None:
    """Draw the compute-optimal line against compute or size, dashed beyond the runs."""
    best = frontier(Draws.of(draws.fit), compute, factor)
    exists = np.isfinite(best.loss[0])
    if not np.any(exists):
        return
    loss, params, compute = best.loss[0, exists], best.params[0, exists], compute[exists]
    inputs = {
        "params": params,
        "tokens": compute / (np.broadcast_to(factor, exists.shape)[exists] * params),
    }
    low, high = None, None
    if along == "compute_flops":
        low, high = _spread(frontier(draws, compute, usual(factor)).loss)
    distance = Region.of(draws.fit).distance(inputs)
    curve = Curve(inputs | {"compute_flops": compute}, loss, low, high, distance).within(_BEYOND)
    label = "compute-optimal" + _unusual(usual(factor))
    style.line(axes, curve, along, style.INK, linewidth=2.0, label=label, zorder=3.5)


def _spread(found: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the band of a frontier over draws, some of which may have none at some budgets."""
    known = np.mean(np.isfinite(found), axis=0) > _KNOWN
    low, high = band(np.where(known, found, 0.0), LEVEL)
    if low is None or high is None:
        return None, None
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def usual(factor: np.ndarray | float) -> float:
    """Return the middle of the FLOP per parameter and token."""
    return float(np.median(factor))


def _compute_label(fit: Fit) -> str:
    if "compute_flops" in fit.runs:
        return axis_label(fit.law, "compute_flops")
    return "training compute 6·N·D (FLOP)"


def _unusual(factor: float) -> str:
    """Return a remark for a legend if compute is not 6 FLOP per parameter and token."""
    return "" if abs(factor / 6.0 - 1.0) < _PLAIN else f" (C = {factor:.3g}·N·D)"


# Loss against size, a curve for each budget


def _isoflop(
    axes: Axes, draws: Draws, found: Levels, compute: np.ndarray, factor: np.ndarray
) -> None:
    fit = draws.fit
    sizes, loss = np.asarray(fit.runs["params"]), np.asarray(fit.runs[fit.law.output.column])
    style.scale_axis(axes, "x", log=True)
    style.scale_axis(axes, "y", log_output(fit))
    at_budget = found.member >= 0
    shades = Shades(compute[at_budget], Levels(found.values, found.member[at_budget]))
    region = Region.of(fit)
    factors = np.array([np.median(factor[found.member == k]) for k in range(len(found))])
    style.points(axes, sizes[at_budget], loss[at_budget], color=shades(compute[at_budget]))
    for k, budget in enumerate(found.values):
        params = Span.of(sizes[found.member == k]).grid(_POINTS, _REACH, _REACH)
        path = {"params": params, "tokens": budget / (factors[k] * params)}
        curve = follow(draws, region, path).within(_REACH)
        style.line(
            axes, curve, "params", shades(budget), linewidth=1.2, label=f"_compute_flops {budget:g}"
        )  # fmt: skip
    _draw_frontier(axes, draws, found.values, factors, "params")
    _mark_optima(axes, draws, found.values, factors)
    axes.set_xlabel(axis_label(fit.law, "params"))
    aside = int(np.sum(~at_budget))
    more = [f"{aside} runs at other", "budgets not shown"] if aside else []
    style.key(axes, "\n".join([_compute_label(fit), *more]), shades.entries(digits=2))


def _mark_optima(axes: Axes, draws: Draws, compute: np.ndarray, factor: np.ndarray) -> None:
    """Mark the lowest point of each budget's curve, with the interval of its size over draws."""
    best = frontier(Draws.of(draws.fit), compute, factor)
    axes.plot(
        best.params[0], best.loss[0], "D", color=style.INK, markersize=5.5, zorder=5,
        markeredgecolor="white", markeredgewidth=0.8, label="_optima",
    )  # fmt: skip
    low, high = _spread(frontier(draws, compute, factor).params)
    if low is not None and high is not None:
        axes.hlines(
            best.loss[0], low, high, color=style.INK, linewidth=1.0, zorder=4, label="_intervals"
        )
