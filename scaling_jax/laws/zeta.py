"""The Hurwitz zeta function with derivatives in both arguments, by the Euler-Maclaurin formula."""

from typing import Any

import jax
import jax.numpy as jnp

_SUMMED = 12  # terms that are added up before the asymptotic series
_BERNOULLI = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600)  # B_2j / (2j)!


def hurwitz_zeta(s: Any, q: Any = 1.0) -> jax.Array:
    """Return the sum over k >= 0 of (q + k)**-s, for s > 1 and q > 0.

    `jax.scipy.special.zeta` has the same values but no derivative in s.

    Example:
        >>> round(float(hurwitz_zeta(2.0)), 5)
        1.64493
    """
    s, q = jnp.asarray(s), jnp.asarray(q)
    head = sum(jnp.exp(-s * jnp.log(q + k)) for k in range(_SUMMED))
    x = q + _SUMMED
    last = jnp.exp(-s * jnp.log(x))
    tail = last * x / (s - 1.0) + 0.5 * last
    rising, scale = s, last / x
    for j, factor in enumerate(_BERNOULLI):
        tail = tail + factor * rising * scale
        rising = rising * (s + 2 * j + 1) * (s + 2 * j + 2)
        scale = scale / (x * x)
    return head + tail
