"""The cheapest model for a lifetime of inference, against search and against closed forms."""

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.inference_costs import (
    capability_density,
    inference_optimal,
    priced_inference_tokens,
)

THETA = dict(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)


optimal = jax.jit(lambda loss, demand: inference_optimal(loss, demand, **THETA))


def search(loss, demand):
    """Return the size and the least compute, by search along the curve of the loss."""
    t, reducible = THETA, loss - THETA["E"]
    smallest = np.log(t["A"] / reducible) / t["alpha"]

    def log_cost(n):
        tokens = (t["B"] / (reducible - t["A"] * np.exp(-t["alpha"] * n))) ** (1.0 / t["beta"])
        return n + np.log(6.0 * tokens + 2.0 * demand)

    found: Any = minimize_scalar(
        log_cost, bounds=(smallest + 1e-3, smallest + 15.0), method="bounded"
    )
    return np.exp(found.x), np.exp(found.fun)


@settings(max_examples=20)
@given(st.floats(1.9, 2.6), st.floats(9.0, 14.0))
def test_is_what_a_search_finds(loss, log_demand):
    demand = 10.0**log_demand
    with jax.enable_x64(True):
        found = optimal(loss, demand)
        total, params, tokens = (float(x) for x in (found.total_flops, found.params, found.tokens))
    size, least = search(loss, demand)
    assert params == pytest.approx(size, rel=1e-3)  # the minimum is flat
    assert total == pytest.approx(least, rel=1e-9)
    reached = 1.69 + 406.4 * params**-0.34 + 410.7 * tokens**-0.28
    assert reached == pytest.approx(loss, rel=1e-9)


def test_without_inference_it_is_chinchilla():
    with jax.enable_x64(True):
        found = optimal(np.array([2.0, 2.2]), 0.0)
        ratio = 0.34 * 406.4 * found.params**-0.34 / (0.28 * 410.7 * found.tokens**-0.28)
        np.testing.assert_allclose(ratio, 1.0, rtol=1e-9)
        assert float(found.inference_flops[0]) == 0.0


def test_is_differentiable_in_demand_loss_and_coefficients():
    def log_params(loss, log_demand, alpha):
        theta = THETA | {"alpha": alpha}
        return jax.numpy.log(inference_optimal(loss, jax.numpy.exp(log_demand), **theta).params)

    point, step = (2.1, np.log(1e12), 0.34), 1e-5
    with jax.enable_x64(True):
        function = jax.jit(log_params)
        slopes = jax.grad(log_params, argnums=(0, 1, 2))(*point)
        for k, slope in enumerate(slopes):
            up, down = (list(point), list(point))
            up[k], down[k] = point[k] + step, point[k] - step
            numeric = (float(function(*up)) - float(function(*down))) / (2 * step)
            assert float(slope) == pytest.approx(numeric, rel=1e-5)
    assert float(slopes[1]) < 0.0  # more demand, a smaller model


def test_a_loss_below_the_floor_is_refused():
    with pytest.raises(ProtocolError, match="no model reaches a loss of 1.6"):
        inference_optimal(np.array([2.0, 1.6]), 1e12, **THETA)


def test_prices_turn_into_tokens():
    assert priced_inference_tokens(1e12, 0.0) == 1e12
    dear = priced_inference_tokens(0.0, 1e12, training_utilisation=0.4, output_utilisation=0.02)
    assert dear == pytest.approx(2e13)


def test_density_of_a_reference_model_is_one_and_of_a_better_one_more():
    fitted = dict(c=0.7, gamma=-5.0, l=1.0, d=0.25, a=50.0, alpha=0.2, loss_of_data=0.1)

    def score(params):
        loss = 50.0 * params**-0.2 + 0.1
        return 0.7 / (1.0 + np.exp(5.0 * (loss - 1.0))) + 0.25

    sizes = np.array([1e8, 1e9, 1e10])
    np.testing.assert_allclose(capability_density(score(sizes), sizes, **fitted), 1.0, rtol=1e-3)
    assert float(capability_density(score(4e9), 1e9, **fitted)) == pytest.approx(4.0, rel=1e-3)
    with pytest.raises(ProtocolError, match="outside the fitted sigmoid"):
        capability_density(0.99, 1e9, **fitted)
