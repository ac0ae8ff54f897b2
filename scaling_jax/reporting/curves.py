"""The numbers behind the lines: a law along a path of inputs, its band, and where data end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from scaling_jax.fitting.fit import Fit
from scaling_jax.runs import RunTable
from scaling_jax.support import Support
from scaling_jax.uncertainty.draws import Draws

LEVEL = 0.9  # share of the draws that a band holds
_DECADES_ASIDE = 2.0  # how far beyond the sizes of the runs a compute-optimal size is looked for
_SIZES = 240
_THINNED = 200  # draws for the frontier, which needs many sizes for each of them


@dataclass(frozen=True)
class Region:
    """The region that the runs of a fit cover, also in inputs that have no logarithm.

    Attributes:
        support: The region of the inputs that are positive; None if there are none.
        linear: The lowest and highest value of every other input.
    """

    support: Support | None
    linear: dict[str, tuple[float, float]]

    @classmethod
    def of(cls, fit: Fit) -> "Region":
        """Return the region of the runs of a fit."""
        columns = {name: np.asarray(fit.runs[name]) for name in fit.law.input_names}
        positive = tuple(name for name, column in columns.items() if np.all(column > 0.0))
        linear = {
            k: (float(v.min()), float(v.max())) for k, v in columns.items() if k not in positive
        }
        return cls(Support.of(fit.runs, positive) if positive else None, linear)

    def distance(self, path: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the distance of points ``[q]`` in decades, or in ranges where not logarithmic."""
        found = [np.zeros(np.shape(next(iter(path.values()))))]
        if self.support is not None:
            found.append(self.support.distance(dict(path)))
        for name, (low, high) in self.linear.items():
            away = np.maximum(low - path[name], path[name] - high)
            found.append(np.maximum(away, 0.0) / ((high - low) or 1.0))
        return np.max(found, axis=0)


@dataclass(frozen=True)
class Curve:
    """A law along a path of inputs.

    Attributes:
        inputs: The path ``[q]`` of every input.
        middle: The line itself ``[q]``: the fit's prediction, or the median over the draws.
        low: Lower end of the band ``[q]``; None for a single fit.
        high: Upper end of the band ``[q]``.
        distance: Decades to the region that the runs cover ``[q]``, 0 inside.
    """

    inputs: dict[str, np.ndarray]
    middle: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    distance: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """Where the path is within the region that the runs cover ``[q]``."""
        return self.distance <= 0.0

    def within(self, reach: float) -> "Curve":
        """Return the part of the path that is at most `reach` decades from the runs."""
        kept = self.distance <= max(reach, float(np.min(self.distance)))
        low = None if self.low is None else self.low[kept]
        high = None if self.high is None else self.high[kept]
        inputs = {name: column[kept] for name, column in self.inputs.items()}
        return Curve(inputs, self.middle[kept], low, high, self.distance[kept])


def values(draws: Draws, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the law's output ``[draws, ...]`` at inputs of shape ``[...]``."""
    with jax.enable_x64(True):
        columns = {name: np.asarray(column, np.float64)[None] for name, column in inputs.items()}
        rank = max(column.ndim for column in columns.values())
        theta = {k: v.reshape((-1,) + (1,) * (rank - 1)) for k, v in draws.params.items()}
        return np.asarray(draws.fit.law(theta, columns))


def follow(
    draws: Draws,
    region: Region,
    inputs: Mapping[str, Any],
    level: float = LEVEL,
    *,
    median: bool = False,
) -> Curve:
    """Return the law along a path with its band.

    Args:
        draws: The draws.
        region: The region of their fit.
        inputs: The path: numbers or arrays ``[q]``.
        level: Share of the draws that the band holds.
        median: Whether the line is the median over the draws, as predictions are, in place of
            the fit, which is what the runs and their residuals are compared with.
    """
    shape = np.broadcast_shapes(*(np.shape(column) for column in inputs.values()))
    path = {k: np.broadcast_to(np.asarray(v, float), shape) for k, v in inputs.items()}
    found = values(draws, path)
    middle = np.median(found, axis=0) if median else values(Draws.of(draws.fit), path)[0]
    return Curve(path, middle, *band(found, level), region.distance(path))


def band(found: np.ndarray, level: float) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the ends of the central interval over draws ``[draws, q]``; None for a single one."""
    if len(found) < 2:
        return None, None
    low, high = np.nanquantile(found, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    return low, high


@dataclass(frozen=True)
class Span:
    """The range of a column over the runs, and how to walk along it.

    Attributes:
        low: Smallest value.
        high: Largest value.
        log: Whether steps are taken in the logarithm: all values are positive.
    """

    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, column: np.ndarray) -> "Span":
        """Return the span of a column."""
        low, high = float(np.min(column)), float(np.max(column))
        return cls(low, high, low > 0.0)

    def grid(self, count: int, below: float = 0.0, above: float = 0.0) -> np.ndarray:
        """Return `count` values that reach beyond the ends by decades, or by ranges if not log."""
        if self.log:
            return np.geomspace(self.low * 10.0**-below, self.high * 10.0**above, count)
        width = (self.high - self.low) or 1.0
        return np.linspace(self.low - below * width, self.high + above * width, count)

    @property
    def centre(self) -> float:
        """The middle, geometric if `log`."""
        return float(np.sqrt(self.low * self.high)) if self.log else (self.low + self.high) / 2.0


@dataclass(frozen=True)
class Frontier:
    """The compute-optimal choice at several budgets.

    Attributes:
        compute: ``[budgets]``.
        params: Sizes ``[draws, budgets]``; NaN where the law has no optimum near the runs.
        loss: The law's output there ``[draws, budgets]``.
    """

    compute: np.ndarray
    params: np.ndarray
    loss: np.ndarray


def frontier(draws: Draws, compute: np.ndarray, factor: np.ndarray | float) -> Frontier:
    """Return the size with the lowest output at each budget, tokens = compute / (factor * size).

    Sizes within two decades of the runs' are searched; a lowest value at an end is no optimum.

    Args:
        draws: Draws of a law of params and tokens.
        compute: Budgets ``[budgets]``.
        factor: FLOP per parameter and token, one number or one a budget.
    """
    sizes = np.asarray(draws.fit.runs["params"])
    span = Span.of(sizes)
    logs = np.log(span.grid(_SIZES, _DECADES_ASIDE, _DECADES_ASIDE))
    params = np.exp(logs)
    tokens = (np.asarray(compute) / np.asarray(factor))[:, None] / params
    shape = (len(compute), _SIZES)
    found = values(thinned(draws), {"params": np.broadcast_to(params, shape), "tokens": tokens})
    return Frontier(np.asarray(compute), *_lowest_inside(logs, found))


def _lowest_inside(logs: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return place and value of the lowest interior minimum along the last axis, NaN if none."""
    before, here, after = found[..., :-2], found[..., 1:-1], found[..., 2:]
    valley = (here < before) & (here <= after)
    best = np.argmin(np.where(valley, here, np.inf), axis=-1)[..., None]
    left, middle, right = (np.take_along_axis(a, best, -1)[..., 0] for a in (before, here, after))
    # The parabola through the lowest point and its neighbours.
    with np.errstate(invalid="ignore", divide="ignore"):
        curvature = left - 2.0 * middle + right
        shift = 0.5 * (left - right) / curvature
        place = np.exp(logs[1:-1][best[..., 0]] + shift * (logs[1] - logs[0]))
        lowest = middle - 0.125 * (left - right) ** 2 / curvature
    exists = np.any(valley, axis=-1)
    return np.where(exists, place, np.nan), np.where(exists, lowest, np.nan)


def thinned(draws: Draws, most: int = _THINNED) -> Draws:
    """Return at most `most` of the draws, evenly chosen."""
    if draws.count <= most:
        return draws
    chosen = np.linspace(0, draws.count - 1, most).astype(int)
    return Draws({k: v[chosen] for k, v in draws.params.items()}, draws.fit, draws.method)


def compute_of(runs: RunTable) -> tuple[np.ndarray, np.ndarray]:
    """Return the runs' training compute and its FLOP per parameter and token, both ``[runs]``.

    The column compute_flops counts, if there is one; else compute is 6 * params * tokens.
    """
    product = np.asarray(runs["params"]) * np.asarray(runs["tokens"])
    if "compute_flops" in runs:
        compute = np.asarray(runs["compute_flops"])
        return compute, compute / product
    return 6.0 * product, np.full(len(runs), 6.0)


def edge(region: Region, inside: Mapping[str, float], outside: Mapping[str, float]) -> float:
    """Return the share of the way from a point inside to one outside at which the region ends."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2.0
        point = {k: np.array([v]) for k, v in part_way(inside, outside, middle).items()}
        low, high = (middle, high) if region.distance(point)[0] <= 0.0 else (low, middle)
    return high


def part_way(
    start: Mapping[str, float], end: Mapping[str, float], share: float
) -> dict[str, float]:
    """Return the point a share of the way between two, in the logarithm of what is positive.

    Example:
        >>> part_way({"params": 1e8}, {"params": 1e10}, 0.5)
        {'params': 1000000000.0}
    """
    point = {}
    for name, first in start.items():
        last = end[name]
        if first > 0.0 and last > 0.0:
            point[name] = first ** (1.0 - share) * last**share
        else:
            point[name] = (1.0 - share) * first + share * last
    return point
