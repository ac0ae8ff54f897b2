"""Leave-one-out scores against refits and plain densities; stacking picks the true law."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.uncertainty.comparison import run_log_density
from scaling_jax.uncertainty.likelihoods import Gaussian
from tests.synthetic import grid


def test_run_densities_are_those_of_a_log_normal_output(sampled):
    found, rows = run_log_density(sampled)
    assert found.shape == (2, 200, 48)
    np.testing.assert_array_equal(rows, np.arange(48))
    runs, draw = sampled.fit.runs, 317
    theta = {name: values[draw] for name, values in sampled.items()}
    law = theta["E"] + theta["A"] / np.asarray(runs["params"]) ** theta["alpha"]
    law = law + theta["B"] / np.asarray(runs["tokens"]) ** theta["beta"]
    sigma = sampled.noise.noise["sigma"][draw]
    expected = stats.lognorm.logpdf(np.asarray(runs["loss"]), sigma, scale=law)
    np.testing.assert_allclose(found.reshape(400, 48)[draw], expected, rtol=1e-6)


def test_the_score_is_near_the_truths_and_counts_the_parameters(sampled):
    score = sj.loo(sampled)
    assert score.elpd == pytest.approx(np.sum(score.pointwise))
    assert 4.0 < score.parameters < 9.0  # five of the law, one of the noise
    assert score.elpd < np.sum(run_log_density(sampled)[0].mean(axis=(0, 1)))
    assert not score.warnings
    assert "effective parameters" in str(score)


def test_an_outlier_of_the_normal_likelihood_is_named(sampled):
    bad = sampled.sampler.log_likelihood.copy()
    bad[..., 7] *= 40.0 / np.abs(bad[..., 7]).mean() * (1.0 + np.arange(200) % 7)
    sampler = dataclasses.replace(sampled.sampler, log_likelihood=bad)
    (warning,) = sj.loo(dataclasses.replace(sampled, sampler=sampler)).warnings
    assert "1 runs (rows 8 of the table)" in warning


def test_stacking_gives_the_true_law_nearly_all_the_weight(sampled, of_size):
    pytest.importorskip("xarray", reason="xarray is not installed")
    found = sj.stacking({"of size": of_size, "chinchilla": sampled})
    assert found.weights["chinchilla"] > 0.95
    assert sum(found.weights.values()) == pytest.approx(1.0, abs=1e-6)
    assert found.differences["chinchilla"] == (0.0, 0.0)
    difference, error = found.differences["of size"]
    assert difference > 4.0 * error > 0.0
    assert found.table().rows[0][0] == "chinchilla"


def test_posteriors_that_do_not_compare_are_refused(sampled, of_size):
    with pytest.raises(FitError, match="at least two posteriors"):
        sj.stacking({"chinchilla": sampled})
    other = dataclasses.replace(
        of_size, fit=dataclasses.replace(of_size.fit, runs=grid(0.01, seed=4))
    )
    with pytest.raises(FitError, match="other and chinchilla are posteriors of different runs"):
        sj.stacking({"chinchilla": sampled, "other": other})
    repeats = dataclasses.replace(sampled.noise, likelihood=Gaussian(repeats=True))
    with pytest.raises(FitError, match="share a deviation"):
        sj.loo(dataclasses.replace(sampled, noise=repeats))
    with pytest.raises(FitError, match="draws by fit have no density of each run"):
        sj.loo(sj.Draws.of(sampled.fit))
