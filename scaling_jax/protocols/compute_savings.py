"""Comparing methods by compute: what one saves at equal quality, and where two curves cross."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.log_fits import PowerLaw, fit_power_law
from scaling_jax.protocols.registry import protocol

_HALVINGS = 100  # of a bracket in log scale: far below rounding


@protocol("ul2r_savings")
def savings_rate(
    base_compute: Any, base_quality: Any, compute: Any, quality: Any, at: Any
) -> jax.Array:
    """Return C_base(Q) / C_method(Q), how many times less compute the method needs.

    Both curves are interpolated linearly in log compute between their points. Works for scores,
    which rise with compute, and for losses, which fall.

    Args:
        base_compute: Compute of the baseline's points, rising ``[base points]``.
        base_quality: Their quality, strictly rising or strictly falling ``[base points]``.
        compute: Compute of the method's points, rising ``[points]``.
        quality: Their quality ``[points]``.
        at: The quality Q to compare at.

    Raises:
        ProtocolError: A curve is not monotone, or does not reach the quality.

    Example:
        >>> import numpy as np
        >>> flops = np.geomspace(1e20, 1e24, 9)
        >>> score = lambda c: 10 * np.log10(c / 1e20)
        >>> round(float(savings_rate(flops, score(flops), flops / 2, score(flops), 20.0)), 3)
        2.0

    Reference:
        Tay et al., arXiv:2210.11399.
    """
    needed = [
        log_compute_at(c, q, at, name)
        for c, q, name in ((base_compute, base_quality, "base"), (compute, quality, "method"))
    ]
    return jnp.exp(needed[0] - needed[1])


@protocol("plaid")
def compute_multiplier(
    base_compute: Any, base_loss: Any, compute: Any, loss: Any, at: Any
) -> jax.Array:
    """Return how many times the base's compute a method needs for the loss `at`.

    The inverse of `savings_rate`; 64 for the diffusion models of the paper.

    Raises:
        ProtocolError: A curve is not monotone, or does not reach the loss.

    Example:
        >>> import numpy as np
        >>> flops = np.geomspace(1e18, 1e24, 193)
        >>> loss = lambda c: (1e30 / c) ** 0.05
        >>> round(float(compute_multiplier(flops, loss(flops), flops, loss(flops / 64), 3.0)), 2)
        64.0

    Reference:
        Gulrajani and Hashimoto, arXiv:2305.18619.
    """
    return 1.0 / savings_rate(base_compute, base_loss, compute, loss, at)


def log_compute_at(compute: Any, quality: Any, at: Any, name: str = "given") -> jax.Array:
    """Return the logarithm of the compute at which a monotone curve reaches the quality `at`.

    Raises:
        ProtocolError: The curve is not monotone, or does not reach the quality.
    """
    log_c, quality = jnp.log(compute), jnp.asarray(quality)
    if not any(isinstance(x, Tracer) for x in (log_c, quality, at)):
        _check_curve(np.asarray(log_c), np.asarray(quality), np.asarray(at), name)
    rising = quality[-1] > quality[0]
    log_c, quality = (jnp.where(rising, x, x[::-1]) for x in (log_c, quality))
    return jnp.interp(jnp.asarray(at), quality, log_c)


def _check_curve(log_c: np.ndarray, quality: np.ndarray, at: np.ndarray, name: str) -> None:
    steps = np.diff(quality)
    if np.any(np.diff(log_c) <= 0.0) or not (np.all(steps > 0.0) or np.all(steps < 0.0)):
        raise ProtocolError(
            f"the {name} curve is not monotone in compute; sort its points and smooth them"
        )
    outside = at[(at < np.min(quality)) | (at > np.max(quality))] if at.ndim else at
    if at.ndim == 0 and np.min(quality) <= at <= np.max(quality):
        return
    if np.size(outside):
        raise ProtocolError(
            f"the {name} curve covers {np.min(quality):g} to {np.max(quality):g} and does not "
            f"reach {np.ravel(outside)[0]:g}; compare at another quality, or fit a law"
        )


def power_law_crossover(a_A: Any, alpha_A: Any, a_B: Any, alpha_B: Any) -> jax.Array:
    """Return where ``a_A * C**-alpha_A`` and ``a_B * C**-alpha_B`` cross, equal offsets apart.

    Example:
        >>> round(float(power_law_crossover(10.0, 0.05, 100.0, 0.1)) / 1e20, 3)
        1.0
    """
    return jnp.exp((jnp.log(a_A) - jnp.log(a_B)) / (alpha_A - alpha_B))


@protocol("scaling_crossover")
def crossover(
    first: Callable[[Any], Any], second: Callable[[Any], Any], low: float, high: float
) -> jax.Array:
    """Return the scale at which two curves cross, by bisection in its logarithm.

    Differentiable in whatever the curves are made of, by the implicit function theorem.

    Args:
        first: Curve of a scale: compute, parameters or tokens.
        second: The other one.
        low: A scale below the crossing.
        high: A scale above it.

    Raises:
        ProtocolError: The curves do not cross between the two.

    Example:
        >>> found = crossover(lambda c: 1 + 9 * c**-0.1, lambda c: 0.9 + 99 * c**-0.2, 1e3, 1e30)
        >>> bool(abs(0.1 + 9 * found**-0.1 - 99 * found**-0.2) < 1e-4)
        True

    Reference:
        Xiao, arXiv:2409.15156; the paper defines the crossing, the solver is ours.
    """

    def gap(log_c: jax.Array) -> jax.Array:
        return jnp.asarray(first(jnp.exp(log_c)) - second(jnp.exp(log_c)))

    ends = jnp.log(jnp.asarray(low, float)), jnp.log(jnp.asarray(high, float))
    signs = [jnp.sign(gap(end)) for end in ends]
    if not any(isinstance(s, Tracer) for s in signs) and signs[0] * signs[1] > 0:
        raise ProtocolError(
            f"the curves do not cross between {low:g} and {high:g}; widen the bracket"
        )
    return jnp.exp(bisect(gap, *ends))


def bisect(function: Callable[[jax.Array], jax.Array], low: Any, high: Any) -> jax.Array:
    """Return the root of an elementwise function that changes its sign once between the ends.

    Derivatives with respect to what the function closes over are those of the implicit function.
    """

    def solve(f: Callable[[Any], Any], _: Any) -> jax.Array:
        rising = f(high) > f(low)

        def halve(_, bracket):
            left, right = bracket
            middle = 0.5 * (left + right)
            above = (f(middle) > 0.0) == rising
            return jnp.where(above, left, middle), jnp.where(above, middle, right)

        left, right = jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))
        return 0.5 * (left + right)

    def divide(linear: Callable[[Any], Any], value: Any) -> Any:
        return value / linear(jnp.ones_like(value))

    low, high = jnp.broadcast_arrays(low, high)
    return jax.lax.custom_root(function, 0.5 * (low + high), solve, divide)


@protocol("languini")
def perplexity_crossover(
    hours_A: Any, perplexity_A: Any, hours_B: Any, perplexity_B: Any
) -> tuple[jax.Array, PowerLaw, PowerLaw]:
    """Return the accelerator hours at which two fitted trends of perplexity cross.

    Each trend is a straight line of log perplexity over log hours.

    Args:
        hours_A: Accelerator hours of the first model's points ``[points]``.
        perplexity_A: Their perplexity ``[points]``.
        hours_B: Of the second model ``[points]``.
        perplexity_B: Of the second model ``[points]``.

    Returns:
        The hours, and the two trends.

    Raises:
        ProtocolError: The trends are parallel.

    Example:
        >>> import numpy as np
        >>> hours = np.array([6.0, 12, 24, 48, 96])
        >>> h, _, _ = perplexity_crossover(hours, 30 * hours**-0.1, hours, 60 * hours**-0.2)
        >>> round(float(h))
        1024

    Reference:
        Stanic et al., arXiv:2309.11197.
    """
    first, second = fit_power_law(hours_A, perplexity_A), fit_power_law(hours_B, perplexity_B)
    difference = second.exponent - first.exponent
    if not isinstance(difference, Tracer) and difference == 0.0:
        raise ProtocolError("the two trends are parallel and do not cross; compare their levels")
    hours = jnp.exp((first.log_amplitude - second.log_amplitude) / difference)
    return hours, first, second
