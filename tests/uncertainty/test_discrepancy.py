"""The law's own error: nothing where the law is true, found where it is not, wider further out."""

from typing import Any

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.uncertainty.discrepancy import learn_discrepancy, posterior_of_tau
from tests.synthetic import grid

FREE = np.linspace(0.0, 2.0, 5)


def bent(curvature):
    """Return runs of a power law in params whose slope changes by `curvature` a decade."""
    params = np.geomspace(1e6, 1e10, 40)
    decades = np.log10(params / 1e8)
    noise = 0.002 * np.random.default_rng(0).normal(size=40)
    loss = (8.8e13 / params) ** 0.076 * np.exp(curvature * decades**2 + noise)
    return sj.RunTable.from_columns({"params": params, "loss": loss})


def tau(runs):
    return learn_discrepancy(sj.fit("kaplan_n", runs, sj.Squared(), starts=16)).median


def test_a_true_law_strays_less_than_its_prior_and_a_wrong_one_more():
    assert tau(bent(0.0)) < 0.008
    assert tau(bent(0.02)) > 0.02


def test_without_trials_the_prior_is_left():
    nothing = posterior_of_tau(np.array([]), np.array([]))
    assert nothing.median == pytest.approx(0.01, rel=0.06)
    uninformative = posterior_of_tau(np.array([0.3, -0.2]), np.array([5.0, 5.0]))
    assert uninformative.median == pytest.approx(0.01, rel=0.1)


def test_learns_the_size_of_known_slopes():
    learnt = [
        posterior_of_tau(np.array([1.0, -1.0, 1.0, -1.0]) * size, np.full(4, 1e-4)).median
        for size in (0.003, 0.01, 0.05)
    ]
    np.testing.assert_allclose(learnt, [0.005, 0.01, 0.035], rtol=0.25)


def test_errors_grow_with_distance_and_vanish_within_the_runs():
    errors = posterior_of_tau(np.array([]), np.array([])).errors(FREE, 4000, seed=0)
    assert np.all(errors[:, 0] == 0.0)
    spread = errors.std(axis=0)
    np.testing.assert_allclose(spread[2:] / spread[1], FREE[2:] / FREE[1], rtol=1e-12)
    assert abs(np.median(errors[:, 4])) < 0.002


def test_widens_new_runs_beyond_the_data_only():
    fit = sj.fit("chinchilla", grid(0.005), starts=32)
    plain = sj.laplace(fit, draws=500)
    wide = plain.with_discrepancy()

    def width(draws, **query):
        low, high = sj.predict(draws, **query).new_run.interval(0.9)
        return float(high[0] / low[0])

    inside: dict[str, Any] = {"params": 1e8, "tokens": 1e11}
    outside: dict[str, Any] = {"params": 1e12, "tokens": 1e14}
    assert width(wide, **inside) == pytest.approx(width(plain, **inside), rel=1e-9)
    assert width(wide, **outside) > width(plain, **outside) + 0.005
    surface = sj.predict(wide, **outside).values
    np.testing.assert_array_equal(surface, sj.predict(plain, **outside).values)
