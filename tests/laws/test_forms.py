"""Shared forms: equal to their definition, and finite where the definition is not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_jax.laws import forms

scales = st.floats(1e-30, 1e30)
exponents = st.floats(-3.0, 3.0)


@given(x=scales, exponent=exponents)
def test_power(x, exponent):
    with jax.enable_x64(True):
        assert float(forms.power(x, exponent)) == pytest.approx(x**exponent, rel=1e-12)


@given(x=scales, scale=scales, exponent=exponents)
def test_log_scaled_power(x, scale, exponent):
    with jax.enable_x64(True):
        value = float(forms.log_scaled_power(x, scale=scale, exponent=exponent))
    assert value == pytest.approx(exponent * np.log(scale / x), rel=1e-9, abs=1e-12)


@given(u=st.floats(-800.0, 800.0), v=st.floats(-800.0, 800.0))
def test_log_sum_exp_and_its_derivatives(u, v):
    with jax.enable_x64(True):
        value, slope = jax.value_and_grad(forms.log_sum_exp)(u, v)
        second = jax.grad(jax.grad(forms.log_sum_exp))(u, v)
    share = 1.0 / (1.0 + np.exp(np.minimum(v - u, 700.0)))
    assert float(value) == pytest.approx(np.logaddexp(u, v), rel=1e-13, abs=1e-13)
    assert float(slope) == pytest.approx(share, abs=1e-13)
    assert float(second) == pytest.approx(share * (1.0 - share), abs=1e-13)


def test_log_sum_exp_of_nothing():
    assert float(forms.log_sum_exp(-jnp.inf, -jnp.inf)) == -np.inf
    assert float(forms.log_sum_exp(-jnp.inf, 1.0)) == pytest.approx(1.0)


@given(u=st.floats(1e-12, 1e12), v=st.floats(1e-12, 1e12), exponent=st.floats(0.01, 3.0))
def test_log_coupled_powers(u, v, exponent):
    with jax.enable_x64(True):
        value = float(forms.log_coupled_powers(np.log(u), np.log(v), exponent))
    assert value == pytest.approx(exponent * np.log(u + v), rel=1e-12, abs=1e-12)


def test_coupled_powers_below_the_smallest_float32():
    tiny = jnp.float32(-200.0)  # exp(-200) is zero in float32
    value, slope = jax.value_and_grad(forms.log_coupled_powers)(tiny, tiny, jnp.float32(0.3))
    assert float(value) == pytest.approx(0.3 * (-200.0 + np.log(2.0)), rel=1e-6)
    assert float(slope) == pytest.approx(0.15, rel=1e-5)


def test_broken_power_beyond_the_range_of_its_definition():
    x, breaks = jnp.float32(1e26), [(0.6, jnp.float32(1.0), jnp.float32(0.05))]
    value = forms.log_broken_power(x, amplitude=jnp.float32(1.0), slope=0.1, breaks=breaks)
    assert float(value) == pytest.approx(-0.7 * np.log(1e26), rel=1e-6)
