"""Measuring critical batch sizes: from steps and examples, from gradients, from branches."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from scaling_jax._pytree import pytree
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.log_fits import PowerLaw, fit_power_law
from scaling_jax.protocols.registry import protocol


@pytree
class TradeOff:
    """The hyperbola ``(S/S_min - 1) * (E/E_min - 1) = 1`` of steps and examples.

    Attributes:
        S_min: Least steps.
        E_min: Least examples.
    """

    S_min: Any
    E_min: Any

    @property
    def critical_batch(self) -> Any:
        """E_min / S_min, where both are twice their least."""
        return self.E_min / self.S_min

    def steps(self, batch: Any) -> Any:
        """Return the steps to the target at a batch."""
        return self.S_min + self.E_min / batch

    def examples(self, batch: Any) -> Any:
        """Return the examples to the target at a batch."""
        return self.E_min + self.S_min * batch


@protocol("mccandlish_cbs")
def fit_trade_off(batch: Any, steps: Any) -> TradeOff:
    """Fit the hyperbola to the steps that runs of several batches took to one target loss.

    ``S = S_min + E_min / B`` is a straight line in 1/B; its relative residuals are minimised.

    Args:
        batch: Batch of each run ``[..., runs]``, in examples or tokens.
        steps: Steps to the target ``[..., runs]``.

    Returns:
        The trade-off; `E_min` in the batch's unit.

    Example:
        >>> import numpy as np
        >>> batch = np.array([1e5, 1e6, 1e7])
        >>> found = fit_trade_off(batch, 2000 * (1 + 1e6 / batch))
        >>> round(float(found.S_min)), round(float(found.critical_batch) / 1e6, 3)
        (2000, 1.0)

    Reference:
        McCandlish et al., arXiv:1812.06162, equation 2.11; Kaplan et al., arXiv:2001.08361.
    """
    steps, batch = jnp.asarray(steps), jnp.asarray(batch)
    # Both columns are shares of the steps: of order one, whatever the units.
    centre = jnp.exp(jnp.mean(jnp.log(batch), axis=-1, keepdims=True))
    level = jnp.exp(jnp.mean(jnp.log(steps), axis=-1, keepdims=True))
    first, second = level / steps, level * centre / (batch * steps)
    a, b, c = (jnp.sum(x, axis=-1) for x in (first * first, first * second, second * second))
    p, q = jnp.sum(first, axis=-1), jnp.sum(second, axis=-1)
    determinant = a * c - b * b
    least_steps = level[..., 0] * (c * p - b * q) / determinant
    least_examples = level[..., 0] * centre[..., 0] * (a * q - b * p) / determinant
    return TradeOff(least_steps, least_examples)


@protocol("kaplan_bcrit")
def critical_batch_of_loss(loss: Any, batch_tokens: Any, steps: Any) -> tuple[PowerLaw, TradeOff]:
    """Return the critical batch as a power law of the loss, from steps to several target losses.

    Args:
        loss: Target losses ``[losses]``.
        batch_tokens: Batch of each run ``[runs]``.
        steps: Steps of each run to each target ``[losses, runs]``.

    Returns:
        The power law ``B_crit = B_star * L**(-1/alpha_B)``, and the trade-off of each target.

    Raises:
        ProtocolError: A target shows no trade-off: a least number of steps or of examples that is
            not positive.

    Example:
        >>> import numpy as np
        >>> loss, batch = np.array([3.0, 3.5, 4.0]), np.array([2e4, 2e5, 2e6])
        >>> critical = 2.1e8 / loss**(1 / 0.21)
        >>> law, _ = critical_batch_of_loss(loss, batch, 1000 * (1 + critical[:, None] / batch))
        >>> round(float(-1 / law.exponent), 3)
        0.21

    Reference:
        Kaplan et al., arXiv:2001.08361, section 5.1.
    """
    steps = jnp.asarray(steps)
    trade_off = fit_trade_off(jnp.broadcast_to(jnp.asarray(batch_tokens), steps.shape), steps)
    _refuse_no_trade_off(trade_off, loss)
    return fit_power_law(loss, trade_off.critical_batch), trade_off


def _refuse_no_trade_off(trade_off: TradeOff, loss: Any) -> None:
    least = (trade_off.S_min, trade_off.E_min)
    if any(isinstance(x, Tracer) for x in least):
        return
    bad = np.any(np.asarray(least) <= 0.0, axis=0)
    if np.any(bad):
        raise ProtocolError(
            f"the runs to a loss of {np.asarray(loss)[bad][0]:g} show no trade-off of steps and "
            "examples; add batches well below and well above the critical one"
        )


def noise_scale(gradients: Any) -> jax.Array:
    """Return the simple gradient noise scale tr(Sigma) / |G|**2 from per-example gradients.

    Both moments are unbiased: the squared mean gradient holds a share 1/examples of the variance.

    Args:
        gradients: Gradient of each example ``[examples, parameters]``.

    Raises:
        ProtocolError: Fewer than two examples.

    Reference:
        McCandlish et al., arXiv:1812.06162, equation 2.9 and appendix A.
    """
    gradients = jnp.asarray(gradients)
    count = gradients.shape[0]
    if count < 2:
        raise ProtocolError("the gradient noise scale needs the gradients of two examples or more")
    mean = jnp.mean(gradients, axis=0)
    variance = jnp.sum((gradients - mean) ** 2) / (count - 1)
    return variance / (jnp.sum(mean**2) - variance / count)


def noise_scale_of_norms(
    small_norm: Any, large_norm: Any, small_batch: Any, large_batch: Any
) -> jax.Array:
    """Return the simple noise scale from squared gradient norms at two batches.

    Args:
        small_norm: Mean of |G|**2 at the small batch.
        large_norm: Mean of |G|**2 at the large batch.
        small_batch: Examples in the small batch.
        large_batch: Examples in the large batch.

    Example:
        >>> float(noise_scale_of_norms(1.0 + 64.0 / 4, 1.0 + 64.0 / 32, 4, 32))
        64.0

    Reference:
        McCandlish et al., arXiv:1812.06162, appendix A.1.
    """
    mean = (large_batch * large_norm - small_batch * small_norm) / (large_batch - small_batch)
    variance = (small_norm - large_norm) / (1.0 / small_batch - 1.0 / large_batch)
    return jnp.asarray(variance / mean)


def curvature_noise_scale(gradients: Any, hessian: Any) -> jax.Array:
    """Return the noise scale tr(H Sigma) / (G^T H G) of the quadratic model.

    Args:
        gradients: Gradient of each example ``[examples, parameters]``.
        hessian: Hessian of the loss ``[parameters, parameters]``, or a function that multiplies a
            vector by it.

    Raises:
        ProtocolError: Fewer than two examples.
    """
    gradients = jnp.asarray(gradients)
    count = gradients.shape[0]
    if count < 2:
        raise ProtocolError("the gradient noise scale needs the gradients of two examples or more")
    multiply: Any = hessian if callable(hessian) else functools.partial(jnp.matmul, hessian)
    mean = jnp.mean(gradients, axis=0)
    centred = gradients - mean
    spread = jnp.sum(centred * jax.vmap(multiply)(centred)) / (count - 1)
    return spread / (jnp.sum(mean * multiply(mean)) - spread / count)


@protocol("zhang_cbs")
def batch_at_overhead(batch: Any, steps: Any, overhead: float = 0.2) -> jax.Array:
    """Return the batch at which the data to a target are `overhead` more than at small batches.

    The trade-off is fitted to all batches, so that the answer lies between them.

    Args:
        batch: Batch of each run ``[..., runs]``.
        steps: Steps to the target ``[..., runs]``.
        overhead: Examples beyond linear scaling; 0.2 in the paper.

    Example:
        >>> import numpy as np
        >>> batch = np.array([1e5, 1e6, 1e7])
        >>> round(float(batch_at_overhead(batch, 2000 * (1 + 1e6 / batch))))
        200000

    Reference:
        Zhang et al., arXiv:2410.21676.
    """
    return overhead * fit_trade_off(batch, steps).critical_batch


@protocol("power_lines_bcrit")
def trade_off_at_loss(batch: Any, coefficients: Any, loss: float) -> TradeOff:
    """Return the trade-off at a target loss from a power law of the tokens for each batch.

    For each batch ``L_B(D) = E + K * D**-beta`` is fitted (`hestness_error` with ``x="tokens"`` and
    ``output="loss"``), inverted at the target and the hyperbola fitted to the tokens found.

    Args:
        batch: Batch sizes in tokens ``[batches]``.
        coefficients: E, K and beta of each batch ``[batches, 3]``.
        loss: The target.

    Raises:
        ProtocolError: A batch does not reach the loss.

    Example:
        >>> import numpy as np
        >>> batch = np.array([1e5, 1e6, 4e6])
        >>> needed = 1e10 * (1 + batch / 1e6)
        >>> fits = np.stack([np.full(3, 1.5), 1.0 * needed**0.3, np.full(3, 0.3)], axis=1)
        >>> round(float(trade_off_at_loss(batch, fits, 2.5).critical_batch) / 1e6, 3)
        1.0

    Reference:
        Bergsma et al., arXiv:2505.13738.
    """
    floor, amplitude, exponent = jnp.moveaxis(jnp.asarray(coefficients), -1, 0)
    above = loss - floor
    if not isinstance(above, Tracer) and np.any(np.asarray(above) <= 0.0):
        lowest = float(np.max(np.asarray(floor)))
        raise ProtocolError(
            f"a batch does not reach a loss of {loss:g}, its floor is {lowest:g}; choose a target "
            "above every floor"
        )
    tokens = jnp.exp((jnp.log(amplitude) - jnp.log(above)) / exponent)
    return fit_trade_off(batch, tokens / jnp.asarray(batch))


@protocol("merrill_cbs")
def branched_critical_batch(
    batch: Any, loss: Any, baseline: float, *, tolerance: float = 0.01
) -> float:
    """Return the largest batch whose branch ends no more than `tolerance` above the baseline.

    Args:
        batch: Batch of each branch ``[branches]``, multiples of the run's own.
        loss: Smoothed loss of each branch after the same tokens ``[branches]`` (`smoothed`).
        baseline: Smoothed loss of the run itself.
        tolerance: In nats.

    Raises:
        ProtocolError: No branch is as good: the critical batch is below the smallest one.

    Example:
        >>> branched_critical_batch([256, 512, 1024, 2048], [2.60, 2.60, 2.605, 2.64], 2.60)
        1024.0

    Reference:
        Merrill et al., arXiv:2505.23971.
    """
    batch, good = np.asarray(batch, float), np.asarray(loss, float) <= baseline + tolerance
    if not np.any(good):
        raise ProtocolError(
            f"no branch ends within {tolerance:g} of the baseline {baseline:g}: the critical batch "
            f"is below {np.min(batch):g}; branch with smaller batches"
        )
    return float(np.max(batch[good]))


def smoothed(loss: Any, factor: float = 0.5) -> np.ndarray:
    """Return the exponential moving average of a loss curve, which starts at its first value.

    Example:
        >>> smoothed([4.0, 2.0, 2.0]).tolist()
        [4.0, 3.0, 2.5]
    """
    values = np.asarray(loss, float).copy()
    for k in range(1, len(values)):
        values[k] = factor * values[k - 1] + (1.0 - factor) * values[k]
    return values


def square_root_rule(learning_rate: Any, batch: Any, new_batch: Any) -> jax.Array:
    """Return the learning rate of Adam for another batch.

    Example:
        >>> float(square_root_rule(1e-3, 256, 1024))  # doctest: +ELLIPSIS
        0.002...
    """
    return learning_rate * jnp.sqrt(jnp.asarray(new_batch) / batch)
