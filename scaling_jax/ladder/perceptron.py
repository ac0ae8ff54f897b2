"""The network that learns many parities: a perceptron with one hidden layer.

    logit = v . relu(E[task] + bits W + b) + c

Control bits are one-hot, so their part of the first matrix is a table, and multiplying by it is a
look-up.

Reference: Michaud, Liu, Girit, Tegmark (2023), arXiv:2303.13506, Sec. 3.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx

from scaling_jax.errors import LadderError
from scaling_jax.ladder.model import Losses

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTROL = 0.1  # small, so that units start out alike for all tasks and are shared out by learning


@dataclass(frozen=True)
class PerceptronRecipe:
    """A ReLU network for `ParityCorpus`.

    Attributes:
        width: Hidden units.
        tasks: Control bits, as in the corpus.
        bits: Task bits, as in the corpus.

    Raises:
        LadderError: A number is below 1.

    Example:
        >>> recipe = PerceptronRecipe(width=16, tasks=256, bits=32)
        >>> recipe.params_total, recipe.params_no_embed
        (4641, 545)
    """

    width: int
    tasks: int = 256
    bits: int = 32

    def __post_init__(self) -> None:
        for key in ("width", "tasks", "bits"):
            if getattr(self, key) < 1:
                raise LadderError(f"perceptron: {key} is {getattr(self, key)}; give 1 or more")

    @property
    def params_total(self) -> int:
        """All parameters, in proportion to the width but for the last bias."""
        return self.params_no_embed + self.tasks * self.width

    @property
    def params_no_embed(self) -> int:
        """Parameters without the table of the control bits."""
        return (self.bits + 2) * self.width + 1

    @property
    def tokens_per_example(self) -> int:
        """One: an example is a token."""
        return 1

    def flops_per_token(self) -> float:
        """Return training FLOPs an example.

        The product with W is there forward and for its gradient, that with v forward and for both
        of its gradients; bits need none, and a look-up is no product.
        """
        return 4.0 * self.bits * self.width + 6.0 * self.width

    def build(self, rngs: "nnx.Rngs") -> "PerceptronModel":
        """Return the initialised module."""
        return PerceptronModel(self, rngs=rngs)


class PerceptronModel(nnx.Module):
    """The model of a `PerceptronRecipe`; it takes ``task``, ``bits`` and ``label``."""

    def __init__(self, recipe: PerceptronRecipe, *, rngs: nnx.Rngs):
        self.recipe = recipe
        width, bits = recipe.width, recipe.bits
        control = jax.random.normal(rngs.params(), (recipe.tasks, width)) * _CONTROL
        weights = jax.random.normal(rngs.params(), (bits, width)) / bits**0.5
        output = jax.random.normal(rngs.params(), (width,)) / width
        self.control = nnx.Param(control, rate=1.0, decays=False)
        self.weights = nnx.Param(weights, rate=1.0, decays=True)
        self.hidden_bias = nnx.Param(jnp.zeros(width), rate=1.0, decays=False)
        self.output = nnx.Param(output, rate=1.0, decays=True)
        self.bias = nnx.Param(jnp.zeros(()), rate=1.0, decays=False)

    def __call__(self, batch: "Mapping[str, Any]") -> Losses:
        """Return nats of the labels ``[examples, 1]``, times ``weight`` where there is one."""
        signs = 2.0 * batch["bits"].astype(jnp.float32) - 1.0
        # A task beyond the table is not a number, and its run diverged, rather than another task.
        control = self.control[...].at[batch["task"]].get(mode="fill", fill_value=jnp.nan)
        hidden = control + signs @ self.weights[...]
        hidden = jax.nn.relu(hidden + self.hidden_bias[...])
        logit = hidden @ self.output[...] + self.bias[...]
        nats = jax.nn.softplus(logit) - batch["label"] * logit
        return Losses((nats * batch.get("weight", 1.0))[:, None])
