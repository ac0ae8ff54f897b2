"""Every likelihood is a density, and its random numbers have that density."""

import jax
import numpy as np
import pytest
from scipy import stats

from scaling_jax.errors import FitError
from scaling_jax.uncertainty.likelihoods import (
    LIKELIHOODS,
    Counts,
    Gaussian,
    HuberNoise,
    StudentT,
    resolve,
)

SIGMA = 0.03
NOISE = {"sigma": SIGMA, "df": 5.0, "outlier_share": 0.1, "growth": -0.3}
RESIDUALS = [Gaussian(), Gaussian(outliers=True), StudentT(), HuberNoise(), HuberNoise(delta=0.5)]


def density(likelihood, r):
    with jax.enable_x64(True):
        return np.exp(np.asarray(likelihood._density(np.asarray(r), SIGMA, NOISE)))


@pytest.mark.parametrize("likelihood", RESIDUALS, ids=lambda one: one.describe())
def test_densities_integrate_to_one(likelihood):
    grid = np.linspace(-60.0, 60.0, 400_001) * SIGMA
    assert np.trapezoid(density(likelihood, grid), grid) == pytest.approx(1.0, abs=2e-4)


@pytest.mark.parametrize("likelihood", RESIDUALS, ids=lambda one: one.describe())
def test_random_numbers_have_the_density(likelihood):
    drawn = likelihood.sample(np.random.default_rng(0), np.full(20_000, SIGMA), NOISE)
    grid = np.linspace(-60.0, 60.0, 400_001) * SIGMA
    cumulative = np.cumsum(density(likelihood, grid)) * (grid[1] - grid[0])
    assert stats.kstest(drawn, lambda r: np.interp(r, grid, cumulative)).pvalue > 0.01


def test_normal_and_student_densities_are_scipys():
    r = np.linspace(-0.2, 0.2, 7)
    np.testing.assert_allclose(density(Gaussian(), r), stats.norm.pdf(r, scale=SIGMA), rtol=1e-10)
    expected = stats.t.pdf(r, NOISE["df"], scale=SIGMA)
    np.testing.assert_allclose(density(StudentT(), r), expected, rtol=1e-10)


def test_noise_grows_with_a_column_and_adds_to_the_known_one():
    likelihood = Gaussian(growth="tokens", known="loss_std")
    assert likelihood.columns == ("tokens", "loss_std")
    spread = likelihood.spread(NOISE, {"growth": np.log(10.0), "known": 0.04})
    assert float(spread) == pytest.approx(np.hypot(SIGMA * 10.0**-0.3, 0.04), rel=1e-5)


def test_repeats_are_a_multivariate_normal_with_equal_correlations():
    r, group = np.array([0.01, 0.03, -0.02, 0.05, 0.0]), np.array([0, 0, 0, 1, 2])
    noise = {"sigma": SIGMA, "between": 0.05}
    with jax.enable_x64(True):
        ours = float(
            Gaussian(repeats=True).log_density(
                r, noise, {"group": group}, np.array([1.0, 1.0, 1.0, 1.0, 0.0])
            )
        )
    same = group[:4, None] == group[None, :4]
    covariance = 0.05**2 * same + SIGMA**2 * np.eye(4)
    expected = stats.multivariate_normal(np.zeros(4), covariance).logpdf(r[:4])
    assert ours == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("overdispersed", [False, True])
def test_counts_are_scipys_up_to_the_binomial_coefficient(overdispersed):
    p, correct, attempts = np.array([0.02, 0.5, 0.9]), np.array([0.0, 7.0, 20.0]), 20.0
    noise = {"concentration": 30.0}
    with jax.enable_x64(True):
        ours = Counts(overdispersed=overdispersed).log_count_density(p, correct, attempts, noise)
    full = (
        stats.betabinom.logpmf(correct, 20, 30.0 * p, 30.0 * (1 - p))
        if overdispersed
        else stats.binom.logpmf(correct, 20, p)
    )
    coefficient = np.log([1.0, 77520.0, 1.0])
    np.testing.assert_allclose(np.asarray(ours) + coefficient, full, rtol=1e-9)


def test_counts_of_new_runs_scatter_as_they_should():
    rng = np.random.default_rng(0)
    p = np.full(40_000, 0.3)
    plain = Counts().sample_share(rng, p, 50, {})
    assert plain.var() == pytest.approx(0.3 * 0.7 / 50, rel=0.05)
    wide = Counts(overdispersed=True).sample_share(rng, p, 50, {"concentration": 9.0})
    assert wide.var() == pytest.approx(0.3 * 0.7 / 50 * (1 + 49 / 10), rel=0.05)


def test_names_resolve_and_unknown_ones_are_refused():
    assert resolve("lognormal") == Gaussian()
    assert all(resolve(one) is one for one in LIKELIHOODS.values())
    with pytest.raises(FitError, match="there is no likelihood 'studentt'; did you mean student_t"):
        resolve("studentt")
    with pytest.raises(FitError, match="residual scale 'ln' is unknown"):
        Gaussian(scale="ln")
    with pytest.raises(FitError, match="exclude each other"):
        Gaussian(outliers=True, repeats=True)
