"""Errors of a learner from data without a tail: sums over a finite number of ranks, and regimes.

The laws of the same names integrate over the ranks; here each one is added, in NumPy.
"""

import math

import numpy as np

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.registry import protocol

_BLOCK = 1_000_000  # ranks held at a time


@protocol("tails_hutter")
def zipf_error(
    examples: np.ndarray | float,
    beta: float,
    *,
    cut: int | None = None,
    beta2: float | None = None,
    ranks: int = 10_000_000,
) -> np.ndarray:
    """Return ``sum_i p_i (1 - q_i)**T`` of a learner that has to see each token once.

    Args:
        examples: Samples T ``[points]``.
        beta: Zipf exponent of the tokens, p_i ~ i**-beta.
        cut: Last rank of the training distribution q; None: all of them.
        beta2: Zipf exponent of q; None: that of p.
        ranks: Number of tokens.

    Raises:
        ProtocolError: An exponent that is not positive, or a cut beyond the ranks.

    Example:
        >>> error = zipf_error(np.array([1e3, 1e4]), 1.5, ranks=1_000_000)
        >>> round(float(np.log10(error[1] / error[0])), 2)  # -(beta - 1) / beta
        -0.34

    Reference:
        Dohmatob et al., arXiv:2402.07043, Theorem 2.1.
    """
    return mixed_error(examples, 0.0, beta, cut=cut, beta2=beta2, ranks=ranks)


@protocol("tails_mixing")
def mixed_error(
    examples: np.ndarray | float,
    real_share: float,
    beta: float,
    *,
    cut: int | None = None,
    beta2: float | None = None,
    ranks: int = 10_000_000,
) -> np.ndarray:
    """Return ``sum_i p_i (1 - pi p_i - (1 - pi) q_i)**T``: a share pi of the samples is real.

    Args:
        examples: Samples T ``[points]``.
        real_share: pi.
        beta: Zipf exponent of the tokens.
        cut: Last rank of the generator; None: all of them.
        beta2: Zipf exponent of the generator; None: that of the tokens.
        ranks: Number of tokens.

    Raises:
        ProtocolError: An exponent that is not positive, a share outside [0, 1], or a cut beyond
            the ranks.

    Reference:
        Dohmatob et al., arXiv:2402.07043, Theorem 3.2.
    """
    if beta <= 0.0 or (beta2 is not None and beta2 <= 0.0):
        raise ProtocolError("Zipf exponents are positive; correct beta or beta2")
    if not 0.0 <= real_share <= 1.0:
        raise ProtocolError(f"the share of real samples is within 0 .. 1, not {real_share:g}")
    last = ranks if cut is None else int(cut)
    if not 1 <= last <= ranks:
        raise ProtocolError(f"the cut lies between rank 1 and {ranks}, not at {last}")
    slope = beta if beta2 is None else beta2
    norm_p, norm_q = _power_sum(beta, ranks), _power_sum(slope, last)
    times = np.atleast_1d(np.asarray(examples, np.float64))
    total = np.zeros(times.shape)
    for first in range(1, ranks + 1, _BLOCK):
        i = np.arange(first, min(first + _BLOCK, ranks + 1), dtype=np.float64)
        p = i**-beta / norm_p
        q = np.where(i <= last, i**-slope / norm_q, 0.0)
        log_missed = np.log1p(-np.minimum(real_share * p + (1.0 - real_share) * q, 1.0 - 1e-16))
        total += [np.sum(p * np.exp(t * log_missed)) for t in times]
    return total.reshape(np.shape(examples))


def removed_mass(beta: float, cut: int, ranks: int = 10_000_000) -> float:
    """Return the probability of the tokens after the rank `cut`: the plateau of the error.

    Example:
        >>> round(removed_mass(1.5, 100), 4)
        0.0761
    """
    return 1.0 - _power_sum(beta, cut) / _power_sum(beta, ranks)


def zipf_tail_constant(alpha: float) -> float:
    """Return c of ``E ~ c * n**(-alpha/(1+alpha))`` for ``p_i = q_i = alpha * i**-(alpha+1)``.

    Hutter's unnormalised tokens, with alpha = beta - 1.

    Example:
        >>> round(zipf_tail_constant(1.0), 4)  # sqrt(pi) / 2
        0.8862
    """
    return alpha ** (1 / (1 + alpha)) * math.gamma(alpha / (1 + alpha)) / (alpha + 1)


@protocol("tails_generations")
def generations_error(
    examples: np.ndarray | float, generations: float, generator_examples: float, beta: float
) -> np.ndarray:
    """Return ``T**-c + n * T0**-c``, c = (beta - 1) / beta: the scaling after n generations.

    A scaling relation whose constants are open; what it says is where the second term, a floor,
    takes over.

    Example:
        >>> float(generations_error(1e4, 1.0, 1e4, 2.0))
        0.02

    Reference:
        Dohmatob et al., arXiv:2402.07043; the factor n was recalled.
    """
    c = (beta - 1.0) / beta
    return np.asarray(examples, np.float64) ** -c + generations * float(generator_examples) ** -c


def _power_sum(exponent: float, last: int) -> float:
    blocks = range(1, last + 1, _BLOCK)
    return float(
        sum(
            np.sum(np.arange(b, min(b + _BLOCK, last + 1), dtype=np.float64) ** -exponent)
            for b in blocks
        )
    )
