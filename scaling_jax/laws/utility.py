"""Sums over epochs of a utility that halves every tau epochs, for any number of epochs.

Samples of epoch j count 2**(-j / tau), j from 0, constant within the epoch. The first epochs are
summed one by one; what comes after them is integrated over the logarithm of the epoch, where it
is smooth, so that a thousand epochs cost what thirty do.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

_EPOCHS = 32  # summed one by one; beyond, one epoch changes the logarithm of the samples by 3 %
_LOG_EPOCHS = math.log(_EPOCHS)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_FADED = 40.0  # 2**-58: what the utility has fallen by when nothing more is added


def discounted_growth(epochs, half_life) -> jax.Array:
    """Return the sum over j >= 1 of ``2**(-j/tau) * log(n_{j+1} / n_j)``.

    Args:
        epochs: Samples seen over samples of the pool; n_j is the smaller of j and this.
        half_life: Epochs after which the utility has halved, tau.

    Example:
        >>> round(float(discounted_growth(2.0, 1e9)), 6)  # no decay: log 2
        0.693147
    """
    x, rate = jnp.asarray(epochs)[..., None], _rate(half_life)[..., None]
    j = jnp.arange(1.0, _EPOCHS, dtype=x.dtype)
    growth = jnp.log(jnp.minimum(j + 1.0, x)) - jnp.log(jnp.minimum(j, x))
    first = jnp.sum(jnp.exp(-rate * j) * growth, -1)
    log_x, weights = _late_epochs(x, rate)
    return first + jnp.sum(weights * jnp.exp(-rate * (jnp.exp(log_x) - 0.5)), -1)


def effective_epochs(epochs, half_life) -> jax.Array:
    """Return the sum over j >= 0 of ``2**(-j/tau) * (n_{j+1} - n_j)``, in units of the pool.

    Example:
        >>> float(effective_epochs(2.5, 1.0))  # 1 + 1/2 + 1/2 * 1/4
        1.625
    """
    rate = _rate(half_life)
    whole = jax.lax.stop_gradient(jnp.floor(epochs))
    started = epochs - whole
    return jnp.expm1(-rate * whole) / jnp.expm1(-rate) + started * jnp.exp(-rate * whole)


def mixed_growth(epochs, half_lives, utilities) -> jax.Array:
    """Return the sum over j >= 1 of ``b_j * log(m_j / m_{j-1})`` for a mixture of pools.

    m_j are the effective samples after epoch j, the pools' mean, and b_j their mean utility with
    weights ``2**(-j/tau_i)``.

    Args:
        epochs: Samples seen over samples of all pools.
        half_lives: tau_i of each pool.
        utilities: b_i of each pool.
    """
    x = jnp.asarray(epochs)[..., None]
    rates = [_rate(tau)[..., None] for tau in half_lives]
    pools = [jnp.asarray(b)[..., None] for b in utilities]

    def utility(t):
        weights = jax.nn.softmax(jnp.stack([-rate * t for rate in rates]), axis=0)
        return sum(w * b for w, b in zip(weights, pools, strict=True))

    def effective(t):
        return sum(effective_epochs(t, jnp.log(2.0) / rate) for rate in rates)

    j = jnp.arange(1.0, _EPOCHS, dtype=x.dtype)
    samples = jnp.log(effective(jnp.minimum(jnp.append(j, 1.0 * _EPOCHS), x)))
    # Constant arrays broadcast against lanes, so that every term has the shape of a lane.
    first = jnp.sum(utility(j + 0.0 * x) * jnp.diff(samples), -1)
    slowest = jnp.min(jnp.stack(jnp.broadcast_arrays(*rates)), 0)
    log_t, weights = _late_epochs(x, slowest)
    t = jnp.exp(log_t)
    speed = sum(jnp.exp(-rate * (t - 0.5)) for rate in rates) * t / effective(t)
    return first + jnp.sum(weights * utility(t - 0.5) * speed, -1)


def _rate(half_life) -> jax.Array:
    return jnp.log(2.0) / jnp.asarray(half_life)


def _late_epochs(x, rate):
    """Return nodes in the logarithm of the epoch from the last one summed to x, and weights."""
    faded = jax.lax.stop_gradient(_EPOCHS + _FADED / rate)
    last = jnp.log(jnp.clip(x, _EPOCHS, faded))
    half_width = 0.5 * (last - _LOG_EPOCHS)
    # In the caller's precision: a constant in float64 would not follow float32.
    nodes, weights = (jnp.asarray(rule, half_width.dtype) for rule in (_NODES, _WEIGHTS))
    return _LOG_EPOCHS + half_width * (1.0 + nodes), half_width * weights
