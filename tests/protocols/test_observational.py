"""Capabilities of public models, lines of families, subsets of families, downstream tasks."""

import itertools

import numpy as np
import pytest

from scaling_jax.errors import FitError
from scaling_jax.protocols import get
from scaling_jax.protocols.observational import (
    FamilyLine,
    downstream_accuracy,
    equivalent_compute,
    family_lines,
    fit_downstream,
    principal_capabilities,
    v_optimal_families,
)


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    skills = rng.normal(size=(30, 2)) * np.array([0.2, 0.05])
    loadings = np.array([[0.5, 0.6, 0.4, 0.3, 0.3], [-0.4, 0.2, 0.5, -0.6, 0.3]])
    return 0.5 + skills @ loadings + 0.002 * rng.normal(size=(30, 5))


def test_registered():
    assert get("obs_capability_loglinear") is principal_capabilities
    assert get("obs_sigmoid_downstream") is fit_downstream


def test_components_are_the_eigenvectors_of_the_covariance(scores):
    found = principal_capabilities(scores, components=5)
    variance, vectors = np.linalg.eigh(np.cov(scores.T))
    np.testing.assert_allclose(
        found.explained_variance_ratio, variance[::-1] / variance.sum(), atol=1e-12
    )
    np.testing.assert_allclose(np.abs(found.loadings @ vectors[:, ::-1]), np.eye(5), atol=1e-6)
    np.testing.assert_allclose(found.values @ found.loadings + found.mean, scores, atol=1e-12)
    assert np.all(found.loadings.sum(axis=1) >= 0.0)


def test_models_of_the_table_have_their_own_components(scores):
    found = principal_capabilities(scores, components=3)
    np.testing.assert_allclose(found(scores[:4]), found.values[:4], atol=1e-12)


def test_missing_scores_of_one_skill_are_filled_in_exactly():
    skill = np.random.default_rng(1).uniform(0.1, 0.9, 20)
    truth = 0.1 + skill[:, None] * np.array([0.8, 0.5, 0.3, 0.6])
    holes = truth.copy()
    holes[[0, 3, 3, 7, 11], [1, 0, 2, 3, 2]] = np.nan
    found = principal_capabilities(holes, components=2, tolerance=1e-12)
    np.testing.assert_allclose(found.scores, truth, atol=1e-6)
    other = np.array([[0.1 + 0.8 * 0.35, np.nan, np.nan, 0.1 + 0.6 * 0.35]])
    np.testing.assert_allclose(
        found(other) @ found.loadings + found.mean, 0.1 + 0.35 * np.array([[0.8, 0.5, 0.3, 0.6]]),
        atol=1e-6,
    )  # fmt: skip


def test_known_scores_stay_as_they_are(scores):
    holes = scores.copy()
    holes[2, 3] = np.nan
    found = principal_capabilities(holes, bounds=(0.3, 0.4))
    known = ~np.isnan(holes)
    np.testing.assert_array_equal(found.scores[known], holes[known])
    assert 0.3 <= found.scores[2, 3] <= 0.4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[:, 0], "give an array"),
        (lambda s: np.where(np.arange(5) == 2, np.nan, s), "benchmark 2 has 0 scores"),
        (lambda s: np.where(np.arange(5) == 1, 0.5, s), "benchmark 1 has one score"),
        (lambda s: np.where(s > s.mean(), np.inf, s), "a score is infinite"),
        (lambda s: s[:4], "4 models and 5 benchmarks have no 5 components"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(scores, change, message):
    with pytest.raises(FitError, match=message):
        principal_capabilities(change(scores))


def test_family_lines_are_exact_on_lines_and_skip_unknown_compute():
    compute = np.array([1e20, 1e21, 1e22, 1e21, 1e22, np.nan, 1e23])
    families = ["A", "A", "A", "B", "B", "B", "C"]
    slope, level = np.array([0.1, -0.02]), np.array([-4.0, 1.0])
    values = np.log(np.nan_to_num(compute, nan=1.0))[:, None] * slope + level
    lines = family_lines(values, compute, families, fewest=2)
    assert list(lines) == ["A", "B"]
    assert (lines["A"].models, lines["B"].models) == (3, 2)
    np.testing.assert_allclose(lines["A"].slope, slope)
    np.testing.assert_allclose(lines["A"].intercept, level)
    np.testing.assert_allclose(lines["A"].r_squared, 1.0)
    np.testing.assert_allclose(lines["A"](compute[:3]), values[:3])


def test_members_of_the_reference_family_are_equivalent_to_their_own_compute():
    line = FamilyLine(3, np.array([0.1, 0.03, -0.01]), np.array([-4.0, 1.0, 0.5]), np.ones(3))
    compute = np.geomspace(1e20, 1e24, 5)
    weights = np.array([3.0, -1.0, 2.0])
    np.testing.assert_allclose(equivalent_compute(line(compute), weights, line), compute)
    better = line(compute) + np.array([0.2, 0.0, 0.0])
    assert np.all(equivalent_compute(better, weights, line) > compute)
    with pytest.raises(FitError, match="does not change with compute"):
        equivalent_compute(line(compute), np.zeros(3), line)


def test_v_optimal_subset_is_the_best_of_all():
    rng = np.random.default_rng(2)
    x, families = rng.normal(size=(20, 3)), np.repeat(list("ABCDEFG"), [4, 3, 2, 1, 5, 3, 2])

    def objective(members):
        chosen = x[np.isin(families, members)]
        if len(chosen) < 3:
            return -np.inf
        return -np.trace(x.T @ x @ np.linalg.inv(chosen.T @ chosen))

    for include in ((), ("B",)):
        found = v_optimal_families(x, families, [6, 10], include=include, most_families=4)
        for budget, subset in found.items():
            subsets = [
                members
                for size in range(1, 5)
                for members in itertools.combinations("ABCDEFG", size)
                if set(include) <= set(members) and np.isin(families, members).sum() <= budget
            ]
            best = max(subsets, key=objective)
            assert set(subset.families) == set(best)
            assert subset.objective == pytest.approx(objective(best))
            assert subset.models == np.isin(families, best).sum()


def test_v_optimal_refusals():
    x, families = np.eye(3), ["A", "B", "C"]
    with pytest.raises(FitError, match="no family 'D'"):
        v_optimal_families(x, families, [3], include=["D"])
    with pytest.raises(FitError, match="raise the budget"):
        v_optimal_families(x, families, [2])
    many = [str(i) for i in range(40)]
    with pytest.raises(FitError, match="subsets of families to look at"):
        v_optimal_families(np.eye(40), many, [3])


@pytest.mark.parametrize(
    ("asymptote", "low", "high"), [("floor", 0.12, 1.0), ("ceiling", 0.0, 0.9)]
)
def test_a_sigmoid_of_the_capabilities_is_found_again(asymptote, low, high):
    x = np.random.default_rng(3).normal(size=(40, 3)) * np.array([0.4, 0.1, 0.1])
    logit = x @ np.array([6.0, -3.0, 2.0]) - 1.0
    accuracy = low + (high - low) / (1.0 + np.exp(-logit))
    fit = fit_downstream(x, accuracy, asymptote=asymptote)
    np.testing.assert_allclose(downstream_accuracy(fit, x), accuracy, atol=1e-6)
    name = "w" if asymptote == "floor" else "beta"
    assert fit.params[f"{name}1"] == pytest.approx(6.0, rel=1e-4)
