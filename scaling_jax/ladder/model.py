"""What a ladder trains: the protocol of recipes and of the modules they build."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax


class Losses(NamedTuple):
    """What a module returns for a batch.

    Attributes:
        nats: Loss of every predicted token ``[examples, tokens]``; squared errors where the
            corpus has real targets.
        penalty: What is added to the mean for the sake of training alone, a scalar.
    """

    nats: jax.Array
    penalty: jax.Array | float = 0.0


@runtime_checkable
class Trainable(Protocol):
    """A recipe: a hashable description of a model, known before any of it is built.

    Its module takes a batch and returns `Losses`. Each parameter of the module carries two facts:
    ``rate``, a factor of the learning rate, and ``decays``, whether weight decay applies to it.
    """

    @property
    def params_total(self) -> int:
        """All parameters."""
        ...

    @property
    def params_no_embed(self) -> int:
        """Parameters without those of the vocabulary."""
        ...

    @property
    def tokens_per_example(self) -> int:
        """Tokens predicted in one example."""
        ...

    def flops_per_token(self) -> float:
        """Return training FLOPs a token: the matrix products of forward and backward pass."""
        ...

    def build(self, rngs: Any) -> Any:
        """Return the initialised `flax.nnx` module."""
        ...
