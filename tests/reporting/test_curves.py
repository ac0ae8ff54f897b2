"""The numbers behind the lines agree with closed forms."""

from typing import Any

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.reporting import curves
from scaling_jax.uncertainty.draws import Draws


def optimal_params(theta, compute, factor):
    """Return Hoffmann et al.'s equation 4, N = G (C / 6)**a, for C = factor * N * D."""
    alpha, beta = theta["alpha"], theta["beta"]
    g = (alpha * theta["A"] / (beta * theta["B"])) ** (1.0 / (alpha + beta))
    return g * (compute / factor) ** (beta / (alpha + beta))


@pytest.mark.parametrize("factor", [6.0, 6.9])
def test_the_frontier_is_the_closed_form_of_chinchilla(grid_fit, factor):
    compute = np.geomspace(1e17, 1e23, 7)
    found = curves.frontier(Draws.of(grid_fit), compute, factor)
    params = optimal_params(grid_fit.params, compute, factor)
    np.testing.assert_allclose(found.params[0], params, rtol=2e-3)
    loss = grid_fit(params=params, tokens=compute / (factor * params))
    np.testing.assert_allclose(found.loss[0], loss, rtol=1e-6)


def test_every_draw_has_a_frontier_of_its_own(grid_draws):
    found = curves.frontier(grid_draws, np.array([1e20]), 6.0)
    theta = {name: grid_draws[name] for name in grid_draws}
    np.testing.assert_allclose(found.params[:, 0], optimal_params(theta, 1e20, 6.0), rtol=2e-3)


def test_a_law_that_always_gains_from_size_has_no_frontier():
    logs = np.linspace(0.0, 5.0, 50)
    place, value = curves._lowest_inside(logs, np.stack([-logs, logs, (logs - 2.0) ** 2]))
    assert np.isnan(place[:2]).all()
    assert np.isnan(value[:2]).all()
    np.testing.assert_allclose([place[2], value[2]], [np.exp(2.0), 0.0], atol=1e-9)


def test_compute_is_the_column_or_six_n_d(grid_runs):
    compute, factor = curves.compute_of(grid_runs)
    np.testing.assert_array_equal(compute, grid_runs["compute_flops"])
    without, six = curves.compute_of(grid_runs.drop("compute_flops"))
    np.testing.assert_allclose(without, compute)
    np.testing.assert_allclose(factor, 6.0)
    assert np.all(six == 6.0)


def test_the_region_ends_where_the_runs_do(curve_fit):
    region = curves.Region.of(curve_fit)
    high = float(np.max(curve_fit.runs["params"]))
    share = curves.edge(region, {"params": high / 10.0}, {"params": high * 10.0})
    end = curves.part_way({"params": high / 10.0}, {"params": high * 10.0}, share)
    np.testing.assert_allclose(end["params"], high, rtol=0.02)


def test_the_region_of_inputs_without_logarithm_is_their_range():
    region = curves.Region(None, {"x": (-5.0, 5.0)})
    found = region.distance({"x": np.array([-5.0, 0.0, 5.0, 10.0, -6.0])})
    np.testing.assert_allclose(found, [0.0, 0.0, 0.0, 0.5, 0.1])


def test_bands_are_quantiles_of_the_draws(curve_draws):
    path: dict[str, Any] = {"params": np.geomspace(1e7, 1e12, 5)}
    region = curves.Region.of(curve_draws.fit)
    curve = curves.follow(curve_draws, region, path, median=True)
    prediction = sj.predict(curve_draws, **path)
    low, high = prediction.interval(0.9)
    assert curve.low is not None
    assert curve.high is not None
    np.testing.assert_allclose(curve.middle, prediction.median)
    np.testing.assert_allclose(curve.low, low)
    np.testing.assert_allclose(curve.high, high)
    assert curve.inside.tolist() == [kind == "interpolation" for kind in prediction.kind]


def test_the_line_through_the_runs_is_the_fit_not_the_median_of_draws(curve_fit):
    skewed = Draws(
        {k: np.array([v, v, 1.5 * v]) for k, v in curve_fit.params.items()}, curve_fit, ""
    )
    path = {"params": np.geomspace(1e7, 1e9, 4)}
    curve = curves.follow(skewed, curves.Region.of(curve_fit), path)
    np.testing.assert_allclose(curve.middle, curve_fit(**path))
