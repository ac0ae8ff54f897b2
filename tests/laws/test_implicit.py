"""Roots of equations: right to the last digits, with the derivatives of the implicit function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling_jax.laws.implicit import root

pytestmark = pytest.mark.usefixtures("float64")


def cube(y, a):
    return y**3 - a, 3.0 * y**2


def cube_root(a):
    return root(cube, 3.0, a, steps=8)


def test_first_second_and_third_derivatives_are_those_of_the_implicit_function():
    function = cube_root
    for order in range(4):
        expected = [1.0, 1 / 3, -2 / 9, 10 / 27][order] * 8.0 ** (1 / 3 - order)
        assert float(function(8.0)) == pytest.approx(expected, rel=1e-9), order
        function = jax.grad(function)


def test_forward_and_reverse_derivatives_agree_under_jit_and_vmap():
    a = jnp.array([0.5, 2.0, 20.0])
    forward = jax.jit(jax.vmap(jax.jacfwd(cube_root)))(a)
    reverse = jax.jit(jax.vmap(jax.grad(cube_root)))(a)
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)
    np.testing.assert_allclose(forward, a ** (-2 / 3) / 3.0, rtol=1e-9)
