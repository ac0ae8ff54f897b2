"""Variable projection: Chinchilla's linear coefficients eliminated, two exponents left to search.

    min over alpha, beta of ||L - X theta*||^2,   X = [1, N**-alpha, D**-beta],
    theta* = argmin over theta >= 0 of ||L - X theta||^2

By the envelope theorem the gradient treats theta* as constant.
"""

import functools
import itertools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.laws import get
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

GRID = np.geomspace(0.02, 2.0, 32)  # exponents, of either kind


@dataclass(frozen=True)
class Projection:
    """A fit by variable projection.

    Attributes:
        params: Coefficients of the law ``chinchilla`` for raw columns.
        objective: Sum of squared residuals of the loss.
        converged: Whether the last search ended at its tolerance.
    """

    params: dict[str, float]
    objective: float
    converged: bool


def projected_objective(
    exponents: jax.Array, log_params: jax.Array, log_tokens: jax.Array, loss: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the sum of squared residuals at given exponents, and E, A and B there.

    Differentiable in the exponents, with the exact gradient.

    Args:
        exponents: alpha and beta ``[2]``.
        log_params: Logarithm of the model sizes ``[runs]``, best with mean zero.
        log_tokens: Logarithm of the tokens ``[runs]``, best with mean zero.
        loss: Losses ``[runs]``.
    """
    alpha, beta = exponents
    columns = [jnp.ones_like(loss), jnp.exp(-alpha * log_params), jnp.exp(-beta * log_tokens)]
    design = jnp.stack(columns, axis=1)
    linear = jax.lax.stop_gradient(_nonnegative(design, loss))
    return jnp.sum((loss - design @ linear) ** 2), linear


def _nonnegative(design: jax.Array, target: jax.Array) -> jax.Array:
    """Return the non-negative least-squares solution for three columns.

    With three columns the eight sets of columns that may be positive are tried at once: the
    solution is the best of the feasible ones.
    """
    sets = jnp.array(list(itertools.product((0.0, 1.0), repeat=3)))

    def restricted(kept: jax.Array) -> tuple[jax.Array, jax.Array]:
        part = design * kept
        matrix = part.T @ part + jnp.diag(1.0 - kept)
        solution = jnp.linalg.solve(matrix, part.T @ target)
        feasible = jnp.all(solution >= 0.0) & jnp.all(jnp.isfinite(solution))
        residual = target - part @ solution
        return jnp.where(feasible, jnp.sum(residual**2), jnp.inf), solution

    values, solutions = jax.vmap(restricted)(sets)
    return solutions[jnp.argmin(values)]


@protocol("vpnls")
def variable_projection(runs: RunTable) -> Projection:
    """Fit E + A / N**alpha + B / D**beta to the loss by variable projection.

    A grid of 32 x 32 exponents, then L-BFGS-B from the best one with the exact gradient.

    Args:
        runs: Runs with params, tokens and loss.

    Raises:
        FitError: There are fewer runs than coefficients.

    Reference:
        Czech et al. (2026), arXiv:2603.22339; github.com/Open-Athena/vpnls.
    """
    from scipy.optimize import minimize

    if len(runs) < 5:
        raise FitError(f"{runs.source} has {len(runs)} runs; five coefficients need five or more")
    logs = {name: float(np.mean(np.log(runs[name]))) for name in ("params", "tokens")}
    with jax.enable_x64(True):
        data = [jnp.log(runs[name]) - logs[name] for name in logs]
        data.append(jnp.asarray(runs["loss"]))
        value_and_gradient = functools.partial(_value_and_gradient, data=tuple(data))
        grid = jnp.stack(jnp.meshgrid(GRID, GRID), axis=-1).reshape(-1, 2)
        start = grid[jnp.argmin(_values(grid, tuple(data)))]
        found = minimize(
            value_and_gradient,
            np.asarray(start),
            jac=True,
            method="L-BFGS-B",
            bounds=[(1e-3, None)] * 2,
            options={"ftol": 1e-15, "gtol": 1e-12, "maxiter": 500},
        )
        objective, linear = projected_objective(jnp.asarray(found.x), *data)
    law = get("chinchilla")
    values = (*linear.tolist(), *found.x)  # E, A, B, alpha, beta, the order of the law
    reduced = {p.name: value for p, value in zip(law.parameters, values, strict=True)}
    params = {n: float(value) for n, value in law.rescaled(reduced, {**logs, "loss": 0.0}).items()}
    return Projection(params, float(objective), bool(found.success))


@jax.jit
def _values(grid: jax.Array, data: tuple[jax.Array, ...]) -> jax.Array:
    return jax.vmap(lambda exponents: projected_objective(exponents, *data)[0])(grid)


@jax.jit
def _gradient(exponents: jax.Array, data: tuple[jax.Array, ...]):
    return jax.value_and_grad(projected_objective, has_aux=True)(exponents, *data)


def _value_and_gradient(exponents: np.ndarray, data: tuple[jax.Array, ...]):
    (value, _), gradient = _gradient(jnp.asarray(exponents), data)
    return float(value), np.asarray(gradient)
