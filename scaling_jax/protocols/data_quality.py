"""Measuring data: diversity, worth of noisy samples, and what a better selection of data saves."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from scaling_jax import laws
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.compute_savings import bisect, savings_rate
from scaling_jax.protocols.registry import protocol

# The same quantity under three names, from the points of two curves: compute or tokens that the
# baseline needs for a score, over what the method needs.
protocol("betr_multiplier")(savings_rate)
protocol("beyondweb")(savings_rate)


@protocol("betr_compute_multiplier")
def law_multiplier(
    baseline: Callable[[Any], Any],
    method: Callable[[Any], Any],
    at: float,
    low: float,
    high: float,
) -> jax.Array:
    """Return C_baseline(y) / C_method(y) at equal quality y of two fitted curves of compute.

    Differentiable in whatever the curves are made of.

    Args:
        baseline: Quality as a function of compute, monotone: an accuracy that a loss law along
            its compute-optimal frontier and a law of downstream accuracy give together.
        method: The same for the method.
        at: The quality y.
        low: Compute at which neither curve has reached y.
        high: Compute at which both have.

    Raises:
        ProtocolError: A curve does not reach the quality between the two.

    Example:
        >>> accuracy = lambda c: 1 / (1 + (c / 1e21) ** -0.2)
        >>> better = lambda c: accuracy(4.7 * c)
        >>> round(float(law_multiplier(accuracy, better, 0.6, 1e18, 1e24)), 3)
        4.7

    Reference:
        Mizrahi et al., arXiv:2507.12466.
    """
    needed = [
        _log_compute(c, at, low, high, n) for c, n in ((baseline, "baseline"), (method, "method"))
    ]
    return jnp.exp(needed[0] - needed[1])


def _log_compute(curve: Callable[[Any], Any], at: float, low: float, high: float, name: str):
    def gap(log_c: jax.Array) -> jax.Array:
        return jnp.asarray(curve(jnp.exp(log_c)) - at)

    ends = jnp.log(jnp.asarray(low, float)), jnp.log(jnp.asarray(high, float))
    signs = [jnp.sign(gap(end)) for end in ends]
    if not any(isinstance(s, Tracer) for s in signs) and signs[0] * signs[1] > 0:
        raise ProtocolError(
            f"the {name} curve does not reach {at:g} between {low:g} and {high:g}; widen the "
            "bracket, or compare at another quality"
        )
    return bisect(gap, *ends)


@protocol("diversity_coefficient")
def diversity_coefficient(embeddings: Any, others: Any = None) -> jax.Array:
    """Return the expected cosine distance between the embeddings of two batches of data.

    Args:
        embeddings: One embedding a batch ``[batches, dimensions]``, such as the diagonal of a
            probe network's Fisher information (Task2Vec).
        others: Embeddings of a second data set: the diversity across the two. By default the
            distinct pairs of the first.

    Raises:
        ProtocolError: Fewer than two batches, or an embedding without direction.

    Example:
        >>> import numpy as np
        >>> float(diversity_coefficient(np.eye(4)))
        1.0

    Reference:
        Lee et al., arXiv:2306.13840.
    """
    first = _directions(embeddings)
    if others is not None:
        return 1.0 - jnp.mean(first, 0) @ jnp.mean(_directions(others), 0)
    count = first.shape[0]
    if count < 2:
        raise ProtocolError(f"diversity compares batches in pairs; give two at least, not {count}")
    total = jnp.sum(first, 0)
    # The sum over distinct pairs is that over all pairs less the batches with themselves.
    return 1.0 - (total @ total - jnp.sum(first * first)) / (count * (count - 1))


def _directions(embeddings: Any) -> jax.Array:
    embeddings = jnp.asarray(embeddings, float)
    if embeddings.ndim != 2:
        raise ProtocolError(
            f"embeddings have the shape [batches, dimensions], not {embeddings.shape}"
        )
    lengths = jnp.linalg.norm(embeddings, axis=1, keepdims=True)
    if not isinstance(lengths, Tracer):
        bad = np.flatnonzero(~((np.asarray(lengths) > 0.0) & np.isfinite(lengths)))
        if bad.size:
            raise ProtocolError(f"the embedding of batch {bad[0]} is zero or not finite; drop it")
    return embeddings / lengths


@protocol("ambient_noisy_price")
def effective_clean_samples(clean: Any, noisy: Any, price: Any) -> Any:
    """Return how many clean samples clean and noisy ones together are worth.

    Holds where a sufficient share is clean; noisy samples alone are worth much less.

    Args:
        clean: Clean samples.
        noisy: Noisy samples.
        price: Noisy samples that replace a clean one; 1.5 to 1.75 for ImageNet at noise 0.2.

    Example:
        >>> effective_clean_samples(100.0, 900.0, 1.5)
        700.0

    Reference:
        Daras et al., arXiv:2411.02780.
    """
    return clean + noisy / price


@protocol("data_filtering_mixture")
def best_pools(
    utilities: Sequence[float],
    half_lives: Sequence[float],
    examples: float,
    pool_examples: float,
    *,
    a: float,
    d: float,
    irreducible: str = "outside",
) -> tuple[int, np.ndarray]:
    """Return how many pools of data to mix for a budget of samples, and the error for each number.

    Pools are taken in the order of their utility, the most negative first.

    Args:
        utilities: b of each pool ``[pools]``.
        half_lives: tau of each pool in its own epochs ``[pools]``.
        examples: Samples to be seen.
        pool_examples: Samples of each pool.
        a: Sample scale shared by the pools.
        d: Irreducible error.
        irreducible: ``"outside"`` the product over epochs, or ``"inside"`` as in the authors' code.

    Raises:
        ProtocolError: The lists differ in length.
        LawError: More pools than the law mixes.

    Example:
        >>> rate = dict(utilities=[-0.18, -0.12], half_lives=[2.0, 4.0], a=0.022, d=0.1)
        >>> [best_pools(examples=n, pool_examples=12.8e6, **rate)[0] for n in (32e6, 640e6)]
        [1, 2]

    Reference:
        Goyal et al., arXiv:2404.07177.
    """
    if len(utilities) != len(half_lives):
        raise ProtocolError(
            f"there are {len(utilities)} utilities and {len(half_lives)} half-lives; give one of "
            "each a pool"
        )
    order = np.argsort(utilities)
    b, tau = (np.asarray(x, np.float64)[order] for x in (utilities, half_lives))
    inputs = {"examples": examples, "unique_examples": pool_examples}
    errors = []
    for count in range(1, len(b) + 1):
        law = laws.get("data_filtering_mixture", pools=count, irreducible=irreducible)
        theta = {"a": a, "d": d}
        theta |= {f"b_{k + 1}": b[k] for k in range(count)}
        theta |= {f"tau_{k + 1}": tau[k] for k in range(count)}
        errors.append(float(law(theta, inputs)))
    return int(np.argmin(errors)) + 1, np.array(errors)
