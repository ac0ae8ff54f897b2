"""Sums over the ranks of a Zipf law, as many as there are tokens in the world, with derivatives.

    sum_i w(i),   i = 1 .. 1e12,   w smooth in log i but for one rank where a tail may be cut

The first ranks are added one by one. The others are integrated over log i by Gauss-Legendre rules
on both sides of the cut, each rank being the interval of length one around it (relative error
below 1e-6, from the second derivative).
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

RANKS = 1e12
_FIRST = 256  # ranks added one by one
_LOG_FIRST = float(np.log(_FIRST + 0.5))
_LOG_LAST = float(np.log(RANKS + 0.5))
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


@dataclass(frozen=True)
class Ranks:
    """Nodes of the sum, on the last axis.

    Attributes:
        log_rank: Logarithm of the rank.
        weight: Number of ranks that the node stands for.
        kept: Share of them before the cut.
    """

    log_rank: jax.Array
    weight: jax.Array
    kept: jax.Array

    def sum(self, values: Any) -> jax.Array:
        """Return the sum of values at the nodes over all ranks."""
        return jnp.sum(self.weight * values, -1)

    def probabilities(self, beta: Any, within: Any = 1.0) -> jax.Array:
        """Return ``i**-beta`` normalised over the ranks, or over a share of each node's ranks."""
        values = jnp.exp(-jnp.asarray(beta)[..., None] * self.log_rank)
        return values / self.sum(within * values)[..., None]


def ranks(cut: Any = RANKS) -> Ranks:
    """Return the nodes of a sum over all ranks whose terms may jump after the rank `cut`.

    Example:
        >>> import numpy as np
        >>> nodes = ranks()
        >>> round(float(nodes.sum(np.exp(-2.0 * nodes.log_rank))), 5)  # pi**2 / 6
        1.64493
    """
    cut = jnp.clip(jnp.asarray(cut)[..., None], 1.0, RANKS)
    first = jnp.arange(1.0, _FIRST + 1.0, dtype=cut.dtype)
    edge = jnp.clip(jnp.log(cut + 0.5), _LOG_FIRST, _LOG_LAST)
    inner, inner_weight = _rule(_LOG_FIRST, edge)
    outer, outer_weight = _rule(edge, _LOG_LAST)
    # A cut between two ranks keeps a part of the one after it, so that sums are continuous in it.
    parts = (
        (jnp.log(first), jnp.ones_like(first), jnp.clip(cut - first + 1.0, 0.0, 1.0)),
        (inner, inner_weight, jnp.ones_like(inner)),
        (outer, outer_weight, jnp.zeros_like(outer)),
    )
    shape = cut.shape[:-1]
    joined = [
        jnp.concatenate([jnp.broadcast_to(x, (*shape, x.shape[-1])) for x in column], -1)
        for column in zip(*parts, strict=True)
    ]
    return Ranks(*joined)


def _rule(low: Any, high: Any) -> tuple[jax.Array, jax.Array]:
    """Return nodes between two log ranks and the number of ranks that each one stands for."""
    half_width = 0.5 * (high - low)
    # In the caller's precision: a constant in float64 would not follow float32.
    rule = jnp.asarray(_NODES, half_width.dtype), jnp.asarray(_WEIGHTS, half_width.dtype)
    nodes = low + half_width * (1.0 + rule[0])
    return nodes, half_width * rule[1] * jnp.exp(nodes)
