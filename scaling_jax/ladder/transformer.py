"""A decoder-only transformer in Flax, with the scales of maximal-update parametrisation.

Hidden matrices start with variance 1 / inputs and learn at ``base_width / width`` of the learning
rate, the output is multiplied by the same ratio, attention scores are divided by the size of a
head and not its root; embeddings and gains learn at the full rate (arXiv:2203.03466, Table 8).
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from scaling_jax.ladder.attention import attend
from scaling_jax.ladder.model import Losses
from scaling_jax.ladder.recipe import Recipe
from scaling_jax.ladder.sharding import whole

_USUAL_HEAD = 16  # where dividing by the size of a head equals dividing by its root
_PERIOD = 10_000.0  # longest wavelength of the rotary positions, over 2 pi


def matrix(key: jax.Array, recipe: Recipe, shape: tuple[int, ...], *, gain: float = 1.0) -> Any:
    """Return a hidden matrix ``[..., inputs, outputs]`` with variance ``gain**2 / inputs``."""
    value = jax.random.normal(key, shape) * (gain / shape[-2] ** 0.5)
    return nnx.Param(value, rate=recipe.base_width / recipe.width, decays=True)


def normalise(x: jax.Array) -> jax.Array:
    """Divide each row by its root mean square, in float32.

    RMSNorm without gains: under maximal-update parametrisation, gains that learn spoil the
    transfer of learning rates (Lingle 2024, arXiv:2404.05728), and the next matrix can hold them.
    """
    wide = x.astype(jnp.float32)
    return (wide * jax.lax.rsqrt(jnp.mean(wide * wide, axis=-1, keepdims=True) + 1e-6)).astype(
        x.dtype
    )


class Attention(nnx.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, recipe: Recipe, *, rngs: nnx.Rngs):
        width = recipe.width
        self.recipe = recipe
        self.inputs = matrix(rngs.params(), recipe, (width, 3 * width))
        self.output = matrix(rngs.params(), recipe, (width, width), gain=(2 * recipe.depth) ** -0.5)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return ``[rows, width]``; rows are the tokens of one example after the other."""
        recipe = self.recipe
        split = x @ self.inputs[...].astype(x.dtype)
        split = split.reshape(-1, recipe.context, 3, recipe.heads, recipe.head_dim)
        query, key, value = (split[:, :, k] for k in range(3))
        scale = _USUAL_HEAD**0.5 / recipe.head_dim
        mixed: jax.Array = attend(rotate(query), rotate(key), value, scale)
        return mixed.reshape(x.shape) @ self.output[...].astype(x.dtype)


def rotate(x: jax.Array) -> jax.Array:
    """Turn pairs of ``x[examples, tokens, heads, head]`` by angles that grow with position.

    Su et al. 2021, arXiv:2104.09864, Eq. 34, with the pairs a half head apart.
    """
    tokens, half = x.shape[1], x.shape[-1] // 2
    rates = _PERIOD ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angles = jnp.arange(tokens, dtype=jnp.float32)[:, None, None] * rates
    cos, sin = jnp.cos(angles).astype(x.dtype), jnp.sin(angles).astype(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


class FeedForward(nnx.Module):
    """SwiGLU (Shazeer 2020, arXiv:2002.05202) or GELU."""

    def __init__(self, recipe: Recipe, *, rngs: nnx.Rngs):
        gated = 2 if recipe.feedforward == "swiglu" else 1
        shape = (recipe.width, gated * recipe.hidden_width)
        self.inputs = matrix(rngs.params(), recipe, shape)
        shape = (recipe.hidden_width, recipe.width)
        self.output = matrix(rngs.params(), recipe, shape, gain=(2 * recipe.depth) ** -0.5)
        self.activation = partial(activate, recipe.feedforward)

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return ``[rows, width]`` and no penalty."""
        hidden = self.activation(x @ self.inputs[...].astype(x.dtype))
        return hidden @ self.output[...].astype(x.dtype), jnp.zeros(())


def activate(feedforward: str, hidden: jax.Array) -> jax.Array:
    """Apply the nonlinearity to what the first matrix gives."""
    if feedforward == "gelu":
        return jax.nn.gelu(hidden)
    gate, value = jnp.split(hidden, 2, axis=-1)
    return jax.nn.silu(gate) * value


class Layer(nnx.Module):
    """Attention and feed-forward network, each behind a norm and beside the residual stream."""

    def __init__(self, recipe: Recipe, *, rngs: nnx.Rngs):
        self.attention = Attention(recipe, rngs=rngs)
        self.feedforward = network(recipe, rngs=rngs)

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the residual stream ``[rows, width]`` and the layer's penalty."""
        x = x + self.attention(normalise(x))
        given, penalty = self.feedforward(normalise(x))
        return x + given, penalty


def network(recipe: Recipe, *, rngs: nnx.Rngs) -> nnx.Module:
    """Return the feed-forward part of a layer: one network, or experts to choose from."""
    if recipe.experts == 1:
        return FeedForward(recipe, rngs=rngs)
    from scaling_jax.ladder.experts import Experts

    return Experts(recipe, rngs=rngs)


class Transformer(nnx.Module):
    """The model of a `Recipe`; it takes a batch of ``tokens`` and returns `Losses`."""

    def __init__(self, recipe: Recipe, *, rngs: nnx.Rngs):
        self.recipe = recipe
        table = jax.random.normal(rngs.params(), (recipe.vocab_size, recipe.width))
        self.embedding = nnx.Param(table, rate=1.0, decays=False)
        self.layers = nnx.List([Layer(recipe, rngs=rngs) for _ in range(recipe.depth)])
        if not recipe.tied:  # starts at zero: no logit is preferred before there was any data
            zeros = jnp.zeros((recipe.width, recipe.vocab_size))
            self.output = nnx.Param(zeros, rate=1.0, decays=False)

    def __call__(self, batch: dict[str, jax.Array]) -> Losses:
        """Return nats of the next tokens of ``batch["tokens"]`` ``[examples, context + 1]``."""
        tokens = batch["tokens"]
        logits, penalty = self.logits(tokens[:, :-1])
        normaliser = jax.nn.logsumexp(logits, axis=-1)
        chosen = jnp.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
        penalty = penalty + self.recipe.z_loss * jnp.mean(normaliser**2)
        return Losses(normaliser - chosen, penalty)

    def logits(self, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return logits ``[examples, tokens, vocab]`` in float32, and the layers' penalties."""
        recipe = self.recipe
        # Rows, not examples by tokens: gradients of matrices contract one axis, which CPUs do fast.
        table = whole(self.embedding[...])
        x = table[tokens.reshape(-1)].astype(recipe.dtype)
        x, penalty = self._layers_in_a_loop(x) if recipe.remat else self._layers_one_by_one(x)
        x = normalise(x)
        if recipe.tied:
            # Rows of the embedding have variance 1, so the sum over the width has to shrink too.
            read, scale = table.T, recipe.base_width**0.5 / recipe.width
        else:
            read, scale = whole(self.output[...]), recipe.base_width / recipe.width
        logits = (x @ read.astype(x.dtype)).astype(jnp.float32) * scale
        return logits.reshape(*tokens.shape, -1), penalty

    def _layers_one_by_one(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        penalty = jnp.zeros(())
        for layer in self.layers:
            graph, state = nnx.split(layer)
            x, more = nnx.merge(graph, whole(state))(x)
            penalty += more
        return x, penalty

    def _layers_in_a_loop(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Compute activations again in the backward pass, by one program for all layers.

        It is compiled once, not once a layer. The layers' matrices are stacked for it, which takes
        their memory a second time while activations take that of one layer.
        """
        graphs, states = zip(*(nnx.split(layer) for layer in self.layers), strict=True)
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)

        @jax.checkpoint
        def step(x: jax.Array, state: Any) -> tuple[jax.Array, jax.Array]:
            return nnx.merge(graphs[0], whole(state))(x)

        x, penalties = jax.lax.scan(step, x, stacked)
        return x, jnp.sum(penalties)
