"""Levels and compute budgets are found where they are and nowhere else."""

import numpy as np
import pytest

from scaling_jax.reporting.levels import budgets, levels


def test_sizes_equal_up_to_rounding_are_one_level():
    found = levels(np.array([1.0e9, 1.0000001e9, 7e9, 70e9, 7.01e9]))
    np.testing.assert_allclose(found.values, [1e9, 7.01e9, 70e9], rtol=2e-3)
    assert found.member.tolist() == [0, 0, 1, 2, 1]
    assert found.complete


def test_the_level_of_equal_values_is_that_value():
    assert levels(np.array([0.3, 0.3, 3.0, 3.0])).values.tolist() == [0.3, 3.0]


def test_of_many_levels_the_ends_and_evenly_spread_ones_are_chosen():
    sizes = np.geomspace(1e6, 1e12, 31)
    found = levels(np.repeat(sizes, 2), most=7)
    np.testing.assert_allclose(found.values, sizes[::5])
    assert not found.complete
    assert np.sum(found.member >= 0) == 14


def test_sizes_without_gaps_get_evenly_spread_levels():
    sizes = 10 ** np.random.default_rng(0).uniform(7, 10, 5000)
    steps = np.diff(np.log10(levels(sizes, most=6).values))
    assert len(steps) == 5
    np.testing.assert_allclose(steps, steps[0])


def test_columns_with_zeros_have_levels_too():
    found = levels(np.array([0.0, 0.5, 0.5, -1.0]))
    assert found.values.tolist() == [-1.0, 0.0, 0.5]
    assert found.member.tolist() == [1, 2, 2, 0]


@pytest.mark.parametrize("scatter", [0.0, 0.02])
def test_budgets_are_found_under_scatter(scatter):
    rng = np.random.default_rng(1)
    nominal = np.repeat([6e18, 1e19, 3e19, 1e21], 8)
    compute = nominal * 10 ** rng.uniform(-scatter, scatter, len(nominal))
    found = budgets(compute, np.tile(np.geomspace(1e8, 1e10, 8), 4))
    np.testing.assert_allclose(found.values, [6e18, 1e19, 3e19, 1e21], rtol=0.05)
    assert found.member.tolist() == np.repeat(np.arange(4), 8).tolist()


def test_repeats_of_one_size_are_no_budget():
    found = budgets(np.full(9, 1e20), np.full(9, 1e9))
    assert len(found) == 0
    assert np.all(found.member == -1)


def test_runs_off_the_budgets_belong_to_none():
    compute = np.append(np.repeat([1e18, 1e20], 4), [1e19, 5e21])
    found = budgets(compute, np.append(np.tile([1e7, 1e8, 1e9, 2e9], 2), [1e8, 1e9]))
    assert found.values.tolist() == [1e18, 1e20]
    assert found.member[-2:].tolist() == [-1, -1]
