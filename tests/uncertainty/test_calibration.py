"""Ranks are uniform where the posterior is right, and not where it is wrong."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.uncertainty.calibration import Calibration, simulation_based_calibration


@pytest.fixture(scope="module")
def design():
    return sj.RunTable.from_columns({"params": np.geomspace(1e7, 1e10, 16)})


def test_ranks_of_a_straight_line_are_uniform(design):
    found = simulation_based_calibration("kaplan_n", design, simulations=200, draws=300, warmup=300)
    assert found.simulations == 200
    assert found.draws == 60
    assert min(found.p_values(10).values()) > 0.001
    assert all(0.83 < share < 0.97 for share in found.coverage(0.9).values())
    assert found.diverging < 0.02
    assert "90 % intervals hold" in str(found)


def test_counts_are_bins_of_equal_probability():
    ranks = {"alpha": np.arange(101)}
    uniform = Calibration("law", "likelihood", ranks, 100, 0.0)
    assert set(uniform.counts("alpha", 10)) <= {10, 11}
    assert uniform.p_values(10)["alpha"] > 0.99
    assert uniform.coverage(0.9)["alpha"] == pytest.approx(0.9, abs=0.01)


def test_posteriors_that_are_too_narrow_are_found():
    rng = np.random.default_rng(0)
    ranks = {"alpha": np.clip(rng.normal(50, 60, 300), 0, 100).astype(int)}
    assert Calibration("law", "likelihood", ranks, 100, 0.0).p_values()["alpha"] < 1e-6


def test_counts_and_repeats_are_refused(design):
    for likelihood in ("binomial", "repeats"):
        with pytest.raises(FitError, match="independent residuals"):
            simulation_based_calibration("kaplan_n", design, likelihood=likelihood)
