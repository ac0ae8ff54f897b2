"""Superposition: a toy autoencoder of more sparse features than it has dimensions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.protocols.registry import protocol


@dataclass(frozen=True)
class ToyModel:
    """A trained toy model.

    Attributes:
        weights: ``[features, width]``.
        bias: ``[features]``.
        loss: Mean squared error summed over the features, at the last steps.
    """

    weights: np.ndarray
    bias: np.ndarray
    loss: float

    @property
    def represented(self) -> float:
        """Share of features whose row is longer than one half: m/n when weak, 1 when strong."""
        return float(np.mean(np.linalg.norm(self.weights, axis=1) > 0.5))

    @property
    def overlap(self) -> float:
        """Mean squared cosine between the rows of different features; about 1/m when strong."""
        rows = self.weights / np.maximum(np.linalg.norm(self.weights, axis=1, keepdims=True), 1e-9)
        squares = (rows @ rows.T) ** 2
        count = len(rows)
        return float((squares.sum() - np.trace(squares)) / (count * (count - 1)))


@protocol("superposition_width")
def train_toy_model(
    frequencies: Any,
    width: int,
    *,
    weight_decay: float,
    steps: int = 2000,
    batch: int = 512,
    seed: int = 0,
) -> ToyModel:
    """Train the toy autoencoder y = ReLU(W W^T x + b) on sparse features.

    Feature i is present with its frequency and then uniform in 0 .. 2. A positive weight decay
    leaves rare features out (weak superposition); a negative one draws every row to length one
    (strong superposition).

    Args:
        frequencies: Probability of each feature ``[features]``.
        width: Hidden dimension (m).
        weight_decay: Its strength, with its sign.
        steps: Steps of Adam, with the learning rate falling as a cosine.
        batch: Samples a step.
        seed: Of initial weights and data.

    Reference: Liu, Liu, Gore (2025), arXiv:2505.10465.
    """
    import optax

    chances = jnp.asarray(frequencies, jnp.float32)
    features = chances.size
    rate = 0.02 * (8.0 / width) ** 0.25
    schedule = optax.cosine_decay_schedule(rate, steps)
    adam = optax.scale_by_adam()
    key, start = jax.random.split(jax.random.key(seed))
    weights = jax.random.normal(start, (features, width)) / jnp.sqrt(features)
    model = {"weights": weights, "bias": jnp.zeros(features)}

    def error(model: Mapping[str, jax.Array], x: jax.Array) -> jax.Array:
        hidden = x @ model["weights"]
        y = jax.nn.relu(hidden @ model["weights"].T + model["bias"])
        return jnp.mean(jnp.sum((y - x) ** 2, axis=1))

    def decay(weights: jax.Array) -> jax.Array:
        if weight_decay >= 0.0:
            return weight_decay * weights
        lengths = jnp.linalg.norm(weights, axis=1, keepdims=True)
        return weight_decay * weights * (1.0 / jnp.maximum(lengths, 1e-6) - 1.0)

    def step(carry: Any, index: jax.Array) -> tuple[Any, jax.Array]:
        model, state = carry
        present, value = jax.random.split(jax.random.fold_in(key, index))
        on = jax.random.uniform(present, (batch, features)) < chances
        x = on * jax.random.uniform(value, (batch, features), maxval=2.0)
        loss, gradient = jax.value_and_grad(error)(model, x)
        update, state = adam.update(gradient, state)
        now = schedule(index)
        model = {
            "weights": model["weights"] - now * (update["weights"] + decay(model["weights"])),  # type: ignore[index]
            "bias": model["bias"] - now * update["bias"],  # type: ignore[index]
        }
        return (model, state), loss

    run = jax.jit(lambda carry: jax.lax.scan(step, carry, jnp.arange(steps)))
    (model, _), losses = run((model, adam.init(model)))
    last = losses[-max(1, steps // 20) :]
    return ToyModel(np.asarray(model["weights"]), np.asarray(model["bias"]), float(last.mean()))


def weak_superposition_loss(
    frequencies: Any, represented: int, mean_square: float = 4 / 3
) -> float:
    """Return <v**2> times the frequencies of the features that are not represented.

    Args:
        frequencies: Probability of each feature, in falling order ``[features]``.
        represented: Number of features that the model represents (phi * n).
        mean_square: Of a feature that is present; 4/3 if uniform in 0 .. 2.

    Example:
        >>> round(weak_superposition_loss([0.5, 0.3, 0.2], 1, mean_square=1.0), 6)
        0.5
    """
    return float(mean_square * np.sum(np.asarray(frequencies, np.float64)[represented:]))
