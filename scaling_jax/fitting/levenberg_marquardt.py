"""Levenberg-Marquardt for many lanes at once, as an Optax transformation.

The caller evaluates objective, gradient and Gauss-Newton matrix at the trial point and hands
all three to `update`; a lane whose trial is worse goes back to its last accepted point and
tries a shorter step. One evaluation a step, decreases only, every lane with its own damping.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

_START_DAMPING = 1e-2
_LOWEST_DAMPING = 1e-12
_HIGHEST_DAMPING = 1e12
_LONGEST_STEP = 2.0  # in any coordinate; coordinates are logarithms or of order one


class LevenbergMarquardtState(NamedTuple):
    """The last accepted point of every lane and what is known there.

    Attributes:
        point: ``[p, l]``.
        value: Objective ``[l]``; infinite before the first finite evaluation.
        gradient: ``[p, l]``.
        matrix: Gauss-Newton matrix ``[p, p, l]``.
        damping: ``[l]``.
        predicted: Decrease that the quadratic model promises for the step taken ``[l]``; infinite
            before the first step and where none can be computed.
    """

    point: jax.Array
    value: jax.Array
    gradient: jax.Array
    matrix: jax.Array
    damping: jax.Array
    predicted: jax.Array


def initial_state(point: jax.Array) -> LevenbergMarquardtState:
    """Return the state of lanes at `point` ``[p, l]`` of which nothing is known yet."""
    p, lanes = point.shape
    dtype = point.dtype
    return LevenbergMarquardtState(
        point=point,
        value=jnp.full(lanes, jnp.inf, dtype),
        gradient=jnp.zeros_like(point),
        matrix=jnp.zeros((p, p, lanes), dtype),
        damping=jnp.full(lanes, _START_DAMPING, dtype),
        predicted=jnp.full(lanes, jnp.inf, dtype),
    )


def levenberg_marquardt() -> optax.GradientTransformationExtraArgs:
    """Return the transformation; `update` needs `value` and `matrix` beside the gradient.

    Updates and parameters are arrays ``[p, l]`` (lanes last). It composes with `optax.chain`.

    Reference: Nocedal and Wright, Numerical Optimization, section 10.3; damping scaled by the
    diagonal (Marquardt 1963), which makes the steps invariant to the units of parameters.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> optimizer = levenberg_marquardt()
        >>> x = jnp.array([[3.0]])
        >>> state = optimizer.init(x)
        >>> for _ in range(20):
        ...     value, grad, matrix = 0.5 * x[0] ** 2, x, jnp.ones((1, 1, 1))
        ...     updates, state = optimizer.update(grad, state, x, value=value, matrix=matrix)
        ...     x = optax.apply_updates(x, updates)
        >>> bool(abs(state.point[0, 0]) < 1e-6)
        True
    """

    def init(params):
        return initial_state(params)

    def update(updates, state, params=None, **extra):
        if params is None:
            raise ValueError("levenberg_marquardt needs the current `params`")
        return _advance(updates, state, params, **extra)

    return optax.GradientTransformationExtraArgs(init, update)


def _advance(
    gradient: jax.Array,
    state: LevenbergMarquardtState,
    trial: jax.Array,
    *,
    value: jax.Array,
    matrix: jax.Array,
    **extra: Any,
) -> tuple[jax.Array, LevenbergMarquardtState]:
    """Accept or refuse `trial`, and return the way to the next one and the state."""
    del extra
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient), axis=0)
    accept = finite & (value < state.value)
    point = jnp.where(accept, trial, state.point)
    gradient = jnp.where(accept, gradient, state.gradient)
    matrix = jnp.where(accept, matrix, state.matrix)
    damping = _next_damping(state, value, accept)
    step = damped_step(matrix, gradient, damping)
    # A system that rounding made singular gives no step, and must not pass for convergence.
    failed = ~jnp.any(step != 0.0, axis=0) & jnp.any(gradient != 0.0, axis=0)
    new = LevenbergMarquardtState(
        point=point,
        value=jnp.where(accept, value, state.value),
        gradient=gradient,
        matrix=matrix,
        damping=damping,
        predicted=jnp.where(failed, jnp.inf, predicted_decrease(matrix, gradient, step)),
    )
    return point + step - trial, new


def _next_damping(state: LevenbergMarquardtState, value: jax.Array, accept: jax.Array):
    """Relax where the quadratic model was right, tighten where it was not."""
    gain = (state.value - value) / jnp.maximum(state.predicted, jnp.finfo(value.dtype).tiny)
    first = jnp.isinf(state.value)
    factor = jnp.where(gain > 0.75, 0.2, jnp.where(gain < 0.25, 2.0, 1.0))
    factor = jnp.where(accept, jnp.where(first, 1.0, factor), 4.0)
    return jnp.clip(state.damping * factor, _LOWEST_DAMPING, _HIGHEST_DAMPING)


def damped_step(matrix: jax.Array, gradient: jax.Array, damping: jax.Array) -> jax.Array:
    """Solve (H + damping * diag(H)) s = -g for every lane; ``[p, l]``."""
    p = matrix.shape[0]
    diagonal = jnp.stack([matrix[k, k] for k in range(p)])
    # A column of zeros (a parameter without any effect here) would make the system singular.
    floor = jnp.finfo(matrix.dtype).eps * jnp.max(diagonal, axis=0) + jnp.finfo(matrix.dtype).tiny
    ridge = damping * jnp.maximum(diagonal, floor) + floor
    step = -_solve(matrix + jnp.eye(p, dtype=matrix.dtype)[:, :, None] * ridge[None], gradient)
    step = jnp.where(jnp.all(jnp.isfinite(step), axis=0), step, 0.0)
    # Shorten as a whole, so that the step stays a descent direction.
    longest = jnp.max(jnp.abs(step), axis=0)
    return step * jnp.minimum(1.0, _LONGEST_STEP / jnp.maximum(longest, _LONGEST_STEP))


def predicted_decrease(matrix: jax.Array, gradient: jax.Array, step: jax.Array) -> jax.Array:
    """Return the decrease of the quadratic model along `step` ``[l]``."""
    curved = jnp.sum(matrix * step[None], axis=1)
    return -jnp.sum(step * (gradient + 0.5 * curved), axis=0)


def _solve(matrix: jax.Array, rhs: jax.Array) -> jax.Array:
    """Solve p x p systems by Gauss-Jordan elimination, unrolled over p, elementwise over lanes.

    XLA's batched factorisations want lanes first and call LAPACK once a lane; p is about five.
    Positive definite matrices need no pivoting, and few operations compile quickly.
    """
    p = matrix.shape[0]
    tiny = jnp.finfo(matrix.dtype).tiny
    table = jnp.concatenate([matrix, rhs[:, None]], axis=1)  # [p, p + 1, l]
    for k in range(p):
        row = table[k] / jnp.maximum(table[k, k], tiny)
        mine = (jnp.arange(p) == k)[:, None, None]
        table = jnp.where(mine, row, table - table[:, k, None] * row)
    return table[:, p]
