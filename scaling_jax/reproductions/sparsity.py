"""Laws of sparsity: dense equivalents, and how the best sparsity moves with the budget."""

from collections.abc import Iterator

import numpy as np

from scaling_jax.laws import get
from scaling_jax.protocols import sparsity as choices
from scaling_jax.reproductions.record import Check, reproduction


@reproduction(of="sparse_frantar")
def sparse_multipliers() -> Iterator[Check]:
    """Compute how large a dense model of equal loss is, and the sparsity of least loss."""
    law = get("sparse_frantar")
    printed = {"vit": (1.60, 2.17, 2.63), "t5": (1.59, 2.16, 2.63)}
    computed = {"vit": (1.596, 2.172, 2.635), "t5": (1.587, 2.160, 2.635)}
    for name in printed:
        theta = law.published(name).params
        ours = choices.dense_multiplier(theta, np.array([0.5, 0.75, 0.875]))
        rows = zip((50, 75, 87.5), printed[name], computed[name], ours, strict=True)
        for percent, published, exact, value in rows:
            quantity = f"dense multiplier, {name}, {percent:g} % sparse"
            # Two recalled digits, from coefficients of two to three.
            yield Check(quantity, published, float(value), 0.01, unverified=True)
            yield Check(f"{quantity}, computed", exact, float(value), 2e-3, unverified=True)
    theta = law.published("t5").params
    budgets = np.geomspace(1e20, 1e24, 9)
    best = choices.optimal_sparsity(theta, 1e8, budgets)
    inside = best[best > 0.0]
    rising = float(np.all(np.diff(inside) > 0.0) and len(inside) > 2)
    yield Check(
        "optimal sparsity rises with data (1: yes)", 1.0, rising, 0.5, source="stated in the text"
    )
    yield from _least_loss(theta, 1e8, 1e23)


def _least_loss(theta: dict[str, float], params: float, compute: float) -> Iterator[Check]:
    """Find the sparsity of least loss on a grid, beside the closed form."""
    sparsity = np.linspace(0.0, 0.999, 100_000)
    tokens = compute * (1.0 - sparsity) / (6.0 * params)
    of_size = theta["a_S"] * (1.0 - sparsity) ** theta["b_S"] * params ** -theta["b_N"]
    loss = of_size + (theta["a_D"] / tokens) ** theta["b_D"]
    grid = float(sparsity[np.argmin(loss)])
    closed = float(choices.optimal_sparsity(theta, params, compute))
    yield Check("optimal sparsity on a grid, closed form", grid, closed, 1e-4, source="optimum")
