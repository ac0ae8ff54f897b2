"""Ratios of Gamma functions of nearly equal arguments, without forming either one.

lgamma(1e4) is near 8e4, so that the difference of two of them has no digit left in float32. Here
only what differs is computed, by Stirling's series.
"""

from typing import Any

import jax
import jax.numpy as jnp

_SHIFT = 8  # above it the series below is exact in float64
# Stirling's corrections to lgamma(y) in odd powers of 1/y: B_2n / (2n (2n - 1)).
_CORRECTIONS = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)


def log_gamma_ratio(x: Any, step: Any) -> jax.Array:
    """Return log(Gamma(x + step) / Gamma(x)) for x > 0 and step >= 0.

    Args:
        x: Positive ``[...]``.
        step: Not negative ``[...]``.

    Example:
        >>> round(float(jnp.exp(log_gamma_ratio(3.0, 2.0))), 4)  # 3 * 4
        12.0
    """
    x, step = jnp.asarray(x), jnp.asarray(step)
    y = x + _SHIFT
    main = (y - 0.5) * jnp.log1p(step / y) + step * (jnp.log(y + step) - 1.0)
    shift = sum(jnp.log1p(step / (x + k)) for k in range(_SHIFT))
    return main + _correction(y + step) - _correction(y) - shift


def _correction(y: jax.Array) -> jax.Array:
    """Return lgamma(y) less the leading terms of Stirling's formula."""
    inverse = 1.0 / y
    square, value = inverse * inverse, jnp.zeros_like(inverse)
    for coefficient in reversed(_CORRECTIONS):
        value = value * square + coefficient
    return value * inverse


def log_mean_power(k: Any, first: Any, second: Any) -> jax.Array:
    """Return log E[q**k] for q ~ Beta(first, second).

    It is log(Gamma(first + k) Gamma(first + second) / (Gamma(first) Gamma(first + second + k))).

    Args:
        k: Power, not negative ``[...]``.
        first: Shape of the density near zero, q**(first - 1).
        second: Shape of the density near one, (1 - q)**(second - 1).

    Example:
        >>> round(float(jnp.exp(log_mean_power(1.0, 3.0, 1.0))), 4)
        0.75
    """
    first = jnp.asarray(first)
    return log_gamma_ratio(first, second) - log_gamma_ratio(first + k, second)
