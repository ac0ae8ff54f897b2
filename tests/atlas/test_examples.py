"""Coefficients and points that laws are looked at with."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax import atlas
from scaling_jax.errors import LawError


def test_complete_estimates_are_the_examples_and_generic_ones_stand_in():
    law = sj.laws.get("chinchilla")
    names = {example.estimate for example in atlas.examples(law)}
    assert names == {n for n, e in law.published().items() if not e.missing}
    held = sj.laws.get("bnsl", breaks=5)
    (example,) = atlas.examples(held)
    assert example.estimate == ""
    assert set(example.theta) == set(held.free_names)


@pytest.mark.parametrize("name", ["chinchilla", "farseer", "skaling", "kaplan_nd"])
def test_generic_coefficients_give_ordinary_losses_amid_the_usual_domain(name):
    law = sj.laws.get(name)
    centre = {v.column: np.sqrt(np.prod(atlas.usual(v))) for v in law.inputs}
    theta = atlas.generic(law)
    assert 0.3 < float(law(theta, centre)) < 30.0
    for parameter in law.parameters:
        low, high = parameter.bounds
        assert low < theta[parameter.name] < high


def test_points_are_within_the_usual_domain_and_hold_its_corners():
    law = sj.laws.get("chinchilla")
    points = atlas.usual_points(law, 32)
    for variable in law.inputs:
        low, high = atlas.usual(variable)
        assert np.min(points[variable.column]) == pytest.approx(low, rel=1e-12)
        assert np.max(points[variable.column]) == pytest.approx(high, rel=1e-12)
    corners = {(n, d) for n, d in zip(points["params"][:4], points["tokens"][:4], strict=True)}
    assert len(corners) == 4


def test_proportions_sum_to_one():
    law = next(law for law in sj.laws.list() if len(law.simplex) > 2)
    points = atlas.usual_points(law, 16)
    np.testing.assert_allclose(sum(points[name] for name in law.simplex), np.ones(16), rtol=1e-12)
    law.check_inputs(points)


def test_runs_over_schedules_rise_in_steps():
    law = next(law for law in sj.laws.list() if law.curve)
    runs = atlas.usual_runs(law, 4, 8)
    assert all(values.shape == (4, 8) for values in runs.values())
    assert np.all(np.diff(runs["step"], axis=-1) > 0.0)
    assert np.all(runs["learning_rate"] > 0.0)


def test_an_input_without_a_range_is_named():
    with pytest.raises(LawError, match="mine has no usual range"):
        atlas.usual(sj.Variable("mine"))
