"""What a benchmark is good for: signal, noise, decisions at small scale, sudden changes."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from scaling_jax._pytree import pytree
from scaling_jax.errors import FitError
from scaling_jax.protocols.registry import protocol


@pytree
class SignalToNoise:
    """How far models lie apart on a benchmark, beside how far one model's checkpoints do.

    Attributes:
        signal: Largest difference of two models' scores over their mean.
        noise: Standard deviation of the last checkpoints' scores over their mean.
    """

    signal: jax.Array
    noise: jax.Array

    @property
    def ratio(self) -> jax.Array:
        """The signal-to-noise ratio."""
        return self.signal / self.noise


@protocol("signal_and_noise")
def signal_to_noise(models: ArrayLike, checkpoints: ArrayLike) -> SignalToNoise:
    """Return signal, noise and their ratio; leading axes are benchmarks.

    The signal grows with the number of models: compare benchmarks on one population only.

    Args:
        models: Final scores of models of one scale ``[..., models]``.
        checkpoints: Scores of the last checkpoints of one run ``[..., checkpoints]``: 5 at small
            scale, 30 at large scale.

    Example:
        >>> found = signal_to_noise([0.4, 0.5, 0.6], [0.49, 0.50, 0.51])
        >>> [round(float(x), 4) for x in (found.signal, found.noise, found.ratio)]
        [0.4, 0.0163, 24.4949]

    Reference:
        Heineman et al. (2025), arXiv:2508.13144, section 3.
    """
    models, checkpoints = jnp.asarray(models), jnp.asarray(checkpoints)
    for name, values in (("models", models), ("checkpoints", checkpoints)):
        if values.ndim < 1 or values.shape[-1] < 2:
            raise FitError(f"{name} has shape {values.shape}; give two scores at least")
    spread = jnp.max(models, axis=-1) - jnp.min(models, axis=-1)
    return SignalToNoise(
        spread / jnp.mean(models, axis=-1),
        jnp.std(checkpoints, axis=-1) / jnp.mean(checkpoints, axis=-1),
    )


@protocol("datadecide")
def decision_accuracy(small: ArrayLike, large: ArrayLike) -> jax.Array:
    """Return the share of pairs of models that small scale ranks as large scale does.

    Args:
        small: Scores at small scale ``[..., recipes]``, one a way of training (a corpus).
        large: Scores at large scale of the same ``[..., recipes]``.

    Returns:
        From 0 to 1 ``[...]``; a tie counts as right only where both scales have it.

    Raises:
        FitError: The two do not belong together.

    Example:
        >>> round(float(decision_accuracy([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.4, 0.3])), 4)
        0.8333

    Reference:
        Magnusson et al. (2025), arXiv:2504.11393, section 2; Heineman et al. (2025),
        arXiv:2508.13144, section 2.
    """
    small, large = jnp.asarray(small), jnp.asarray(large)
    if small.shape != large.shape or small.ndim < 1 or small.shape[-1] < 2:
        raise FitError(
            f"small and large have shapes {small.shape} and {large.shape}; give scores of the "
            "same two recipes or more"
        )
    first, second = jnp.triu_indices(small.shape[-1], k=1)
    order = (jnp.sign(x[..., first] - x[..., second]) for x in (small, large))
    return jnp.mean(jnp.equal(*order), axis=-1)


# BIG-bench: does a task improve steadily or suddenly


@dataclass(frozen=True)
class TaskShape:
    """How a task's score moves with model size.

    Attributes:
        linearity: Improvement over the root mean square of the steps.
        breakthroughness: Improvement over the root median square of the steps.
    """

    linearity: jax.Array
    breakthroughness: jax.Array


@protocol("big_bench")
def task_shape(scores: ArrayLike) -> TaskShape:
    """Return linearity and breakthroughness of scores over sizes.

    The improvement is the range of the scores, negative if the best comes before the worst. Equal
    steps up of n models have a linearity of n - 1, one single step of sqrt(n - 1). A task whose
    median step is zero has infinite breakthroughness.

    Args:
        scores: Scores of models in order of size ``[..., models]``.

    Example:
        >>> shape = task_shape([0.0, 0.0, 0.1, 0.1, 0.9])
        >>> round(float(shape.linearity), 2), round(float(shape.breakthroughness), 2)
        (2.23, 12.73)

    Reference:
        Srivastava et al. (2022), arXiv:2206.04615, appendix on breakthroughness; recalled.
    """
    scores = jnp.asarray(scores)
    if scores.ndim < 1 or scores.shape[-1] < 2:
        raise FitError(f"scores have shape {scores.shape}; give models of two sizes at least")
    squares = jnp.diff(scores, axis=-1) ** 2
    order = jnp.sign(jnp.argmax(scores, axis=-1) - jnp.argmin(scores, axis=-1))
    improvement = order * (jnp.max(scores, axis=-1) - jnp.min(scores, axis=-1))
    return TaskShape(
        improvement / jnp.sqrt(jnp.mean(squares, axis=-1)),
        improvement / jnp.sqrt(jnp.median(squares, axis=-1)),
    )
