"""Families of runs, sizes counted wrongly, and the frontier of non-embedding sizes."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax import protocols
from scaling_jax.errors import FitError
from scaling_jax.protocols.loss_surfaces import (
    absolute_relative_error,
    non_embedding_frontier,
    perturbed_coefficients,
    perturbed_params,
    predict_largest,
    ratio_exponent,
)

THETA = dict(E=1.8, A=480.0, B=2100.0, alpha=0.35, beta=0.37)


def loss_of(theta, params, tokens):
    return (
        theta["E"] + theta["A"] * params ** -theta["alpha"] + theta["B"] * tokens ** -theta["beta"]
    )


@pytest.fixture(scope="module")
def family():
    params, tokens = np.meshgrid([1e8, 3e8, 1e9, 3e9, 1e10], np.linspace(5e9, 3e11, 20))
    columns = dict(params=params.ravel(), tokens=tokens.ravel())
    columns["loss"] = loss_of(THETA, **columns)
    return sj.RunTable.from_columns(columns, source="a family")


def test_protocols_are_found_by_name():
    assert protocols.get("hitchhiker_protocol") is predict_largest
    assert protocols.get("chinchilla_robustness") is perturbed_params
    assert protocols.get("pearce_song") is non_embedding_frontier


def test_the_largest_model_of_a_noise_free_family_is_predicted(family):
    found = predict_largest(family)
    assert found.error < 1e-8
    assert found.fit.params["alpha"] == pytest.approx(THETA["alpha"], rel=1e-6)
    assert set(found.target["params"]) == {1e10}
    assert found.target["tokens"].min() >= 0.7 * 3e11


def test_what_is_fitted_follows_the_choices(family):
    found = predict_largest(family, 3, after=1e11, share=0.5)
    fitted = found.fit.runs
    assert set(fitted["params"]) == {1e8, 3e8, 1e9}
    assert fitted["tokens"].min() > 1e11
    assert fitted["tokens"].max() <= 1.5e11


def test_families_that_cannot_be_predicted_are_refused(family):
    with pytest.raises(FitError, match="models must be between 1 and 4, not 5"):
        predict_largest(family, 5)
    with pytest.raises(FitError, match="no checkpoint of the 2 smallest sizes"):
        predict_largest(family, 2, after=1e12)


def test_the_error_is_relative_to_what_was_observed():
    assert float(absolute_relative_error([2.0, 4.0], [1.0, 4.0])) == pytest.approx(0.25)


@pytest.mark.parametrize("case", [dict(factor=3.0), dict(slope=0.8), dict(factor=0.5, slope=1.3)])
def test_perturbed_coefficients_describe_the_same_losses(case):
    rng = np.random.default_rng(0)
    params, tokens = 10.0 ** rng.uniform(7, 11, 50), 10.0 ** rng.uniform(9, 13, 50)
    wrong = perturbed_params(params, **case)
    theta = perturbed_coefficients(THETA, **case)
    np.testing.assert_allclose(
        loss_of(theta, wrong, tokens), loss_of(THETA, params, tokens), rtol=1e-12
    )


def test_perturbed_sizes_without_a_perturbation_are_the_sizes():
    np.testing.assert_allclose(perturbed_params([1e8, 1e10]), [1e8, 1e10])


def test_noise_is_log_normal_and_repeatable():
    params = np.full(20_000, 1e9)
    once, again = (perturbed_params(params, noise=0.2, seed=1) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert np.std(np.log(once)) == pytest.approx(0.2, rel=0.03)
    assert np.mean(np.log(once)) == pytest.approx(np.log(1e9), abs=0.01)


def test_sizes_that_would_not_be_positive_are_refused():
    with pytest.raises(FitError, match="the smallest is -5e"):
        perturbed_params([5e8, 1e10], added=-1e9)


def test_the_exponent_of_the_ratio_is_that_of_the_optimum():
    theta = perturbed_coefficients(THETA, slope=0.7)
    total = theta["alpha"] + theta["beta"]
    b_minus_a = (theta["alpha"] - theta["beta"]) / total
    assert ratio_exponent(THETA, slope=0.7) == pytest.approx(b_minus_a, rel=1e-12)


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


def test_the_non_embedding_frontier_is_the_best_of_a_fine_grid(double):
    theta = sj.laws.get("pearce_song").published("epoch").params
    sizes = np.array([1e4, 1e6, 1e8, 1e10])
    _, compute, _ = (np.asarray(x) for x in non_embedding_frontier(theta, sizes))
    for size, flops in zip(sizes, compute, strict=True):
        tried = size * np.geomspace(0.5, 2.0, 20_001)
        inputs = dict(params_no_embed=tried, tokens=flops / (6.0 * tried))
        loss = np.asarray(sj.laws.get("pearce_song")(theta, inputs))
        assert tried[np.argmin(loss)] == pytest.approx(size, rel=1e-3)


def test_the_local_exponent_is_the_slope_of_the_frontier(double):
    theta = sj.laws.get("pearce_song").published("epoch").params
    sizes = 1e7 * np.exp([-1e-5, 0.0, 1e-5])
    _, compute, exponent = (np.asarray(x) for x in non_embedding_frontier(theta, sizes))
    slope = 2e-5 / np.log(compute[2] / compute[0])
    assert exponent[1] == pytest.approx(slope, rel=1e-6)
