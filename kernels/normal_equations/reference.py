"""The specification: one dense Jacobian, three sums."""

import jax
import jax.numpy as jnp


def normal_equations(residual, penalty, u, rows, weights, threshold):
    """Return objective, gradient and Gauss-Newton matrix of every lane; see `dispatch`."""

    def one_row(row):
        value, pullback = jax.vjp(lambda v: residual(v, row), u)
        (jacobian,) = pullback(jnp.ones_like(value))
        return value, jacobian

    r, jacobian = jax.vmap(one_row)(rows)  # [rows, lanes], [rows, parameters, lanes]
    rho, psi, omega = penalty(r, threshold)
    w = weights if weights.ndim == 2 else weights[:, None]
    value = jnp.sum(w * rho, axis=0)
    gradient = jnp.einsum("nl,npl->pl", w * psi, jacobian)
    matrix = jnp.einsum("nl,npl,nql->pql", w * omega, jacobian, jacobian)
    return value, gradient, matrix
