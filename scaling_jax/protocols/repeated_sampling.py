"""Repeated sampling: pass@k from counts, the tail of hard problems, the worst of many queries."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpy.typing import ArrayLike

from scaling_jax.errors import ProtocolError
from scaling_jax.laws.gamma_ratios import log_gamma_ratio, log_mean_power
from scaling_jax.protocols.registry import protocol

_MOST_STEPS = 500
_FLAT = 1e-6  # gradient of the mean log-likelihood at its maximum

# pass@k


@protocol("pass_at_k_unbiased")
def pass_at_k(samples: ArrayLike, correct: ArrayLike, k: ArrayLike) -> jax.Array:
    """Return the chance that k of the samples drawn for a problem hold a correct one.

    It is 1 - binom(n - c, k) / binom(n, k), unbiased for 1 - (1 - p)**k, computed from the
    difference of logarithms of Gamma functions: no binomial overflows, and it can be compiled,
    mapped and differentiated in c and k. All arguments broadcast: give problems on the last axis
    and k as a column for every problem and k at once.

    Args:
        samples: n, samples drawn ``[...]``.
        correct: c, how many were correct ``[...]``.
        k: Attempts, at most n ``[...]``.

    Raises:
        ProtocolError: More correct ones or attempts than samples.

    Example:
        >>> round(float(pass_at_k(10, 1, 5)), 5)
        0.5
        >>> [round(float(p), 4) for p in pass_at_k(4, np.array([0, 1, 2]), 3)]
        [0.0, 0.75, 1.0]

    Reference:
        Chen et al. (2021), arXiv:2107.03374, equation 1.
    """
    _check_counts(samples, correct, k)
    n, c, k = (jnp.asarray(x, dtype=float) for x in (samples, correct, k))
    # Symmetric in c and k: the smaller one as the step leaves less to round.
    step = jnp.minimum(c, k)
    left = n - c - k + 1.0
    possible = left > 0.0  # otherwise any k of them hold a correct one
    log_failure = log_gamma_ratio(jnp.where(possible, left, 1.0), step)
    log_failure = log_failure - log_gamma_ratio(n - step + 1.0, step)
    return jnp.where(possible, 0.0 - jnp.expm1(jnp.where(possible, log_failure, 0.0)), 1.0)


def coverage(samples: ArrayLike, correct: ArrayLike, k: ArrayLike) -> jax.Array:
    """Return the mean of pass@k over the problems for each k ``[attempts]``.

    Args:
        samples: Samples drawn for each problem ``[problems]``, or one number.
        correct: Correct ones ``[problems]``.
        k: Attempts ``[attempts]``, or one number.

    Example:
        >>> [round(float(c), 4) for c in coverage(4, np.array([0, 1, 4]), np.array([1, 4]))]
        [0.4167, 0.6667]
    """
    k = jnp.asarray(k)
    return jnp.mean(pass_at_k(samples, correct, k[..., None]), axis=-1)


def _check_counts(samples: Any, correct: Any, k: Any) -> None:
    if any(isinstance(x, Tracer) for x in (samples, correct, k)):
        return
    n, c, k = (np.asarray(x, np.float64) for x in (samples, correct, k))
    if np.any(c < 0) or np.any(c > n):
        raise ProtocolError("correct must be 0 to samples for each problem; check the counts")
    if np.any(k < 0) or np.any(k > n):
        raise ProtocolError(
            f"pass@{np.max(k):g} cannot be estimated from {np.min(n):g} samples; ask for fewer "
            "attempts or draw more"
        )


# The distribution of the chance of success over problems


@dataclass(frozen=True)
class SuccessTail:
    """Chances of success of single samples, distributed over problems as Beta(alpha, beta).

    Attributes:
        alpha: Shape at zero: the exponent of the power law.
        beta: Shape at one.
    """

    alpha: float
    beta: float

    @property
    def exponent(self) -> float:
        """B of -log(pass@k) ~ a * k**-b for many attempts."""
        return self.alpha

    @property
    def amplitude(self) -> float:
        """A of -log(pass@k) ~ a * k**-b for many attempts."""
        return float(np.exp(_log_gamma_ratio(self.beta, self.alpha)))

    def pass_at(self, k: ArrayLike) -> jax.Array:
        """Return pass@k for any number of attempts, exactly: 1 - E[(1 - p)**k]."""
        return -jnp.expm1(log_mean_power(k, self.beta, self.alpha))


@protocol("monkeys_power_law")
def fit_success_tail(samples: ArrayLike, correct: ArrayLike) -> SuccessTail:
    """Fit a beta-binomial distribution to counts of correct samples, by maximum likelihood.

    The exponent with which the failures of repeated sampling vanish is the shape of the density of
    chances at zero, f(p) ~ C * p**(b - 1). It is read from the counts, with far fewer samples than
    a line through log(-log(pass@k)) needs. Problems without a correct sample count: do not drop
    them.

    Args:
        samples: Samples drawn for each problem ``[problems]``, or one number.
        correct: Correct ones ``[problems]``.

    Raises:
        ProtocolError: Impossible counts, or counts without spread (none or all correct).

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> tail = fit_success_tail(1000, rng.binomial(1000, rng.beta(0.3, 2.0, 5000)))
        >>> round(tail.exponent, 2), round(tail.beta, 1)
        (0.3, 2.0)

    Reference:
        Schaeffer et al. (2025), arXiv:2502.17578, the distributional estimator.
    """
    from scipy.optimize import minimize

    n, c = np.broadcast_arrays(np.asarray(samples, np.float64), np.asarray(correct, np.float64))
    _check_counts(n, c, 1)
    n, c = n.ravel(), c.ravel()
    if not 0.0 < np.sum(c) < np.sum(n):
        raise ProtocolError(
            "the counts are all zero or all equal to samples, which has no best distribution; "
            "draw more samples or choose other problems"
        )
    found = minimize(
        _beta_binomial,
        np.array([np.log(0.5), np.log(0.5 * np.sum(n - c) / np.sum(c))]),
        args=(n, c),
        jac=True,
        method="BFGS",
        options={"gtol": _FLAT, "maxiter": _MOST_STEPS},
    )
    if np.max(np.abs(found.jac)) > 100.0 * _FLAT:
        raise ProtocolError(
            f"the beta-binomial fit to {len(n)} problems did not converge ({found.message}); the "
            "counts may not be wider spread than one chance for all"
        )
    alpha, beta = np.exp(found.x)
    return SuccessTail(float(alpha), float(beta))


def _beta_binomial(logs: np.ndarray, n: np.ndarray, c: np.ndarray) -> tuple[float, np.ndarray]:
    """Return minus the mean log-likelihood of the counts and its slopes in the log shapes."""
    from scipy.special import betaln, digamma

    shapes = alpha, beta = np.exp(logs)
    value = np.mean(betaln(c + alpha, n - c + beta)) - betaln(alpha, beta)
    both = digamma(alpha + beta) - np.mean(digamma(n + alpha + beta))
    slopes = [
        np.mean(digamma(count + shape)) - digamma(shape) + both
        for count, shape in zip((c, n - c), shapes, strict=True)
    ]
    return -float(value), -np.array(slopes) * shapes


@dataclass(frozen=True)
class PowerTail:
    """A power law of many attempts, -log(pass@k) ~ a * k**-b.

    Attributes:
        a: Amplitude.
        b: Exponent.
    """

    a: float
    b: float


def beta_tail(alpha: float, beta: float) -> PowerTail:
    """Return the power law of chances distributed as Beta(alpha, beta).

    Example:
        >>> beta_tail(1.0, 3.0)  # E[(1 - p)**k] = 3 / (k + 3)
        PowerTail(a=3.0, b=1.0)
    """
    return PowerTail(round(float(np.exp(_log_gamma_ratio(beta, alpha))), 12), float(alpha))


def kumaraswamy_tail(alpha: float, beta: float) -> PowerTail:
    """Return the power law of chances with the distribution 1 - (1 - p**alpha)**beta.

    Example:
        >>> kumaraswamy_tail(1.0, 3.0)
        PowerTail(a=3.0, b=1.0)
    """
    from scipy.special import gamma

    return PowerTail(float(beta * gamma(alpha + 1.0)), float(alpha))


def uniform_tail(highest: float) -> PowerTail:
    """Return the power law of chances spread evenly from zero to `highest`."""
    if not 0.0 < highest <= 1.0:
        raise ProtocolError(f"a chance lies between 0 and 1, not at {highest:g}; correct highest")
    return PowerTail(1.0 / highest, 1.0)


def _log_gamma_ratio(x: float, step: float) -> float:
    from scipy.special import gammaln

    return float(gammaln(x + step) - gammaln(x))


# The worst of many queries


@dataclass(frozen=True)
class WorstQuery:
    """The tail of scores psi = -log(-log p): log P(score > psi) = a * psi + b.

    Attributes:
        a: Slope, negative.
        b: Intercept.
    """

    a: float
    b: float

    def score(self, queries: ArrayLike) -> np.ndarray:
        """Return the score that one of so many queries exceeds."""
        return (-np.log(np.asarray(queries, np.float64)) - self.b) / self.a

    def log_probability(self, queries: ArrayLike) -> np.ndarray:
        """Return the log of the largest probability of the behaviour among so many queries."""
        return -np.exp(-self.score(queries))

    def probability(self, queries: ArrayLike) -> np.ndarray:
        """Return the largest probability of the behaviour among so many queries."""
        return np.exp(self.log_probability(queries))


@protocol("forecasting_rare_behaviors")
def forecast_worst_query(log_probabilities: ArrayLike, *, tail: int = 10) -> WorstQuery:
    """Fit the tail of elicitation probabilities, to forecast the worst of many more queries.

    Args:
        log_probabilities: log p of each query of the evaluation ``[queries]``, below zero. As
            logarithms, since many lie below the smallest float.
        tail: How many of the highest scores the line is fitted to.

    Raises:
        ProtocolError: Too few queries, a probability of one, or a tail without spread.

    Example:
        >>> import numpy as np
        >>> scores = -np.log(np.arange(1, 101) / 100.0) / 2.0 - 3.0  # the tail a = -2, b = -6
        >>> found = forecast_worst_query(-np.exp(-scores))
        >>> round(found.a, 6), round(found.b, 6)
        (-2.0, -6.0)

    Reference:
        Jones et al. (2025), arXiv:2502.16797.
    """
    logs = np.sort(np.asarray(log_probabilities, np.float64).ravel())[::-1]
    if tail < 2 or len(logs) < tail:
        raise ProtocolError(
            f"a tail of {tail} cannot be fitted to {len(logs)} queries; take 2 or more of them"
        )
    if not np.all(logs < 0.0) or np.any(np.isneginf(logs[:tail])):
        raise ProtocolError(
            "log_probabilities must be finite and below zero in the tail; a behaviour that is "
            "certain needs no forecast"
        )
    psi = -np.log(-logs[:tail])
    if np.ptp(psi) == 0.0:
        raise ProtocolError("the queries of the tail are equally likely; take a longer tail")
    survival = np.log(np.arange(1, tail + 1) / len(logs))
    b, a = np.polynomial.polynomial.polyfit(psi, survival, 1)
    return WorstQuery(float(a), float(b))
