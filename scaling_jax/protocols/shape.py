"""Shaping models: compound scaling of networks, the best shape dimension, stacking."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.registry import protocol


@dataclass(frozen=True)
class CompoundScaling:
    """Factors of a network whose FLOP grow by a factor.

    Attributes:
        depth: Factor of the layers.
        width: Factor of the width.
        resolution: Factor of the side of the input.
        activations: Factor of the activations, which the runtime follows.
        params: Factor of the parameters.
    """

    depth: Any
    width: Any
    resolution: Any
    activations: Any
    params: Any


@protocol("fast_model_scaling")
def compound_scaling(
    flops_factor: Any, *, depth: Any, width: Any, resolution: Any
) -> CompoundScaling:
    """Return how a convolutional network grows when its FLOP budget is shared out.

    FLOP are proportional to depth * width**2 * resolution**2.

    Args:
        flops_factor: Factor of the FLOP.
        depth: Share of the budget, in the logarithm, for depth.
        width: Share for width.
        resolution: Share for resolution.

    Raises:
        ProtocolError: The shares do not sum to one.

    Example:
        >>> fast = compound_scaling(16.0, **fast_shares(0.8))
        >>> round(float(fast.activations), 3)  # 16**0.6
        5.278

    Reference:
        Dollar et al., arXiv:2103.06877.
    """
    shares = (depth, width, resolution)
    if not any(isinstance(x, Tracer) for x in shares) and abs(sum(shares) - 1.0) > 1e-6:
        raise ProtocolError(
            f"the shares of depth, width and resolution sum to {sum(shares):g}, not to one; divide "
            "them by their sum"
        )
    log_s = jnp.log(flops_factor)
    return CompoundScaling(
        depth=jnp.exp(depth * log_s),
        width=jnp.exp(0.5 * width * log_s),
        resolution=jnp.exp(0.5 * resolution * log_s),
        activations=jnp.exp((depth + 0.5 * width + resolution) * log_s),
        params=jnp.exp((depth + width) * log_s),
    )


def fast_shares(alpha: float) -> dict[str, float]:
    """Return the shares of fast compound scaling, most of them for width.

    Example:
        >>> {name: round(share, 6) for name, share in fast_shares(0.8).items()}
        {'depth': 0.1, 'width': 0.8, 'resolution': 0.1}
    """
    rest = 0.5 * (1.0 - alpha)
    return {"depth": rest, "width": alpha, "resolution": rest}


@protocol("sovit_shape")
def optimal_dimension(
    compute_flops: Any, *, alpha_k: Any, a_k: Any, beta_k: Any, b_k: Any, c: Any
) -> jax.Array:
    """Return the shape dimension with the least error at a compute.

    The minimum of `sovit_shape` in x_k; it grows as compute to the power c / (a_k + b_k).

    Args:
        compute_flops: Compute, in the unit of the coefficients.
        alpha_k: Amplitude.
        a_k: Exponent of the dimension.
        beta_k: Cost of the dimension.
        b_k: Exponent of that cost.
        c: Compute exponent.

    Example:
        >>> theta = dict(alpha_k=2.0, a_k=0.5, beta_k=0.1, b_k=0.5, c=0.4)
        >>> growth = optimal_dimension(1e6, **theta) / optimal_dimension(1e3, **theta)
        >>> round(float(growth), 3)  # 1000**0.4
        15.849

    Reference:
        Alabdulmohsin et al., arXiv:2305.13035.
    """
    log_ratio = jnp.log(alpha_k * a_k) + c * jnp.log(compute_flops) - jnp.log(beta_k * b_k)
    return jnp.exp(log_ratio / (a_k + b_k))


@protocol("stacking_growth")
def speed_up(flops_from_scratch: Any, flops_with_growth: Any) -> Any:
    """Return how much faster growing a model reaches a loss, FLOP_scratch / FLOP_grown - 1.

    Example:
        >>> round(speed_up(300e9, 194e9), 3)
        0.546

    Reference:
        Du et al., arXiv:2405.15319.
    """
    return flops_from_scratch / flops_with_growth - 1.0


@protocol("bian_shape")
def cheapest_shapes(
    loss: Any, params: Any, latency: Any, *, most_params: float, most_latency: float, count: int = 3
) -> np.ndarray:
    """Return which candidate shapes to train: those of the least predicted loss within limits.

    Args:
        loss: Predicted loss of each candidate ``[shapes]`` (`bian_shape`).
        params: Parameters ``[shapes]``.
        latency: Measured latency ``[shapes]``.
        most_params: Largest model allowed.
        most_latency: Longest latency allowed.
        count: How many to return.

    Returns:
        Positions of the candidates, best first.

    Raises:
        ProtocolError: No candidate is within the limits.

    Example:
        >>> cheapest_shapes(
        ...     [2.9, 2.8, 2.7], [1e9, 1e9, 2e9], [1.0, 2.0, 1.0], most_params=1e9, most_latency=3.0
        ... ).tolist()
        [1, 0]

    Reference:
        Bian et al., arXiv:2501.18107.
    """
    loss, params, latency = (np.asarray(x, float) for x in (loss, params, latency))
    allowed = np.flatnonzero((params <= most_params) & (latency <= most_latency))
    if not len(allowed):
        raise ProtocolError(
            f"no candidate has at most {most_params:g} parameters and a latency of at most "
            f"{most_latency:g}; add smaller or wider shapes"
        )
    return allowed[np.argsort(loss[allowed], kind="stable")][:count]
