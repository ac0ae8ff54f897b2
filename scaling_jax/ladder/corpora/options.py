"""Checks of the numbers that describe a synthetic corpus."""

import math
from typing import Any

from scaling_jax.errors import LadderError


def check_whole(corpus: str, least: dict[str, int], given: dict[str, Any]) -> None:
    """Raise LadderError unless each option named in `least` is a whole number from there.

    >>> check_whole("parity", {"tasks": 1}, {"tasks": 0})
    Traceback (most recent call last):
    scaling_jax.errors.LadderError: tasks of the parity corpus must be a whole number from 1, not 0
    """
    for key, low in least.items():
        value = given[key]
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise LadderError(
                f"{key} of the {corpus} corpus must be a whole number from {low}, not {value!r}"
            )


def check_exponent(corpus: str, alpha: Any) -> None:
    """Raise LadderError unless `alpha` is a positive finite number."""
    number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
    if not number or not 0.0 < alpha < math.inf:
        raise LadderError(f"alpha of the {corpus} corpus must be a number above 0, not {alpha!r}")
