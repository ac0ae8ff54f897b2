"""The best of n, peaks of the true reward, and what a pass rate costs."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols import get
from scaling_jax.protocols.reinforcement import (
    best_of_n_kl,
    best_of_n_peak,
    compute_for_pass_rate,
    rl_peak,
)


@pytest.fixture(autouse=True, scope="module")
def float64():
    with jax.enable_x64(True):
        yield


def test_registered():
    assert get("bon_kl") is best_of_n_kl
    assert get("rm_overopt_bon") is best_of_n_peak
    assert get("rm_overopt_rl") is rl_peak
    assert get("scalerl") is compute_for_pass_rate


@pytest.mark.parametrize("n", [1, 2, 16, 1000])
def test_the_divergence_is_the_integral(n):
    from scipy.integrate import quad

    integral, _ = quad(lambda u: n * u ** (n - 1) * np.log(n * u ** (n - 1)), 1e-300 ** (1 / n), 1)
    assert float(best_of_n_kl(n)) == pytest.approx(integral, abs=1e-8)


def test_ties_only_lower_it():
    """Scores of three values: the divergence of the best of n over them."""
    p = np.array([0.5, 0.3, 0.2])
    for n in (2, 8):
        best = np.diff(np.append(0.0, np.cumsum(p) ** n))
        assert np.sum(best * np.log(best / p)) < float(best_of_n_kl(n))


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.2), (0.3, 0.9)])
def test_peaks_have_no_slope_and_the_laws_reward(alpha, beta):
    cases = (
        ("rm_overopt_bon", {}, {"alpha_bon": alpha, "beta_bon": beta}, best_of_n_peak),
        ("rm_overopt_rl", {}, {"alpha_RL": alpha, "beta_RL": beta}, rl_peak),
    )
    for name, options, theta, of in cases:
        law, peak = sj.laws.get(name, **options), of(**theta)
        reward, slope = jax.value_and_grad(lambda d: law(theta, {"sqrt_kl": d}))(  # noqa: B023
            peak.sqrt_kl
        )
        assert float(reward) == pytest.approx(float(peak.reward))
        assert float(slope) == pytest.approx(0.0, abs=1e-12)
        assert float(peak.kl) == pytest.approx(float(peak.sqrt_kl) ** 2)


def test_iterations_move_the_peak_out_and_up():
    once, thrice = rl_peak(1.0, 0.5), rl_peak(1.0, 0.5, iterations=3)
    assert float(thrice.sqrt_kl / once.sqrt_kl) == pytest.approx(3.0)
    assert float(thrice.reward / once.reward) == pytest.approx(3.0)


def test_the_cost_of_a_pass_rate_inverts_the_law():
    estimate = sj.laws.get("scalerl").published("scalerl_8b")
    compute = np.geomspace(100.0, 1e5, 7)
    rate = estimate(gpu_hours=compute, initial_pass_rate=0.25)
    theta = {name: estimate.params[name] for name in ("A", "B", "C_mid")}
    np.testing.assert_allclose(compute_for_pass_rate(rate, 0.25, **theta), compute, rtol=1e-9)
    slope = jax.grad(lambda A: compute_for_pass_rate(0.5, 0.25, **theta | {"A": A}))(0.61)
    assert float(slope) < 0.0  # a higher ceiling makes every target cheaper


def test_impossible_arguments_are_refused():
    with pytest.raises(ProtocolError, match="one answer or more; the value is 0.5"):
        best_of_n_kl(0.5)
    with pytest.raises(ProtocolError, match="there is no peak"):
        best_of_n_peak(1.0, -0.1)
    with pytest.raises(ProtocolError, match="there is no peak"):
        rl_peak(1.0, 0.0)
    with pytest.raises(ProtocolError, match="between the initial pass rate and the asymptote"):
        compute_for_pass_rate(0.7, 0.2, A=0.61, B=2.0, C_mid=2500.0)
