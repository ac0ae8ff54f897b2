"""Learning rates of the usual schedules at given steps, for laws over whole runs.

The rate at step s is that of the update which leads to step s, so the first update is step 1. All
are pure JAX functions; each rises linearly from zero to the peak over `warmup_steps`.

Example:
    >>> import numpy as np
    >>> from scaling_jax.laws import lr_schedules
    >>> step = np.array([50.0, 100.0, 900.0, 1000.0])
    >>> rate = lr_schedules.wsd(
    ...     step, peak=1.0, end=0.0, decay_start_step=800, total_steps=1000, warmup_steps=100
    ... )
    >>> np.asarray(rate).round(3).tolist()
    [0.5, 1.0, 0.5, 0.0]
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.numpy as jnp

from scaling_jax.errors import LawError, did_you_mean


def constant(step: Any, *, peak: Any, warmup_steps: Any = 0) -> jax.Array:
    """Return the rates of a constant schedule ``[...]``."""
    return _warmed(step, jnp.full_like(_float(step), 1.0) * peak, peak, warmup_steps)


def cosine(
    step: Any, *, peak: Any, total_steps: Any, end: Any = 0.0, warmup_steps: Any = 0
) -> jax.Array:
    """Return the rates of a half cosine from the peak after the warm-up to `end` ``[...]``."""
    share = _share(step, warmup_steps, total_steps)
    rate = end + 0.5 * (peak - end) * (1.0 + jnp.cos(jnp.pi * share))
    return _warmed(step, rate, peak, warmup_steps)


def _linear(peak: Any, end: Any, share: Any) -> jax.Array:
    return peak + (end - peak) * share


def _exponential(peak: Any, end: Any, share: Any) -> jax.Array:
    return peak * (end / peak) ** share


def _one_minus_sqrt(peak: Any, end: Any, share: Any) -> jax.Array:
    return end + (peak - end) * (1.0 - jnp.sqrt(share))


DECAYS: dict[str, Callable[..., jax.Array]] = {
    "linear": _linear,
    "exponential": _exponential,
    "1-sqrt": _one_minus_sqrt,
}


def wsd(
    step: Any,
    *,
    peak: Any,
    decay_start_step: Any,
    total_steps: Any,
    end: Any = 0.0,
    warmup_steps: Any = 0,
    decay: str = "linear",
) -> jax.Array:
    """Return the rates of warm-up, stable phase and decay ``[...]``.

    Args:
        step: Steps ``[...]``.
        peak: Rate of the stable phase.
        decay_start_step: Last step of the stable phase.
        total_steps: Step at which `end` is reached.
        end: Last rate.
        warmup_steps: Steps of the warm-up.
        decay: ``"linear"``, ``"exponential"`` or ``"1-sqrt"``.

    Raises:
        LawError: Unknown decay, or an exponential one to zero.
    """
    if decay not in DECAYS:
        raise LawError(f"there is no decay {decay!r}; {did_you_mean(decay, DECAYS)}")
    if decay == "exponential" and not isinstance(end, jax.core.Tracer) and not end > 0.0:
        raise LawError(f"an exponential decay ends above zero, not at {end}; give end=")
    share = _share(step, decay_start_step, total_steps)
    return _warmed(step, DECAYS[decay](peak, end, share), peak, warmup_steps)


def multi_step(
    step: Any,
    *,
    peak: Any,
    total_steps: Any,
    drops: Sequence[tuple[float, float]] = ((0.8, 10**-0.5), (0.9, 0.1)),
    warmup_steps: Any = 0,
) -> jax.Array:
    """Return the rates of a schedule in stairs ``[...]``.

    Args:
        step: Steps ``[...]``.
        peak: First rate.
        total_steps: Length of the run.
        drops: (share of the run after which it holds, factor of the peak) of each stair; by
            default the 8-1-1 schedule of DeepSeek LLM (arXiv:2401.02954).
        warmup_steps: Steps of the warm-up.
    """
    step = _float(step)
    rate = jnp.full_like(step, 1.0) * peak
    for share, factor in drops:
        rate = jnp.where(step > share * total_steps, factor * peak, rate)
    return _warmed(step, rate, peak, warmup_steps)


def of_optax(schedule: Callable[[Any], Any], step: Any) -> jax.Array:
    """Return the rates of an Optax schedule ``[...]``; its count is that of the updates before.

    Example:
        >>> import numpy as np, optax
        >>> schedule = optax.linear_schedule(1.0, 0.0, 4)
        >>> np.asarray(of_optax(schedule, np.array([1.0, 3.0]))).tolist()
        [1.0, 0.5]
    """
    step = _float(step)
    return jnp.reshape(jax.vmap(schedule)(jnp.ravel(step) - 1.0), step.shape)


def _share(step: Any, start: Any, end: Any) -> jax.Array:
    return jnp.clip((_float(step) - start) / (end - start), 0.0, 1.0)


def _warmed(step: Any, rate: jax.Array, peak: Any, warmup_steps: Any) -> jax.Array:
    warm = jnp.maximum(warmup_steps, 1e-9)
    return jnp.where(_float(step) < warmup_steps, peak * _float(step) / warm, rate)


def _float(step: Any) -> jax.Array:
    return jnp.asarray(step, jnp.result_type(float))
