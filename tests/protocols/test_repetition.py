"""Allocation of repeated data and what follows from laws of unlimited compute."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.repetition import (
    compute_optimal,
    data_efficiency,
    joint_asymptote,
    optimal_params_for,
    repeated_data_plan,
)


@pytest.fixture
def theta():
    return sj.laws.get("data_constrained").published("c4").params


def test_the_exact_plan_is_on_its_isoflop_line_and_lowest(theta):
    law, compute, unique = sj.laws.get("data_constrained"), 1e22, 25e9
    plan = repeated_data_plan(compute, unique)
    assert 6.0 * plan.params * plan.tokens == pytest.approx(compute)
    assert plan.epochs == pytest.approx(plan.tokens / unique)
    sizes = plan.params * np.geomspace(0.5, 2.0, 101)
    x = dict(params=sizes, tokens=compute / (6.0 * sizes), unique_tokens=unique)
    with jax.enable_x64(True):
        assert plan.loss <= np.min(np.asarray(law(theta, x))) + 1e-12
    assert plan.loss <= repeated_data_plan(compute, unique, search="published").loss


def test_plenty_of_unique_tokens_give_the_base_optimum():
    plan = repeated_data_plan(1e22, 1e13)
    assert plan.params == pytest.approx(plan.base_params, rel=1e-3)
    assert plan.epochs < 1.0


def test_scarce_tokens_call_for_smaller_models_and_more_epochs():
    plans = [repeated_data_plan(1e22, unique) for unique in (1e11, 2.5e10, 1e10)]
    assert np.all(np.diff([plan.epochs for plan in plans]) > 0.0)
    assert np.all(np.diff([plan.loss for plan in plans]) > 0.0)


def test_the_base_optimum_minimises_the_base_law(theta):
    base = sj.laws.get("data_constrained_c4_base")
    five = {n: theta[n] for n in ("E", "A", "B", "alpha", "beta")}
    with jax.enable_x64(True):
        params, tokens = (float(x) for x in compute_optimal(five, 1e21))
        assert 6.0 * params * tokens == pytest.approx(1e21)
        assert float(optimal_params_for(five, tokens)) == pytest.approx(params, rel=1e-10)
        sizes = params * np.geomspace(0.8, 1.25, 21)
        losses = base(five, dict(params=sizes, tokens=1e21 / (6.0 * sizes)))
    assert np.argmin(losses) == 10


@pytest.mark.parametrize("budgets", [(-1.0, 1e9), (1e20, 0.0), (float("nan"), 1e9)])
def test_plans_need_budgets(budgets):
    with pytest.raises(ProtocolError, match="a positive compute and unique tokens"):
        repeated_data_plan(*budgets)


def test_plans_know_two_searches():
    with pytest.raises(ProtocolError, match="'exact' or 'published', not 'grid'"):
        repeated_data_plan(1e20, 1e9, search="grid")


def test_data_efficiency_undoes_the_baseline():
    baseline, recipe = dict(A=40.0, alpha=0.2, E=1.9), dict(A=60.0, alpha=0.25, E=1.8)
    with jax.enable_x64(True):
        ratio = np.asarray(data_efficiency(baseline, recipe, [1e8, 1e9]))
        reached = 40.0 * (ratio * [1e8, 1e9]) ** -0.2 + 1.9
        np.testing.assert_allclose(reached, 60.0 * np.array([1e8, 1e9]) ** -0.25 + 1.8)
        assert np.isinf(
            float(data_efficiency(baseline, recipe, 1e20))
        )  # below the baseline's floor


def test_the_joint_asymptote_is_the_double_limit():
    params, members = np.meshgrid([1.5e8, 3e8, 6e8, 1.4e9], [1.0, 2.0, 4.0, 8.0], indexing="ij")
    loss = 3.17 + 0.05 * (params / 1e9) ** -1.0 + 0.3 / members
    columns = dict(params=params.ravel(), members=members.ravel(), loss=loss.ravel())
    found = joint_asymptote(sj.RunTable.from_columns(columns))
    assert found.loss == pytest.approx(3.17, abs=2e-3)
    np.testing.assert_allclose(found.by_size, 3.17 + 0.05 / (found.params / 1e9), atol=1e-3)


def test_the_joint_asymptote_needs_three_sizes():
    columns = dict(params=[1e8] * 3 + [1e9] * 3, members=[1.0, 2.0, 4.0] * 2, loss=[3.0] * 6)
    with pytest.raises(ProtocolError, match="needs at least 3 sizes with 3 ensembles each"):
        joint_asymptote(sj.RunTable.from_columns(columns))
