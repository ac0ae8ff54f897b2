"""The student of the solvable model: a trained readout of fixed random features.

    phi = u x ; u_aI ~ gauss / sqrt(latent) ; prediction = theta . phi

Features are handed to the readout in one of two bases. *Whitened* ones are uncorrelated with unit
variance over the data, so that the loss curves alike in every direction, and one learning rate
fits all sizes; the best readout predicts the same. With fewer examples than features the solution
depends on the basis: there the *plain* features lead from zero to the readout of least norm.

Reference: Maloney, Roberts, Sully (2022), arXiv:2210.16859.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.teacher import spectrum
from scaling_jax.ladder.model import Losses

if TYPE_CHECKING:
    from collections.abc import Mapping


class Fixed(nnx.Param):
    """An array of a module that is kept with its parameters but neither trained nor counted."""


@dataclass(frozen=True)
class LinearRecipe:
    """A linear student of `TeacherCorpus`; its parameters are those of the readout.

    Attributes:
        features: Random features (N).
        latent: Dimensions of the data, as in the corpus.
        alpha: Exponent of the data's spectrum, as in the corpus.
        outputs: Teachers, as in the corpus; each has a readout of its own.
        whitened: Whether the readout sees uncorrelated features.

    Raises:
        LadderError: A number is out of its range.

    Example:
        >>> student = LinearRecipe(features=8, latent=100, alpha=1.0)
        >>> student.params_total, student.flops_per_token()
        (8, 1632.0)
    """

    features: int
    latent: int = 512
    alpha: float = 1.0
    outputs: int = 1
    whitened: bool = True

    def __post_init__(self) -> None:
        for key in ("features", "latent", "outputs"):
            if getattr(self, key) < 1:
                raise LadderError(f"linear student: {key} is {getattr(self, key)}; give 1 or more")
        if self.whitened and self.features > self.latent:
            raise LadderError(
                f"linear student: {self.features} features of {self.latent} latent dimensions "
                "cannot be uncorrelated; give fewer, or whitened = false"
            )

    @property
    def params_total(self) -> int:
        """Parameters of the readout."""
        return self.features * self.outputs

    @property
    def params_no_embed(self) -> int:
        """Parameters of the readout."""
        return self.params_total

    @property
    def tokens_per_example(self) -> int:
        """One: an example is a token."""
        return 1

    def flops_per_token(self) -> float:
        """Return training FLOPs an example: features once, readout forward and backward.

        Nothing is differentiated with respect to features, for they are not trained.
        """
        return 2.0 * self.latent * self.features + 4.0 * self.params_total

    def build(self, rngs: "nnx.Rngs") -> "LinearModel":
        """Return the initialised module."""
        return LinearModel(self, rngs=rngs)


class LinearModel(nnx.Module):
    """The model of a `LinearRecipe`; it takes ``x`` and ``y`` and returns `Losses`."""

    def __init__(self, recipe: LinearRecipe, *, rngs: nnx.Rngs):
        self.recipe = recipe
        self.lift = Fixed(lift(rngs.params(), recipe), rate=0.0, decays=False)
        zeros = jnp.zeros((recipe.features, recipe.outputs))
        # Of features with unit variance, each needs a weight of about 1 / sqrt(features).
        self.readout = nnx.Param(zeros, rate=recipe.features**-0.5, decays=True)

    def __call__(self, batch: "Mapping[str, Any]") -> Losses:
        """Return squared errors ``[examples, 1]``, their mean over the teachers."""
        features = jax.lax.stop_gradient(batch["x"] @ self.lift[...])
        predicted = features @ self.readout[...]
        return Losses(jnp.mean((predicted - batch["y"]) ** 2, axis=-1, keepdims=True))


def lift(key: jax.Array, recipe: LinearRecipe) -> jax.Array:
    """Return the matrix ``[latent, features]`` that makes features of data."""
    scale = jnp.asarray(spectrum(recipe.latent, recipe.alpha) ** 0.5, jnp.float32)[:, None]
    u = jax.random.normal(key, (recipe.latent, recipe.features))
    if not recipe.whitened:
        return u / jnp.linalg.norm(scale)  # unit variance, on average
    # The nearest matrix with orthonormal columns, in coordinates where the data are white.
    left, _, right = jnp.linalg.svd(scale * u, full_matrices=False)
    return (left @ right) / scale


def best_loss(lift: Any, weights: Any, eigenvalues: Any) -> float:
    """Return the least test loss that a readout of these features can have, by least squares.

    Args:
        lift: Matrix that makes features of data ``[latent, features]``.
        weights: Of the teachers ``[outputs, latent]``.
        eigenvalues: Variances of the data ``[latent]``.
    """
    import numpy as np

    scale = np.sqrt(np.asarray(eigenvalues, np.float64))[:, None]
    target = scale * np.asarray(weights, np.float64).T
    design = scale * np.asarray(lift, np.float64)
    readout, *_ = np.linalg.lstsq(design, target, rcond=None)
    return float(np.mean(np.sum((target - design @ readout) ** 2, axis=0)))
