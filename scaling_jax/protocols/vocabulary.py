"""The best vocabulary for a model: by derivative, and by the parametric loss at fixed compute."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling_jax.errors import LawError
from scaling_jax.protocols.registry import protocol

Theta = Mapping[str, float]

# Largest non-vocabulary size for each width, by the publication's table (utils.py).
WIDTHS = (
    (5e7, 512), (2e8, 768), (5e8, 1024), (1e9, 1536), (2e9, 2048), (5e9, 3200), (1e10, 4096),
    (2e10, 5120), (5e10, 6048), (1e11, 8192), (2e11, 12288), (5e11, 16384), (1e12, 20480),
)  # fmt: skip
_WIDEST = 24576
_SMALLEST, _LARGEST = 256.0, 200_000.0  # beyond, tokens per character no longer fall


def width_of(params_non_vocab: float) -> int:
    """Return the width of a model by the publication's table.

    Example:
        >>> width_of(7e9)
        4096
    """
    return next((width for most, width in WIDTHS if params_non_vocab <= most), _WIDEST)


@protocol("vocab_derivative")
def vocabulary_by_derivative(params_non_vocab: float, width: float, compression: Theta) -> float:
    """Return the vocabulary at which the compute for a text is least: dF/dV = 0.

    A larger vocabulary needs fewer tokens for the same characters, but more parameters.

    Args:
        params_non_vocab: Parameters without the vocabulary's.
        width: Model width, parameters an entry.
        compression: a, b, c of tokens per character = a*ln(V)**2 + b*ln(V) + c.

    Raises:
        LawError: The compute has no minimum below 200,000 entries.

    Example:
        >>> import scaling_jax as sj
        >>> tao = sj.laws.get("vocab_derivative").published("tao").values
        >>> round(vocabulary_by_derivative(33e6, 512, tao))
        10323

    Reference: Tao et al. (2024), arXiv:2407.13623, approach 2.
    """
    from scipy.optimize import brentq

    a, b, c = (compression[name] for name in "abc")

    def slope(log_v: float) -> float:
        tokens = a * log_v**2 + b * log_v + c
        entries = np.exp(log_v)
        return (params_non_vocab + entries * width) * (2 * a * log_v + b) / entries + width * tokens

    low, high = np.log(_SMALLEST), np.log(_LARGEST)
    if slope(low) >= 0.0 or slope(high) <= 0.0:
        raise LawError(
            f"{params_non_vocab:g} parameters of width {width:g} have no best vocabulary between "
            f"{_SMALLEST:g} and {_LARGEST:g} entries; extrapolate with the law vocab_derivative"
        )
    return float(np.exp(brentq(slope, low, high, xtol=1e-13)))  # type: ignore[arg-type]


@protocol("vocab_parametric")
def vocabulary_by_loss(
    theta: Theta, params_non_vocab: float, width: float, compute_flops: float
) -> float:
    """Return the vocabulary of least parametric loss at fixed compute.

    As the publication does it, tokens are compute / (6 * (N_nv + V * d)), so the loss has no
    other part that depends on V.

    Args:
        theta: Coefficients of `vocab_parametric`, for raw counts.
        params_non_vocab: Parameters without the vocabulary's.
        width: Model width, parameters an entry.
        compute_flops: Training compute.

    Raises:
        LawError: The loss has no minimum at a positive vocabulary.

    Example:
        >>> import scaling_jax as sj
        >>> theta = sj.laws.get("vocab_parametric").published("tao").params
        >>> round(vocabulary_by_loss(theta, 7e9, 4096, (7e9 / 0.08335) ** 2), -3)
        60000.0

    Reference: Tao et al. (2024), arXiv:2407.13623, approach 3.
    """
    from scipy.optimize import brentq

    A2, alpha2, B, beta = (theta[name] for name in ("A2", "alpha2", "B", "beta"))

    def slope(log_v: float) -> float:
        entries = np.exp(log_v)
        params = params_non_vocab + entries * width
        tokens = compute_flops / (6.0 * params)
        of_vocabulary = alpha2 * A2 * (entries * width) ** -alpha2
        # d ln(tokens) / d ln(V) = -V * d / (N_nv + V * d)
        return float(beta * B * tokens**-beta * entries * width / params - of_vocabulary)

    low, high = np.log(1.0), np.log(1e9)
    if slope(low) * slope(high) > 0.0:
        raise LawError(
            f"the loss of {params_non_vocab:g} parameters at {compute_flops:g} FLOP has no best "
            "vocabulary; check that the coefficients are for raw counts"
        )
    return float(np.exp(brentq(slope, low, high, xtol=1e-13)))  # type: ignore[arg-type]


@protocol("vocab_isoflops")
def vocabulary_by_isoflops(theta: Theta, params_non_vocab: Any) -> np.ndarray:
    """Return the optimal vocabulary parameters for a model size, N_v = k2*(N_nv/k1)**(2*a2).

    Args:
        theta: k1, k2 and a2 of `vocab_isoflops`.
        params_non_vocab: Parameters without the vocabulary's ``[...]``.

    Example:
        >>> theta = dict(k1=0.08335, k2=0.20412, a2=0.4163622634135234)
        >>> round(float(vocabulary_by_isoflops(theta, 7e9)) / 4096, -2)
        62300.0

    Reference: Tao et al. (2024), arXiv:2407.13623, approach 1.
    """
    ratio = np.asarray(params_non_vocab, np.float64) / theta["k1"]
    return theta["k2"] * ratio ** (2.0 * theta["a2"])
