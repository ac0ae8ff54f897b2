"""Farseer's differential piecewise fit: the data term from differences, then the rest.

L(N, D) = G(N) + B(N) * D**-A(N);   R_N(D) = L(N, D) - L(N, ratio * D) is free of G(N)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

_SAME = 0.02  # relative distance within which a run has ratio times the tokens of another
_ROUNDS = 2  # the publication takes one or two
_CANDIDATES = 60  # exponents tried before the best one is refined


@dataclass(frozen=True)
class PiecewiseFit:
    """A fit of Farseer's law in stages.

    Attributes:
        params: Coefficients of the law ``farseer``.
        sizes: Model sizes ``[sizes]`` with enough differences.
        exponents: A(N), the exponent of the data term of each size.
        amplitudes: B(N).
        levels: G(N), the loss with unlimited data.
    """

    params: dict[str, float]
    sizes: np.ndarray
    exponents: np.ndarray
    amplitudes: np.ndarray
    levels: np.ndarray


@dataclass(frozen=True)
class _Differences:
    """R_N(D) of every pair of runs whose tokens differ by the ratio."""

    size: np.ndarray
    tokens: np.ndarray
    drop: np.ndarray
    ratio: float


@protocol("farseer")
def differential_piecewise_fit(runs: RunTable, ratio: float = 2.0**0.5) -> PiecewiseFit:
    """Fit Farseer's law in three stages: exponents and amplitudes by size, their trends, the rest.

    Stage 1 regresses the logarithm of the differences on that of the tokens, size by size. Stage 2
    finds the trends of ln A and ln B, each linear in a power of size, by the exponents that leave
    the least squared error of all differences. Stage 3 does the same for what is left.

    Args:
        runs: Runs on a grid of params and tokens, tokens in steps of `ratio`.
        ratio: Ratio of tokens of which differences are taken (lambda).

    Raises:
        FitError: Fewer than three sizes have three differences, or the loss does not fall.

    Reference:
        Li et al. (2025), arXiv:2506.10972.
    """
    pairs = _differences(runs, ratio)
    sizes, exponents, amplitudes = _by_size(pairs)
    log_a, log_b = np.log(exponents), np.log(amplitudes)

    def squared_error(a: np.ndarray, b: np.ndarray) -> float:
        """Return the error of all differences from ln A and ln B of each pair's size."""
        power = np.exp(a)
        fitted = np.exp(b - power * np.log(pairs.tokens)) * (1.0 - ratio**-power)
        return float(np.sum((pairs.drop - fitted) ** 2))

    def trend(values: np.ndarray, exponent: float) -> np.ndarray:
        return _line(sizes, values, exponent)(pairs.size)

    beta = _best(lambda p: _misfit(sizes, log_b, -p))
    alpha = 0.0
    for _ in range(_ROUNDS):
        b = trend(log_b, -beta)
        alpha = _best(lambda p, b=b: squared_error(trend(log_a, p), b))
        a = trend(log_a, alpha)
        beta = _best(lambda p, a=a: squared_error(a, trend(log_b, -p)))
    a_line, b_line = _line(sizes, log_a, alpha), _line(sizes, log_b, -beta)
    levels = _levels(runs, sizes, a_line, b_line)
    gamma = _best(lambda p: _misfit(sizes, np.log(levels), p))
    g_line = _line(sizes, np.log(levels), gamma)
    params = {
        "a1": a_line.slope, "b1": a_line.offset, "alpha": alpha,
        "a2": b_line.slope, "b2": b_line.offset, "beta": -beta,
        "a3": g_line.slope, "b3": g_line.offset, "gamma": gamma,
    }  # fmt: skip
    return PiecewiseFit(params, sizes, exponents, amplitudes, levels)


def _differences(runs: RunTable, ratio: float) -> _Differences:
    found = []
    for size in np.unique(runs["params"]):
        here = runs.where(runs["params"] == size).sort("tokens")
        tokens, loss = here["tokens"], here["loss"]
        for k, more in enumerate(ratio * tokens):
            near = int(np.argmin(np.abs(np.log(tokens / more))))
            drop = loss[k] - loss[near]
            if abs(tokens[near] / more - 1.0) < _SAME and drop > 0.0:  # its logarithm is taken
                found.append((size, tokens[k], drop))
    size, tokens, drop = np.array(found).reshape(-1, 3).T
    return _Differences(size, tokens, drop, ratio)


def _by_size(pairs: _Differences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sizes with three differences or more, and their exponents and amplitudes."""
    found = []
    for size in np.unique(pairs.size):
        here = pairs.size == size
        if np.sum(here) >= 3:
            slope, offset = np.polyfit(np.log(pairs.tokens[here]), np.log(pairs.drop[here]), 1)
            found.append((size, -slope, np.exp(offset) / (1.0 - pairs.ratio**slope)))
    sizes, exponents, amplitudes = np.array(found).reshape(-1, 3).T
    if len(sizes) < 3:
        raise FitError(
            f"{len(sizes)} sizes have three pairs of runs whose tokens differ by a factor of "
            f"{pairs.ratio:.4g} and whose loss falls; three sizes are needed: give a grid of "
            "tokens in such steps, or its own ratio"
        )
    if np.any(exponents <= 0.0):
        raise FitError(
            f"the loss of the size {sizes[np.argmin(exponents)]:g} falls faster the more tokens "
            "it has seen; leave the size out"
        )
    return sizes, exponents, amplitudes


@dataclass(frozen=True)
class _Line:
    """A straight line in a power of size."""

    slope: float
    offset: float
    exponent: float

    def __call__(self, sizes: np.ndarray) -> np.ndarray:
        return self.slope * sizes**self.exponent + self.offset


def _line(sizes: np.ndarray, values: np.ndarray, exponent: float) -> _Line:
    x = (sizes / sizes[0]) ** exponent  # of order one, as the regression wants it
    slope, offset = np.polyfit(x, values, 1)
    return _Line(float(slope / sizes[0] ** exponent), float(offset), exponent)


def _misfit(sizes: np.ndarray, values: np.ndarray, exponent: float) -> float:
    return float(np.sum((values - _line(sizes, values, exponent)(sizes)) ** 2))


def _best(error: Callable[[float], float]) -> float:
    """Return the exponent in (0, 1) of the least error: a grid, then a search about its best."""
    from scipy.optimize import minimize_scalar

    tried = np.linspace(0.01, 0.99, _CANDIDATES)
    best = int(np.argmin([error(p) for p in tried]))
    bounds = tried[max(best - 1, 0)], tried[min(best + 1, _CANDIDATES - 1)]
    found = minimize_scalar(error, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    return float(found.x)


def _levels(runs: RunTable, sizes: np.ndarray, a_line: _Line, b_line: _Line) -> np.ndarray:
    """Return the mean over tokens of what the data term leaves of the loss, for each size."""
    data = np.exp(b_line(runs["params"]) - np.exp(a_line(runs["params"])) * np.log(runs["tokens"]))
    rest = runs["loss"] - data
    levels = np.array([rest[runs["params"] == size].mean() for size in sizes])
    if np.any(levels <= 0.0):
        raise FitError(
            f"the data term leaves {levels.min():g} of the loss of the size "
            f"{sizes[np.argmin(levels)]:g}; leave the size out, or check its losses"
        )
    return levels
