"""Reinforcement learning: starts, ceilings, peaks and members of families."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError


@pytest.fixture(autouse=True, scope="module")
def float64():
    with jax.enable_x64(True):
        yield


def value(name, theta, options=None, **inputs):
    return np.asarray(sj.laws.get(name, **(options or {}))(theta, inputs))


def test_every_curve_of_scalerl_starts_at_r0_and_ends_at_its_asymptote():
    complete = [e for e in sj.laws.get("scalerl").published().values() if not e.missing]
    assert len(complete) == 9
    for estimate in complete:
        A, C_mid = estimate.params["A"], estimate.params["C_mid"]
        ends = estimate(gpu_hours=np.array([1e-6, C_mid, 1e12]), initial_pass_rate=0.25)
        np.testing.assert_allclose(ends, [0.25, (A + 0.25) / 2.0, A], atol=1e-6)


def test_a_larger_model_learns_with_a_larger_exponent():
    theta = {"K_max": 0.1, "N_0": 1e9, "E": 1.0}
    x = np.array([1e18, 1e20])
    for size, slope in ((1e9, 0.05), (1e15, 0.1)):
        loss = value("rl_math_posttraining", theta, params=size, compute_flops=x)
        assert np.log(loss[0] / loss[1]) / np.log(100.0) == pytest.approx(slope, rel=1e-5)
    other = value("rl_math_posttraining", theta, {"x": "examples"}, params=1e9, examples=1e18)
    assert other == pytest.approx(
        value("rl_math_posttraining", theta, params=1e9, compute_flops=1e18)
    )
    with pytest.raises(LawError, match="not 'tokens'"):
        sj.laws.get("rl_math_posttraining", x="tokens")


def test_intrinsic_performance_of_unlimited_interactions_and_size():
    theta = {"N_c": 1e3, "alpha_N": 0.5, "E_c": 1e5, "alpha_E": 0.25}
    beta = 0.5 * 0.25 / 0.75
    name = "rl_intrinsic_performance"
    size = value(name, theta, params=1e6, interactions=1e90)
    assert size == pytest.approx((1e6 / 1e3) ** (0.5 / beta))
    data = value(name, theta, params=1e90, interactions=1e8)
    assert data == pytest.approx((1e8 / 1e5) ** (0.25 / beta))


def test_no_entropy_is_the_ceiling():
    assert value("entropy_reward_law", {"a": 0.2, "b": 0.9}, entropy=0.0) == pytest.approx(0.7)


def test_four_times_the_tokens_double_the_gap():
    gap = value("vb_vs_vf", {"c": 0.01}, test_tokens=np.array([1e3, 4e3]))
    assert gap[1] / gap[0] == pytest.approx(2.0)


def test_rewards_of_no_optimisation_are_zero():
    bon = value("rm_overopt_bon", {"alpha_bon": 1.0, "beta_bon": 0.2}, sqrt_kl=np.array([0.0, 5.0]))
    np.testing.assert_allclose(bon, 0.0, atol=1e-15)
    theta = {"alpha_RL": 1.0, "beta_RL": 0.5}
    assert value("rm_overopt_rl", theta, sqrt_kl=np.exp(2.0)) == pytest.approx(0.0, abs=1e-12)


def test_iterated_training_of_the_reward_stretches_the_curve():
    """R_k(d) = k R_1(d / k): the claim's beta * log k is a change of the unit of d."""
    theta = {"alpha_RL": 1.0, "beta_RL": 0.5}
    d = np.linspace(0.5, 9.0, 7)
    thrice = value("rm_overopt_rl", theta, {"iterations": 3}, sqrt_kl=d)
    np.testing.assert_allclose(
        thrice, 3.0 * value("rm_overopt_rl", theta, sqrt_kl=d / 3.0), rtol=1e-12
    )
    with pytest.raises(LawError, match="1 or more, not 0"):
        sj.laws.get("rm_overopt_rl", iterations=0)
    sj.laws.check(sj.laws.get("rm_overopt_rl", iterations=3))
