"""Procedures on learning curves: how much faster one learns than another."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from scaling_jax.errors import FitError
from scaling_jax.protocols.registry import protocol


@protocol("optimal_learning")
def acceleration_ratio(steps: ArrayLike, loss: ArrayLike, faster: ArrayLike) -> float:
    """Return T / min{t : faster(t) <= loss(T)}, T being the last step.

    Args:
        steps: Steps of both curves ``[steps]``, rising.
        loss: Loss of the conventional run ``[steps]``.
        faster: Loss of the run that learns faster ``[steps]``.

    Raises:
        FitError: The second curve never reaches the first one's last loss.

    Example:
        >>> steps = [1.0, 2.0, 4.0, 8.0]
        >>> acceleration_ratio(steps, [4.0, 3.0, 2.5, 2.0], [3.0, 2.2, 1.9, 1.8])
        2.0

    Reference:
        Gu et al. (2024), arXiv:2402.17759.
    """
    steps, loss, faster = (np.asarray(values, np.float64) for values in (steps, loss, faster))
    reached = steps[faster <= loss[-1]]
    if not reached.size:
        raise FitError(
            f"the second curve ends at {faster.min():g} and never reaches the last loss of the "
            f"first, {loss[-1]:g}; give a longer curve"
        )
    return float(steps[-1] / reached.min())


def relative_changes(theta: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Return |other - theta| / |theta| of every coefficient of two learning policies.

    Fit both with the same irreducible loss L0, or the other coefficients do not compare.

    Example:
        >>> relative_changes(dict(B=200.0, beta=0.5), dict(B=10.0, beta=0.625))
        {'B': 0.95, 'beta': 0.25}
    """
    return {name: abs(other[name] - value) / abs(value) for name, value in theta.items()}
