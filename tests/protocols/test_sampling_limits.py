"""Imperfect verifiers, plateaus and votes, each against sums or enumeration."""

import itertools

import jax
import numpy as np
import pytest

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols import get
from scaling_jax.protocols.sampling_limits import (
    Plateau,
    optimal_attempts,
    resample,
    saturation_point,
    voting_accuracy,
    voting_limit,
)


@pytest.fixture(autouse=True, scope="module")
def float64():
    with jax.enable_x64(True):
        yield


def test_registered():
    assert get("inference_flaws") is resample
    assert get("ttspm_plateau") is saturation_point
    assert get("wu_inference_voting") is voting_limit


# Verifiers


def test_attempts_added_up_one_by_one():
    p, f, r, cost = np.array([0.3, 0.02]), np.array([0.1, 0.2]), 2.0, 0.01
    for attempts in (0, 1, 5):
        before = ((1 - p) * (1 - f))[None] ** np.arange(attempts)[:, None]
        right, wrong = (before * p).sum(axis=0), (before * (1 - p) * f).sum(axis=0)
        found = resample(p, f, attempts, false_positive_cost=r, sample_cost=cost)
        np.testing.assert_allclose(found.accepted, right + wrong, atol=1e-14)
        assert float(found.accuracy) == pytest.approx(right.mean())
        expected = np.mean(right - r * wrong) - cost * attempts
        assert float(found.utility) == pytest.approx(expected)


def test_accuracy_rises_to_a_ceiling_below_one():
    found = resample([0.2, 0.01], 0.05, np.array([1, 10, 100, 10_000]))
    assert np.all(np.diff(found.accuracy) > 0.0)
    assert float(found.accuracy[-1]) == pytest.approx(float(found.ceiling))
    assert float(found.ceiling) == pytest.approx((0.2 / 0.24 + 0.01 / 0.0595) / 2)
    perfect = resample([0.2, 0.01], 0.0, 10**6)
    assert float(perfect.accuracy) == pytest.approx(1.0)


def test_chances_of_zero_and_one_have_gradients():
    p = np.array([0.0, 1.0, 0.5])
    f = np.array([0.0, 0.0, 1.0])
    found = resample(p, f, 3)
    np.testing.assert_allclose(found.accepted, [0.0, 1.0, 1.0])
    slope = jax.grad(lambda p: resample(p, f, 3.0).accuracy)(np.array([0.1, 0.9, 0.5]))
    assert np.all(np.isfinite(slope))


def test_the_optimum_is_the_largest_utility():
    rng = np.random.default_rng(0)
    p = rng.beta(0.3, 2.0, 400)
    for cost in (0.0, 1e-3):
        best = optimal_attempts(p, 0.1, false_positive_cost=1.5, sample_cost=cost)
        values = resample(p, 0.1, np.arange(300), false_positive_cost=1.5, sample_cost=cost).utility
        assert best == np.argmax(values)


def test_optima_of_spread_problems_are_small():
    """The claim: with a cost of false positives the best number is often below 10."""
    p = np.random.default_rng(1).beta(0.3, 1.0, 500)
    for r in (1.0, 2.0, 4.0):
        assert optimal_attempts(p, 0.1, false_positive_cost=r) < 10


def test_one_problem_is_all_or_nothing():
    assert optimal_attempts([0.5], 0.1, false_positive_cost=1.0) == np.inf
    assert optimal_attempts([0.05], 0.1, false_positive_cost=4.0) == 0.0
    assert optimal_attempts([1.0], 0.1, false_positive_cost=1.0) == 1.0
    # marginal worth 0.8**k * 0.2 falls below the cost of 0.05 after six samples
    assert optimal_attempts([0.2], 0.0, false_positive_cost=1.0, sample_cost=0.05) == 7.0


def test_optima_beyond_the_grid_and_chances_beyond_one_are_refused():
    with pytest.raises(ProtocolError, match="still rises after 10 samples"):
        optimal_attempts([1e-4], 0.0, false_positive_cost=1.0, sample_cost=1e-9, most=10)
    with pytest.raises(ProtocolError, match="between 0 and 1"):
        resample([1.2], 0.1, 1)


# Plateaus


def test_gains_add_up_to_the_curve():
    plateau = Plateau(0.8, 0.15)
    gains = np.asarray(plateau.marginal_gain(np.arange(50)))
    np.testing.assert_allclose(np.cumsum(gains), plateau(np.arange(1, 51)), rtol=1e-12)
    assert float(plateau.expected_trials(1)) == pytest.approx(1.0)
    tries = np.arange(1, 21)
    stops = np.where(tries < 20, 0.15 * 0.85 ** (tries - 1), 0.85**19)
    assert float(plateau.expected_trials(20)) == pytest.approx(stops @ tries)


@pytest.mark.parametrize("threshold", [0.1, 0.01, 1e-4])
def test_the_saturation_point_is_the_first_below_the_threshold(threshold):
    plateau, n = Plateau(0.8, 0.15), np.arange(200)
    gain = np.argmax(np.asarray(plateau.marginal_gain(n)) <= threshold)
    assert saturation_point(0.8, 0.15, threshold) == gain
    gap = np.argmax(0.8 - np.asarray(plateau(n)) <= threshold)
    assert saturation_point(0.8, 0.15, threshold, of="gap") == gap


def test_impossible_plateaus_are_refused():
    assert saturation_point(0.8, 0.1, 0.5) == 0
    with pytest.raises(ProtocolError, match="0 < p_x < 1"):
        Plateau(1.0, 1.0)
    with pytest.raises(ProtocolError, match="not 'slope'"):
        saturation_point(0.8, 0.1, 0.01, of="slope")


# Votes


def enumerated(p, correct, n, weights):
    """Return the accuracy of votes from every sequence of answers."""
    total = 0.0
    for answers in itertools.product(range(len(p)), repeat=n):
        scores = np.bincount(answers, minlength=len(p)) * weights
        first = np.flatnonzero(np.isclose(scores, scores.max()))
        total += np.prod(p[list(answers)]) * (correct in first) / len(first)
    return total


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (1.0, 0.4, 1.0)])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_votes_against_every_sequence(n, weights):
    p, w = np.array([0.4, 0.45, 0.15]), np.array(weights)
    ours = voting_accuracy([p], [0], n, [w], draws=40_000)
    assert ours == pytest.approx(enumerated(p, 0, n, w), abs=0.01)


def test_votes_converge_to_their_limit():
    p = [[0.5, 0.3, 0.2], [0.3, 0.45, 0.25], [0.4, 0.4, 0.2]]
    assert voting_limit(p, [0, 0, 0]) == pytest.approx(0.5)  # won, lost, tied
    assert voting_accuracy(p, [0, 0, 0], 2000, draws=400) == pytest.approx(0.5, abs=0.02)
    rewards = [[1.0, 1.0, 1.0], [2.0, 1.0, 1.0], [1.0, 0.9, 1.0]]
    assert voting_limit(p, [0, 0, 0], rewards) == 1.0


def test_more_votes_do_not_help_the_wrong_favourite():
    p = [[0.35, 0.4, 0.25]]
    few, many = (voting_accuracy(p, [0], n, draws=4000) for n in (3, 301))
    assert many < few


def test_votes_without_sense_are_refused():
    with pytest.raises(ProtocolError, match="sum to one"):
        voting_limit([[0.5, 0.6]], [0])
    with pytest.raises(ProtocolError, match="position of one of 2 answers"):
        voting_limit([[0.5, 0.5]], [2])
    with pytest.raises(ProtocolError, match="must not be negative"):
        voting_limit([[0.5, 0.5]], [0], [[1.0, -1.0]])
    with pytest.raises(ProtocolError, match="one sample or more"):
        voting_accuracy([[0.5, 0.5]], [0], 0)
