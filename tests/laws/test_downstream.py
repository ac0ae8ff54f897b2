"""Benchmark scores: limits, printed numbers and what the members of families have in common."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.protocols.two_step import TwoStep

INF = 1e300


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def published(name, estimate):
    return sj.laws.get(name).published(estimate)


@pytest.mark.parametrize(("name", "plateau"), [
    ("gadre_downstream", "epsilon"), ("gadre_error_from_loss", "eps")
])  # fmt: skip
def test_error_ends_in_its_plateau_and_is_a_power_of_the_perplexity(name, plateau):
    law = sj.laws.get(name)
    for estimate in law.published().values():
        if estimate.missing:
            continue
        theta = estimate.params
        assert float(estimate(loss=200.0)) == pytest.approx(theta[plateau])
        loss = np.array([2.0, 3.0, 4.5])
        expected = theta[plateau] - theta["k"] * np.exp(loss) ** -theta["gamma"]
        np.testing.assert_allclose(estimate(loss=loss), expected, rtol=1e-12)


def test_both_gadre_entries_hold_the_same_fits():
    """Two entries of one paper, coefficients with six and with four digits."""
    for corpus in ("c4", "redpajama", "refinedweb"):
        for tasks in (17, 46):
            six = published("gadre_downstream", f"{corpus}_{tasks}_task").params
            four = published("gadre_error_from_loss", f"{corpus}_{tasks}_tasks").params
            assert four["eps"] == pytest.approx(six["epsilon"], abs=6e-5)
            assert four["k"] == pytest.approx(six["k"], abs=6e-5)
            assert four["gamma"] == pytest.approx(six["gamma"], abs=6e-5)


@pytest.mark.parametrize("name", ["llama3_downstream", "llama3_two_step"])
def test_two_steps_are_chained(name):
    first, second, chained = (
        sj.laws.get(name, step=step) for step in ("answer_loss", "accuracy", "chained")
    )
    steepness, centre = second.free_names[2:]
    theta = {"c0": 4.0, "c1": -0.14, "lo": 0.25, "hi": 0.95, steepness: 9.0, centre: 0.85}
    compute = np.geomspace(1e19, 1e26, 6)
    loss = first({"c0": 4.0, "c1": -0.14}, {"compute_flops": compute})
    np.testing.assert_allclose(loss, 4.0 - 0.14 * np.log10(compute), rtol=1e-12)
    accuracy = second({n: theta[n] for n in second.free_names}, {"answer_loss": loss})
    np.testing.assert_allclose(chained(theta, {"compute_flops": compute}), accuracy, rtol=1e-12)
    half = second({n: theta[n] for n in second.free_names}, {"answer_loss": 0.85})
    assert float(half) == pytest.approx(0.5 * (0.25 + 0.95))


def test_both_llama_3_entries_are_one_curve():
    loss = np.array([0.3, 0.8, 1.4])
    one = sj.laws.get("llama3_downstream", step="accuracy")
    other = sj.laws.get("llama3_two_step", step="accuracy")
    common = {"lo": 0.2, "hi": 0.9}
    np.testing.assert_array_equal(
        one({**common, "s": 5.0, "m": 0.9}, {"answer_loss": loss}),
        other({**common, "k": 5.0, "x0": 0.9}, {"answer_loss": loss}),
    )


@pytest.mark.parametrize("name", ["llama3_downstream", "owen_bigbench", "apple_direct_accuracy"])
def test_recalled_formulas_are_marked(name):
    assert not sj.laws.get(name).verified


def test_an_unknown_step_is_refused():
    with pytest.raises(LawError, match="no step 'loss'"):
        sj.laws.get("llama3_two_step", step="loss")


# The ladder: actual and predicted values of the authors' figure tables


@pytest.mark.parametrize("task", list(sj.laws.get("ladder_step1_task_loss").published())[:8])
def test_ladder_losses_of_the_13b_target(task):
    estimates = sj.laws.get("ladder_step1_task_loss").published()
    _, predicted = estimates["target_13b_5t"].facts[task]
    ours = estimates[task](params=13202396160, tokens=5000088518656)
    assert float(ours) == pytest.approx(predicted, abs=3e-4)


def test_ladder_limits():
    for task in ("mmlu", "csqa"):
        first = published("ladder_step1_task_loss", task)
        assert float(first(params=INF, tokens=INF)) == pytest.approx(first.params["E"], abs=1e-9)
        second = published("ladder_step2_sigmoid", task)
        a, b = second.params["a"], second.params["b"]
        assert float(second(bits_per_byte=100.0)) == pytest.approx(a + b)
        half = float(second(bits_per_byte=second.params["L0"]))
        assert half == pytest.approx(0.5 * a + b)


def test_the_compute_variant_of_the_ladder_is_not_far_from_the_other():
    """Each fits the same runs; compute alone mixes the over-trained ones in."""
    second = published("ladder_step2_sigmoid", "mmlu")
    by_size = TwoStep(published("ladder_step1_task_loss", "mmlu"), second)
    by_compute = TwoStep(published("ladder_flops_step1", "mmlu"), second)
    one = float(by_size(params=13202396160, tokens=5000088518656))
    other = float(by_compute(compute_flops=91335915520 * 5000088518656))
    assert one == pytest.approx(0.5127, abs=1e-4)
    assert other == pytest.approx(0.4834, abs=1e-4)


def test_single_step_of_the_unlimited_model():
    estimate = published("ladder_single_step", "hellaswag")
    theta = estimate.params
    assert theta["A"] == pytest.approx(np.exp(7.7322))
    limit = theta["p"] / (1.0 + np.exp(-theta["E"])) + theta["q"]
    assert float(estimate(params=INF, tokens=INF)) == pytest.approx(limit)
    # it stays within a few points of the two steps at the 7B target, 0.8252
    assert float(estimate(params=6887575552, tokens=3945065873408)) == pytest.approx(
        0.825, abs=0.03
    )


# Scores from compute and capabilities


def test_ends_of_the_sigmoids():
    owen = sj.laws.get("owen_bigbench")
    theta = {"floor": 0.25, "k": 4.0, "x0": 0.5}
    values = owen(theta, {"scaled_loss": np.array([-50.0, 0.5, 50.0])})
    np.testing.assert_allclose(values, [0.25, 0.625, 1.0], atol=1e-12)


def test_direct_accuracy_is_linear_in_the_logarithm_of_its_logarithm():
    law = sj.laws.get("apple_direct_accuracy")
    compute = np.geomspace(1e19, 1e24, 6)
    value = np.asarray(law({"A": 500.0, "alpha": 0.15}, {"compute_flops": compute}))
    slope = np.diff(np.log(-np.log(value))) / np.diff(np.log(compute))
    np.testing.assert_allclose(slope, -0.15, rtol=1e-9)


def test_capability_rises_by_theta_a_unit_of_log_compute():
    law = sj.laws.get("obs_capability_loglinear")
    theta = {"theta": 0.13, "nu": -6.0}
    low, high = law(theta, {"compute_flops": np.array([1e22, 1e23])})
    assert float(high - low) == pytest.approx(0.13 * np.log(10.0))


def test_asymptotes_of_the_downstream_sigmoid():
    floor = sj.laws.get("obs_sigmoid_downstream", components=2)
    ceiling = sj.laws.get("obs_sigmoid_downstream", components=2, asymptote="ceiling")
    ends = {"pc_1": np.array([-1e3, 1e3]), "pc_2": 0.0}
    np.testing.assert_allclose(
        floor({"w1": 1.0, "w2": 2.0, "w0": 0.5, "b": 0.1}, ends), [0.1, 1.0], atol=1e-12
    )
    np.testing.assert_allclose(
        ceiling({"beta1": 1.0, "beta2": 2.0, "alpha": 0.5, "h": 0.9}, ends), [0.0, 0.9], atol=1e-12
    )


@pytest.mark.parametrize("components", [0, 9, 2.0, True, "3"])
def test_numbers_of_components_that_make_no_law_are_refused(components):
    with pytest.raises(LawError, match="a whole number from 1 to 8"):
        sj.laws.get("obs_sigmoid_downstream", components=components)
    with pytest.raises(LawError, match="a whole number from 1 to 8"):
        sj.laws.get("sloth", skills=components)


def test_unknown_asymptote_is_refused():
    with pytest.raises(LawError, match="asymptote='floor' or 'ceiling', not 'both'"):
        sj.laws.get("obs_sigmoid_downstream", asymptote="both")


def test_sloth_at_one_billion_parameters_and_one_trillion_tokens():
    """There the logarithms vanish and the skills are the family's own."""
    law = sj.laws.get("sloth", skills=1)
    theta = {"gamma": 0.25, "b": -0.3, "Lambda1": 0.8, "alpha1": 1.5}
    theta |= {"beta1_0": 0.4, "beta1_1": 0.3, "beta1_2": 0.02}
    value = float(law(theta, {"params": 1e9, "tokens": 1e12}))
    assert value == pytest.approx(0.25 + 0.75 / (1.0 + np.exp(-(0.8 * 1.5 - 0.3))))


def test_a_year_is_worth_a_factor_of_compute():
    """With the published trend, a year of drift equals 0.297 / 0.168 units of log compute."""
    law = sj.laws.get("rosetta_stone")
    trend = law.published("capability_trend")
    k, r = trend.params["k"], trend.params["r"]
    theta = {"alpha_b": 1.3, "D_b": 9.5, "k": k, "b_0": 0.2, "r": r}
    later = law(theta, {"compute_flops": 1e24, "release_years": 1.0})
    larger = law(theta, {"compute_flops": 1e24 * np.exp(r / k), "release_years": 0.0})
    assert float(later) == pytest.approx(float(larger))
    assert np.exp(r / k) == pytest.approx(5.86, abs=0.01)
