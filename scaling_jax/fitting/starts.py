"""Quasi-random starts: a Halton sequence whose digits are permuted at random.

Low discrepancy for any number of points, and the first points of a longer sequence are those of
a shorter one. (Additive recurrences fill some axes badly from nine dimensions on.)

Reference: Owen, A randomized Halton algorithm in R, arXiv:1706.02808.
"""

import math

import numpy as np


def quasi_random(count: int, dimension: int, seed: int) -> np.ndarray:
    """Return points of the open unit cube ``[count, dimension]``.

    Example:
        >>> bool((quasi_random(4, 2, seed=0)[:2] == quasi_random(2, 2, seed=0)).all())
        True
    """
    rng = np.random.default_rng(seed)
    axes = [_permuted_radical_inverse(count, base, rng) for base in _primes(dimension)]
    return np.stack(axes, axis=1)


def _permuted_radical_inverse(count: int, base: int, rng: np.random.Generator) -> np.ndarray:
    """Mirror the digits of 0 .. count - 1 at the decimal point, each place with its permutation."""
    left = np.arange(count)
    value, unit = np.zeros(count), 1.0 / base
    for _ in range(math.ceil(40 / math.log2(base))):  # forty bits are enough to tell starts apart
        left, digit = np.divmod(left, base)
        value += unit * rng.permutation(base)[digit]
        unit /= base
    return np.clip(value, 1e-9, 1.0 - 1e-9)


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found
