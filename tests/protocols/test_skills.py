"""Latent skills of families, one capability of all models."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.protocols import get
from scaling_jax.protocols.skills import (
    Sloth,
    capability_scale,
    capability_trend,
    fit_sloth,
    skill_optimum,
    sloth_scores,
    sloth_skills,
)

LOWER = np.array([0.25, 0.25, 0.5, 0.0, 0.25])
MODEL = Sloth(
    lower=LOWER,
    loadings=np.array([[1.0, 0.2], [0.8, -0.1], [0.6, 0.3], [1.5, 0.9], [0.7, -0.4]]),
    intercepts=np.array([-0.5, 0.4, 0.2, -2.0, -0.3]),
    families=np.array([[0.0, 0.1], [0.6, -0.5], [-0.4, 0.3], [0.2, 0.6]]),
    slopes=np.array([[0.5, 0.4, 0.03], [0.1, -0.2, 0.05]]),
)


@pytest.fixture(scope="module")
def models():
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(4), 6)
    params = 1e9 * np.exp(rng.uniform(-1.0, 4.0, 24))
    tokens = 1e12 * np.exp(rng.uniform(-2.0, 2.5, 24))
    with jax.enable_x64(True):
        scores = np.asarray(sloth_scores(MODEL, family, params, tokens))
    return family, params, tokens, scores


def test_registered():
    assert get("sloth") is fit_sloth
    assert get("rosetta_stone") is capability_scale


def test_scores_are_the_printed_formula(models):
    family, params, tokens, scores = models
    log_s, log_t = np.log(params / 1e9), np.log(tokens / 1e12)
    for i, j in ((0, 0), (7, 3), (23, 4)):
        theta = MODEL.families[family[i]] + (
            MODEL.slopes[:, 0] * log_s[i]
            + MODEL.slopes[:, 1] * log_t[i]
            + MODEL.slopes[:, 2] * log_s[i] * log_t[i]
        )
        logit = MODEL.loadings[j] @ theta + MODEL.intercepts[j]
        assert scores[i, j] == pytest.approx(LOWER[j] + (1 - LOWER[j]) / (1 + np.exp(-logit)))


def test_the_law_of_one_benchmark_is_the_full_model(models, float64):
    """The law, with the skills of one family and the loadings of one benchmark."""
    family, params, tokens, scores = models
    law = sj.laws.get("sloth", skills=2)
    f, j = 1, 3
    theta = {"gamma": LOWER[j], "b": MODEL.intercepts[j]}
    for k in (0, 1):
        theta |= {f"Lambda{k + 1}": MODEL.loadings[j, k], f"alpha{k + 1}": MODEL.families[f, k]}
        theta |= {f"beta{k + 1}_{i}": MODEL.slopes[k, i] for i in range(3)}
    chosen = family == f
    value = law(theta, {"params": params[chosen], "tokens": tokens[chosen]})
    np.testing.assert_allclose(value, scores[chosen, j], rtol=1e-10)


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def test_scores_have_finite_gradients(models):
    family, params, tokens, _ = models
    slopes = jax.jit(jax.grad(lambda m: sloth_scores(m, family, params, tokens).sum()))(MODEL)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slopes))


def test_a_noise_free_table_is_fitted_and_unseen_members_predicted(models):
    family, params, tokens, scores = models
    names = [f"family {f}" for f in family]
    seen = scores.copy()
    seen[[3, 9, 10, 20]] = np.nan  # whole models
    seen[[1, 5, 14], [2, 0, 4]] = np.nan  # single scores
    fit = fit_sloth(seen, names, params, tokens, lower=LOWER, skills=2)
    assert fit.families == tuple(dict.fromkeys(names))
    np.testing.assert_allclose(fit(names, params, tokens), scores, atol=2e-3)


def test_tables_that_do_not_fit_together_are_refused(models):
    family, params, tokens, scores = models
    with pytest.raises(FitError, match="a lower bound of each of its benchmarks"):
        fit_sloth(scores, family, params, tokens, lower=LOWER[:3])
    with pytest.raises(FitError, match="6 skills of 24 models and 5 benchmarks"):
        fit_sloth(scores, family, params, tokens, lower=LOWER, skills=6)


def test_a_family_without_a_member_cannot_be_predicted(models):
    family, params, tokens, scores = models
    names = [f"F{f}" for f in family]
    fit = fit_sloth(scores, names, params, tokens, lower=LOWER, skills=2, most_steps=1)
    with pytest.raises(FitError, match="no member of the family 'F9' was fitted"):
        fit(["F9"], params[:1], tokens[:1])


def test_skill_optimum_is_the_best_size_on_a_line_of_one_compute(float64):
    compute = 3e23
    found = skill_optimum(MODEL, 0, compute)
    assert 6.0 * found["params"] * found["tokens"] == pytest.approx(compute)
    params = np.geomspace(1e8, 1e13, 20_001)
    values = np.asarray(sloth_skills(MODEL, 0, params, compute / (6.0 * params)))[:, 0]
    assert float(found["params"]) == pytest.approx(params[np.argmax(values)], rel=1e-3)


def test_without_a_positive_interaction_there_is_no_best_size():
    flat = Sloth(LOWER, MODEL.loadings, MODEL.intercepts, MODEL.families, -MODEL.slopes)
    with pytest.raises(FitError, match="parabola opens upwards"):
        skill_optimum(flat, 0, 1e23)


@pytest.mark.parametrize("anchor", [0, 2])
def test_the_common_scale_of_a_noise_free_table_is_found(anchor):
    rng = np.random.default_rng(1)
    capability, difficulty = rng.normal(0.5, 1.0, 12), np.array([0.0, 0.7, -0.5, 1.5])
    slope = np.array([1.0, 1.6, 0.7, 1.2])
    scores = 1.0 / (1.0 + np.exp(-slope * (capability[:, None] - difficulty)))
    holes = scores.copy()
    holes[[0, 5, 9], [1, 3, 0]] = np.nan
    found = capability_scale(holes, anchor=anchor, shrinkage=0.0)
    np.testing.assert_allclose(found(), scores, atol=1e-4)
    # the same scale, moved and stretched to the anchor
    stretch = slope[anchor]
    np.testing.assert_allclose(
        found.capability, stretch * (capability - difficulty[anchor]), atol=5e-3
    )
    assert (found.difficulty[anchor], found.slope[anchor]) == (0.0, 1.0)


def test_models_and_benchmarks_need_scores():
    scores = np.full((3, 2), 0.5)
    with pytest.raises(FitError, match="model 1 has no score"):
        capability_scale(np.where(np.arange(3)[:, None] == 1, np.nan, scores))
    with pytest.raises(FitError, match="benchmark 0 has no score"):
        capability_scale(np.where(np.arange(2) == 0, np.nan, scores))


def test_trend_separates_compute_from_time():
    """With the published coefficients: 0.168 a unit of log FLOP, 0.297 a year."""
    published = sj.laws.get("rosetta_stone").published("capability_trend").values
    rng = np.random.default_rng(2)
    compute, years = np.exp(rng.uniform(50.0, 60.0, 20)), rng.uniform(0.0, 5.0, 20)
    capability = published["k"] * np.log(compute) + published["db_per_year"] * years - 8.0
    found = capability_trend(capability, compute, years)
    assert found == pytest.approx({"k": 0.168, "r": 0.297, "b_0": -8.0})
