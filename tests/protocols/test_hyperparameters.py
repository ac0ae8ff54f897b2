"""Near-optimal runs, optima of sweeps, muP and ladders."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.hyperparameters import (
    excess_loss,
    ladder_run,
    near_optimal_runs,
    nearest_excess,
    polynomial_optimum,
    sweep_optima,
    transferred_learning_rate,
    width_multipliers,
)


@pytest.fixture(scope="module")
def sweep():
    """Two sizes, each with a parabola in the learning rate around a best one of its own."""
    rates = np.geomspace(1e-4, 1e-2, 9)
    params, rate = np.repeat([1e8, 1e9], 9), np.tile(rates, 2)
    best = np.repeat([1e-3, rates[2]], 9)
    loss = np.repeat([3.0, 2.5], 9) * (1.0 + 0.01 * np.log(rate / best) ** 2)
    return sj.RunTable.from_columns(
        dict(params=params, tokens=20 * params, learning_rate=rate, loss=loss)
    )


def test_excess_is_relative_to_the_groups_own_minimum(sweep):
    excess = excess_loss(sweep)
    assert excess.min() == 0.0
    assert np.sum(excess == 0.0) == 2
    rates = sweep["learning_rate"]
    expected = 0.01 * np.log(rates[:9] / 1e-3) ** 2
    np.testing.assert_allclose(excess[:9], expected, atol=1e-12)


def test_near_optimal_runs_are_those_within_the_share(sweep):
    kept = near_optimal_runs(sweep, within=0.004)
    assert sorted(set(kept["params"])) == [1e8, 1e9]
    assert len(kept) == 6  # a step of the grid is 0.576 in the logarithm: 0.0033
    assert len(near_optimal_runs(sweep, within=0.0)) == 2
    with pytest.raises(sj.errors.RunTableError, match="loss"):
        near_optimal_runs(sweep.drop("loss"))


def test_nearest_run_to_a_law(sweep):
    best = np.where(sweep["params"] < 5e8, 1e-3, sweep["learning_rate"][2])
    assert nearest_excess(sweep, {"learning_rate": best}).tolist() == [0.0, 0.0]
    off = nearest_excess(sweep, {"learning_rate": best * 10**0.25})
    np.testing.assert_allclose(off, 0.01 * np.log(10**0.25) ** 2, rtol=1e-9)


def test_transfer_undoes_the_law_of_the_horizon():
    tokens, rates = np.array([1e9, 1e10, 1e11]), np.geomspace(1e-5, 1e-1, 9)
    best = 2e-3 * (tokens / 1e9) ** -0.32
    loss = 2.8 + 0.03 * np.log(rates / best[:, None]) ** 2
    law, optima = sweep_optima(tokens, rates, loss)
    np.testing.assert_allclose(optima, best, rtol=1e-3)
    moved = transferred_learning_rate(optima[0], 1e9, 1e11, -float(law.exponent))
    assert moved == pytest.approx(best[2], rel=1e-2)


def test_mup_changes_nothing_at_the_base_width():
    same = width_multipliers(256, 256)
    factors = (same.hidden_learning_rate, same.hidden_init_variance, same.output_logits)
    assert (*factors, same.hidden_weight_decay) == (1.0, 1.0, 1.0, 1.0)
    wide = width_multipliers(1024, 256, head_width=128)
    assert wide.hidden_learning_rate * wide.hidden_weight_decay == 1.0
    assert wide.attention_scale == 1 / 128
    assert wide.embedding_learning_rate == wide.vector_learning_rate == 1.0


def test_ladder_changes_beta2_with_the_batch():
    small, large = ladder_run(190e6), ladder_run(1e9, multiple=2.0)
    assert (small.beta2, large.beta2) == (0.99, 0.95)
    assert small.batch_tokens < 524288 <= large.batch_tokens
    assert large.tokens == 4e10
    assert large.warmup_tokens == 1e9


def test_optimum_of_the_polynomial_has_no_slope():
    law = sj.laws.get("sld_lr_bsz")
    theta = {p.name: 0.001 * k for k, p in enumerate(law.parameters, start=-7)}
    theta |= dict(theta_lr_lr=0.03, theta_bsz_bsz=0.02, theta_lr_bsz=-0.01)
    rate, batch = polynomial_optimum(theta, 1e10, 4e8)

    def log_loss(log_rate, log_batch):
        point = dict(learning_rate=jnp.exp(log_rate), batch_tokens=jnp.exp(log_batch))
        return law.log(theta, point | dict(tokens=1e10, params=4e8))

    with jax.enable_x64(True):
        slopes = jax.grad(log_loss, argnums=(0, 1))(np.log(rate), np.log(batch))
    np.testing.assert_allclose(slopes, 0.0, atol=1e-12)
    with pytest.raises(ProtocolError, match="no minimum in learning rate and batch"):
        polynomial_optimum(theta | dict(theta_lr_bsz=0.1), 1e10, 4e8)
