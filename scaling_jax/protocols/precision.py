"""Choices that follow from the laws of precision: best bits, layouts, when data turn harmful."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.errors import LawError
from scaling_jax.protocols.registry import protocol

Theta = Mapping[str, float]
_BITS = np.linspace(1.0, 32.0, 31_001)  # steps of a thousandth of a bit
_PARTS = ("w", "a", "kv")
_FULL_BITS = 16.0


def effective_share(theta: Theta, bits: Any) -> np.ndarray:
    """Return f(P), the share of the parameters that is effective with all parts at P bits.

    Args:
        theta: Coefficients of `precision_training`: the scales gamma_x, and offsets n_x if any.
        bits: Bits of weights, activations and cache alike.
    """
    bits = np.asarray(bits, np.float64)
    shares = [
        -np.expm1(theta.get(f"n_{x}", 0.0) - bits / theta[f"gamma_{x}"])
        for x in _PARTS
        if f"gamma_{x}" in theta
    ]
    return np.prod(np.maximum(shares, 0.0), axis=0)


def optimal_bits(theta: Theta) -> float:
    """Return the bits that maximise f(P)/P, the compute-optimal precision at any compute.

    Example:
        >>> import scaling_jax as sj
        >>> theta = sj.laws.get("precision_training").published("kumar").params
        >>> round(optimal_bits(theta), 1)
        7.0

    Reference: Kumar et al. (2024), arXiv:2411.04330.
    """
    return float(_BITS[np.argmax(effective_share(theta, _BITS) / _BITS)])


@dataclass(frozen=True)
class Allocation:
    """What a budget is best spent on.

    Attributes:
        params: Model size.
        tokens: Training tokens.
        bits: Precision of training.
        loss: What the law predicts.
    """

    params: float
    tokens: float
    bits: float
    loss: float


@protocol("precision_training")
def optimal_allocation(theta: Theta, compute_flops: float, bits: float | None = None) -> Allocation:
    """Return the best size, tokens and precision for a budget C = (6/16) * N * D * P.

    Args:
        theta: Coefficients of `precision_training`.
        compute_flops: Budget, in FLOP of 16-bit training.
        bits: Precision of all parts; by default the best one.

    Example:
        >>> import scaling_jax as sj
        >>> theta = sj.laws.get("precision_training").published("kumar").params
        >>> best = optimal_allocation(theta, 1e20)
        >>> optimal_allocation(theta, 1e20, bits=16.0).loss > best.loss
        True

    Reference: Kumar et al. (2024), arXiv:2411.04330.
    """
    bits = optimal_bits(theta) if bits is None else bits
    share = float(effective_share(theta, bits))
    if not share > 0.0:
        raise LawError(f"training diverges at {bits:g} bits by these offsets; use more bits")
    alpha, beta = theta["alpha"], theta["beta"]
    product = compute_flops * _FULL_BITS / 6.0 / bits  # N * D
    scale = (alpha * theta["A"] / (beta * theta["B"])) ** (1.0 / (alpha + beta))
    params = scale * product ** (beta / (alpha + beta)) * share ** (-alpha / (alpha + beta))
    tokens = product / params
    loss = theta["A"] * (params * share) ** -alpha + theta["B"] * tokens**-beta + theta["E"]
    return Allocation(params, tokens, bits, loss)


@protocol("precision_ptq")
def harmful_tokens(training: Theta, after: Theta, params: Any, post_bits: Any) -> np.ndarray:
    """Return the tokens beyond which more training raises the loss of the quantised model.

    There the loss falls by more data as fast as the damage of quantisation rises:
    beta * B * D**-beta = gamma_D * delta_PTQ(D).

    Args:
        training: Coefficients of `precision_training` (B and beta).
        after: Coefficients of `precision_ptq`.
        params: Model size ``[...]``.
        post_bits: Bits after quantisation ``[...]``.

    Example:
        >>> import scaling_jax as sj
        >>> training = sj.laws.get("precision_training").published("kumar").params
        >>> after = sj.laws.get("precision_ptq").published("gptq").params
        >>> tokens = harmful_tokens(training, after, 1e9, [3.0, 4.0])
        >>> bool(tokens[1] > tokens[0])
        True

    Reference: Kumar et al. (2024), arXiv:2411.04330.
    """
    post_bits = np.asarray(post_bits, np.float64)
    log_gain = np.log(training["beta"] * training["B"])
    log_damage = (
        np.log(after["gamma_D"] * after["C_T"])
        - after["gamma_N"] * np.log(params)
        - post_bits / after["gamma_post"]
    )
    return np.exp((log_gain - log_damage) / (training["beta"] + after["gamma_D"]))


@protocol("low_bit_undertrained")
def degrading_tokens(theta: Theta, params: Any, post_bits: Any, loss_increase: Any) -> np.ndarray:
    """Return the training tokens at which quantisation adds a given loss.

    Args:
        theta: Coefficients of `low_bit_undertrained`.
        params: Model size ``[...]``.
        post_bits: Bits after quantisation ``[...]``.
        loss_increase: The loss added, in nats a token ``[...]``.

    Example:
        >>> import scaling_jax as sj
        >>> law = sj.laws.get("low_bit_undertrained").published("gptq")
        >>> added = float(law(params=1e9, tokens=1e11, post_bits=4.0))
        >>> round(float(degrading_tokens(law.params, 1e9, 4.0, added)) / 1e9)
        100

    Reference: Ouyang et al. (2024), arXiv:2411.17691.
    """
    size = theta["alpha"] * np.log(params) + theta["gamma"] * np.log(post_bits)
    return np.exp((np.log(loss_increase) - np.log(theta["k"]) + size) / theta["beta"])


@protocol("compression_eff")
def compression_efficiency(dense: Theta, params: Any, tokens: Any, loss: Any) -> np.ndarray:
    """Return the effective share of the parameters of compressed models, from their losses.

    Args:
        dense: Coefficients A, alpha, B, beta, E of the law of uncompressed models.
        params: Model size ``[runs]``.
        tokens: Training tokens ``[runs]``.
        loss: Loss of the compressed models ``[runs]``.

    Returns:
        Share by which the dense law's size must be multiplied to give each loss ``[runs]``.

    Raises:
        LawError: A loss is not above what infinite size would give.

    Example:
        >>> dense = dict(A=400.0, alpha=0.34, B=400.0, beta=0.28, E=1.7)
        >>> loss = 400.0 * (0.5 * 1e9) ** -0.34 + 400.0 * 1e10**-0.28 + 1.7
        >>> round(float(compression_efficiency(dense, 1e9, 1e10, loss)), 6)
        0.5

    Reference: Frantar et al. (2025), arXiv:2502.16440.
    """
    params, tokens = np.asarray(params, np.float64), np.asarray(tokens, np.float64)
    left = np.asarray(loss, np.float64) - dense["E"] - dense["B"] * tokens ** -dense["beta"]
    if not np.all(left > 0.0):
        raise LawError(
            "a loss lies at or below the dense law's for infinite size; check that law and losses "
            "are of the same data"
        )
    return (dense["A"] / left) ** (1.0 / dense["alpha"]) / params


@dataclass(frozen=True)
class Layout:
    """Bits of a floating-point number besides its sign."""

    exponent: float
    mantissa: float


def optimal_layout(theta: Theta, bits: float) -> Layout:
    """Return the best split of a floating-point number's bits, one of them for the sign.

    Example:
        >>> import scaling_jax as sj
        >>> theta = sj.laws.get("fp_quant_training").published("capybara").params
        >>> layout = optimal_layout(theta, 8.0)
        >>> round(layout.exponent), round(layout.mantissa)
        (4, 3)

    Reference: Sun et al. (2025), arXiv:2501.02423.
    """
    both = theta["delta"] + theta["nu"]
    return Layout(theta["delta"] * bits / both - 0.5, theta["nu"] * bits / both - 0.5)


@protocol("fp_quant_training")
def critical_tokens(
    theta: Theta, params: Any, exponent_bits: Any, mantissa_bits: Any, block_size: Any
) -> np.ndarray:
    """Return the tokens beyond which more data raise the loss of floating-point training.

    Args:
        theta: Coefficients of `fp_quant_training`.
        params: Model size ``[...]``.
        exponent_bits: Exponent bits ``[...]``.
        mantissa_bits: Mantissa bits ``[...]``.
        block_size: Elements that share a scaling factor ``[...]``.

    Example:
        >>> import scaling_jax as sj
        >>> theta = sj.laws.get("fp_quant_training").published("capybara").params
        >>> round(float(critical_tokens(theta, 1e9, 4.0, 3.0, 128.0)) / 1e12, 2)
        27.33

    Reference: Sun et al. (2025), arXiv:2501.02423.
    """
    log_bits = theta["delta"] * np.log(np.add(exponent_bits, 0.5))
    log_bits = log_bits + theta["nu"] * np.log(np.add(mantissa_bits, 0.5))
    log_size = theta["alpha"] * np.log(params)
    total = np.log(theta["d"] * theta["gamma"]) + log_size + log_bits - np.log(np.log2(block_size))
    return np.exp(total / (2.0 * theta["beta"]))


def bits_for_budget(
    theta: Theta, compute_flops: Any, block_size: float = 128.0, bit_flops: float = 6.0 / 16.0
) -> np.ndarray:
    """Return the best total bits of floating-point training at a budget C = k * N * P * D.

    Size, tokens and bits are all free, and the layout is the best one for the bits.

    Args:
        theta: Coefficients of `fp_quant_training`.
        compute_flops: Budget ``[...]``.
        block_size: Elements that share a scaling factor.
        bit_flops: k, the compute a parameter, token and bit.
    """
    from scipy.optimize import minimize

    power = theta["delta"] + theta["nu"]
    layout_gain = theta["delta"] ** theta["delta"] * theta["nu"] ** theta["nu"] / power**power
    noise = np.log2(block_size) / (theta["gamma"] * layout_gain)

    def loss(logs: np.ndarray, budget: float) -> float:
        log_tokens, log_bits = logs
        log_params = np.log(budget / bit_flops) - log_tokens - log_bits
        size, data = np.exp(-theta["alpha"] * log_params), np.exp(theta["beta"] * log_tokens)
        quantised = noise * data * size * np.exp(-power * log_bits)
        return float(theta["n"] * size + theta["d"] / data + quantised)

    found = []
    for budget in np.ravel(np.asarray(compute_flops, np.float64)):
        start = np.array([0.5 * np.log(budget), np.log(6.0)])
        options = {"xatol": 1e-6, "fatol": 1e-12, "maxiter": 4000}
        best = minimize(loss, start, args=(budget,), method="Nelder-Mead", options=options)
        found.append(np.exp(best.x[1]))
    return np.reshape(found, np.shape(compute_flops))
