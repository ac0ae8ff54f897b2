"""Predictions, their intervals, and how far they are from the data."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.support import Support
from tests.synthetic import STARTS, grid


@pytest.fixture(scope="module")
def fit():
    return sj.fit("chinchilla", grid(0.01), sj.Squared(), starts=STARTS)


@pytest.fixture(scope="module")
def draws(fit):
    return sj.laplace(fit, draws=2000)


def test_point_prediction_is_the_formula(fit):
    p = fit.params
    expected = p["E"] + p["A"] / 7e10 ** p["alpha"] + p["B"] / 1.4e12 ** p["beta"]
    prediction = sj.predict(fit, params=70e9, tokens=1.4e12)
    assert prediction.median[0] == pytest.approx(expected, rel=1e-12)


def test_corners_of_the_data_are_interpolation_and_decades_are_counted(fit):
    prediction = sj.predict(
        fit, params=[1e7, 1e10, 1e12, 1e6, 1e11], tokens=[1e12, 1e9, 1e12, 1e10, 1e13]
    )
    assert prediction.kind == ["interpolation"] * 2 + ["extrapolation"] * 3
    np.testing.assert_allclose(prediction.distance, [0, 0, 2, 1, np.sqrt(2)], atol=1e-6)
    np.testing.assert_allclose(prediction.beyond["params"], [0, 0, 2, -1, 1], atol=1e-9)


def test_a_point_inside_every_range_can_be_far_from_a_band_of_runs():
    params = np.geomspace(1e7, 1e10, 10)
    runs = sj.RunTable.from_columns({"params": params, "tokens": 1e17 / params})
    support = Support.of(runs, ("params", "tokens"))
    inside, outside = {"params": [1e8], "tokens": [1e9]}, {"params": [1e10], "tokens": [1e10]}
    assert support.distance(inside)[0] == 0.0
    # The perpendicular from (10, 10) to the line x + y = 17 is 3 / sqrt(2) long.
    assert support.distance(outside)[0] == pytest.approx(3.0 / np.sqrt(2.0), rel=1e-6)
    assert support.beyond(outside)["params"][0] == 0.0


def test_intervals_are_quantiles_of_the_draws(fit, draws):
    prediction = sj.predict(draws, params=1e9, tokens=1e10)
    values = draws["E"] + draws["A"] / 1e9 ** draws["alpha"] + draws["B"] / 1e10 ** draws["beta"]
    low, high = prediction.interval(0.8)
    assert low[0] == pytest.approx(np.quantile(values, 0.1), rel=1e-10)
    assert high[0] == pytest.approx(np.quantile(values, 0.9), rel=1e-10)


def test_a_new_run_is_noisier_than_the_law(draws):
    prediction = sj.predict(draws, params=1e9, tokens=1e10)
    law, run = prediction.interval(0.9), prediction.new_run.interval(0.9)
    assert run[1] - run[0] > 2.0 * (law[1] - law[0])
    # One percent noise on the log scale: the 90 % interval is about 3.3 % wide.
    assert (run[1] - run[0]) / prediction.median == pytest.approx(0.033, rel=0.3)


def test_intervals_widen_with_distance(draws):
    prediction = sj.predict(draws, params=[1e9, 1e11, 1e12], tokens=[1e10, 1e13, 1e14])
    low, high = prediction.interval(0.9)
    width = (high - low) / prediction.median
    assert width[0] < width[1] < width[2]
    assert prediction.warnings == ()


def test_extrapolation_beyond_the_span_of_the_data_is_not_supported(draws):
    prediction = sj.predict(draws, params=1e14, tokens=1e16)
    assert "not supported by the data" in prediction.warnings[0]
    assert "not supported" in str(prediction)


def test_a_single_fit_has_no_interval(fit):
    prediction = sj.predict(fit, params=1e9, tokens=1e10)
    with pytest.raises(sj.errors.PredictionError, match="a single fit has no interval"):
        prediction.interval(0.9)


def test_a_table_supplies_the_inputs(fit):
    runs = grid()
    np.testing.assert_allclose(sj.predict(fit, runs).median, fit.predicted, rtol=1e-12)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"params": 1e9}, "needs tokens"),
        (
            {"params": 1e9, "tokens": 1e9, "token": 1.0},
            "does not take 'token'; did you mean tokens",
        ),
        ({"params": -1.0, "tokens": 1e9}, "params must be positive numbers, not -1"),
        ({"params": np.nan, "tokens": 1e9}, "params must be positive numbers, not nan"),
        ({"params": "big", "tokens": 1e9}, "params must be numbers, not 'big'"),
        ({"params": [1e9, 1e9], "tokens": [1e9] * 3}, "different lengths"),
    ],
)
def test_bad_queries_are_one_sentence(fit, inputs, message):
    with pytest.raises(sj.errors.PredictionError, match=message):
        sj.predict(fit, **inputs)


def test_laplace_draws_have_the_fits_covariance(fit):
    draws = sj.laplace(fit, draws=20000, seed=1)
    sd = np.std(np.log(draws["alpha"]))
    # alpha is a logarithm in the coordinates that are normal.
    assert sd == pytest.approx(fit.standard_errors["alpha"] / fit.params["alpha"], rel=0.03)
    assert np.all(draws["E"] > 0.0)
    assert np.median(draws["alpha"]) == pytest.approx(fit.params["alpha"], rel=0.01)


def test_probability_of_beating_a_threshold(draws):
    prediction = sj.predict(draws, params=[1e9, 1e10], tokens=[1e10, 1e11])
    medians = prediction.median
    np.testing.assert_allclose(prediction.probability(below=medians), 0.5, atol=0.01)
    below, above = prediction.probability(below=2.5), prediction.probability(above=2.5)
    np.testing.assert_allclose(below + above, 1.0, rtol=1e-12)
    low, high = (end[0] for end in prediction.interval(0.8))
    inside = prediction.probability(above=low, below=high)
    assert inside[0] == pytest.approx(0.8, abs=0.02)
    # The noise of a run blurs what the law says for sure.
    edge = medians + 3.0 * prediction.values.std(axis=0)
    noisy = prediction.new_run.probability(above=edge)
    assert np.all(noisy > prediction.probability(above=edge))


def test_a_probability_needs_a_threshold_and_a_distribution(draws):
    prediction = sj.predict(draws, params=1e9, tokens=1e10)
    with pytest.raises(sj.errors.PredictionError, match="give a threshold"):
        prediction.probability()
    with pytest.raises(sj.errors.PredictionError, match="one for each of 1 points"):
        prediction.probability(below=np.array([1.0, 2.0]))
    with pytest.raises(sj.errors.PredictionError, match="a single fit has no probability"):
        sj.predict(draws.fit, params=1e9, tokens=1e10).probability(below=2.0)
