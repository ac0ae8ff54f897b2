"""Comparison of recipes against closed forms."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.uncertainty.recipes import compare_recipes

SPAN = (1e16, 1e26)


def path(compute):
    return {"params": compute}  # the law of N serves as one of compute


def recipe(critical, exponent):
    """Return draws of loss = (critical / params) ** exponent."""
    params = np.geomspace(1e7, 1e10, 12)
    runs = sj.RunTable.from_columns({"params": params, "loss": (1e13 / params) ** 0.1})
    fit = sj.fit("kaplan_n", runs, starts=16)
    critical, exponent = np.broadcast_arrays(np.atleast_1d(critical), exponent)
    return sj.Draws({"N_c": critical * 1.0, "alpha_N": exponent * 1.0}, fit, "nuts")


def test_a_known_multiplier_and_difference():
    first = recipe(1e30, 0.1)
    second = recipe(np.array([3e30, 2.5e29]), 0.1)
    found = compare_recipes(
        recipe(np.full(2, 1e30), 0.1), second, path, compute=1e20, span=SPAN, paired=True
    )
    np.testing.assert_allclose(found.multiplier, [3.0, 0.25], rtol=1e-3)
    np.testing.assert_allclose(
        found.difference, 10.0 * (np.array([3.0, 0.25]) ** 0.1 - 1.0), rtol=1e-9
    )
    assert found.second_is_better == 0.5
    assert found.no_crossover == 1.0
    same = compare_recipes(first, first, path, compute=1e20, span=SPAN)
    np.testing.assert_allclose(same.multiplier, 1.0, rtol=1e-9)


def test_a_known_crossover_and_the_probability_that_there_is_none():
    # (1e30/C)^0.1 meets (c/C)^0.2 at C = c^2 / 1e30: 1e22, and 1e28 beyond the span.
    second = recipe(np.array([1e26, 1e29]), 0.2)
    first = recipe(np.full(2, 1e30), 0.1)
    found = compare_recipes(first, second, path, compute=1e20, span=SPAN, paired=True)
    np.testing.assert_allclose(found.crossovers, [1e22], rtol=1e-3)
    assert found.no_crossover == 0.5
    assert "50.0%" in str(found.table())


def test_what_lies_beyond_the_span_is_infinite_or_zero():
    second = recipe(np.array([1e40, 1e20]), 0.1)
    first = recipe(np.full(2, 1e30), 0.1)
    found = compare_recipes(first, second, path, compute=1e20, span=SPAN, paired=True)
    np.testing.assert_array_equal(found.multiplier, [np.inf, 0.0])
    assert str(found.table())


def test_draws_pair_only_when_asked():
    critical = 1e30 * np.exp(np.random.default_rng(0).normal(size=500))
    draws = recipe(critical, 0.1)
    joint = compare_recipes(draws, draws, path, compute=1e20, span=SPAN, paired=True)
    apart = compare_recipes(draws, draws, path, compute=1e20, span=SPAN)
    np.testing.assert_allclose(joint.difference, 0.0, atol=1e-12)
    assert np.std(np.log(apart.multiplier)) == pytest.approx(np.sqrt(2.0), rel=0.15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(compute=1e30), "must lie in a span"),
        (dict(paired=True), "paired draws are 1 of the first recipe and 2"),
        (dict(path=lambda c: {"tokens": c}), "the path gives no params"),
        (dict(path=lambda c: {"params": 1 / c}), "does not fall along the path"),
    ],
)
def test_wrong_arguments_are_refused(change, message):
    options = {"path": path, "compute": 1e20, "span": SPAN} | change
    with pytest.raises(sj.ScalingError, match=message):
        compare_recipes(recipe(1e30, 0.1), recipe(np.full(2, 1e30), 0.1), **options)
