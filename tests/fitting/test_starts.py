"""Quasi-random starts: inside the cube, reproducible, and more even than chance."""

import numpy as np
import pytest

from scaling_jax.fitting.starts import quasi_random


@pytest.mark.parametrize("dimension", [1, 2, 5, 9])
def test_every_interval_of_every_axis_is_visited_evenly(dimension):
    points = quasi_random(512, dimension, seed=3)
    assert points.shape == (512, dimension)
    assert np.all((points > 0.0) & (points < 1.0))
    for axis in points.T:
        counts = np.histogram(axis, bins=16, range=(0.0, 1.0))[0]
        # Independent points have a standard deviation of 5.5 around 32: some bin would be 15 off.
        assert counts.min() >= 24
        assert counts.max() <= 40


def test_same_seed_same_points_and_other_seed_other_points():
    np.testing.assert_array_equal(quasi_random(8, 3, 1), quasi_random(8, 3, 1))
    assert np.abs(quasi_random(8, 3, 1) - quasi_random(8, 3, 2)).min() > 0.0


def test_a_longer_sequence_starts_with_the_shorter_one():
    np.testing.assert_array_equal(quasi_random(100, 4, 0)[:10], quasi_random(10, 4, 0))
