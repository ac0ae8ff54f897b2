"""Differentially private training: measured losses made monotone, and the best use of a budget."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.errors import LawError
from scaling_jax.protocols.registry import protocol


def noise_batch_ratio(noise_multiplier: Any, batch: Any) -> Any:
    """Return s = sigma / B, the noise on the mean gradient a clipped unit.

    Args:
        noise_multiplier: Standard deviation of the noise over the clipping norm (sigma).
        batch: Examples a batch (B).

    Example:
        >>> noise_batch_ratio(0.5, 1024) == 2.0**-11
        True
    """
    return noise_multiplier / batch


@dataclass(frozen=True)
class PrivateLosses:
    """Loss over model size, iterations and noise-batch ratio, between the measured points.

    Attributes:
        params: Model sizes, rising ``[sizes]``.
        iterations: Iterations, rising ``[steps]``.
        ratios: Noise-batch ratios, rising and positive ``[ratios]``.
        losses: Falling in iterations and rising in the ratio ``[sizes, steps, ratios]``.
    """

    params: np.ndarray
    iterations: np.ndarray
    ratios: np.ndarray
    losses: np.ndarray

    def __call__(self, params: Any, iterations: Any, ratio: Any) -> np.ndarray:
        """Return the loss, interpolated linearly in the logarithms of all three.

        Raises:
            LawError: A point lies outside what was measured.
        """
        from scipy.interpolate import RegularGridInterpolator

        given = (params, iterations, ratio)
        axes = {"params": self.params, "iterations": self.iterations, "ratio": self.ratios}
        points = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in given))
        for (name, axis), values in zip(axes.items(), points, strict=True):
            # A hair of room: logarithms of the ends may round to either side.
            if np.any(values < axis[0] * (1 - 1e-9)) or np.any(values > axis[-1] * (1 + 1e-9)):
                raise LawError(
                    f"{name} is measured from {axis[0]:g} to {axis[-1]:g} only; the procedure has "
                    "no formula to go beyond"
                )
        grid = tuple(np.log(axis) for axis in axes.values())
        clipped = [np.clip(np.log(x), g[0], g[-1]) for x, g in zip(points, grid, strict=True)]
        found = RegularGridInterpolator(grid, self.losses)(np.stack(clipped, axis=-1))
        return np.reshape(found, points[0].shape)


@protocol("dp_lm")
def private_losses(params: Any, iterations: Any, ratios: Any, losses: Any) -> PrivateLosses:
    """Make measured losses monotone: falling with iterations, then rising with noise.

    Isotonic regression (pool adjacent violators) over the iterations for each size and ratio,
    then over the ratios for each size and iteration; none over sizes.

    Args:
        params: Model sizes, rising ``[sizes]``.
        iterations: Iterations, rising ``[steps]``.
        ratios: Noise-batch ratios, rising and positive ``[ratios]``.
        losses: Loss of the best learning rate ``[sizes, steps, ratios]``.

    Raises:
        LawError: An axis does not rise, or the losses have another shape.

    Example:
        >>> measured = private_losses(
        ...     [1e7, 1e8], [100, 1000], [1e-5, 1e-3], [[[5.0, 6.0], [4.0, 6.2]], [[4.0, 5.0]] * 2]
        ... )
        >>> round(float(measured(1e7, 1000, 1e-3)), 6)
        6.1

    Reference: McKenna et al. (2025), arXiv:2501.18914.
    """
    from scipy.optimize import isotonic_regression

    axes = [np.asarray(axis, np.float64) for axis in (params, iterations, ratios)]
    for name, axis in zip(("params", "iterations", "ratios"), axes, strict=True):
        if axis.ndim != 1 or axis.size < 2 or axis[0] <= 0.0 or not np.all(np.diff(axis) > 0.0):
            raise LawError(f"{name} must be two positive numbers or more in rising order")
    values = np.array(losses, np.float64)
    shape = tuple(axis.size for axis in axes)
    if values.shape != shape:
        raise LawError(f"losses has shape {values.shape}; give {shape}: sizes, iterations, ratios")
    for i in range(shape[0]):
        for k in range(shape[2]):
            values[i, :, k] = isotonic_regression(values[i, :, k], increasing=False).x
        for j in range(shape[1]):
            values[i, j] = isotonic_regression(values[i, j], increasing=True).x
    return PrivateLosses(axes[0], axes[1], axes[2], values)


@dataclass(frozen=True)
class PrivatePlan:
    """The best private training for a budget.

    Attributes:
        params: Model size.
        iterations: Iterations.
        batch: Examples a batch.
        ratio: Noise-batch ratio.
        loss: Predicted loss.
    """

    params: float
    iterations: float
    batch: float
    ratio: float
    loss: float


def best_private_training(
    losses: PrivateLosses,
    compute_flops: float,
    noise_multiplier: Callable[[float, float], float],
    sequence_length: int,
) -> PrivatePlan:
    """Return the size, iterations and batch of least loss with 6 * M * B * length * T = compute.

    Args:
        losses: The measured losses.
        compute_flops: Training budget.
        noise_multiplier: ``(batch, iterations) -> sigma``: the privacy accountant for the
            privacy budget and the number of examples.
        sequence_length: Tokens an example.

    Raises:
        LawError: No combination lies within what was measured.

    Example:
        >>> measured = private_losses(
        ...     [1e7, 1e8], [100, 1000], [1e-6, 1e-3], [[[5.0, 6.0], [4.0, 5.5]], [[4.0, 5.0]] * 2]
        ... )
        >>> plan = best_private_training(measured, 6e15, lambda batch, steps: 1.0, 1)
        >>> plan.params, round(plan.loss, 2)
        (100000000.0, 4.33)
    """
    best: PrivatePlan | None = None
    for params in losses.params:
        for iterations in losses.iterations:
            batch = compute_flops / (6.0 * params * sequence_length * iterations)
            ratio = noise_batch_ratio(noise_multiplier(batch, iterations), batch)
            if batch < 1.0 or ratio > losses.ratios[-1]:
                continue
            ratio = max(float(ratio), float(losses.ratios[0]))  # less noise than measured
            loss = float(losses(params, iterations, ratio))
            if best is None or loss < best.loss:
                best = PrivatePlan(float(params), float(iterations), float(batch), ratio, loss)
    if best is None:
        raise LawError(
            f"{compute_flops:g} FLOP is too little for any measured size and number of iterations "
            "at this privacy; raise the compute or the privacy budget"
        )
    return best
