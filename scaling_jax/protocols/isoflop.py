"""Compute-optimal size and tokens from runs, without a law of the loss: Chinchilla 1 and 2.

Approach 1 takes the lower envelope of training curves; approach 2 the minimum of the loss at each
budget. A parabola in log N is symmetric, the loss is not where its exponents differ, so the
minimum is displaced by an amount that depends on the grid; `asymmetric_minima` has no such bias.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from scaling_jax._pytree import pytree
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.log_fits import (
    Parabola,
    PowerLaw,
    fit_parabola,
    fit_power_law,
    least_squares,
)
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

_FEWEST = 3  # points of a budget: a parabola has as many coefficients


@pytree
class Frontier:
    """Compute-optimal runs, one a budget.

    Attributes:
        compute_flops: The budgets ``[budgets]``.
        params: Optimal model size ``[budgets]``.
        tokens: Optimal tokens ``[budgets]``.
        loss: Loss there ``[budgets]``.
    """

    compute_flops: Any
    params: Any
    tokens: Any
    loss: Any

    @property
    def params_law(self) -> PowerLaw:
        """The power law of the optimal model size in compute."""
        return fit_power_law(self.compute_flops, self.params)

    @property
    def tokens_law(self) -> PowerLaw:
        """The power law of the optimal tokens in compute."""
        return fit_power_law(self.compute_flops, self.tokens)

    def __repr__(self) -> str:
        return (
            f"<Frontier of {np.size(self.compute_flops)} budgets: params ~ "
            f"C**{float(self.params_law.exponent):.3f}, tokens ~ "
            f"C**{float(self.tokens_law.exponent):.3f}>"
        )


@protocol("chinchilla_approach1")
def training_envelope(
    params: Any, tokens: Any, loss: Any, budgets: Any, *, flops_per_param_token: float = 6.0
) -> Frontier:
    """Return the run with the lowest loss at each budget, from training curves (approach 1).

    Curves are interpolated linearly in log compute. A budget that a curve does not reach does not
    consider it. Smooth noisy curves first: the minimum of noise is biased downwards.

    Args:
        params: Model size of each curve ``[curves]``.
        tokens: Tokens seen at each point, rising ``[curves, points]`` or ``[points]``.
        loss: Loss at each point ``[curves, points]``.
        budgets: Compute budgets ``[budgets]``, 1500 log-spaced ones in the paper.
        flops_per_param_token: FLOP for each parameter and token.

    Raises:
        ProtocolError: A budget lies on no curve.

    Example:
        >>> import numpy as np
        >>> params, tokens = np.geomspace(1e7, 1e10, 60), np.geomspace(1e8, 1e12, 100)
        >>> loss = 1.7 + 400 / params[:, None] ** 0.3 + 400 / tokens**0.3
        >>> frontier = training_envelope(params, tokens, loss, np.geomspace(1e18, 1e20, 50))
        >>> round(float(frontier.params_law.exponent), 1)
        0.5

    Reference:
        Hoffmann et al., arXiv:2203.15556, section 3.1.
    """
    params, loss, budgets = jnp.asarray(params), jnp.asarray(loss), jnp.asarray(budgets)
    tokens = jnp.broadcast_to(jnp.asarray(tokens), loss.shape)
    log_c = jnp.log(flops_per_param_token * params)[:, None] + jnp.log(tokens)
    log_budgets = jnp.log(budgets)

    def curve(log_compute: jax.Array, values: jax.Array) -> jax.Array:
        return jnp.interp(log_budgets, log_compute, values, left=jnp.inf, right=jnp.inf)

    losses = jax.vmap(curve)(log_c, loss)  # [curves, budgets]
    best = jnp.argmin(losses, axis=0)
    lowest = jnp.take_along_axis(losses, best[None], axis=0)[0]
    _refuse(~jnp.isfinite(lowest), budgets, "lies on no training curve; leave it out")
    chosen = params[best]
    return Frontier(budgets, chosen, budgets / (flops_per_param_token * chosen), lowest)


@protocol("chinchilla_approach2")
def isoflop_frontier(runs: RunTable) -> Frontier:
    """Return the optimum of each compute budget by a parabola in log params (approach 2).

    Args:
        runs: Runs at a few budgets, equal values of ``compute_flops``, with ``params``, ``tokens``
            and ``loss``.

    Returns:
        The optima. Tokens are read off the straight line of log tokens over log params of each
        budget, which is exact where compute is a multiple of params * tokens.

    Raises:
        RunTableError: A column is missing.
        ProtocolError: A budget has fewer than three runs, or no minimum.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> budget, params = np.repeat([1e19, 1e20, 1e21], 9), np.tile(np.geomspace(0.3, 3, 9), 3)
        >>> params = params * np.sqrt(budget / 6)
        >>> loss = 2.0 + 0.1 * np.log(params / np.sqrt(budget / 6)) ** 2
        >>> runs = sj.RunTable.from_columns(
        ...     dict(params=params, tokens=budget / 6 / params, compute_flops=budget, loss=loss)
        ... )
        >>> round(float(isoflop_frontier(runs).params_law.exponent), 4)
        0.5

    Reference:
        Hoffmann et al., arXiv:2203.15556, section 3.2.
    """
    grid = isoflop_grid(runs)
    with jax.enable_x64(True):
        optima = isoflop_parabolas(grid.params, grid.loss, grid.weights)
        convex = np.asarray(optima.curvature) > 0.0
        _refuse(~convex, grid.compute_flops, "has no minimum: its parabola opens down")
        return _frontier(grid, optima.log_x, optima.y)


def isoflop_parabolas(params: Any, loss: Any, weights: Any = None) -> Parabola:
    """Return the parabola of the loss over log params of every budget at once.

    Args:
        params: ``[budgets, points]``.
        loss: ``[budgets, points]``.
        weights: ``[budgets, points]``; zero leaves a point out.

    Example:
        >>> import numpy as np
        >>> params = np.array([[1e8, 2e8, 4e8], [2e8, 4e8, 8e8]])
        >>> loss = 2.0 + np.log(params / [[2e8], [5e8]]) ** 2
        >>> np.round(np.asarray(isoflop_parabolas(params, loss).x) / 1e8, 2).tolist()
        [2.0, 5.0]
    """
    return fit_parabola(params, loss, weights)


def asymmetric_frontier(runs: RunTable, *, alpha: float, beta: float) -> Frontier:
    """Return the optimum of each budget with the asymmetry of the loss, for given exponents.

    On a Chinchilla surface with these exponents, which `fit("chinchilla", runs)` gives, the optimum
    is exact for every grid of sizes, wide or off its centre.

    Args:
        runs: As for `isoflop_frontier`.
        alpha: Exponent of model size.
        beta: Exponent of data.

    Raises:
        RunTableError: A column is missing.
        ProtocolError: A budget has fewer than three runs, or no minimum.
    """
    grid = isoflop_grid(runs)
    with jax.enable_x64(True):
        log_params, loss = asymmetric_minima(
            grid.params, grid.loss, alpha=alpha, beta=beta, weights=grid.weights
        )
        found = np.isfinite(np.asarray(log_params))
        _refuse(~found, grid.compute_flops, "has no minimum at these exponents")
        return _frontier(grid, log_params, loss)


@jax.jit
def asymmetric_minima(
    params: Any, loss: Any, *, alpha: Any, beta: Any, weights: Any = None
) -> tuple[jax.Array, jax.Array]:
    """Fit ``loss = e + a * N**-alpha + b * N**beta`` to each budget and return its minimum.

    With C = 6*N*D the data term B / D**beta rises as N**beta. The curve is linear in e, a and b.

    Args:
        params: ``[budgets, points]``.
        loss: ``[budgets, points]``.
        alpha: Exponent of model size.
        beta: Exponent of data.
        weights: ``[budgets, points]``; zero leaves a point out.

    Returns:
        Log of the optimal size and the loss there ``[budgets]``; NaN where an amplitude is not
        positive, so that there is no minimum.

    Example:
        >>> import numpy as np
        >>> params = np.geomspace(1e7, 1e10, 7)[None]
        >>> loss = 1.7 + 400 * params**-0.34 + 2e-3 * params**0.28
        >>> log_params, _ = asymmetric_minima(params, loss, alpha=0.34, beta=0.28)
        >>> best = (0.34 * 400 / (0.28 * 2e-3)) ** (1 / 0.62)
        >>> bool(abs(np.exp(log_params[0]) / best - 1) < 1e-2)
        True
    """
    log_n, loss = jnp.log(params), jnp.asarray(loss)
    weights = jnp.ones_like(log_n) if weights is None else jnp.asarray(weights)
    share = weights / jnp.sum(weights, axis=-1, keepdims=True)
    centre = jnp.sum(share * log_n, axis=-1, keepdims=True)
    level = jnp.sum(share * loss, axis=-1, keepdims=True)
    u = log_n - centre
    basis = jnp.stack([jnp.ones_like(u), jnp.exp(-alpha * u), jnp.exp(beta * u)], axis=-1)
    e, a, b = jnp.moveaxis(least_squares(basis, loss - level, share), -1, 0)
    falls = (a > 0.0) & (b > 0.0)
    a, b = jnp.where(falls, a, 1.0), jnp.where(falls, b, 1.0)
    best = (jnp.log(alpha * a) - jnp.log(beta * b)) / (alpha + beta)
    value = level[..., 0] + e + a * jnp.exp(-alpha * best) + b * jnp.exp(beta * best)
    nothing = jnp.full_like(best, jnp.nan)
    return jnp.where(falls, centre[..., 0] + best, nothing), jnp.where(falls, value, nothing)


@protocol("porian_nopt")
def akima_optima(
    params: Any, loss: Any, *, loss_std: Any = 0.0, draws: int = 1000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the optimal size of one budget by Akima interpolation, for draws of seed noise.

    The logarithm of the loss is interpolated over the logarithm of the size. The spread of the
    draws gives the weight of the budget in the power law (`fit_power_law`, weights one over their
    variance).

    Args:
        params: Model sizes of the budget, any order ``[points]``.
        loss: Their losses ``[points]``.
        loss_std: Standard deviation of log loss between seeds.
        draws: Number of draws.
        seed: Seed of the draws.

    Returns:
        Optimal size without noise, and with each draw's ``[draws]``.

    Raises:
        ProtocolError: Fewer than five sizes, or sizes that repeat.

    Example:
        >>> import numpy as np
        >>> params = np.geomspace(1e7, 1e9, 9)
        >>> best, _ = akima_optima(params, np.exp(1 + 0.1 * np.log(params / 1.3e8) ** 2), draws=1)
        >>> bool(abs(best / 1.3e8 - 1) < 0.01)
        True

    Reference:
        Porian et al., arXiv:2406.19146.
    """
    from scipy.interpolate import Akima1DInterpolator

    order = np.argsort(params)
    x, y = np.log(np.asarray(params, float)[order]), np.log(np.asarray(loss, float)[order])
    if len(x) < 5 or np.any(np.diff(x) <= 0.0):
        raise ProtocolError(
            f"Akima interpolation needs five different model sizes, not {len(np.unique(x))}; "
            "average the runs of a size and add sizes"
        )
    noise = np.random.default_rng(seed).normal(size=(len(y), draws)) * loss_std
    fine = np.linspace(x[0], x[-1], 2001)
    values = Akima1DInterpolator(x, np.column_stack([y, y[:, None] + noise]))(fine)
    found = np.exp(fine[np.argmin(values, axis=0)])
    return found[0], found[1:]


@pytree
class IsoflopGrid:
    """Runs by budget, padded to the most that one budget has; padding has no weight.

    Attributes:
        compute_flops: ``[budgets]``.
        params: ``[budgets, points]``.
        tokens: ``[budgets, points]``.
        loss: ``[budgets, points]``.
        weights: One for a run, zero for padding ``[budgets, points]``.
    """

    compute_flops: Any
    params: Any
    tokens: Any
    loss: Any
    weights: Any


def isoflop_grid(runs: RunTable) -> IsoflopGrid:
    """Return the runs by budget, for the vectorised fits.

    Raises:
        RunTableError: A column is missing.
        ProtocolError: A budget has fewer than three runs.
    """
    runs.require(("compute_flops", "params", "tokens", "loss"), "isoFLOP curves")
    budgets, group = np.unique(runs["compute_flops"], return_inverse=True)
    members = [np.flatnonzero(group == k) for k in range(len(budgets))]
    most = max(len(rows) for rows in members)
    for budget, rows in zip(budgets, members, strict=True):
        if len(rows) < _FEWEST:
            raise ProtocolError(
                f"the budget of {budget:.3g} FLOP has {len(rows)} runs, and a parabola needs "
                f"{_FEWEST}; leave it out, or round compute_flops to the budgets"
            )
    index = np.stack([np.pad(rows, (0, most - len(rows)), mode="edge") for rows in members])
    weights = np.stack([np.arange(most) < len(rows) for rows in members]).astype(float)
    params, tokens, loss = (runs[name][index] for name in ("params", "tokens", "loss"))
    return IsoflopGrid(budgets, params, tokens, loss, weights)


def _frontier(grid: IsoflopGrid, log_params: jax.Array, loss: jax.Array) -> Frontier:
    line = fit_power_law(grid.params, grid.tokens, grid.weights)
    params = jnp.exp(log_params)
    optima = (params, line(params), loss)
    return Frontier(grid.compute_flops, *(np.asarray(column) for column in optima))


def _refuse(bad: Any, budgets: Any, what: str) -> None:
    """Refuse budgets by name; nothing is known of them while JAX traces."""
    if isinstance(bad, Tracer) or not np.any(bad):
        return
    budget = float(np.asarray(budgets)[np.argmax(np.asarray(bad))])
    raise ProtocolError(f"the budget of {budget:.3g} FLOP {what}")
