"""The bias of isoFLOP parabolas: the closed form against parabolas that are really fitted."""

import jax
import numpy as np
import pytest

from scaling_jax.protocols.approach2_bias import (
    extrapolated_tokens,
    optimal_params,
    parabola_vertex,
    symmetric_grid,
    vertex_shift,
)

SURFACE = dict(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
BUDGETS = np.array([1e18, 1e20, 1e22])


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("factor", [2.0, 16.0])
@pytest.mark.parametrize(("alpha", "beta"), [(0.34, 0.28), (0.465, 0.155), (0.2, 0.6)])
def test_the_closed_form_is_exact(alpha, beta, factor):
    w, theta = symmetric_grid(factor), dict(SURFACE, alpha=alpha, beta=beta)
    best = np.asarray(optimal_params(theta, BUDGETS))
    for budget, size in zip(BUDGETS, best, strict=True):
        params = size * 10.0**w
        loss = theta["A"] * params**-alpha + theta["B"] * (budget / 6.0 / params) ** -beta
        curvature, slope, _ = np.polyfit(w, loss / loss.min(), 2)
        shift = float(vertex_shift(alpha, beta, w))
        assert shift == pytest.approx(-slope / (2.0 * curvature), abs=1e-10)
    vertex = np.asarray(parabola_vertex(theta, BUDGETS, w))
    np.testing.assert_allclose(np.log10(vertex / best), shift, atol=1e-10)


def test_equal_exponents_leave_no_bias():
    assert float(vertex_shift(0.31, 0.31, symmetric_grid(8.0))) == pytest.approx(0.0, abs=1e-15)


def test_the_bias_grows_with_the_width_and_changes_sign_with_the_exponents():
    shifts = [float(vertex_shift(0.34, 0.28, symmetric_grid(f))) for f in (2.0, 4.0, 8.0, 16.0)]
    assert shifts == sorted(shifts)
    mirrored = float(vertex_shift(0.28, 0.34, symmetric_grid(16.0)))
    assert mirrored == pytest.approx(-shifts[-1], rel=1e-9)


def test_the_optimum_is_the_least_of_a_fine_grid():
    params = np.geomspace(1e8, 1e12, 200_001)
    loss = SURFACE["A"] * params**-0.34 + SURFACE["B"] * (1e22 / 6.0 / params) ** -0.28
    assert params[np.argmin(loss)] == pytest.approx(float(optimal_params(SURFACE, 1e22)), rel=1e-3)


def test_exponents_are_unbiased_on_centred_grids():
    vertex = parabola_vertex(SURFACE, BUDGETS, symmetric_grid(16.0))
    tokens, slope = extrapolated_tokens(BUDGETS, vertex, 1e24)
    assert float(slope) == pytest.approx(0.34 / 0.62, rel=1e-9)
    true = 1e24 / 6.0 / float(optimal_params(SURFACE, 1e24))
    shift = float(vertex_shift(0.34, 0.28, symmetric_grid(16.0)))
    assert float(tokens) / true == pytest.approx(10.0**-shift, rel=1e-9)


def test_differentiable_in_the_exponents():
    w = symmetric_grid(16.0)
    slope = jax.grad(lambda a: vertex_shift(a, 0.28, w))(0.34)
    numeric = (vertex_shift(0.34 + 1e-6, 0.28, w) - vertex_shift(0.34 - 1e-6, 0.28, w)) / 2e-6
    assert float(slope) == pytest.approx(float(numeric), rel=1e-6)
