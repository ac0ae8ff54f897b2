"""Procedures that choose a mixture: from laws of single domains, or along a law's gradient.

AutoScale and its DDO step (Kang et al., arXiv:2407.20177), projektor's second stage (Kang et al.,
arXiv:2307.02460), BiMix (Ge et al., arXiv:2405.14908), mirror descent on the simplex (Shukor et
al., arXiv:2507.09404).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import ProtocolError
from scaling_jax.laws import Law
from scaling_jax.protocols.registry import protocol

Values = Mapping[str, Any]
_HALVINGS = 200  # of a bracket of hundreds of e-folds: to the last digit of float64


@protocol("autoscale")
def autoscale(first: Any, second: Any, steps: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the best tokens of each domain at a larger scale from those at two smaller ones.

    Args:
        first: Best tokens of each domain at the smaller scale ``[domains]``.
        second: The same at the larger of the two scales.
        steps: Steps of scale beyond the second; each multiplies a domain by second / first.

    Returns:
        Tokens ``[domains]`` and proportions ``[domains]``.

    Raises:
        ProtocolError: The tokens are not positive, or are of different domains.

    Example:
        >>> tokens, proportions = autoscale([1.0, 1.0], [2.0, 4.0])
        >>> tokens.tolist(), proportions.tolist()
        ([4.0, 16.0], [0.2, 0.8])
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or not (np.all(first > 0.0) and np.all(second > 0.0)):
        raise ProtocolError(
            f"autoscale needs positive tokens of the same domains at both scales, not arrays of "
            f"shapes {first.shape} and {second.shape}"
            + (" with other values" if first.shape == second.shape else "")
        )
    tokens = second * (second / first) ** steps
    return tokens, tokens / tokens.sum()


@protocol("autoscale_ddo")
def ddo_allocation(a: Any, b: Any, total: float, floor: float = 0.2) -> np.ndarray:
    """Return the amounts x of each domain that minimise the sum of (x + a)**(-b).

    Args:
        a: Offset of each domain's curve ``[domains]``.
        b: Exponent of each domain's curve ``[domains]``.
        total: What the amounts sum to.
        floor: Smallest amount of a domain.

    Raises:
        ProtocolError: The total is below the floors.

    Reference:
        Kang et al., arXiv:2407.20177, the DDO step.

    Example:
        >>> ddo_allocation([1.0, 1.0], [1.0, 1.0], total=4.0).round(6).tolist()
        [2.0, 2.0]
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if total < floor * len(a):
        raise ProtocolError(
            f"{len(a)} domains of at least {floor} each do not fit into a total of {total}"
        )

    def amounts(log_multiplier: float) -> np.ndarray:
        return np.maximum(np.exp((np.log(b) - log_multiplier) / (b + 1.0)) - a, floor)

    return _equal_marginals(amounts, total)


@protocol("bimix")
def bimix_mixture(theta: Values, step: float) -> np.ndarray:
    """Return the proportions that minimise the sum of the domains' BiMix losses.

    Args:
        theta: A, alpha, B, beta and C of the law bimix, one value a domain ``[domains]``.
        step: Training steps.

    Returns:
        Proportions ``[domains]``: alpha*A*(B/s**beta + C)*r**(-alpha-1) is equal for all.

    Example:
        >>> same = dict.fromkeys(["A", "alpha", "B", "beta", "C"], np.full(2, 0.5))
        >>> bimix_mixture(same, step=1e4).round(6).tolist()
        [0.5, 0.5]
    """
    a, alpha, b, beta, c = (
        np.asarray(theta[name], np.float64) for name in ("A", "alpha", "B", "beta", "C")
    )
    log_scale = np.log(alpha * a * (b * step**-beta + c))

    def amounts(log_multiplier: float) -> np.ndarray:
        return np.exp((log_scale - log_multiplier) / (alpha + 1.0))

    return _equal_marginals(amounts, 1.0)


def _equal_marginals(amounts: Callable[[float], np.ndarray], total: float) -> np.ndarray:
    """Return the amounts that sum to `total`; they fall with the logarithm of the multiplier."""
    low, high = -500.0, 500.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        with np.errstate(over="ignore"):
            too_much = amounts(middle).sum() > total
        low, high = (middle, high) if too_much else (low, middle)
    return amounts(high)


@protocol("projektor")
def log_linear_extrapolation(
    sizes: tuple[float, float], performances: tuple[Any, Any], size: Any, *, log: bool = False
) -> Any:
    """Return performances at another data size from those at two sizes, linear in log size.

    Args:
        sizes: The two revealed sizes n0 < n1, in examples.
        performances: Performance of each mixture at n0 and at n1, arrays or numbers.
        size: The size n2 to map to.
        log: Extrapolate the logarithm of the performance, so that it is a power of the size.

    Raises:
        ProtocolError: The two sizes are not positive and increasing.

    Example:
        >>> float(log_linear_extrapolation((1e3, 1e4), (3.0, 2.5), 1e5))
        2.0
    """
    smaller, larger = sizes
    if not 0.0 < smaller < larger:
        raise ProtocolError(f"projektor needs two sizes with 0 < n0 < n1, not {smaller}, {larger}")
    first, second = (jnp.asarray(p, float) for p in performances)
    if log:
        first, second = jnp.log(first), jnp.log(second)
    steps = jnp.log(jnp.asarray(size, float) / smaller) / jnp.log(larger / smaller)
    value = first + (second - first) * steps
    return jnp.exp(value) if log else value


@dataclass(frozen=True)
class BestMixture:
    """A mixture of least loss.

    Attributes:
        proportions: ``[domains]``, in the order of the law's simplex.
        loss: Its predicted loss, the mean over targets.
        spread: Largest difference of marginal losses between domains in use; 0 at the optimum.
    """

    proportions: np.ndarray
    loss: float
    spread: float


@protocol("optimal_mixture_additive")
@protocol("optimal_mixture_joint")
def best_mixture(
    law: Law, targets: Sequence[Values], steps: int = 3000, **inputs: float
) -> BestMixture:
    """Return the mixture of least mean loss over target domains, by mirror descent.

    Args:
        law: A law over mixtures.
        targets: Its coefficients for each target domain.
        steps: Steps h <- normalise(h * exp(-eta * gradient)); a step that does not lower the
            loss is not taken, and eta is halved.
        **inputs: Its other inputs, such as params and tokens.

    Raises:
        ProtocolError: The law takes no mixture, or there is no target.

    Reference:
        Shukor et al., arXiv:2507.09404, section 3.

    Example:
        >>> import scaling_jax as sj
        >>> law = sj.laws.get("optimal_mixture_additive", domains=2)
        >>> theta = dict(E=1.0, A=1.0, B=1.0, alpha=0.3, beta=0.3,
        ...              C1=2.0, C2=1.0, gamma1=0.5, gamma2=0.5)
        >>> best_mixture(law, [theta], params=1e9, tokens=1e10).proportions.round(4).tolist()
        [0.8, 0.2]
    """
    if not law.simplex or not targets:
        raise ProtocolError(f"{law.name}: a best mixture needs a law over mixtures and a target")
    with jax.enable_x64(True):
        stacked = {n: jnp.asarray([float(t[n]) for t in targets]) for n in law.free_names}
        fixed = {name: jnp.asarray(float(value)) for name, value in inputs.items()}
        uniform = jnp.full(len(law.simplex), 1.0 / len(law.simplex))

        def loss(proportions: jax.Array) -> jax.Array:
            return jnp.mean(law(stacked, {**fixed, "proportions": proportions}))

        value_and_slope = jax.value_and_grad(loss)

        def step(_, state):
            h, value, slope, eta = state
            logits = jnp.log(h) - eta * (slope - jnp.sum(h * slope))
            trial = jax.nn.softmax(logits)
            trial_value, trial_slope = value_and_slope(trial)
            better = trial_value < value
            chosen = (
                jnp.where(better, new, old)
                for new, old in ((trial, h), (trial_value, value), (trial_slope, slope))
            )
            return (*chosen, jnp.where(better, 1.3 * eta, 0.5 * eta))  # fmt: skip

        start = (uniform, *value_and_slope(uniform), jnp.asarray(1.0))
        h, value, slope, _ = jax.lax.fori_loop(0, steps, step, start)
    used = np.asarray(slope)[np.asarray(h) > 1e-6]
    return BestMixture(np.asarray(h), float(value), float(np.ptp(used)))
