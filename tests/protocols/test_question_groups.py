"""Questions in groups of like difficulty: clusters with a law each, and slices."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.protocols import get
from scaling_jax.protocols.question_groups import (
    UNUSED,
    calibration,
    cluster_on_difficulty,
    difficulty_clusters,
    difficulty_slices,
    sigmoid_baseline,
    slice_and_sandwich,
)

COMPUTE = np.geomspace(1e19, 1e23, 8)
TARGET = 1e25


def curve(compute, a, b, c, g=0.25):
    return g + (1 - g) * np.exp(-a * compute**-b - c)


GROUPS = ((3e3, 0.2, 0.02), (3e6, 0.33, 0.1))  # easy and hard: a, b, c


@pytest.fixture(scope="module")
def questions():
    """Return pass rates ``[questions, models]``: two clusters, and questions that get worse."""
    rng = np.random.default_rng(0)
    rows = [curve(COMPUTE, *GROUPS[0])] * 30 + [curve(COMPUTE, *GROUPS[1])] * 20
    rows += [np.linspace(0.7, 0.3, 8)] * 15 + [rng.uniform(0, 1, 8) for _ in range(3)]
    rates = np.array(rows)
    rates[:50] += rng.normal(0.0, 0.004, (50, 8))
    return rates


def test_registered():
    assert get("cod_cluster_law") is cluster_on_difficulty
    assert get("u_shape_slice_sandwich") is slice_and_sandwich


def test_questions_of_like_difficulty_share_a_cluster(questions):
    labels = difficulty_clusters(questions, distance=0.1, fewest=5)
    groups = labels[:30], labels[30:50], labels[50:65]
    assert [len(set(group.tolist())) for group in groups] == [1, 1, 1]
    assert len({int(group[0]) for group in groups}) == 3
    assert labels[0] < labels[30]  # the easiest cluster comes first
    assert set(labels[65:].tolist()) == {UNUSED}


def test_only_rising_clusters_are_extrapolated_and_their_laws_found(questions):
    forecast = cluster_on_difficulty(questions, COMPUTE, chance=0.25, distance=0.1, starts=32)
    assert sorted(forecast.questions.values()) == [20, 30]
    weights = np.array([0.6, 0.4])
    expected = weights @ [curve(TARGET, *group) for group in GROUPS]
    assert float(forecast(TARGET)) == pytest.approx(expected, abs=0.01)
    np.testing.assert_allclose(
        forecast.subset_accuracy(questions), questions[:50].mean(axis=0), rtol=1e-12
    )
    shuffled = np.random.default_rng(1).permutation(8)  # models in any order
    other = cluster_on_difficulty(
        questions[:, shuffled], COMPUTE[shuffled], chance=0.25, distance=0.1, starts=32
    )
    assert float(other(TARGET)) == pytest.approx(float(forecast(TARGET)), abs=1e-6)


def test_forecasts_that_cannot_be_made_are_refused(questions):
    with pytest.raises(FitError, match="no cluster of questions rises"):
        cluster_on_difficulty(questions[50:65], COMPUTE, chance=0.25)
    with pytest.raises(FitError, match="give .questions, models."):
        cluster_on_difficulty(questions[:, :3], COMPUTE[:3])
    with pytest.raises(FitError, match="give .questions, models."):
        cluster_on_difficulty(questions, COMPUTE[:5])


def test_calibration_rises_and_goes_through_what_is_known():
    subset, full = np.array([0.2, 0.35, 0.5, 0.8]), np.array([0.15, 0.3, 0.38, 0.7])
    to_full = calibration(subset, full)
    np.testing.assert_allclose(to_full(subset), full, rtol=1e-12)
    assert np.all(np.diff(to_full(np.linspace(0, 1, 101))) >= 0.0)
    # two models out of order are averaged
    assert float(calibration([0.3, 0.4, 0.6], [0.3, 0.2, 0.5])(0.35)) == pytest.approx(0.25)


# Slice and sandwich

EASY = np.array([-0.15, 0.02, 0.004, -0.003, 0.001, 0.0002])
HARD = np.array([-0.95, -0.02, 0.015])


def polynomials(compute):
    x = np.log10(compute / 1e21)
    return tuple(np.polynomial.polynomial.polyval(x, p) for p in (EASY, HARD))


@pytest.fixture(scope="module")
def sandwich():
    compute = np.geomspace(1e19, 1e24, 24)
    easy, hard = polynomials(compute)
    tc = 0.5 * (easy + hard)
    accuracy = (tc + 0.9) / 0.8
    found = slice_and_sandwich(compute, easy, hard, tc, accuracy, threshold=10**22.5)
    return compute, accuracy, found


def test_polynomials_are_found_and_continued_past_the_threshold(sandwich):
    compute, accuracy, found = sandwich
    np.testing.assert_allclose(found.easy, EASY, atol=1e-8)
    np.testing.assert_allclose(found.hard, HARD, atol=1e-8)
    assert (found.b0, found.b1) == pytest.approx((-0.9, 0.8))
    np.testing.assert_allclose(found(compute), accuracy, atol=1e-7)


def test_the_law_of_the_atlas_is_the_same_curve(sandwich):
    compute, _, found = sandwich
    theta = {f"e{i}": e for i, e in enumerate(found.easy)}
    theta |= {f"h{i}": h for i, h in enumerate(found.hard)}
    law = sj.laws.get("u_shape_slice_sandwich", questions="accuracy")
    with jax.enable_x64(True):
        value = law({**theta, "b0": found.b0, "b1": found.b1}, {"compute_flops": compute})
        np.testing.assert_allclose(value, found(compute) - found.shift, rtol=1e-9)
        tc = sj.laws.get("u_shape_slice_sandwich", questions="all")(
            theta, {"compute_flops": compute}
        )
        np.testing.assert_allclose(tc, found.tc(compute), rtol=1e-9)


def test_the_mean_of_the_training_models_is_right():
    """Hard and easy questions leave the middle third out; the shift makes up for it."""
    compute = np.geomspace(1e19, 1e23, 20)
    easy, hard = polynomials(compute)
    tc = 0.5 * (easy + hard) - 0.05
    accuracy = (tc + 0.9) / 0.8
    found = slice_and_sandwich(compute, easy, hard, tc, accuracy, threshold=1e22)
    train = compute < 1e22
    assert found.shift == pytest.approx(-0.05 / 0.8)
    assert np.mean(found(compute[train])) == pytest.approx(np.mean(accuracy[train]))


def test_scores_of_the_wrong_sign_and_too_few_models_are_refused():
    compute = np.geomspace(1e19, 1e23, 20)
    score = np.full(20, 0.3)
    with pytest.raises(FitError, match="give minus the squared distance"):
        slice_and_sandwich(compute, score, -score, -score, score, threshold=1e22)
    with pytest.raises(FitError, match="raise the threshold"):
        slice_and_sandwich(compute, -score, -score, -score, score, threshold=1e20)


def test_the_baseline_is_a_sigmoid_above_chance():
    compute = np.geomspace(1e19, 1e24, 20)
    x = np.log10(compute / 1e21)
    accuracy = 0.25 + 1.0 / (1.0 + np.exp(-(-3.0 + 0.8 * x)))
    baseline = sigmoid_baseline(compute, accuracy, threshold=1e22, chance=0.25)
    np.testing.assert_allclose(baseline(compute), accuracy, atol=1e-4)


def test_slices_are_thirds_from_easy_to_hard():
    rng = np.random.default_rng(3)
    difficulty = rng.permutation(31)
    scores = -((difficulty / 31.0) ** 2) * rng.uniform(0.9, 1.1, (40, 1))
    easy, middle, hard = difficulty_slices(scores)
    assert (len(easy), len(middle), len(hard)) == (10, 10, 11)
    assert difficulty[easy].max() < difficulty[middle].min()
    assert difficulty[middle].max() < difficulty[hard].min()
