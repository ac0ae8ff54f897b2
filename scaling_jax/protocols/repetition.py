"""Procedures on repeated data: what to train when unique tokens are scarce.

Allocation after Muennighoff et al. (arXiv:2305.16264), data efficiency and the joint asymptote
of ensembles after Kim et al. (arXiv:2509.14786).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import ProtocolError
from scaling_jax.fitting.fit import fit
from scaling_jax.laws import get
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

Values = Mapping[str, Any]
_FURTHEST = 3.0  # the authors look up to this factor from the compute-optimal point
_POINTS = 500
_FEWEST_POINTS = 3  # a power law with a floor has three coefficients


@dataclass(frozen=True)
class RepeatedPlan:
    """What to train on unique tokens that may be passed over more than once.

    Attributes:
        params: Model parameters.
        tokens: Training tokens, repeats counted.
        epochs: Passes over the unique tokens; below 1 where they are not all needed.
        loss: Predicted loss.
        base_params: Parameters that would be compute-optimal if tokens were unlimited.
        base_tokens: The tokens of the same.
    """

    params: float
    tokens: float
    epochs: float
    loss: float
    base_params: float
    base_tokens: float


@protocol("data_constrained_c4_base")
def compute_optimal(theta: Values, compute_flops: Any) -> tuple[Any, Any]:
    """Return the compute-optimal parameters and tokens of a law E + A/N**alpha + B/D**beta.

    Args:
        theta: Its A, B, alpha and beta, for raw counts.
        compute_flops: Training compute 6*N*D, in FLOP; an array or a number.

    Returns:
        Parameters and tokens, of the shape of the compute.

    Example:
        >>> import scaling_jax as sj
        >>> theta = sj.laws.get("data_constrained_c4_base").published("c4_tied").params
        >>> params, tokens = compute_optimal(theta, 5.76e23)
        >>> f"{params:.4e} {tokens:.4e}"
        '6.9962e+10 1.3722e+12'
    """
    alpha, beta = theta["alpha"], theta["beta"]
    log_g = jnp.log(alpha * theta["A"] / (beta * theta["B"])) / (alpha + beta)
    log_product = jnp.log(compute_flops) - jnp.log(6.0)
    log_params = log_g + beta / (alpha + beta) * log_product
    return jnp.exp(log_params), jnp.exp(log_product - log_params)


def optimal_params_for(theta: Values, tokens: Any) -> Any:
    """Return the parameters for which some unique tokens are compute-optimal.

    Example:
        >>> import scaling_jax as sj
        >>> theta = sj.laws.get("data_constrained_c4_base").published("c4_tied").params
        >>> print(f"{optimal_params_for(theta, 100e6):.4e}")
        5.0987e+06
    """
    alpha, beta = theta["alpha"], theta["beta"]
    log_g = jnp.log(alpha * theta["A"] / (beta * theta["B"])) / (alpha + beta)
    return jnp.exp(log_g + beta / alpha * (log_g + jnp.log(tokens)))


@protocol("data_constrained")
def repeated_data_plan(
    compute_flops: float,
    unique_tokens: float,
    theta: Values | None = None,
    *,
    search: str = "exact",
) -> RepeatedPlan:
    """Return the parameters and epochs of least loss for a compute and a unique-token budget.

    Args:
        compute_flops: Training compute 6*N*D, in FLOP.
        unique_tokens: Unique tokens at hand.
        theta: Coefficients of the law data_constrained; by default those published for C4.
        search: ``"exact"`` minimises along the isoFLOP line; ``"published"`` is the authors'
            grid of 500 factors up to 3 on both sides of the unconstrained optimum.

    Raises:
        ProtocolError: A budget is not positive, or the search is unknown.

    Reference:
        Muennighoff et al., arXiv:2305.16264, README of huggingface/datablations.

    Example:
        >>> plan = repeated_data_plan(1e22, 25e9, search="published")
        >>> f"{plan.params:.4e} parameters, {plan.epochs:.2f} epochs, loss {plan.loss:.4f}"
        '7.0224e+09 parameters, 9.49 epochs, loss 2.2221'
    """
    if search not in ("exact", "published"):
        raise ProtocolError(f"search is 'exact' or 'published', not {search!r}")
    if not (compute_flops > 0.0 and unique_tokens > 0.0):
        raise ProtocolError(
            f"a plan needs a positive compute and unique tokens, not {compute_flops} FLOP and "
            f"{unique_tokens} tokens"
        )
    law = get("data_constrained")
    theta = law.published("c4").params if theta is None else dict(theta)
    with jax.enable_x64(True):
        base = tuple(float(x) for x in compute_optimal(theta, compute_flops))

        def loss(params: Any) -> np.ndarray:
            tokens = compute_flops / (6.0 * params)
            inputs = {"params": params, "tokens": tokens, "unique_tokens": unique_tokens}
            return np.asarray(law(theta, inputs))

        if search == "published":
            factors = np.linspace(1.0001, _FURTHEST, _POINTS)
            sizes = base[0] * np.concatenate([1.0 / factors, factors])
            params = float(sizes[np.argmin(loss(sizes))])
        else:
            params = _least(loss, base[0])
        least = float(loss(np.float64(params)))
    tokens = compute_flops / (6.0 * params)
    return RepeatedPlan(params, tokens, tokens / unique_tokens, least, *base)


def _least(loss: Any, around: float) -> float:
    """Return the size of least loss within a factor of a million: a grid, then its best cell."""
    from scipy.optimize import minimize_scalar

    logs = np.log(around) + np.linspace(-np.log(1e6), np.log(1e6), 2001)
    best = int(np.clip(np.argmin(loss(np.exp(logs))), 1, len(logs) - 2))
    found: Any = minimize_scalar(
        lambda log: float(loss(np.exp(np.float64(log)))),
        bounds=(logs[best - 1], logs[best + 1]),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(np.exp(found.x))


@protocol("infinite_compute_data")
def data_efficiency(baseline: Values, recipe: Values, unique_tokens: Any) -> Any:
    """Return how many times more unique tokens the baseline needs to match a recipe.

    Args:
        baseline: A, alpha and E of the baseline's law A/D**alpha + E.
        recipe: The same of the recipe.
        unique_tokens: Unique tokens D of the recipe; an array or a number.

    Returns:
        D' / D with ``A1/D'**alpha1 + E1 = A2/D**alpha2 + E2``; infinite where the recipe is
        below the baseline's floor. With equal alpha and E it is (A1/A2)**(1/alpha).

    Reference:
        Kim et al., arXiv:2509.14786, section 5.3.

    Example:
        >>> same = dict(alpha=0.25, E=1.9)
        >>> float(data_efficiency(dict(A=4.0, **same), dict(A=2.0, **same), 2.0e8).round(4))
        16.0
    """
    log_d = jnp.log(jnp.asarray(unique_tokens, float))
    wanted = recipe["A"] * jnp.exp(-recipe["alpha"] * log_d) + recipe["E"] - baseline["E"]
    reached = wanted > 0.0
    log_excess = jnp.log(jnp.where(reached, wanted, 1.0)) - jnp.log(baseline["A"])
    return jnp.where(reached, jnp.exp(-log_excess / baseline["alpha"] - log_d), jnp.inf)


@dataclass(frozen=True)
class JointAsymptote:
    """The limit of many members of unlimited size.

    Attributes:
        loss: Loss of infinitely many members of infinite size.
        params: Sizes of the members ``[sizes]``.
        by_size: Loss of infinitely many members of each size ``[sizes]``.
    """

    loss: float
    params: np.ndarray
    by_size: np.ndarray


@protocol("infinite_compute_ensemble")
def joint_asymptote(runs: RunTable) -> JointAsymptote:
    """Return the loss of ensembles in the double limit: members first, then their size.

    A power law with a floor in the number of members at each size gives that size's asymptote;
    a power law with a floor in the size through those gives the joint one.

    Args:
        runs: Columns params (of one member), members and loss, at one number of unique tokens.

    Raises:
        ProtocolError: Fewer than three sizes, or a size with fewer than three ensembles.

    Reference:
        Kim et al., arXiv:2509.14786, section 4.3.
    """
    runs.require(("params", "members", "loss"), for_="the joint asymptote")
    sizes = np.unique(np.asarray(runs["params"]))
    groups = [runs.where(np.asarray(runs["params"]) == size) for size in sizes]
    if min(len(sizes), *(len(group) for group in groups)) < _FEWEST_POINTS:
        raise ProtocolError(
            f"{runs.source}: a power law with a floor needs at least {_FEWEST_POINTS} sizes with "
            f"{_FEWEST_POINTS} ensembles each; add runs"
        )
    by_size = np.array([fit("infinite_compute_ensemble", group).params["E"] for group in groups])
    columns = {"params": sizes, "loss": by_size}
    over_sizes = fit("infinite_compute_parameters", RunTable.from_columns(columns))
    return JointAsymptote(over_sizes.params["E_D"], sizes, by_size)
