"""Variable projection: the true coefficients, the exact gradient, bounds, agreement with a fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import nnls

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.protocols.variable_projection import (
    _nonnegative,
    projected_objective,
    variable_projection,
)
from tests.synthetic import TRUTH, grid

pytestmark = pytest.mark.usefixtures("double")


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


def columns(runs):
    logs = [np.log(runs[name]) for name in ("params", "tokens")]
    return [jnp.asarray(x - x.mean()) for x in logs] + [jnp.asarray(runs["loss"])]


def test_recovers_the_truth_of_a_noise_free_grid():
    found = variable_projection(grid())
    assert found.params == pytest.approx(TRUTH, rel=1e-4)
    assert found.objective < 1e-12


def test_agrees_with_the_fit_of_all_five_coefficients():
    runs = grid(noise=0.01)
    found = variable_projection(runs)
    fitted = sj.fit("chinchilla", runs, sj.Squared(scale="natural"), starts=32)
    assert found.params == pytest.approx(fitted.params, rel=1e-5)
    assert found.objective == pytest.approx(2.0 * fitted.objective, rel=1e-9)


def test_the_gradient_is_that_of_the_envelope():
    data = columns(grid(noise=0.02))
    exponents = jnp.array([0.3, 0.5])
    slopes = jax.grad(lambda x: projected_objective(x, *data)[0])(exponents)
    for k in range(2):
        step = 1e-6 * np.eye(2)[k]
        up, down = (projected_objective(exponents + s * step, *data)[0] for s in (1, -1))
        assert float(slopes[k]) == pytest.approx(float(up - down) / 2e-6, rel=1e-5)


def test_the_published_gradient_formula():
    """dRSS/dalpha = 2 A r^T (log(N) N**-alpha)."""
    log_n, log_d, loss = columns(grid(noise=0.02))
    value, (e, a, b) = projected_objective(jnp.array([0.3, 0.5]), log_n, log_d, loss)
    residual = loss - (e + a * jnp.exp(-0.3 * log_n) + b * jnp.exp(-0.5 * log_d))
    assert float(value) == pytest.approx(float(residual @ residual), rel=1e-12)
    expected = 2.0 * a * residual @ (log_n * jnp.exp(-0.3 * log_n))
    slope = jax.grad(lambda x: projected_objective(x, log_n, log_d, loss)[0])(jnp.array([0.3, 0.5]))
    assert float(slope[0]) == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_non_negative_least_squares_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    design, target = rng.normal(size=(20, 3)), rng.normal(size=20)
    expected, _ = nnls(design, target)
    np.testing.assert_allclose(_nonnegative(jnp.asarray(design), jnp.asarray(target)), expected,
                               atol=1e-10)  # fmt: skip


def test_too_few_runs_are_refused():
    with pytest.raises(FitError, match="has 4 runs; five coefficients"):
        variable_projection(grid().take(range(4)))
