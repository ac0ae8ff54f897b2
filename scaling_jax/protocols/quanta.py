"""Quanta: skills learned in the order of their frequency, by the sums themselves."""

from typing import Any

import numpy as np

from scaling_jax.protocols.registry import protocol


@protocol("michaud_quantization")
def quantization_loss(
    learned: Any, alpha: float, *, a: float = 0.0, b: float = 1.0, quanta: int | None = None
) -> np.ndarray:
    """Return the mean loss when the most frequent quanta are learned, by the sums themselves.

    Args:
        learned: Number of quanta learned, whole numbers ``[...]``.
        alpha: Frequencies are k**-(alpha + 1), normalised.
        a: Loss where the quantum needed is learned.
        b: Loss where it is not.
        quanta: Number of quanta; by default infinitely many.

    Example:
        >>> quantization_loss([0, 1, 2], alpha=1.0, quanta=2).round(6).tolist()
        [1.0, 0.2, 0.0]

    Reference: Michaud et al. (2023), arXiv:2303.13506, Sec. 2.
    """
    from scipy.special import zeta

    learned = np.asarray(learned)
    if quanta is None:
        missing = zeta(alpha + 1.0, learned + 1.0) / zeta(alpha + 1.0)
    else:
        frequencies = np.arange(1.0, quanta + 1.0) ** -(alpha + 1.0)
        left = np.append(np.cumsum(frequencies[::-1])[::-1], 0.0)
        missing = left[np.minimum(learned, quanta)] / left[0]
    return a + (b - a) * missing


def quanta_learned(samples: Any, alpha: float, tau: float = 1.0) -> np.ndarray:
    """Return how many quanta occur at least `tau` times, on average, in a number of samples.

    Example:
        >>> quanta_learned(1e4, alpha=1.0).tolist()
        77
    """
    from scipy.special import zeta

    most = np.asarray(samples, np.float64) / (tau * zeta(alpha + 1.0))
    return np.floor(most ** (1.0 / (1.0 + alpha))).astype(np.int64)


def quantization_exponents(alpha: float) -> dict[str, float]:
    """Return the exponents of the loss, and that of the best size in compute (C ~ N * D).

    Example:
        >>> round(quantization_exponents(0.34)["data"], 3)
        0.254
    """
    return {
        "params": alpha,
        "data": alpha / (alpha + 1.0),
        "steps": alpha / (alpha + 1.0),
        "compute": alpha / (alpha + 2.0),
        "optimal_params": 1.0 / (alpha + 2.0),
    }
