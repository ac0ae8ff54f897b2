"""A mixture-of-experts feed-forward layer: each token passes the experts its router ranks first.

Experts have room for a fixed number of tokens, so that shapes are known; tokens queue by choice and
place, and those that find no room pass by on the residual stream (Fedus et al. 2021,
arXiv:2101.03961, Sec. 2.2).
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from scaling_jax.ladder.recipe import Recipe
from scaling_jax.ladder.transformer import activate, matrix

_BALANCE = 1e-2  # weight of the load-balancing loss (arXiv:2101.03961, Eq. 4)
_ROUTER_Z = 1e-3  # weight of the router's z-loss (arXiv:2202.08906, Eq. 5)


class Experts(nnx.Module):
    """Feed-forward networks of which each token passes `active_experts`."""

    def __init__(self, recipe: Recipe, *, rngs: nnx.Rngs):
        experts, width, hidden = recipe.experts, recipe.width, recipe.hidden_width
        gated = 2 if recipe.feedforward == "swiglu" else 1
        self.recipe = recipe
        self.router = matrix(rngs.params(), recipe, (width, experts))
        self.inputs = matrix(rngs.params(), recipe, (experts, width, gated * hidden))
        gain = (2 * recipe.depth) ** -0.5
        self.output = matrix(rngs.params(), recipe, (experts, hidden, width), gain=gain)
        self.activation = partial(activate, recipe.feedforward)

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return what the experts add ``[rows, width]``, and the router's penalty."""
        recipe, rows = self.recipe, len(x)
        logits = x.astype(jnp.float32) @ self.router[...]
        chances = jax.nn.softmax(logits)
        shares, chosen = jax.lax.top_k(chances, recipe.active_experts)
        shares = shares / jnp.sum(shares, axis=-1, keepdims=True)
        room = math.ceil(rows * recipe.active_experts / recipe.experts * recipe.capacity)
        slots = slots_of(chosen, recipe.experts, room)
        passed = self._pass(x, slots, room)
        penalty = _BALANCE * imbalance(chances, chosen[:, 0])
        penalty += _ROUTER_Z * jnp.mean(jax.nn.logsumexp(logits, axis=-1) ** 2)
        return jnp.einsum("rkw,rk->rw", passed, shares.astype(x.dtype)), penalty

    def _pass(self, x: jax.Array, slots: jax.Array, room: int) -> jax.Array:
        """Send each row to its slots and back ``[rows, choices, width]``; zero without a slot."""
        experts, width = self.recipe.experts, x.shape[-1]
        rows = jnp.broadcast_to(jnp.arange(len(x))[:, None], slots.shape)
        # One slot more than there are takes all who found no room; an empty slot reads a zero row.
        table = jnp.full(experts * room + 1, len(x)).at[slots].set(rows)[:-1]
        filled = jnp.concatenate([x, jnp.zeros_like(x[:1])])[table].reshape(experts, room, width)
        hidden = jnp.einsum("erw,ewh->erh", filled, self.inputs[...].astype(x.dtype))
        output = self.output[...].astype(x.dtype)
        given = jnp.einsum("erh,ehw->erw", self.activation(hidden), output).reshape(-1, width)
        return jnp.concatenate([given, jnp.zeros_like(x[:1])])[slots]


def slots_of(chosen: jax.Array, experts: int, room: int) -> jax.Array:
    """Return the slot of every choice ``[rows, choices]``, or ``experts * room`` if there is none.

    Args:
        chosen: The experts each row wants, best first ``[rows, choices]``.
        experts: How many there are.
        room: Slots of each.

    Example:
        >>> slots_of(jnp.array([[0], [0], [1], [0]]), experts=2, room=2).tolist()
        [[0], [1], [2], [4]]
    """
    rows, choices = chosen.shape
    wanted = jax.nn.one_hot(chosen.T.reshape(-1), experts, dtype=jnp.int32)  # first choices first
    place = jnp.sum((jnp.cumsum(wanted, axis=0) - 1) * wanted, axis=-1)
    place = place.reshape(choices, rows).T
    return jnp.where(place < room, chosen * room + place, experts * room)


def imbalance(chances: jax.Array, first: jax.Array) -> jax.Array:
    """Return 1 where experts share the rows evenly, more where they do not."""
    experts = chances.shape[-1]
    load = jnp.mean(jax.nn.one_hot(first, experts), axis=0)
    return experts * jnp.sum(load * jnp.mean(chances, axis=0))
