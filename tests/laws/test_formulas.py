"""A handful of laws in depth: far beyond the usual domain, eager and compiled, at their limits.

The walk over the whole registry is in test_atlas.py and test_formula_text.py.
"""

import jax
import jax.numpy as jnp
import numpy as np

import scaling_jax as sj
from tests.laws import formula_text

EXACT = 1e-12  # float64, forms in logarithms against the formula as printed
SINGLE = 2e-5  # float32: logarithms of 1e30 lose two of its seven digits
STEP = np.finfo(float).eps ** (1 / 3)


def expected(case, theta, inputs):
    symbols = {v.symbol: inputs[v.column] for v in case.law.inputs}
    (statement,) = formula_text.statements(case.law.formula)
    return statement.right[0].value(formula_text.Context({**theta, **symbols}))


def test_agrees_with_its_formula(case, float64):
    inputs = case.inputs()
    np.testing.assert_allclose(
        case.law(case.theta, inputs), expected(case, case.theta, inputs), rtol=EXACT
    )


def test_log_is_the_logarithm_of_the_prediction(case, float64):
    inputs = case.inputs()
    logs = np.log(expected(case, case.theta, inputs))
    np.testing.assert_allclose(case.law.log(case.theta, inputs), logs, rtol=EXACT, atol=EXACT)


def test_jit_equals_eager(case, float64):
    inputs = case.inputs()
    compiled = jax.jit(case.law)(dict(case.theta), inputs)
    np.testing.assert_allclose(compiled, case.law(case.theta, inputs), rtol=EXACT)


def test_vmaps_over_parameters_and_over_runs(case, float64):
    inputs = case.inputs(8)
    spread = 1.0 + 0.01 * np.arange(4)
    theta = {name: value * spread for name, value in case.theta.items()}
    rows = jax.vmap(case.law, in_axes=(0, None))(theta, inputs)
    assert rows.shape == (4, 8)
    columns = jax.vmap(case.law, in_axes=(None, 0), out_axes=1)(theta, inputs)
    np.testing.assert_allclose(rows, columns, rtol=EXACT)
    for k in range(4):
        one = {name: value[k] for name, value in theta.items()}
        np.testing.assert_allclose(rows[k], expected(case, one, inputs), rtol=EXACT)


def test_gradient_agrees_with_central_differences(case, float64):
    inputs = case.inputs(16)

    def total(theta, logs):
        return jnp.sum(case.law.log(theta, {n: jnp.exp(v) for n, v in logs.items()}))

    def per_run(theta, logs):
        return np.asarray(case.law.log(theta, {n: jnp.exp(v) for n, v in logs.items()}))

    logs = {n: np.log(np.maximum(v, 1.001)) for n, v in inputs.items()}
    slopes = jax.grad(total, argnums=1)(dict(case.theta), logs)
    for name in case.law.input_names:
        up, down = ({**logs, name: logs[name] + s * STEP} for s in (1, -1))
        numeric = (per_run(case.theta, up) - per_run(case.theta, down)) / (2 * STEP)
        np.testing.assert_allclose(slopes[name], numeric, rtol=1e-6, atol=1e-8)
    jacobian = jax.jacobian(case.law.log)(dict(case.theta), inputs)
    for name, value in case.theta.items():
        step = STEP * max(abs(value), 1e-2)
        up, down = ({**case.theta, name: value + s * step} for s in (1, -1))
        difference = np.asarray(case.law.log(up, inputs)) - np.asarray(case.law.log(down, inputs))
        scale = np.abs(value) + 1e-2  # compare derivatives in the parameter's own scale
        np.testing.assert_allclose(
            jacobian[name] * scale, difference / (2 * step) * scale, rtol=1e-6, atol=1e-7
        )


def test_float32_is_finite_and_accurate_over_the_domain(case):
    inputs = {n: v.astype(np.float32) for n, v in case.inputs().items()}
    theta = {n: np.float32(v) for n, v in case.theta.items()}
    value = case.law(theta, inputs)
    assert value.dtype == jnp.float32
    with jax.enable_x64(True):
        exact = case.law(
            {n: np.float64(v) for n, v in theta.items()},
            {n: v.astype(np.float64) for n, v in inputs.items()},
        )
    np.testing.assert_allclose(value, np.asarray(exact), rtol=SINGLE)
    gradient = jax.jacobian(case.law.log)(theta, inputs)
    assert all(np.all(np.isfinite(g)) for g in gradient.values())


def test_decreases_where_it_should(case, float64):
    others = case.inputs(16)
    for name in case.decreasing:
        low, high = case.domain[name]
        grid = np.geomspace(low, high, 200)[:, None]
        value = np.asarray(case.law(case.theta, {**others, name: grid}))
        steps = np.diff(value, axis=0)
        # Near its floor a loss of 1 cannot fall by less than one unit in the last place.
        assert np.all(steps <= 0.0)
        assert np.all(value[0] > value[-1])


def test_limits_of_infinite_size_and_data(case, float64):
    inputs = case.inputs(16)
    for columns, limit in case.limits.items():
        infinite = {**inputs, **{name: np.full(16, np.inf) for name in columns}}
        value = case.law(case.theta, infinite)
        np.testing.assert_allclose(
            value, np.broadcast_to(limit(case.theta, inputs), (16,)), rtol=EXACT
        )


def test_sharp_breaks_stay_finite_in_float32():
    law = sj.laws.get("bnsl", breaks=2)
    theta = dict(a=0.1, b=3.0, c0=0.05, c1=0.6, d1=1e3, f1=0.05, c2=0.4, d2=1e22, f2=0.05)
    x = np.geomspace(1.0, 1e26, 300, dtype=np.float32)
    value, (gradient, slope) = jax.vmap(
        jax.value_and_grad(lambda t, x: law(t, dict(tokens=x)), argnums=(0, 1)), (None, 0)
    )(theta, x)
    assert value.dtype == jnp.float32
    assert np.all(np.isfinite(value))
    assert np.all(np.diff(value) <= 0.0)
    assert np.all(np.isfinite(slope))
    assert all(np.all(np.isfinite(g)) for g in gradient.values())
