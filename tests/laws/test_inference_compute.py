"""Test-time compute: limits, what members of families have in common, ratios of Gamma functions."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaln, gammaln

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.laws.gamma_ratios import log_gamma_ratio, log_mean_power

MANY = 1e12


@pytest.fixture(autouse=True, scope="module")
def float64():
    with jax.enable_x64(True):
        yield


def value(name, theta, options=None, **inputs):
    return np.asarray(sj.laws.get(name, **(options or {}))(theta, inputs))


# Ratios of Gamma functions


@given(st.floats(1e-3, 1e5), st.floats(0.0, 1e4))
def test_the_ratio_is_that_of_the_gamma_functions(x, step):
    with jax.enable_x64(True):
        ours = float(log_gamma_ratio(x, step))
    exact = gammaln(x + step) - gammaln(x)
    assert ours == pytest.approx(exact, rel=1e-12, abs=1e-12 * (1.0 + abs(gammaln(x + step))))


def test_whole_steps_are_products():
    x = np.array([0.3, 2.0, 1e9])
    np.testing.assert_allclose(log_gamma_ratio(x, 3.0), np.log(x * (x + 1) * (x + 2)), rtol=1e-13)
    np.testing.assert_allclose(log_gamma_ratio(x, 0.0), 0.0, atol=1e-15)


def test_float32_keeps_what_a_difference_of_lgammas_loses():
    k = np.geomspace(1.0, 1e6, 13)
    exact = betaln(5.0 + k, 0.35) - betaln(5.0, 0.35)
    with jax.enable_x64(False):
        ours = log_mean_power(np.float32(k), np.float32(5.0), np.float32(0.35))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, exact, atol=2e-5)


# Limits


def test_everything_is_solved_in_the_end():
    theta = {"a": -4.0, "b": -0.4}
    assert value("monkeys_coverage", theta, attempts=1.0) == pytest.approx(np.exp(-4.0))
    assert value("monkeys_coverage", theta, attempts=1e30) == pytest.approx(1.0)


def test_the_two_monkeys_laws_are_one_in_two_notations():
    k = np.geomspace(1.0, 1e4, 9)
    coverage = value("monkeys_coverage", {"a": -4.0, "b": -0.4}, attempts=k)
    nll = value("monkeys_power_law", {"a": 4.0, "b": 0.4}, attempts=k)
    np.testing.assert_allclose(-np.log(coverage), nll, rtol=1e-12)
    attacks = value("bon_jailbreaking", {"a": 4.0, "b": 0.4}, attempts=k)
    np.testing.assert_allclose(attacks, coverage, rtol=1e-12)


def test_levi_begins_with_the_mean_and_ends_in_a_power():
    theta = {"A": 0.8, "alpha": 6.0, "beta": 0.35}
    assert value("levi_inference_model", theta, attempts=1.0) == pytest.approx(0.8 * 0.35 / 6.35)
    left = 1.0 - value("levi_inference_model", theta, attempts=np.array([1e7, 1e8])) / 0.8
    assert np.log10(left[0] / left[1]) == pytest.approx(0.35, rel=1e-5)


def test_one_trial_of_a_plateau_and_all_of_them():
    theta = {"F_max": 0.7, "p_x": 0.2}
    assert value("ttspm_plateau", theta, attempts=1.0) == pytest.approx(0.14)
    assert value("ttspm_plateau", theta, attempts=MANY) == pytest.approx(0.7)


def test_floors_of_generative_evaluations():
    member = {"of": "compute"}
    theta = {"E0": 0.5, "C0": 3.0, "alpha": 0.2}
    left = value("generative_eval_passk", theta, member, compute_flops=1e200)
    assert left == pytest.approx(np.exp(-0.5))
    gold = {"xi0": 0.5, "K0": 2.0, "kappa": 1.5}
    certain = value("generative_eval_passk", gold, {"of": "gold"}, gold_probability=np.exp(-4.0))
    assert certain == pytest.approx(np.exp(-0.5 - 2.0 * 4.0**1.5))
    both = {"E0": 0.5, "N0": 3.0, "beta": 0.5, "D0": 4.0, "gamma": 0.25}
    sizes = {"params": 16.0, "tokens": 256.0}
    assert value("generative_eval_passk", both, {"of": "params_tokens"}, **sizes) == pytest.approx(
        np.exp(-0.5 - 3.0 / 4.0 - 4.0 / 4.0)
    )


@pytest.mark.parametrize("of", ["gold", "params_tokens"])
def test_members_without_estimates_have_true_units(of):
    sj.laws.check(sj.laws.get("generative_eval_passk", of=of))


def test_action_errors_in_both_readings():
    theta = {"a": 0.5, "b": -0.3}
    k = np.array([1.0, 16.0])
    name = "robomonkey_action_error"
    np.testing.assert_allclose(value(name, theta, attempts=k), 0.5 * k**-0.3, rtol=1e-12)
    other = value(name, theta, {"form": "exponentiated"}, attempts=k)
    np.testing.assert_allclose(other, np.exp(0.5 * k**-0.3), rtol=1e-12)
    with pytest.raises(LawError, match="has no form 'log'"):
        sj.laws.get(name, form="log")


def test_rag_is_a_logit_in_logarithms():
    theta = {"a_k": 0.1, "a_m": 0.2, "a_n": 0.3, "b_k": 1.0, "b_m": -1.0, "c": -2.0}
    one = {"document_gain": 0.4, "shot_gain": 0.1}
    p = value("rag_inference_scaling", theta, documents=1.0, shots=1.0, iterations=1.0, **one)
    assert p == pytest.approx(1.0 / (1.0 + np.exp(2.0)))
    p = value("rag_inference_scaling", theta, documents=20.0, shots=8.0, iterations=5.0, **one)
    logit = 0.5 * np.log(20.0) + 0.1 * np.log(8.0) + 0.3 * np.log(5.0) - 2.0
    assert np.log(p / (1.0 - p)) == pytest.approx(logit)
    with pytest.raises(LawError, match="documents >= 1"):
        sj.laws.get("rag_inference_scaling").check_inputs(
            {"documents": 0.0, "shots": 1.0, "iterations": 1.0, **one}
        )


def test_elo_rises_to_perfect_play_and_a_larger_board_asks_for_four_times():
    theta = sj.laws.get("boardgame_train_test").published("hex_alphazero").params | {"c": -5000.0}
    law = sj.laws.get("boardgame_train_test")
    small = float(law(theta, {"compute_flops": 1e10, "board_size": 5.0}))
    large = float(law(theta, {"compute_flops": 4e10, "board_size": 6.0}))
    assert small == pytest.approx(large)
    assert float(law(theta, {"compute_flops": 1e11, "board_size": 5.0})) - small == pytest.approx(
        500.0
    )
    assert float(law(theta, {"compute_flops": 1e40, "board_size": 5.0})) == 0.0


def test_coverage_of_the_counts_is_found_again_by_a_fit():
    k = np.geomspace(1, 1e4, 40)
    truth = {"a": -4.1, "b": -0.37}
    runs = sj.RunTable.from_columns(
        {"attempts": k, "coverage": value("monkeys_coverage", truth, attempts=k)}
    )
    found = sj.fit("monkeys_coverage", runs, sj.Squared(scale="log"), starts=16).params
    assert found["a"] == pytest.approx(-4.1, rel=1e-6)
    assert found["b"] == pytest.approx(-0.37, rel=1e-6)
