"""The recipe of a decoder-only transformer: its shape, and what follows from it before it is built.

Width is the one number that grows along a ladder. Under maximal-update parametrisation (Yang et
al. 2022, arXiv:2203.03466) the learning rate that is best at `base_width` stays best at any width.
"""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scaling_jax.errors import LadderError, did_you_mean

if TYPE_CHECKING:
    from flax import nnx

FEEDFORWARDS = ("swiglu", "gelu")
_MULTIPLE = 8  # hidden widths are rounded to it: vector units, and no odd sizes


@dataclass(frozen=True)
class Recipe:
    """A decoder-only transformer: RMSNorm, rotary positions, SwiGLU or GELU, optional experts.

    Attributes:
        width: Size of the residual stream.
        depth: Number of layers.
        vocab_size: Number of symbols.
        context: Tokens an example predicts.
        head_dim: Size of an attention head; it divides the width.
        feedforward: ``"swiglu"`` or ``"gelu"``.
        hidden: Width inside the feed-forward layer; 0 for 8/3 (SwiGLU) or 4 (GELU) times `width`.
        tied: Whether the output reads with the embedding's matrix.
        experts: Feed-forward networks of a layer; 1 for none to choose from.
        active_experts: How many of them a token passes.
        capacity: Tokens that an expert has room for, in shares of an even load.
        base_width: The width at which the learning rate is meant as it is given.
        dtype: Type of activations and products; parameters are float32.
        remat: Whether a layer's activations are computed again in the backward pass.
        z_loss: Weight of the squared log normaliser in the training loss.

    Raises:
        LadderError: The numbers do not make a model.

    Example:
        >>> recipe = Recipe(width=64, depth=2)
        >>> recipe.params_total, recipe.params_no_embed
        (130048, 97280)
        >>> recipe.flops_per_token() / (6 * recipe.params_total)
        1.12...
    """

    width: int
    depth: int
    vocab_size: int = 256
    context: int = 128
    head_dim: int = 16
    feedforward: str = "swiglu"
    hidden: int = 0
    tied: bool = False
    experts: int = 1
    active_experts: int = 1
    capacity: float = 1.25
    base_width: int = 64
    dtype: str = "float32"
    remat: bool = False
    z_loss: float = 1e-4

    def __post_init__(self) -> None:
        for name in ("width", "depth", "vocab_size", "context", "head_dim", "experts"):
            if getattr(self, name) < 1:
                raise LadderError(f"recipe: {name} is {getattr(self, name)}; give 1 or more")
        if self.width % self.head_dim or self.head_dim % 2:
            raise LadderError(
                f"recipe: width {self.width} is not made of heads of {self.head_dim}; choose an "
                "even head_dim that divides it"
            )
        if self.feedforward not in FEEDFORWARDS:
            raise LadderError(
                f"recipe: feedforward {self.feedforward!r} is unknown; "
                f"{did_you_mean(self.feedforward, FEEDFORWARDS)}"
            )
        if not 1 <= self.active_experts <= self.experts:
            raise LadderError(
                f"recipe: active_experts is {self.active_experts} of {self.experts} experts; give "
                "between 1 and all"
            )
        if self.dtype not in ("float32", "bfloat16"):
            raise LadderError(f"recipe: dtype {self.dtype!r} is neither float32 nor bfloat16")

    @property
    def heads(self) -> int:
        """Attention heads."""
        return self.width // self.head_dim

    @property
    def hidden_width(self) -> int:
        """Width inside a feed-forward network."""
        if self.hidden:
            return self.hidden
        wanted = self.width * (8 / 3 if self.feedforward == "swiglu" else 4)
        return max(_MULTIPLE, round(wanted / _MULTIPLE) * _MULTIPLE)

    @property
    def _matrices_of_a_network(self) -> int:
        """Entries of one feed-forward network's matrices."""
        return (3 if self.feedforward == "swiglu" else 2) * self.width * self.hidden_width

    def _layer(self, experts: int) -> int:
        """Entries of a layer's matrices with that many experts; the router's are among them."""
        router = self.width * self.experts if self.experts > 1 else 0
        return 4 * self.width**2 + router + experts * self._matrices_of_a_network

    @property
    def params_no_embed(self) -> int:
        """Parameters without embedding and output matrix."""
        return self.depth * self._layer(self.experts)

    @property
    def params_vocab(self) -> int:
        """Parameters of the embedding and, unless tied, the output matrix."""
        return (1 if self.tied else 2) * self.vocab_size * self.width

    @property
    def params_total(self) -> int:
        """All parameters."""
        return self.params_no_embed + self.params_vocab

    @property
    def active_params(self) -> int:
        """Parameters that one token uses, those of the vocabulary included."""
        idle = self.depth * (self.experts - self.active_experts) * self._matrices_of_a_network
        return self.params_total - idle

    @property
    def tokens_per_example(self) -> int:
        """Tokens predicted in one example."""
        return self.context

    def forward_flops_per_token(self) -> float:
        """Return FLOPs of the matrix products of a forward pass, a token.

        Attention scores are counted for the whole square, as they are computed; a token that an
        expert has no room for is counted as if it had been.
        """
        matrices = self.depth * self._layer(self.active_experts) + self.vocab_size * self.width
        attention = self.depth * 2 * self.context * self.width
        return 2.0 * (matrices + attention)

    def flops_per_token(self) -> float:
        """Return training FLOPs a token: the backward pass costs twice the forward pass."""
        return 3.0 * self.forward_flops_per_token()

    def build(self, rngs: "nnx.Rngs") -> Any:
        """Return the initialised module, a `scaling_jax.ladder.transformer.Transformer`."""
        from scaling_jax.ladder.transformer import Transformer

        return Transformer(self, rngs=rngs)

    def replace(self, **changes: Any) -> "Recipe":
        """Return the recipe with some numbers changed.

        Example:
            >>> Recipe(width=64, depth=2).replace(depth=4).depth
            4
        """
        return dataclasses.replace(self, **changes)
