"""Rows in a loop, lanes on the contiguous axis, accumulators in registers and cache.

A row's residual is one number a lane, so one reverse pass with ones gives all derivatives of
all lanes; no Jacobian is stored. The matrix is accumulated packed (upper triangle).
"""

import jax
import jax.numpy as jnp


def normal_equations(residual, penalty, u, rows, weights, threshold):
    """Return objective, gradient and Gauss-Newton matrix of every lane; see `dispatch`."""
    p, lanes = u.shape
    pairs = [(i, j) for i in range(p) for j in range(i, p)]

    def add_row(k, sums):
        row, w = rows[k], weights[k]
        r, pullback = jax.vjp(lambda *v: residual(v, row), *u)
        jacobian = pullback(jnp.ones_like(r))
        rho, psi, omega = penalty(r, threshold)
        value, gradient, packed = sums
        scaled = [w * omega * d for d in jacobian]
        return (
            value + w * rho,
            [g + w * psi * d for g, d in zip(gradient, jacobian, strict=True)],
            [m + scaled[i] * jacobian[j] for m, (i, j) in zip(packed, pairs, strict=True)],
        )

    zero = jnp.zeros(lanes, u.dtype)
    start = (zero, [zero] * p, [zero] * len(pairs))
    value, gradient, packed = jax.lax.fori_loop(0, rows.shape[0], add_row, start)
    matrix = [[packed[pairs.index((min(i, j), max(i, j)))] for j in range(p)] for i in range(p)]
    return value, jnp.stack(gradient), jnp.stack([jnp.stack(row) for row in matrix])
