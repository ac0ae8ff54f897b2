"""The optimiser as an Optax transformation: exact on quadratics, lanes independent, composable."""

from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from scaling_jax.fitting.levenberg_marquardt import (
    LevenbergMarquardtState,
    damped_step,
    initial_state,
    levenberg_marquardt,
)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def spd(rng, p, lanes):
    factor = rng.normal(size=(p, p, lanes))
    return np.einsum("ikl,jkl->ijl", factor, factor) + 0.1 * np.eye(p)[:, :, None]


@pytest.mark.parametrize("p", [1, 2, 5, 9])
def test_step_solves_the_damped_system(p):
    rng = np.random.default_rng(p)
    matrix, gradient = spd(rng, p, 6), 1e-2 * rng.normal(size=(p, 6))
    damping = np.geomspace(1e-6, 10.0, 6)
    step = np.asarray(damped_step(jnp.asarray(matrix), jnp.asarray(gradient), jnp.asarray(damping)))
    for lane in range(6):
        h = matrix[..., lane]
        expected = -np.linalg.solve(h + damping[lane] * np.diag(np.diag(h)), gradient[:, lane])
        expected *= min(1.0, 2.0 / np.max(np.abs(expected)))
        np.testing.assert_allclose(step[:, lane], expected, rtol=1e-9)


def test_singular_matrices_give_finite_steps():
    matrix = np.zeros((2, 2, 2))
    matrix[0, 0, 0] = 1.0
    step = damped_step(jnp.asarray(matrix), jnp.ones((2, 2)), jnp.full(2, 1e-3))
    assert np.all(np.isfinite(step))


def rosenbrock(x):
    """Residuals of Rosenbrock's valley: f = (10 (y - x^2))^2 / 2 + (1 - x)^2 / 2."""
    r = jnp.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
    j = jnp.stack(
        [jnp.stack([-20.0 * x[0], 10.0 + 0 * x[0]]), jnp.stack([-1.0 + 0 * x[0], 0 * x[0]])]
    )
    return 0.5 * jnp.sum(r * r, 0), jnp.einsum("nl,npl->pl", r, j), jnp.einsum("npl,nql->pql", j, j)


def run(optimizer, x, steps, state_of=lambda s: s):
    state = optimizer.init(x)

    def body(carry, _):
        x, state = carry
        value, gradient, matrix = rosenbrock(x)
        updates, state = optimizer.update(gradient, state, x, value=value, matrix=matrix)
        return (optax.apply_updates(x, updates), state), state_of(state).value

    (x, state), history = jax.jit(lambda c: jax.lax.scan(body, c, None, steps))((x, state))
    return state_of(state), np.asarray(history)


def test_reaches_the_minimum_of_rosenbrock_and_only_decreases():
    x = jnp.asarray([[-1.2, 2.0, 0.0], [1.0, -3.0, 5.0]])
    state, history = run(levenberg_marquardt(), x, 80)
    np.testing.assert_allclose(state.point, np.ones((2, 3)), rtol=1e-8)
    assert np.all(np.diff(history, axis=0) <= 0.0)


def test_lanes_do_not_see_each_other():
    x = jnp.asarray([[-1.2, 2.0, 0.0], [1.0, -3.0, 5.0]])
    together, _ = run(levenberg_marquardt(), x, 30)
    alone, _ = run(levenberg_marquardt(), x[:, 1:2], 30)
    np.testing.assert_allclose(together.point[:, 1], alone.point[:, 0], rtol=1e-12)


def test_composes_with_optax_chain():
    x = jnp.asarray([[-1.2], [1.0]])
    chained = optax.chain(levenberg_marquardt(), optax.scale(0.5))
    state, history = run(chained, x, 120, state_of=lambda s: s[0])
    assert np.all(np.diff(history, axis=0) <= 0.0)
    assert history[-1, 0] < 1e-2 * history[0, 0]


def update(gradient, state, x, value, matrix) -> tuple[jax.Array, LevenbergMarquardtState]:
    updates = levenberg_marquardt().update(gradient, state, x, value=value, matrix=matrix)
    return cast(tuple[jax.Array, LevenbergMarquardtState], updates)


def test_a_nonfinite_trial_is_not_accepted():
    x = jnp.ones((1, 1))
    updates, state = update(x, initial_state(x), x, jnp.ones(1), jnp.ones((1, 1, 1)))
    x = x + updates
    _, after = update(x, state, x, jnp.full(1, jnp.nan), jnp.full((1, 1, 1), jnp.nan))
    assert float(after.point[0, 0]) == 1.0
    assert float(after.damping[0]) > float(state.damping[0])


def test_no_step_where_there_is_a_slope_promises_no_convergence():
    """A pivot that rounding made negative: solvers end lanes that promise next to nothing."""
    x = jnp.ones((2, 1))
    matrix = jnp.asarray([[1.0, 1e-3], [1e-3, -1e-8]])[..., None]
    _, state = update(1e3 * x, initial_state(x), x, jnp.ones(1), matrix)
    assert float(state.predicted[0]) == np.inf


def test_needs_the_parameters():
    optimizer = levenberg_marquardt()
    state = optimizer.init(jnp.ones((1, 1)))
    with pytest.raises(ValueError, match="needs the current `params`"):
        optimizer.update(jnp.ones((1, 1)), state, value=jnp.ones(1), matrix=jnp.ones((1, 1, 1)))
