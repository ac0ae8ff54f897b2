"""Reinforcement learning: curves of compute, the best of n, and how far to optimise a proxy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpy.typing import ArrayLike

from scaling_jax._pytree import pytree
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.registry import protocol


@protocol("bon_kl")
def best_of_n_kl(n: ArrayLike) -> jax.Array:
    """Return the KL divergence of the best of n answers from the policy, log(n) - (n - 1) / n.

    Exact for scores without ties, an upper bound with them.

    Args:
        n: Answers drawn, one or more ``[...]``.

    Raises:
        ProtocolError: Fewer than one.

    Example:
        >>> round(float(best_of_n_kl(1000)), 3)
        5.909

    Reference:
        Stiennon et al. (2020), arXiv:2009.01325; Gao et al. (2022), arXiv:2210.10760.
    """
    _check(n, lambda x: x >= 1.0, "n must be one answer or more")
    n = jnp.asarray(n, dtype=float)
    return jnp.log(n) - (n - 1.0) / n


# Where the true reward is highest


@pytree
class RewardPeak:
    """The most that a proxy reward can bring.

    Attributes:
        sqrt_kl: d, square root of the KL divergence from the first policy, at the peak.
        reward: True reward there.
    """

    sqrt_kl: jax.Array
    reward: jax.Array

    @property
    def kl(self) -> jax.Array:
        """KL divergence at the peak, in nats."""
        return self.sqrt_kl**2


@protocol("rm_overopt_bon")
def best_of_n_peak(alpha_bon: ArrayLike, beta_bon: ArrayLike) -> RewardPeak:
    """Return the peak of d * (alpha - beta * d), the true reward under best-of-n sampling.

    Example:
        >>> peak = best_of_n_peak(1.0, 0.25)
        >>> float(peak.sqrt_kl), float(peak.reward)
        (2.0, 1.0)

    Raises:
        ProtocolError: A coefficient that is not positive: the reward has no peak.

    Reference:
        Gao, Schulman, Hilton (2022), arXiv:2210.10760, equation 1.
    """
    _check(alpha_bon, lambda x: x > 0.0, "alpha_bon must be positive, or nothing is gained")
    _check(beta_bon, lambda x: x > 0.0, "beta_bon must be positive, or there is no peak")
    alpha, beta = jnp.asarray(alpha_bon, dtype=float), jnp.asarray(beta_bon, dtype=float)
    return RewardPeak(alpha / (2.0 * beta), alpha**2 / (4.0 * beta))


@protocol("rm_overopt_rl")
def rl_peak(alpha_RL: ArrayLike, beta_RL: ArrayLike, *, iterations: ArrayLike = 1) -> RewardPeak:
    """Return the peak of d * (alpha - beta * log d + beta * log k), the true reward under RL.

    Args:
        alpha_RL: Slope at d = 1.
        beta_RL: Over-optimisation.
        iterations: k, how often the reward model is trained anew.

    Raises:
        ProtocolError: beta is not positive, or fewer than one iteration.

    Example:
        >>> peak = rl_peak(1.0, 0.5)
        >>> round(float(peak.sqrt_kl), 4), round(float(peak.reward), 4)
        (2.7183, 1.3591)

    Reference:
        Gao, Schulman, Hilton (2022), arXiv:2210.10760, equation 2.
    """
    _check(beta_RL, lambda x: x > 0.0, "beta_RL must be positive, or there is no peak")
    _check(iterations, lambda x: x >= 1.0, "iterations must be one or more")
    alpha, beta = jnp.asarray(alpha_RL, dtype=float), jnp.asarray(beta_RL, dtype=float)
    d = jnp.asarray(iterations, dtype=float) * jnp.exp(alpha / beta - 1.0)
    return RewardPeak(d, beta * d)


# Curves of reinforcement-learning compute


@protocol("scalerl")
def compute_for_pass_rate(
    target: ArrayLike, initial_pass_rate: ArrayLike, *, A: ArrayLike, B: ArrayLike, C_mid: ArrayLike
) -> jax.Array:
    """Return the compute of an RL run that reaches a pass rate, in the unit of C_mid.

    The inverse of the law `scalerl`, differentiable in everything: design choices that move the
    ceiling A and ones that move only B and C_mid can be compared by what a target costs.

    Args:
        target: R, above the initial pass rate and below A.
        initial_pass_rate: R_0.
        A: Pass rate of unlimited compute.
        B: Exponent.
        C_mid: Compute at half of the gain.

    Raises:
        ProtocolError: A target that no compute reaches, or that needs none.

    Example:
        >>> round(float(compute_for_pass_rate(0.405, 0.2, A=0.61, B=1.92, C_mid=2542.0)))
        2542

    Reference:
        Khatri et al. (2025), arXiv:2510.13786, equation 1.
    """
    R, R_0, A = (jnp.asarray(x, dtype=float) for x in (target, initial_pass_rate, A))
    share = (R - R_0) / (A - R_0)
    _check(
        share,
        lambda x: (x > 0.0) & (x < 1.0),
        "target must lie between the initial pass rate and the asymptote A",
    )
    return jnp.asarray(C_mid) * jnp.exp((jnp.log(share) - jnp.log1p(-share)) / jnp.asarray(B))


def _check(value: Any, holds: Any, message: str) -> None:
    if not isinstance(value, Tracer) and not np.all(holds(np.asarray(value, np.float64))):
        raise ProtocolError(f"{message}; the value is {np.ravel(np.asarray(value))[0]:g}")
