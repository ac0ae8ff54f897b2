"""The implementations agree with each other, and the reference with a plain NumPy sum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import DTypeLike

from scaling_jax.kernels.normal_equations import normal_equations

IMPLEMENTATIONS = ("reference", "xla")  # the others: test_pallas_tpu.py, test_pallas_gpu.py

ROWS, PARAMETERS = 23, 3
FLOAT32_TOLERANCE = 5e-7 * np.sqrt(ROWS) * 10  # rounding of sums with cancellation


def residual(u, row):
    """A power law with a floor, in logarithms, minus the observation."""
    floor, amplitude, exponent = u
    return jnp.log(floor + amplitude * jnp.exp(-exponent * row[0])) - row[1]


def penalty(r, threshold):
    weight = threshold / jnp.maximum(jnp.abs(r), threshold)
    inside = jnp.minimum(jnp.abs(r), threshold)
    return inside * (jnp.abs(r) - 0.5 * inside), weight * r, weight


def problem(lanes, dtype: DTypeLike = np.float64):
    rng = np.random.default_rng(0)
    u = np.exp(rng.uniform(-1.0, 0.5, (PARAMETERS, lanes)))
    rows = rng.normal(size=(ROWS, 2))
    weights = rng.uniform(0.0, 2.0, ROWS)
    weights[-3:] = 0.0
    threshold = rng.uniform(0.1, 1.0, lanes)
    return [np.asarray(a, dtype) for a in (u, rows, weights, threshold)]


def plain(u, rows, weights, threshold):
    """Derivatives written by hand, one lane and one row at a time."""
    lanes = u.shape[1]
    value, gradient = np.zeros(lanes), np.zeros((PARAMETERS, lanes))
    matrix = np.zeros((PARAMETERS, PARAMETERS, lanes))
    for lane in range(lanes):
        floor, amplitude, exponent = u[:, lane]
        for (x, y), w in zip(rows, weights, strict=True):
            power = np.exp(-exponent * x)
            f = floor + amplitude * power
            r, d = np.log(f) - y, threshold[lane]
            jacobian = np.array([1.0, power, -amplitude * x * power]) / f
            psi = np.clip(r, -d, d)
            value[lane] += w * (0.5 * r * r if abs(r) <= d else d * (abs(r) - 0.5 * d))
            gradient[:, lane] += w * psi * jacobian
            matrix[:, :, lane] += w * psi / r * np.outer(jacobian, jacobian)
    return value, gradient, matrix


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("lanes", [1, 7, 64])
def test_agrees_with_derivatives_by_hand(implementation, lanes):
    arguments = problem(lanes)
    with jax.enable_x64(True):
        got = normal_equations(residual, penalty, *arguments, implementation=implementation)
    for mine, expected in zip(got, plain(*arguments), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_float32_stays_float32_and_close(implementation):
    arguments = problem(16, np.float32)
    got = normal_equations(residual, penalty, *arguments, implementation=implementation)
    for mine, expected in zip(got, plain(*problem(16)), strict=True):
        assert mine.dtype == jnp.float32
        np.testing.assert_allclose(
            mine, expected, rtol=FLOAT32_TOLERANCE, atol=FLOAT32_TOLERANCE * np.abs(expected).max()
        )


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_rows_of_weight_zero_do_not_count(implementation):
    u, rows, weights, threshold = problem(5)
    keep = weights > 0.0
    with jax.enable_x64(True):
        padded = normal_equations(
            residual, penalty, u, rows, weights, threshold, implementation=implementation
        )
        exact = normal_equations(
            residual, penalty, u, rows[keep], weights[keep], threshold,
            implementation=implementation,
        )  # fmt: skip
    for a, b in zip(padded, exact, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_unknown_implementation_is_refused():
    with pytest.raises(NotImplementedError, match="reference, xla, .*, not abacus"):
        normal_equations(residual, penalty, *problem(1), implementation="abacus")
