"""Kaplan et al.'s closed forms against direct minimisation."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scaling_jax.protocols.kaplan_frontier import (
    efficient_frontier,
    minimum_compute,
    minimum_steps,
    suboptimal_compute,
)

TABLE = dict(N_c=8.8e13, S_c=2.1e3, B_star=2.1e8, alpha_N=0.076, alpha_S=0.76, alpha_B=0.21)


def compute(log_params, loss):
    """Return the compute C = 6 N B_crit S_min of a model of a size for a loss."""
    t = TABLE
    step_term = loss - (t["N_c"] / np.exp(log_params)) ** t["alpha_N"]
    if step_term <= 0.0:
        return np.inf
    steps = t["S_c"] * step_term ** (-1.0 / t["alpha_S"])
    batch = t["B_star"] / loss ** (1.0 / t["alpha_B"])
    return 6.0 * np.exp(log_params) * batch * steps


def cheapest(loss):
    bounds = np.log(TABLE["N_c"]) - np.log(loss) / TABLE["alpha_N"]
    found: Any = minimize_scalar(
        lambda n: np.log(compute(n, loss)), bounds=(bounds + 1e-6, bounds + 8.0), method="bounded"
    )
    return found.x, np.exp(found.fun)


def test_frontier_is_the_least_compute_for_every_loss():
    frontier = efficient_frontier(**TABLE)
    sizes, computes = zip(*(cheapest(loss) for loss in (2.0, 3.0)), strict=True)
    for loss, least in zip((2.0, 3.0), computes, strict=True):
        assert float(frontier.loss(least)) == pytest.approx(loss, rel=1e-5)
    exponent = (sizes[0] - sizes[1]) / np.log(computes[0] / computes[1])
    assert float(frontier.p_N) == pytest.approx(exponent, rel=1e-3)
    assert float(frontier.p_N + frontier.p_B + frontier.p_S) == pytest.approx(1.0, rel=1e-6)
    converged = (TABLE["N_c"] / np.exp(sizes[0])) ** TABLE["alpha_N"]
    assert 2.0 / converged - 1.0 == pytest.approx(float(frontier.excess), rel=1e-3)


@pytest.mark.parametrize("ratio", [0.6, 1.0, 2.2, 5.0])
def test_another_size_costs_what_it_costs(ratio):
    size, least = cheapest(2.5)
    ours = float(suboptimal_compute(ratio, alpha_N=0.076, alpha_S=0.76))
    assert ours == pytest.approx(compute(size + np.log(ratio), 2.5) / least, rel=1e-3)


def test_a_run_at_the_critical_batch_takes_twice_the_least():
    assert float(minimum_compute(2e20, 3e6, 3e6)) == pytest.approx(1e20, rel=1e-6)
    assert float(minimum_steps(1e4, 3e6, 3e6)) == pytest.approx(5e3, rel=1e-6)
    assert float(minimum_compute(1e20, 1.0, 1e6)) == pytest.approx(1e20, rel=1e-5)
