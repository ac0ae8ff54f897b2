"""Quasi-random starts: an additive recurrence with a random shift.

Point k is the fractional part of shift + k * g, with g the powers of the generalised golden
ratio: low discrepancy in any dimension, any number of points, and the first points of a longer
sequence are those of a shorter one.

Reference: Roberts, The unreasonable effectiveness of quasirandom sequences (2018).
"""

import numpy as np


def quasi_random(count: int, dimension: int, seed: int) -> np.ndarray:
    """Return points of the open unit cube ``[count, dimension]``.

    Example:
        >>> bool((quasi_random(4, 2, seed=0)[:2] == quasi_random(2, 2, seed=0)).all())
        True
    """
    ratio = 2.0
    for _ in range(64):  # root of x**(d + 1) = x + 1 by fixed-point iteration
        ratio = (1.0 + ratio) ** (1.0 / (dimension + 1))
    step = ratio ** -np.arange(1.0, dimension + 1)
    shift = np.random.default_rng(seed).uniform(size=dimension)
    points = np.mod(shift + np.arange(count)[:, None] * step, 1.0)
    return np.clip(points, 1e-9, 1.0 - 1e-9)
