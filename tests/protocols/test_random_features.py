"""The solvable model: its equation, its limits and its simulation."""

import numpy as np
import pytest

from scaling_jax.errors import LawError
from scaling_jax.protocols import get
from scaling_jax.protocols.random_features import (
    dimension_exponent,
    equivalent_ridge,
    power_spectrum,
    random_feature_loss,
    ridge_in_many_dimensions,
    spectrum_exponent,
)

simulate = get("maloney_solvable")


@pytest.mark.parametrize("count", [0.5, 3.0, 40.0, 99.0])
def test_ridge_solves_its_equation(count):
    spectrum = power_spectrum(100, 0.7, 5.0)
    ridge = equivalent_ridge(count, spectrum)
    assert np.sum(spectrum / (spectrum + ridge)) == pytest.approx(count, rel=1e-10)


def test_ridge_of_equal_eigenvalues_in_closed_form():
    assert equivalent_ridge(30, np.full(100, 2.0)) == pytest.approx(2.0 * 70 / 30, rel=1e-10)


def test_ridge_tends_to_its_limit():
    errors = [
        ridge_in_many_dimensions(n, 1.5) / equivalent_ridge(n, power_spectrum(200_000, 1.5)) - 1.0
        for n in (10, 100, 1000)
    ]
    assert errors[0] > errors[1] > errors[2] > 0.0
    assert errors[2] < 2e-3


def test_loss_is_zero_from_the_latent_dimension_on_and_infinite_at_the_peak():
    with pytest.raises(LawError, match="beyond, the loss is zero"):
        random_feature_loss(100, 200, power_spectrum(100, 1.0))
    with pytest.raises(LawError, match="is infinite"):
        random_feature_loss(50, 50, power_spectrum(100, 1.0))


@pytest.mark.parametrize(("features", "samples"), [(20, 100), (100, 20)])
def test_simulation_has_the_loss_of_the_formula(features, samples):
    losses = simulate(features, samples, latent=400, alpha=1.0, sigma_w=2.0, repeats=60, seed=1)
    expected = random_feature_loss(features, samples, power_spectrum(400, 1.0), 2.0)
    error = losses.std(ddof=1) / np.sqrt(60)
    # The formula is that of large sizes: a few per cent remain at 20 features.
    assert abs(losses.mean() - expected) < 3.0 * error + 0.05 * expected


def test_same_seed_same_losses():
    one, two = (simulate(5, 20, latent=50, alpha=1.0, repeats=3, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_spectrum_exponent_leaves_out_what_lies_off_the_power_law():
    spectrum = power_spectrum(1000, 0.6)
    spectrum[:3] *= 10.0
    spectrum[-10:] = 0.0
    assert spectrum_exponent(spectrum, first=4, last=990) == pytest.approx(0.6, abs=1e-9)
    with pytest.raises(LawError, match="two positive eigenvalues"):
        spectrum_exponent(spectrum)
    assert (dimension_exponent(8), dimension_exponent(8, smooth=False)) == (0.5, 0.125)
