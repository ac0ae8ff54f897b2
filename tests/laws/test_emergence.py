"""Emergent abilities: pass rates, exact matches, groups of questions."""

import jax
import numpy as np
import pytest

import scaling_jax as sj

SIZES = np.geomspace(1e8, 1e12, 9)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def test_pass_rate_of_the_target_itself_is_the_amplitude():
    law = sj.laws.get("gpt4_pass_rate")
    theta = {"alpha": 0.4, "k": 0.15}
    assert float(law(theta, {"compute_share": 1.0})) == pytest.approx(0.4)
    assert float(law(theta, {"compute_share": 1e-3})) == pytest.approx(0.4 * 1e3**0.15)
    assert not law.verified


def test_task_law_is_a_line_in_the_logarithm_of_its_logarithm():
    law = sj.laws.get("passuntil_task_law")
    rate = np.asarray(law({"c": 900.0, "alpha": 0.3}, {"params": SIZES}))
    slope = np.diff(np.log(-np.log(rate))) / np.diff(np.log(SIZES))
    np.testing.assert_allclose(slope, -0.3, rtol=1e-9)
    assert float(law({"c": 900.0, "alpha": 0.3}, {"params": 1e300})) == pytest.approx(1.0)


def test_cluster_law_ends_below_one_by_its_irreducible_term():
    law = sj.laws.get("cod_cluster_law")
    theta = {"g": 0.25, "a": 1e4, "b": 0.2, "c": 0.05}
    limit = float(law(theta, {"compute_flops": 1e300}))
    assert limit == pytest.approx(0.25 + 0.75 * np.exp(-0.05))
    assert float(law(theta, {"compute_flops": 1e5})) == pytest.approx(0.25, abs=1e-9)


def test_the_cluster_law_without_chance_is_the_task_law():
    """The derivation of the paper: -log of the pass probability is a power law."""
    cluster = sj.laws.get("cod_cluster_law")
    task = sj.laws.get("passuntil_task_law")
    np.testing.assert_allclose(
        cluster({"g": 0.0, "a": 900.0, "b": 0.3, "c": 0.0}, {"compute_flops": SIZES}),
        task({"c": 900.0, "alpha": 0.3}, {"params": SIZES}),
        rtol=1e-12,
    )


# A mirage


MIRAGE = {"c": 3e8, "alpha": -0.2}


def mirage(output, tokens):
    law = sj.laws.get("mirage_token_error", output=output)
    return np.asarray(law(MIRAGE, {"params": SIZES, "answer_tokens": tokens}))


def test_accuracy_of_a_long_answer_is_the_power_of_the_short_ones():
    np.testing.assert_allclose(mirage("accuracy", 7.0), mirage("accuracy", 1.0) ** 7, rtol=1e-10)


def test_edit_distance_is_linear_in_the_length_and_counts_wrong_tokens():
    one = mirage("edit_distance", 1.0)
    np.testing.assert_allclose(one, 1.0 - mirage("accuracy", 1.0), rtol=1e-10)
    np.testing.assert_allclose(mirage("edit_distance", 30.0), 30.0 * one, rtol=1e-12)


def test_the_same_models_are_sudden_by_one_metric_and_steady_by_the_other():
    """The paper's point, by BIG-bench's measure of sudden changes."""
    from scaling_jax.protocols.benchmark_quality import task_shape

    sudden = task_shape(mirage("accuracy", 30.0)).breakthroughness
    steady = task_shape(-mirage("edit_distance", 30.0)).breakthroughness
    assert float(sudden) > 5.0 * float(steady)


def test_a_token_is_right_with_the_probability_of_its_loss():
    loss = (SIZES / MIRAGE["c"]) ** MIRAGE["alpha"]
    np.testing.assert_allclose(mirage("accuracy", 1.0), np.exp(-loss), rtol=1e-10)


# Easy and hard questions


THETA = {f"e{i}": v for i, v in enumerate((-0.2, 0.03, 0.01, -0.004, 0.001, 0.0003))}
THETA |= {f"h{i}": v for i, v in enumerate((-0.9, -0.05, 0.04))}


def slice_(questions, compute, **more):
    law = sj.laws.get("u_shape_slice_sandwich", questions=questions)
    theta = {n: v for n, v in {**THETA, **more}.items() if n in law.free_names}
    return np.asarray(law(theta, {"compute_flops": compute}))


def test_polynomials_are_in_decades_of_compute():
    compute = np.array([1e20, 1e21, 1e23])
    np.testing.assert_allclose(slice_("hard", compute)[1], -0.9, atol=1e-9)
    x = np.array([-1.0, 0.0, 2.0])
    for questions, letter in (("easy", "e"), ("hard", "h")):
        coefficients = [v for n, v in THETA.items() if n.startswith(letter)][::-1]
        expected = np.polyval(coefficients, x)
        np.testing.assert_allclose(slice_(questions, compute), expected, rtol=1e-9)


def test_sandwich_is_the_mean_and_its_accuracy_undoes_the_line():
    compute = np.geomspace(1e19, 1e24, 7)
    mean = 0.5 * (slice_("easy", compute) + slice_("hard", compute))
    np.testing.assert_allclose(slice_("all", compute), mean, rtol=1e-12)
    accuracy = slice_("accuracy", compute, b0=-0.9, b1=0.8)
    np.testing.assert_allclose(-0.9 + 0.8 * accuracy, mean, rtol=1e-12)
