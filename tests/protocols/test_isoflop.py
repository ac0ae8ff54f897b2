"""Approaches 1 and 2 on surfaces whose optimum is known in closed form."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.isoflop import (
    akima_optima,
    asymmetric_frontier,
    asymmetric_minima,
    isoflop_frontier,
    isoflop_grid,
    isoflop_parabolas,
    training_envelope,
)
from scaling_jax.protocols.log_fits import fit_parabola, fit_power_law

BUDGETS = np.array([1e19, 1e20, 1e21, 1e22])
UNEQUAL = dict(E=1.7, A=400.0, B=2000.0, alpha=0.34, beta=0.37)
WIDELY = dict(E=1.7, A=400.0, B=400.0, alpha=0.42, beta=0.22)


def optimum(theta, budgets):
    ratio = theta["alpha"] * theta["A"] / (theta["beta"] * theta["B"])
    powers = theta["alpha"] + theta["beta"]
    return (ratio * (budgets / 6.0) ** theta["beta"]) ** (1.0 / powers)


def surface(theta, params, tokens):
    size, data = params ** -theta["alpha"], tokens ** -theta["beta"]
    return theta["E"] + theta["A"] * size + theta["B"] * data


def isoflops(theta, budgets=BUDGETS, low=0.2, high=5.0, count=9):
    """Return runs on a grid of sizes around the optimum of every budget."""
    params = optimum(theta, budgets)[:, None] * np.geomspace(low, high, count)
    budget = np.broadcast_to(budgets[:, None], params.shape)
    tokens = budget / 6.0 / params
    columns = dict(params=params, tokens=tokens, compute_flops=budget)
    columns["loss"] = surface(theta, params, tokens)
    return sj.RunTable.from_columns({name: x.ravel() for name, x in columns.items()})


def test_parabolas_are_exact_where_the_loss_is_symmetric():
    theta = UNEQUAL | dict(beta=0.34)
    frontier = isoflop_frontier(isoflops(theta))
    np.testing.assert_allclose(frontier.params, optimum(theta, BUDGETS), rtol=1e-9)
    np.testing.assert_allclose(frontier.params * frontier.tokens * 6.0, BUDGETS, rtol=1e-9)
    assert float(frontier.params_law.exponent) == pytest.approx(0.5, rel=1e-5)


def test_parabolas_are_displaced_where_it_is_not_and_the_asymmetric_fit_is_exact():
    runs, exact = isoflops(WIDELY, low=0.1, high=20.0), optimum(WIDELY, BUDGETS)
    displaced = isoflop_frontier(runs).params / exact - 1.0
    assert np.all(np.abs(displaced) > 0.1)
    frontier = asymmetric_frontier(runs, alpha=WIDELY["alpha"], beta=WIDELY["beta"])
    np.testing.assert_allclose(frontier.params, exact, rtol=1e-6)
    lowest = surface(WIDELY, exact, BUDGETS / 6.0 / exact)
    np.testing.assert_allclose(frontier.loss, lowest, rtol=1e-9)


@settings(max_examples=25)
@given(st.floats(0.1, 0.7), st.floats(0.1, 0.7), st.floats(-1.0, 1.0))
def test_asymmetric_minimum_does_not_depend_on_the_grid(alpha, beta, shift):
    theta = UNEQUAL | dict(alpha=alpha, beta=beta)
    exact = optimum(theta, BUDGETS)
    params = exact[:, None] * np.geomspace(0.1, 10.0, 7) * np.exp(shift)
    loss = surface(theta, params, BUDGETS[:, None] / 6.0 / params)
    with jax.enable_x64(True):
        log_params, _ = asymmetric_minima(params, loss, alpha=alpha, beta=beta)
    np.testing.assert_allclose(np.exp(log_params), exact, rtol=1e-4)


def test_budgets_of_different_sizes_are_padded_without_weight():
    runs = isoflops(UNEQUAL)
    fewer = runs.take(np.delete(np.arange(len(runs)), [0, 8, 12]))
    grid = isoflop_grid(fewer)
    np.testing.assert_array_equal(grid.weights.sum(axis=1), [7, 8, 9, 9])
    first = fewer.where("compute_flops < 2e19")
    alone = np.polyfit(np.log(first["params"]), first["loss"], 2)
    found = isoflop_frontier(fewer)
    assert np.log(found.params[0]) == pytest.approx(-alone[1] / (2 * alone[0]), rel=1e-6)


def test_parabola_is_differentiable_and_maps():
    params = np.geomspace(1e8, 1e9, 5)
    loss = 2.0 + 0.1 * np.log(params / 3e8) ** 2
    slope = jax.grad(lambda y: fit_parabola(params, y).log_x)(loss)
    assert np.all(np.isfinite(slope))
    assert abs(float(np.sum(slope))) < 1e-3  # a level on top of all losses moves no minimum
    both = jax.jit(isoflop_parabolas)(np.stack([params, 2 * params]), np.stack([loss, loss]))
    np.testing.assert_allclose(both.x, [3e8, 6e8], rtol=1e-4)


def test_what_has_no_minimum_is_refused():
    runs = isoflops(UNEQUAL)
    upside_down = runs.with_column("loss", 10.0 - runs["loss"])
    with pytest.raises(ProtocolError, match="budget of 1e.19 FLOP has no minimum: its parabola"):
        isoflop_frontier(upside_down)
    with pytest.raises(ProtocolError, match="budget of 1e.19 FLOP has no minimum at these expon"):
        asymmetric_frontier(upside_down, alpha=0.34, beta=0.37)
    with pytest.raises(ProtocolError, match="budget of 1e.19 FLOP has 1 runs"):
        isoflop_frontier(runs.take([0, *range(9, 36)]))
    with pytest.raises(sj.errors.RunTableError, match="loss"):
        isoflop_frontier(runs.drop("loss"))


def test_envelope_of_training_curves():
    theta = UNEQUAL
    params, tokens = np.geomspace(1e7, 3e11, 300), np.geomspace(1e8, 1e13, 120)
    loss = surface(theta, params[:, None], tokens)
    budgets = np.geomspace(1e19, 1e22, 400)
    frontier = training_envelope(params, tokens, loss, budgets)
    exact = theta["beta"] / (theta["alpha"] + theta["beta"])
    assert float(frontier.params_law.exponent) == pytest.approx(exact, abs=3e-3)
    np.testing.assert_allclose(frontier.params, optimum(theta, budgets), rtol=0.05)
    np.testing.assert_allclose(6.0 * frontier.params * frontier.tokens, budgets, rtol=1e-5)
    with pytest.raises(ProtocolError, match=r"1e\+30 FLOP lies on no training curve"):
        training_envelope(params, tokens, loss, np.array([1e20, 1e30]))


def test_curves_that_stop_early_are_not_extended():
    params, tokens = np.array([1e8, 1e9]), np.array([[1e9, 2e9], [1e9, 1e11]])
    loss = np.array([[2.0, 1.0], [3.0, 2.5]])  # the small one is far better but ends at 1.2e18
    frontier = training_envelope(params, tokens, loss, np.array([1e18, 1e20]))
    assert np.asarray(frontier.params).tolist() == pytest.approx([1e8, 1e9])


def test_akima_finds_the_optimum_and_its_spread():
    params = np.geomspace(1e7, 1e9, 12)
    loss = np.exp(1.0 + 0.05 * np.log(params / 1.3e8) ** 2)
    best, drawn = akima_optima(params[::-1], loss[::-1], loss_std=0.002, draws=200)
    assert best == pytest.approx(1.3e8, rel=0.01)
    assert 0.01 < np.std(np.log(drawn)) < 0.5
    still = akima_optima(params, loss, loss_std=0.0, draws=3)[1]
    np.testing.assert_array_equal(still, best)
    with pytest.raises(ProtocolError, match="five different model sizes, not 4"):
        akima_optima(params[:4], loss[:4])


def test_power_law_with_weights_is_a_weighted_straight_line():
    rng = np.random.default_rng(0)
    x, weights = np.geomspace(1e18, 1e22, 9), rng.uniform(0.1, 2.0, 9)
    y = 0.3 * x**0.5 * np.exp(rng.normal(0.0, 0.1, 9))
    slope, level = np.polyfit(np.log(x), np.log(y), 1, w=np.sqrt(weights))
    with jax.enable_x64(True):
        found = fit_power_law(x, y, weights)
    assert float(found.exponent) == pytest.approx(slope, rel=1e-9)
    assert float(found.log_amplitude) == pytest.approx(level, rel=1e-9)
