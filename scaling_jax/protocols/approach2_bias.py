"""The bias of isoFLOP parabolas (approach 2) on a surface E + A / N**alpha + B / D**beta."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from scaling_jax.protocols.registry import protocol


def symmetric_grid(factor: float, points: int = 15) -> np.ndarray:
    """Return log10 of sizes over the optimum, spread evenly from 1 / factor to factor."""
    return np.linspace(-1.0, 1.0, points) * np.log10(factor)


@protocol("approach2_bias")
def vertex_shift(alpha: ArrayLike, beta: ArrayLike, grid: ArrayLike) -> jax.Array:
    """Return how far a parabola's vertex lies from the true optimum, in decades of size.

    Exact for a grid that is symmetric about the optimum. The fitted size is N* * 10**shift and the
    fitted tokens D* * 10**-shift at every budget: exponents are right, intercepts are not. Zero if
    alpha = beta.

    Args:
        alpha: Exponent of size.
        beta: Exponent of data.
        grid: log10 of the sizes over the optimal one ``[points]``, symmetric.

    Example:
        >>> round(float(vertex_shift(0.34, 0.28, symmetric_grid(16.0))), 4)
        0.0227

    Reference:
        Czech et al. (2026), arXiv:2603.22339.
    """
    alpha, beta, w = jnp.asarray(alpha), jnp.asarray(beta), jnp.asarray(grid)
    excess = beta / alpha * 10.0 ** (-alpha * w) + 10.0 ** (beta * w)
    s2, s4, total = jnp.sum(w**2), jnp.sum(w**4), jnp.sum(excess)
    first, second = jnp.sum(w * excess), jnp.sum(w**2 * excess)
    curvature = (len(w) * second - s2 * total) / (len(w) * s4 - s2**2)
    return -first / (2.0 * s2) / curvature


def optimal_params(theta: Mapping[str, Any], compute: ArrayLike) -> jax.Array:
    """Return the size of the least Chinchilla loss at 6 * params * tokens = compute."""
    t, total = theta, theta["alpha"] + theta["beta"]
    scale = (t["alpha"] * t["A"] / (t["beta"] * t["B"])) ** (1.0 / total)
    return scale * (jnp.asarray(compute) / 6.0) ** (t["beta"] / total)


def parabola_vertex(
    theta: Mapping[str, Any], compute: ArrayLike, grid: ArrayLike, offset: ArrayLike = 0.0
) -> jax.Array:
    """Return the size at the vertex of a parabola through noise-free runs of each budget.

    Args:
        theta: Coefficients of the law ``chinchilla``.
        compute: Budgets ``[budgets]`` in FLOP.
        grid: log10 of the sizes over the grid's centre ``[points]``.
        offset: log10 of the grid's centre over the optimum, one or ``[budgets]``.
    """
    t, compute = theta, jnp.asarray(compute)
    best = optimal_params(theta, compute)
    w = jnp.asarray(grid)[:, None] + jnp.broadcast_to(jnp.asarray(offset), compute.shape)
    params = best * 10.0**w
    tokens = compute / (6.0 * params)
    loss = t["E"] + t["A"] * params ** -t["alpha"] + t["B"] * tokens ** -t["beta"]
    centre = jnp.mean(w, axis=0)
    powers = jnp.stack([jnp.ones_like(w), w - centre, (w - centre) ** 2], axis=1)
    normal = jnp.einsum("pib,pjb->bij", powers, powers)
    moments = jnp.einsum("pib,pb->bi", powers, loss)
    _, slope, curvature = jnp.linalg.solve(normal, moments[..., None])[..., 0].T
    return best * 10.0 ** (centre - slope / (2.0 * curvature))


def extrapolated_tokens(
    compute: ArrayLike, params: ArrayLike, target: float
) -> tuple[jax.Array, jax.Array]:
    """Return the tokens at a target budget by the line of log tokens over log compute, and b.

    Args:
        compute: Budgets ``[budgets]``.
        params: Vertices of their parabolas ``[budgets]``.
        target: Budget to predict.
    """
    x = jnp.log(jnp.asarray(compute))
    y = x - jnp.log(6.0 * jnp.asarray(params))
    slope = jnp.sum((x - jnp.mean(x)) * y) / jnp.sum((x - jnp.mean(x)) ** 2)
    return jnp.exp(jnp.mean(y) + slope * (jnp.log(target) - jnp.mean(x))), slope
