"""Kaplan et al.'s compute-efficient frontier, derived from the constants of L(N, S)."""

from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax._pytree import pytree
from scaling_jax.protocols.registry import protocol


@pytree
class EfficientFrontier:
    """The frontier that minimises compute at every loss.

    Attributes:
        alpha_C_min: Exponent of the loss in compute.
        C_c: Compute at a loss of one, FLOP.
        p_N: Exponent of model size in compute.
        p_B: Exponent of batch.
        p_S: Exponent of steps.
        p_D: Exponent of the tokens processed, p_B + p_S.
        excess: The loss of the efficient model over the converged loss of its size.
    """

    alpha_C_min: Any
    C_c: Any
    p_N: Any
    p_B: Any
    p_S: Any
    p_D: Any
    excess: Any

    def loss(self, compute_flops: Any) -> jax.Array:
        """Return the least loss for a compute, in FLOP at a batch far below critical."""
        return jnp.exp(self.alpha_C_min * (jnp.log(self.C_c) - jnp.log(compute_flops)))


@protocol("kaplan_efficient")
def efficient_frontier(
    *, N_c: Any, S_c: Any, B_star: Any, alpha_N: Any, alpha_S: Any, alpha_B: Any
) -> EfficientFrontier:
    """Return the compute-efficient frontier of ``L = (N_c/N)**alpha_N + (S_c/S_min)**alpha_S``.

    Compute is ``C = 6 * N * B_crit(L) * S_min`` with ``B_crit = B_star / L**(1/alpha_B)``. At the
    least compute for a loss, the size term is alpha_S / alpha_N times the step term.

    Args:
        N_c: Scale of model size.
        S_c: Scale of steps.
        B_star: Critical batch at a loss of one, tokens.
        alpha_N: Exponent of model size.
        alpha_S: Exponent of steps.
        alpha_B: Exponent of the critical batch.

    Example:
        >>> table_5 = dict(N_c=6.5e13, S_c=2.1e3, B_star=2.1e8, alpha_N=0.077, alpha_S=0.76)
        >>> frontier = efficient_frontier(**table_5, alpha_B=0.21)
        >>> round(float(frontier.alpha_C_min), 4), round(float(frontier.p_N), 2)
        (0.0525, 0.68)

    Reference:
        Kaplan et al., arXiv:2001.08361, section 6 and appendix B.
    """
    alpha = 1.0 / (1.0 / alpha_S + 1.0 / alpha_B + 1.0 / alpha_N)
    ratio = alpha_N / alpha_S
    log_c = (
        jnp.log(6.0)
        + jnp.log(N_c)
        + jnp.log(B_star)
        + jnp.log(S_c)
        + (1.0 / alpha_S + 1.0 / alpha_N) * jnp.log1p(ratio)
        - jnp.log(ratio) / alpha_S
    )
    p_n, p_b, p_s = (alpha / x for x in (alpha_N, alpha_B, alpha_S))
    return EfficientFrontier(alpha, jnp.exp(log_c), p_n, p_b, p_s, p_b + p_s, ratio)


def suboptimal_compute(size_ratio: Any, *, alpha_N: Any, alpha_S: Any) -> jax.Array:
    """Return the compute of a model of another size than the efficient one, at equal loss.

    Args:
        size_ratio: N / N_efficient, above the ratio at which the loss is out of reach.
        alpha_N: Exponent of model size.
        alpha_S: Exponent of steps.

    Returns:
        Compute over the compute of the efficient model.

    Example:
        >>> round(float(suboptimal_compute(2.2, alpha_N=0.076, alpha_S=0.76)), 2)
        1.2

    Reference:
        Kaplan et al., arXiv:2001.08361, appendix B.4 (recalled).
    """
    below = -jnp.expm1(-alpha_N * jnp.log(size_ratio))
    return size_ratio * (1.0 + alpha_S / alpha_N * below) ** (-1.0 / alpha_S)


@protocol("kaplan_cmin")
def minimum_compute(compute_flops: Any, batch_tokens: Any, critical_batch: Any) -> jax.Array:
    """Return the compute that a run would have taken at a batch far below the critical one.

    Args:
        compute_flops: Compute of the run.
        batch_tokens: Its batch.
        critical_batch: Critical batch at the loss reached, tokens (`kaplan_bcrit`).

    Example:
        >>> float(minimum_compute(2.0, 1e6, 1e6))
        1.0
    """
    return jnp.asarray(compute_flops / (1.0 + batch_tokens / critical_batch))


def minimum_steps(step: Any, batch_tokens: Any, critical_batch: Any) -> jax.Array:
    """Return the steps that a run would have taken at a batch far above the critical one."""
    return jnp.asarray(step / (1.0 + critical_batch / batch_tokens))
