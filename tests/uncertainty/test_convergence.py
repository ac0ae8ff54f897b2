"""The diagnostics speak where they should, and only there."""

import numpy as np

from scaling_jax.uncertainty.convergence import Sampler


def sampler(coordinates, diverging=0, floors=(), prior_sd=10.0):
    """Return chains of two coordinates ``[4, 1000, 2]``."""
    flags = np.zeros((4, 1000), bool)
    flags.ravel()[:diverging] = True
    blank = np.zeros((4, 1000))
    return Sampler(
        names=("E", "alpha"), coordinates=coordinates, log_density=blank, diverging=flags,
        steps=blank, acceptance=blank, energy=blank, prior_sd=np.full(2, prior_sd),
        floors=floors, log_likelihood=np.zeros((4, 1000, 3)),
    )  # fmt: skip


def independent(seed=0):
    return np.random.default_rng(seed).normal(size=(4, 1000, 2))


def test_good_chains_say_nothing():
    good = sampler(independent(), floors=("E",))
    assert good.warnings == ()
    assert max(good.rhat.values()) < 1.01
    assert 3000 < min(good.ess_bulk.values()) < 5500


def test_divergences_are_counted():
    assert "3 of 4000 transitions diverged" in sampler(independent(), diverging=3).warnings[0]


def test_chains_that_disagree_are_named():
    apart = independent()
    apart[2, :, 1] += 3.0
    warnings = sampler(apart).warnings
    assert warnings[0].startswith("R-hat of alpha is above 1.01")
    assert "effective draws of alpha" in warnings[1]


def test_a_posterior_as_wide_as_its_prior_says_nothing_about_the_parameter():
    values = independent()
    values[..., 1] *= 9.5
    assert any("nothing about alpha" in text for text in sampler(values).warnings)


def test_interchangeable_parameters_are_named():
    values = independent()
    values[..., 1] = -values[..., 0] + 0.05 * values[..., 1]
    assert any(
        "E and alpha are almost interchangeable" in text and "-1.00" in text
        for text in sampler(values).warnings
    )


def test_an_irreducible_part_that_may_be_zero_is_named():
    values = independent()
    values[..., 0] -= 4.0
    assert any("E may be zero" in text for text in sampler(values, floors=("E",)).warnings)
