"""Published coefficient sets evaluated as numbers, in float64."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from scaling_jax.laws import get


def value_of(
    law: str, estimate: str, options: Mapping[str, Any] | None = None, **inputs: float
) -> float:
    """Return the prediction of a published estimate at one point.

    Args:
        law: Name of the law.
        estimate: Name of the estimate.
        options: Member of a family.
        **inputs: Value of each column.

    Example:
        >>> round(value_of("chinchilla", "hoffmann", params=70e9, tokens=1.4e12), 4)
        1.9366
    """
    with jax.enable_x64(True):
        columns = {name: np.float64(value) for name, value in inputs.items()}
        return float(get(law, **(options or {})).published(estimate)(**columns))


def coefficients(law: str, estimate: str, **options: Any) -> dict[str, float]:
    """Return the numbers of a published estimate as printed."""
    return dict(get(law, **options).published(estimate).values)
