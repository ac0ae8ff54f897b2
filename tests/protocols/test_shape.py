"""Compound scaling, the best dimension and the choice of shapes."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.shape import (
    cheapest_shapes,
    compound_scaling,
    fast_shares,
    optimal_dimension,
    speed_up,
)


@pytest.mark.parametrize("alpha", [0.0, 1 / 3, 0.8, 1.0])
def test_compound_scaling_spends_the_budget(alpha):
    s = compound_scaling(8.0, **fast_shares(alpha))
    assert float(s.depth * s.width**2 * s.resolution**2) == pytest.approx(8.0, rel=1e-5)
    assert float(s.activations) == pytest.approx(8.0 ** (1.0 - alpha / 2.0), rel=1e-5)
    assert float(s.params) == pytest.approx(float(s.depth * s.width**2), rel=1e-5)


def test_shares_that_are_no_shares_are_refused():
    with pytest.raises(ProtocolError, match="sum to 1.5, not to one"):
        compound_scaling(8.0, depth=0.5, width=0.5, resolution=0.5)


def test_best_dimension_is_the_minimum_of_the_curve():
    theta = dict(alpha_k=3.0, a_k=0.6, beta_k=0.02, b_k=0.8, c=0.3)

    def error(log_x):
        x = np.exp(log_x)
        return 3.0 * x**-0.6 + 0.02 * x**0.8 * 1e12**-0.3

    found: Any = minimize_scalar(
        error, bounds=(0.0, 20.0), method="bounded", options={"xatol": 1e-8}
    )
    assert float(optimal_dimension(1e12, **theta)) == pytest.approx(np.exp(found.x), rel=1e-4)


def test_speed_up_of_nothing_is_zero():
    assert speed_up(1e20, 1e20) == 0.0
    assert speed_up(3e20, 1e20) == pytest.approx(2.0)


def test_shapes_beyond_the_limits_are_not_chosen():
    loss, params = [2.9, 2.8, 2.7, 2.6], [1e9, 1e9, 2e9, 1e9]
    latency = [1.0, 2.0, 1.0, 9.0]
    chosen = cheapest_shapes(loss, params, latency, most_params=1e9, most_latency=3.0, count=1)
    assert chosen.tolist() == [1]
    with pytest.raises(ProtocolError, match="no candidate has at most 1e.06 parameters"):
        cheapest_shapes(loss, params, latency, most_params=1e6, most_latency=3.0)
