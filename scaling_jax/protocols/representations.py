"""Measures of inner representations: ranks, entropy, what each layer leaves unexplained."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from scaling_jax.errors import LawError
from scaling_jax.protocols.registry import protocol

_SMALLEST = 1e-30  # under a logarithm: p * ln p is zero at p = 0


@dataclass(frozen=True)
class EffectiveRanks:
    """Effective ranks of activations, and the share of the width that each of them uses.

    Attributes:
        hard: Participation ratio of the eigenvalues, (sum)**2 / sum of squares.
        soft: Exponential of the entropy of the normalised eigenvalues.
        width: Number of eigenvalues.
    """

    hard: Any
    soft: Any
    width: int

    @property
    def hard_utilisation(self) -> Any:
        """Hard rank over the width."""
        return self.hard / self.width

    @property
    def soft_utilisation(self) -> Any:
        """Soft rank over the width."""
        return self.soft / self.width

    @property
    def utilisation_index(self) -> Any:
        """Harmonic mean of both utilisations (the form of the mean was recalled, not read)."""
        return 2.0 / (1.0 / self.hard_utilisation + 1.0 / self.soft_utilisation)


@protocol("spectral_ffn")
def effective_ranks(eigenvalues: ArrayLike) -> EffectiveRanks:
    """Return the hard and the soft rank of a covariance of activations.

    Args:
        eigenvalues: Of the covariance, not negative ``[..., width]``.

    Example:
        >>> ranks = effective_ranks([1.0, 1.0, 0.0, 0.0])
        >>> round(float(ranks.hard), 6), round(float(ranks.soft), 6)
        (2.0, 2.0)

    Reference: Jha, Reagen (2025), arXiv:2510.00537.
    """
    values = jnp.asarray(eigenvalues, float)
    total = jnp.sum(values, axis=-1)
    shares = values / total[..., None]
    entropy = -jnp.sum(shares * jnp.log(jnp.maximum(shares, _SMALLEST)), axis=-1)
    hard = total**2 / jnp.sum(values**2, axis=-1)
    return EffectiveRanks(hard, jnp.exp(entropy), values.shape[-1])


def covariance_spectrum(activations: ArrayLike) -> Any:
    """Return the eigenvalues of the covariance of activations, in falling order ``[width]``.

    Args:
        activations: ``[samples, width]``.

    Example:
        >>> covariance_spectrum([[1.0, 0.0], [-1.0, 0.0]]).tolist()
        [2.0, 0.0]
    """
    centred = jnp.asarray(activations, float)
    centred = centred - centred.mean(axis=0)
    values = jnp.linalg.eigvalsh(centred.T @ centred / (len(centred) - 1))
    return jnp.maximum(values[::-1], 0.0)


@protocol("matrix_entropy")
def matrix_entropy(representations: ArrayLike, normalised: bool = True) -> Any:
    """Return the matrix entropy of the representations of a text's tokens.

    Rows are centred and scaled to length one; the entropy is that of the eigenvalues of
    K = (1/n) sum_i z_i z_i^T, which sum to one.

    Args:
        representations: ``[tokens, dimension]``.
        normalised: Divide by the logarithm of the dimension, the largest entropy there is.

    Example:
        >>> round(float(matrix_entropy([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])), 6)
        1.0

    Reference: Wei et al. (2024), arXiv:2401.17139.
    """
    rows = jnp.asarray(representations, float)
    rows = rows - rows.mean(axis=0)
    rows = rows / jnp.linalg.norm(rows, axis=1, keepdims=True)
    values = jnp.maximum(jnp.linalg.eigvalsh(rows.T @ rows / len(rows)), 0.0)
    entropy = -jnp.sum(values * jnp.log(jnp.maximum(values, _SMALLEST)))
    return entropy / jnp.log(rows.shape[1]) if normalised else entropy


@dataclass(frozen=True)
class LayerwiseFall:
    """The geometric fall of the prediction residual over the layers.

    Attributes:
        first: Residual of the first layer by the fitted line (PR_1).
        ratio: Residual of a layer over that of the one before (rho).
        correlation: Pearson's, of the layer and the logarithm of its residual.
    """

    first: float
    ratio: float
    correlation: float


def prediction_residuals(embeddings: ArrayLike, targets: ArrayLike) -> np.ndarray:
    """Return the share of the next token that a linear map of each layer leaves unexplained.

    Args:
        embeddings: Of every layer ``[layers, tokens, width]``.
        targets: The next token, as a number or an embedding ``[tokens]`` or ``[tokens, outputs]``.

    Raises:
        LawError: No more tokens than the map has coefficients: it would explain anything.

    Example:
        >>> prediction_residuals([[[1.0], [2.0], [3.0], [5.0]]], [2.0, 4.0, 6.0, 10.0]).round(6)
        array([0.])
    """
    layers = np.asarray(embeddings, np.float64)
    y = np.asarray(targets, np.float64).reshape(layers.shape[1], -1)
    if layers.shape[1] <= layers.shape[2] + 1:
        raise LawError(
            f"{layers.shape[1]} tokens cannot test a linear map from {layers.shape[2]} dimensions; "
            "give more tokens than dimensions"
        )
    spread = np.sum((y - y.mean(axis=0)) ** 2)
    left = []
    for layer in layers:
        design = np.column_stack([np.ones(len(layer)), layer])
        weights, *_ = np.linalg.lstsq(design, y, rcond=None)
        left.append(np.sum((y - design @ weights) ** 2) / spread)
    return np.array(left)


@protocol("next_token_law")
def layerwise_fall(residuals: ArrayLike) -> LayerwiseFall:
    """Fit a geometric fall to the prediction residuals of the layers.

    Args:
        residuals: Prediction residual of every layer, from the first ``[layers]``.

    Raises:
        LawError: Fewer than two layers, or a residual that has no logarithm.

    Example:
        >>> fall = layerwise_fall([0.8, 0.4, 0.2])
        >>> round(fall.first, 6), round(fall.ratio, 6), round(fall.correlation, 6)
        (0.8, 0.5, -1.0)

    Reference: He, Su (2024), arXiv:2408.13442.
    """
    values = np.asarray(residuals, np.float64)
    if values.ndim != 1 or values.size < 2 or not np.all(values > 0.0):
        raise LawError("a fall over layers needs positive residuals of two layers or more")
    layer, logs = np.arange(values.size), np.log(values)
    slope, offset = np.polyfit(layer, logs, 1)
    correlation = np.corrcoef(layer, logs)[0, 1] if np.ptp(logs) > 0.0 else 0.0
    return LayerwiseFall(float(np.exp(offset)), float(np.exp(slope)), float(correlation))


# The same paper stands in the catalogue of publications under two names.
protocol("law_next_token")(layerwise_fall)
