"""The functional forms that many laws share, written once and evaluated stably.

Powers are written as exp(exponent * log(x)). In the batch kernels x is one run's scalar and the
exponent a vector of thousands of fits, so the logarithm is taken once for all of them and no
general power is left.
"""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp


def power(x: Any, exponent: Any) -> jax.Array:
    """Return x**exponent for positive x.

    Example:
        >>> round(float(power(16.0, -0.5)), 6)
        0.25
    """
    return jnp.exp(exponent * jnp.log(x))


def power_from_zero(x: Any, exponent: Any) -> jax.Array:
    """Return x**exponent for x >= 0 and a positive exponent: zero at zero.

    All derivatives are finite. At zero, where the true slope of a power below one is infinite,
    they are zero, as is the derivative with respect to the logits of a proportion that vanishes.

    Example:
        >>> power_from_zero(jnp.array([0.0, 0.25]), 0.5).tolist()
        [0.0, 0.5]
    """
    x = jnp.asarray(x)
    positive = x > 0.0
    return jnp.where(positive, power(jnp.where(positive, x, 1.0), exponent), 0.0)


def power_with_floor(x: Any, *, floor: Any, amplitude: Any, exponent: Any) -> jax.Array:
    """Return floor + amplitude * x**exponent; the exponent carries its sign."""
    return floor + amplitude * power(x, exponent)


def log_scaled_power(x: Any, *, scale: Any, exponent: Any) -> jax.Array:
    """Return log((scale / x)**exponent), a straight line in log x."""
    return exponent * (jnp.log(scale) - jnp.log(x))


def log_sum_exp(first: Any, second: Any) -> jax.Array:
    """Return log(exp(first) + exp(second)) for numbers of any size.

    The larger one is taken out as a constant, which no derivative depends on: in the batch
    kernels this costs half of `jnp.logaddexp`, whose derivative has branches of its own.
    """
    largest = jnp.maximum(first, second)
    largest = jnp.maximum(largest, jnp.finfo(largest.dtype).min)  # both may be log 0
    largest = jax.lax.stop_gradient(largest)
    return largest + jnp.log(jnp.exp(first - largest) + jnp.exp(second - largest))


def log_coupled_powers(first: Any, second: Any, exponent: Any) -> jax.Array:
    """Return log((u + v)**exponent) from log u and log v.

    Neither u, v nor their sum is formed, so none can overflow or vanish: with exponents near 2
    and 1e16 tokens, v is below the smallest float32.
    """
    return exponent * log_sum_exp(first, second)


def log_broken_power(
    x: Any, *, amplitude: Any, slope: Any, breaks: Iterable[tuple[Any, Any, Any]]
) -> jax.Array:
    """Return the logarithm of amplitude * x**-slope with smooth changes of slope.

    Args:
        x: The scaled quantity, positive.
        amplitude: Value of the first segment at x = 1, positive.
        slope: Exponent of the first segment.
        breaks: (change of slope, location, smoothness) of each break.
    """
    log_x = jnp.log(x)
    value = jnp.log(amplitude) - slope * log_x
    for change, location, smoothness in breaks:
        # softplus, since (x / d)**(1 / f) overflows for sharp breaks: f = 0.05 is a 20th power.
        steps = (log_x - jnp.log(location)) / smoothness
        value = value - change * smoothness * jax.nn.softplus(steps)
    return value


def history_sum(
    term: Callable[..., jax.Array], history: Iterable[Any], parameters: Iterable[Any]
) -> jax.Array:
    """Return the sum of ``term(*history, *parameters)`` over the history.

    The history is put first, so that in the batch kernels the many fits stay on the contiguous
    axis and the sum needs no order of its own there.

    Args:
        term: Elementwise function.
        history: Arrays ``[..., h]`` with the steps before a point on the last axis.
        parameters: Arrays that broadcast with the points ``[...]``.
    """
    history, parameters = [jnp.asarray(x) for x in history], list(parameters)
    rank = max(*(jnp.ndim(x) for x in parameters), *(x.ndim - 1 for x in history))
    first = [jnp.moveaxis(x, -1, 0) for x in history]
    aligned = [x.reshape(x.shape[:1] + (1,) * (rank + 1 - x.ndim) + x.shape[1:]) for x in first]
    return jnp.sum(term(*aligned, *parameters), axis=0)
