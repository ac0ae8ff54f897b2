"""Pruning the training data of a perceptron: theory of the best student of a perfect teacher.

A max-margin student learns from examples x with Gaussian entries, labelled by a teacher T. Of the
examples, the fraction f with the smallest |T.x| is kept (the hard ones), or with the largest. In
the variables q = R / s and x = kappa / s, with overlap R = cos(pi * eps), s = sin(pi * eps) and
margin kappa, the two self-consistent equations of the publication become

    1 = ap * <Q(x - q h)>,    q = ap * <h G(x - q h) + q Phi(x - q h)>,

averages over h = |T.x| of the kept examples, with G(y) = y Phi(y) + phi(y) and Q(y) = Phi(y) +
y G(y): the integrals over the student's field are done. The second average is a boundary term.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.scipy.special import erfc, ndtri

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.registry import protocol

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_FAR = 9.0  # standard deviations beyond which a Gaussian holds nothing
_LOG_Q = (-12.0, 25.0)  # errors from 0.5 - 2e-6 to 5e-12
_HALVINGS, _STEPS = 32, 12  # of the bracket of log q; of Newton's method for x within each


@protocol("data_pruning_perceptron")
def perceptron_error(examples_per_param: Any, kept: Any = 1.0, *, keep: str = "hard") -> jax.Array:
    """Return the generalisation error of a max-margin perceptron on pruned data.

    Differentiable in both arguments. Errors below 1e-7 need float64.

    Args:
        examples_per_param: Kept examples over dimensions, ap = f * P / N.
        kept: Fraction f of the examples that is kept, within (0, 1]; 1: all of them.
        keep: ``"hard"`` examples, near the teacher's boundary, or ``"easy"`` ones, far from it.

    Raises:
        ProtocolError: An argument out of its range.

    Example:
        >>> round(float(perceptron_error(2.0)), 3)
        0.188

    Reference:
        Sorscher et al., arXiv:2206.14486, for a perfect probe.
    """
    if keep not in ("hard", "easy"):
        raise ProtocolError(f"keep the 'hard' or the 'easy' examples, not {keep!r}")
    _check_ranges(examples_per_param, kept)
    ap, f = jnp.broadcast_arrays(jnp.asarray(examples_per_param, float), jnp.asarray(kept, float))
    return _error(ap, f, easy=keep == "easy")


def pareto_error(examples_per_param: Any, fractions: Any = None) -> tuple[jax.Array, jax.Array]:
    """Return the smallest error over the fraction of hard examples kept, and that fraction.

    As ap examples are kept of ap / f, a small fraction needs a large pool. Beyond ap = 2, the
    capacity of a perceptron, the smallest fraction offered is the best: examples next to the
    teacher's boundary leave room for the teacher alone, and the error falls with f itself.

    Args:
        examples_per_param: Kept examples over dimensions ``[points]``.
        fractions: Fractions to choose from; by default 60 from 0.01 to 1.

    Example:
        >>> import numpy as np
        >>> error, kept = pareto_error(np.array([2.0, 4.0]))
        >>> [round(float(f), 2) for f in kept]
        [0.01, 0.01]
    """
    fractions = jnp.geomspace(0.01, 1.0, 60) if fractions is None else jnp.asarray(fractions)
    error = perceptron_error(jnp.asarray(examples_per_param)[..., None], fractions)
    best = jnp.argmin(error, -1)
    return jnp.min(error, -1), fractions[best]


def _check_ranges(examples_per_param: Any, kept: Any) -> None:
    for value, name, high in (
        (examples_per_param, "examples_per_param", np.inf),
        (kept, "kept", 1.0),
    ):
        if isinstance(value, Tracer):
            continue
        values = np.asarray(value, np.float64).ravel()
        bad = values[~((values > 0.0) & (values <= high) & np.isfinite(values))]
        if bad.size:
            limit = "a positive number" if high == np.inf else "within (0, 1]"
            raise ProtocolError(f"{name} is {limit}, not {bad[0]:g}; correct the value")


@functools.partial(jax.jit, static_argnames="easy")
def _error(ap: jax.Array, f: jax.Array, easy: bool) -> jax.Array:
    nearest, farthest = _kept_fields(f, easy)
    _, q = _solve(2.0 * ap / f, nearest, farthest)
    return jnp.arctan(1.0 / q) / jnp.pi


def _kept_fields(f: jax.Array, easy: bool) -> tuple[jax.Array, jax.Array]:
    """Return the smallest and the largest h of the kept examples."""
    if easy:
        nearest = -ndtri(0.5 * f)
        return nearest, nearest + _FAR
    tiny = jnp.finfo(f.dtype).tiny
    return jnp.zeros_like(f), jnp.minimum(-ndtri(jnp.maximum(0.5 * (1.0 - f), tiny)), _FAR)


@jax.custom_jvp
def _solve(density, nearest, farthest):
    """Return x and q: halving for q, Newton's method for x at each, one step for both at the end.

    Args:
        density: Examples at the boundary, 2 ap / f.
        nearest: Smallest field h of the kept examples.
        farthest: Largest one.
    """
    kept = (density, nearest, farthest)

    def halve(_, bracket):
        low, high = bracket
        middle = 0.5 * (low + high)
        q = jnp.exp(middle)
        too_small = _equations(_margin(q, *kept), q, *kept)[1] > 0.0
        return jnp.where(too_small, middle, low), jnp.where(too_small, high, middle)

    low, high = (jnp.full_like(density, end) for end in _LOG_Q)
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))
    q = jnp.exp(0.5 * (low + high))
    x = _margin(q, *kept)
    by_x, by_q = _newton(x, q, kept, _equations(x, q, *kept))
    return x - by_x, q - by_q


@_solve.defjvp
def _implicit_function(kept, tangents):
    """Return x and q with the derivatives that keep both equations true."""
    x, q = _solve(*kept)
    _, change = jax.jvp(lambda *kept: _equations(x, q, *kept), kept, tangents)
    by_x, by_q = _newton(x, q, kept, change)
    return (x, q), (-by_x, -by_q)


def _newton(x, q, kept, value):
    """Return the matrix of derivatives by x and q, inverted, times a value of the equations."""
    one, zero = jnp.ones_like(x), jnp.zeros_like(x)
    _, (a, c) = jax.jvp(lambda x, q: _equations(x, q, *kept), (x, q), (one, zero))
    _, (b, d) = jax.jvp(lambda x, q: _equations(x, q, *kept), (x, q), (zero, one))
    determinant = a * d - b * c
    return (d * value[0] - b * value[1]) / determinant, (a * value[1] - c * value[0]) / determinant


def _margin(q, density, nearest, farthest):
    """Return x with ap * <Q(x - q h)> = 1, by Newton's method on the square root of the left."""
    # Q(y) > y**2 / 2 for y > 0: so far beyond the farthest field the left side is above one.
    share = 0.5 * (erfc(nearest / math.sqrt(2.0)) - erfc(farthest / math.sqrt(2.0)))
    start = q * farthest + jnp.sqrt(2.0 / (density * share))

    def step(_, x):
        (value, _), (slope, _) = jax.jvp(
            lambda x: _equations(x, q, density, nearest, farthest), (x,), (jnp.ones_like(x),)
        )
        level = value + 1.0  # quadratic in a large x: its root is nearly linear
        return x - 2.0 * (level - jnp.sqrt(level)) / jnp.maximum(slope, jnp.finfo(x.dtype).tiny)

    return jax.lax.fori_loop(0, _STEPS, step, start)


def _equations(x, q, density, nearest, farthest):
    """Return ``ap <Q> - 1`` and ``ap <h G + q Phi> - q`` over the kept examples."""
    # Q falls to nothing within 1/q after its turn at h = x/q.
    turn = jnp.clip(x / q, nearest, farthest)
    end = jnp.minimum(farthest, turn + _FAR / q)
    panels = [_panel(nearest, turn), _panel(turn, end)]
    ends = jnp.stack([nearest, farthest], -1)
    h = jnp.concatenate([*(nodes for nodes, _ in panels), ends], -1)
    weights = jnp.concatenate([weights for _, weights in panels], -1)
    y = x[..., None] - q[..., None] * h
    phi = 0.5 * erfc(-y / math.sqrt(2.0))
    g = y * phi + _normal(y)
    first = jnp.sum(weights * (_normal(h) * (phi + y * g))[..., :-2], -1)
    boundary = (_normal(ends) * g[..., -2:]) @ jnp.array([1.0, -1.0], g.dtype)
    return density * first - 1.0, density * boundary - q


def _panel(low, high):
    """Return nodes and weights of an integral over h, on a new last axis."""
    half_width = 0.5 * (high - low)[..., None]
    nodes, weights = (jnp.asarray(rule, half_width.dtype) for rule in (_NODES, _WEIGHTS))
    return low[..., None] + half_width * (1.0 + nodes), half_width * weights


def _normal(y):
    return jnp.exp(-0.5 * y * y) / math.sqrt(2.0 * math.pi)
