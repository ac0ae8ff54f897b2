"""Choices by the laws of experts: where routing stops to help, the best granularity."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scaling_jax.errors import LawError
from scaling_jax.protocols.registry import protocol

Theta = Mapping[str, float]
_EXPANSION = 64  # experts of full size that the law was fitted for
_FLOPS_A_PARAMETER = 6.0
_ROUTING_FLOPS = 14.0  # a score of the router
_GRANULARITIES = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])


@protocol("clark_routed")
def routing_cutoff(theta: Theta) -> float:
    """Return the model size beyond which more experts no longer help, 10**(-b/c).

    Args:
        theta: Coefficients of `clark_routed`.

    Example:
        >>> round(routing_cutoff({"b": -0.12, "c": 0.01}) / 1e12, 6)
        1.0

    Reference: Clark et al. (2022), arXiv:2202.01169.
    """
    return 10.0 ** (-theta["b"] / theta["c"])


@protocol("efficiency_leverage")
def optimal_granularity(theta: Theta) -> float:
    """Return the granularity of the highest leverage, log2 G = -beta / (2 * gamma).

    Args:
        theta: Coefficients of `efficiency_leverage`.

    Example:
        >>> round(optimal_granularity({"beta": -0.117, "gamma": 0.0167}), 1)
        11.3

    Reference: Tian et al. (2025), arXiv:2507.17702.
    """
    return 2.0 ** (-theta["beta"] / (2.0 * theta["gamma"]))


@protocol("joint_moe")
def chinchilla_of_experts(theta: Theta, experts: float) -> dict[str, float]:
    """Return the Chinchilla law m*N**mu + n*D**nu + c to which a number of experts reduces it.

    Args:
        theta: Coefficients of `joint_moe`.
        experts: Number of experts, 1 for dense.

    Example:
        >>> import scaling_jax as sj
        >>> joint = sj.laws.get("joint_moe").published("joint").params
        >>> round(chinchilla_of_experts(joint, 8)["mu"], 3)
        -0.168

    Reference: Ludziejewski et al. (2025), arXiv:2502.05172.
    """
    start = 1.0 / (1.0 / theta["E_start"] - 1.0 / theta["E_max"])
    log_e = -np.log(1.0 / (experts - 1.0 + start) + 1.0 / theta["E_max"])
    return {
        "m": float(theta["a"] * np.exp(theta["delta"] * log_e)),
        "mu": float(theta["alpha"] + theta["gamma"] * log_e),
        "n": float(theta["b"] * np.exp(theta["omega"] * log_e)),
        "nu": float(theta["beta"] + theta["zeta"] * log_e),
        "c": theta["c"],
    }


@dataclass(frozen=True)
class FineGrained:
    """A compute-optimal model of fine-grained experts, or a dense one.

    Attributes:
        params: Total parameters without embeddings.
        tokens: Training tokens.
        granularity: Experts are this many times smaller than the dense layer; 1 if dense.
        loss: What the law predicts.
    """

    params: float
    tokens: float
    granularity: float
    loss: float


@protocol("krajewski_moe")
def optimal_fine_grained(
    theta: Theta, compute_flops: float, granularity: float | None = None, aspect: float = 64.0
) -> FineGrained:
    """Return the compute-optimal model by its width, with the cost of routing counted.

    Training costs (12 * d**2 * 6 + d * E * G * 14) * blocks * D FLOP, a model has
    d**2 * (8 * E + 4) * blocks parameters, and d = aspect * blocks. Without the coefficients of
    granularity it is the dense law, with 12 * d**2 * blocks parameters.

    Args:
        theta: Coefficients of `krajewski_moe`.
        compute_flops: Training budget.
        granularity: G; by default the best power of two up to 64.
        aspect: Width over the number of blocks.

    Raises:
        LawError: The budget is not positive.

    Example:
        >>> import scaling_jax as sj
        >>> moe = sj.laws.get("krajewski_moe").published("moe").params
        >>> optimal_fine_grained(moe, 1e20).granularity
        16.0

    Reference: Krajewski et al. (2024), arXiv:2402.07871.
    """
    if not compute_flops > 0.0:
        raise LawError(f"the budget must be positive, not {compute_flops:g} FLOP")
    if "g" not in theta:
        return _best_width(theta, compute_flops, None, aspect)
    choices = _GRANULARITIES if granularity is None else [granularity]
    models = [_best_width(theta, compute_flops, float(g), aspect) for g in choices]
    return min(models, key=lambda model: model.loss)


def _best_width(theta: Theta, compute: float, granularity: float | None, aspect: float):
    """Return the model of least loss among widths of any size."""
    from scipy.optimize import minimize_scalar

    def model(log_width: float) -> FineGrained:
        width = np.exp(log_width)
        blocks = width / aspect
        if granularity is None:
            params, routing, amplitude = 12.0 * width**2 * blocks, 0.0, theta["a"]
        else:
            params = width**2 * (8.0 * _EXPANSION + 4.0) * blocks
            routing = width * _EXPANSION * granularity * _ROUTING_FLOPS
            amplitude = theta["g"] * granularity ** -theta["gamma"] + theta["a"]
        tokens = compute / ((12.0 * width**2 * _FLOPS_A_PARAMETER + routing) * blocks)
        of_data = theta["b"] * tokens ** -theta["beta"]
        loss = theta["c"] + amplitude * params ** -theta["alpha"] + of_data
        return FineGrained(float(params), float(tokens), granularity or 1.0, float(loss))

    found = minimize_scalar(
        lambda x: model(x).loss, bounds=(np.log(16.0), np.log(1e7)), method="bounded",
        options={"xatol": 1e-8},
    )  # fmt: skip
    return model(float(found.x))  # type: ignore[attr-defined]


def compute_gain(routed: Theta, dense: Theta, compute_flops: float) -> float:
    """Return how many times more compute the dense law needs for the routed law's best loss.

    Args:
        routed: Coefficients of `krajewski_moe`.
        dense: Those of its dense member.
        compute_flops: Budget of the routed model.

    Raises:
        LawError: No dense model reaches that loss.
    """
    from scipy.optimize import brentq

    target = optimal_fine_grained(routed, compute_flops).loss

    def excess(log_gain: float) -> float:
        return optimal_fine_grained(dense, compute_flops * np.exp(log_gain)).loss - target

    if excess(np.log(1e6)) > 0.0:
        raise LawError(f"no dense model within a million times {compute_flops:g} FLOP is as good")
    return float(np.exp(brentq(excess, np.log(1e-3), np.log(1e6))))  # type: ignore[arg-type]
