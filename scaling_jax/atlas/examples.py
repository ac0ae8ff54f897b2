"""Where a law is looked at: its members, coefficients for each, and points of the usual domain."""

import math
from dataclasses import dataclass

import jax
import numpy as np

from scaling_jax.errors import LawError
from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.laws import Law, Variable, get
from scaling_jax.laws.parts import REAL_LINE

_DECADE = 10.0  # a range wider than this is walked in logarithms
# Where in the box of starts a coefficient lies, in turn: apart from each other, so that no two
# exponents are equal, and for real numbers away from the middle, where the input would not count.
_SHARES, _REAL_SHARES = (0.55, 0.45, 0.6, 0.4, 0.5), (0.8, 0.25, 0.65, 0.35)
_TYPICAL_LOSS = 3.0  # nats per token; the usual range of a loss is that of all numbers that pass
_CROWD = 20_000  # mixtures drawn to find some within the usual proportions


@dataclass(frozen=True, eq=False)
class Example:
    """A law with coefficients that it is evaluated at.

    Attributes:
        law: The law, or the member of a family.
        estimate: Name of the published estimate; empty for coefficients that nobody published.
        theta: Value of each parameter, for raw columns.
    """

    law: Law
    estimate: str
    theta: dict[str, float]


def members(name: str) -> list[Law]:
    """Return a law, or of a family the default member and those that estimates are for.

    Example:
        >>> [law.label for law in members("bnsl")][0]
        'bnsl(breaks=1, x=tokens, output=loss)'
    """
    default = get(name)
    found = dict.fromkeys([default, *(e.law for e in default.published().values())])
    return list(found)


def examples(law: Law) -> list[Example]:
    """Return the law at each complete published estimate; at generic coefficients if none is.

    Example:
        >>> import scaling_jax as sj
        >>> examples(sj.laws.get("chinchilla"))[0].estimate
        'hoffmann'
    """
    published = [
        Example(law, estimate.name, estimate.params)
        for estimate in law.published().values()
        if estimate.law == law and not estimate.missing
    ]
    return published or [Example(law, "", generic(law))]


def generic(law: Law) -> dict[str, float]:
    """Return coefficients amid the starts of a fit to data spread over the usual domain.

    Example:
        >>> import scaling_jax as sj
        >>> law = sj.laws.get("chinchilla")
        >>> 0.1 < float(law(generic(law), dict(params=1e9, tokens=1e11))) < 10.0
        True
    """
    logs = {v.column: _log_centre(v) for v in (*law.inputs, law.output)}
    if law.output.column == "loss":
        logs["loss"] = math.log(_TYPICAL_LOSS)
    coordinates = Coordinates(law)
    low, high = coordinates.box()
    kinds = [_REAL_SHARES if p.bounds == REAL_LINE else _SHARES for p in coordinates.free]
    share = np.array([kind[k % len(kind)] for k, kind in enumerate(kinds)])
    with jax.enable_x64(True):
        theta = coordinates.to_natural(low + share * (high - low), logs)
        return {name: float(value) for name, value in theta.items()}


def usual(variable: Variable) -> tuple[float, float]:
    """Return the range of an input that its publication covers.

    Raises:
        LawError: The variable declares none.
    """
    if variable.usual is None:
        raise LawError(f"{variable.column} has no usual range; declare Variable(..., usual=)")
    return variable.usual


def in_decades(variable: Variable) -> bool:
    """Whether the usual range of an input is walked in logarithms."""
    low, high = usual(variable)
    return low > 0.0 and high / low >= _DECADE


def steps(variable: Variable, count: int) -> np.ndarray:
    """Return values from end to end of an input's usual range ``[count]``."""
    spaced = np.geomspace if in_decades(variable) else np.linspace
    return spaced(*usual(variable), count)


def usual_points(law: Law, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Return points spread over the usual domain, its corners first, in float64.

    Args:
        law: The law.
        count: Number of points.
        seed: Of the points between the corners.

    Returns:
        Values of each input ``[count]``; proportions sum to one.
    """
    rng = np.random.default_rng(seed)
    free = [v for v in law.inputs if v.column not in law.simplex]
    unit = rng.uniform(size=(count, len(free)))
    corners = np.arange(min(2 ** len(free), count // 2))
    unit[: len(corners)] = corners[:, None] >> np.arange(len(free)) & 1
    points = {v.column: _within(v, unit[:, k]) for k, v in enumerate(free)}
    if law.simplex:
        points |= _mixtures(law, count, rng)
    return {v.column: points[v.column] for v in law.inputs}


def usual_runs(law: Law, count: int, points: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Return whole runs of a law over schedules: a warm-up, then a cosine to a tenth.

    Args:
        law: A law with a `curve`.
        count: Number of runs.
        points: Recorded points of each.
        seed: Of the peaks and lengths.

    Returns:
        Values of each input ``[count, points]``.
    """
    rng = np.random.default_rng(seed)
    each = {v.column: _within(v, rng.uniform(0.2, 0.8, count)) for v in law.inputs}
    length = np.maximum(np.ceil(each["step"]), 10.0 * points)[:, None]
    step = np.ceil(length * np.linspace(1.0 / points, 1.0, points))
    runs = {column: np.repeat(value[:, None], points, axis=1) for column, value in each.items()}
    runs["step"] = step
    runs["learning_rate"] = runs["learning_rate"] * cosine(step / length)
    if "warmup_steps" in runs:
        runs["warmup_steps"] = np.minimum(np.floor(runs["warmup_steps"]), step[:, :1] / 2.0)
    return runs


def cosine(progress: np.ndarray) -> np.ndarray:
    """Return a learning rate that falls from its peak, 1, to a tenth of it."""
    return 0.55 + 0.45 * np.cos(np.pi * progress)


def _within(variable: Variable, share: np.ndarray) -> np.ndarray:
    low, high = usual(variable)
    if in_decades(variable):
        return np.clip(low * (high / low) ** share, low, high)
    return low + (high - low) * share


def _mixtures(law: Law, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    ranges = np.array([usual(v) for v in law.inputs if v.column in law.simplex])
    drawn = rng.dirichlet(np.ones(len(ranges)), _CROWD)
    kept = drawn[np.all((ranges[:, 0] <= drawn) & (drawn <= ranges[:, 1]), axis=1)][:count]
    if not len(kept):
        kept = np.full((1, len(ranges)), 1.0 / len(ranges))
    shares = kept[np.arange(count) % len(kept)].T
    return dict(zip(law.simplex, shares, strict=True))


def _log_centre(variable: Variable) -> float:
    """Return the logarithm of the middle of the usual range; 0 where there is no scale."""
    if variable.usual is None:
        return 0.0
    low, high = variable.usual
    centre = np.sqrt(low * high) if low > 0.0 else 0.5 * (low + high)
    return float(np.log(centre)) if centre > 0.0 else 0.0
