"""Pass probabilities, the chain of metrics of multiple choice, a threshold in the loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.protocols import get
from scaling_jax.protocols.emergence import (
    TaskLaw,
    above_threshold,
    choice_metrics,
    fit_task_law,
    pass_until,
)

SIZES = np.array([3e7, 1e8, 3e8, 8e8])


def test_registered():
    assert get("passuntil_task_law") is pass_until
    assert get("metric_chain_elusive") is choice_metrics
    assert get("du_loss_threshold") is above_threshold


def test_pass_until_is_the_maximum_of_the_likelihood():
    """P(K draws for r passes) is C(K-1, r-1) p^r (1-p)^(K-r)."""
    r, k = 2, 57
    p = np.linspace(1e-4, 0.2, 40_001)
    likelihood = r * np.log(p) + (k - r) * np.log1p(-p)
    assert float(pass_until(r, k).value) == pytest.approx(p[np.argmax(likelihood)], abs=1e-5)


def test_the_unbiased_estimate_is_unbiased_and_the_other_too_large():
    """Expectations over the negative binomial, summed rather than simulated."""
    from scipy.stats import nbinom

    p, r = 0.03, 2
    draws = np.arange(r, 4000)
    probability = nbinom.pmf(draws - r, r, p)
    assert probability.sum() == pytest.approx(1.0)
    assert probability @ pass_until(r, draws, unbiased=True).value == pytest.approx(p, rel=1e-4)
    assert probability @ pass_until(r, draws).value > 1.2 * p


def test_standard_error_is_that_of_many_passes():
    from scipy.stats import nbinom

    p, r = 0.05, 400
    draws = np.arange(r, 20_000)
    probability = nbinom.pmf(draws - r, r, p)
    estimate = pass_until(r, draws)
    spread = np.sqrt(probability @ (np.asarray(estimate.value) - p) ** 2)
    assert probability @ estimate.standard_error == pytest.approx(spread, rel=0.02)


@pytest.mark.parametrize("given", [(0, 10, False), (3, 2, False), (1, 10, True)])
def test_draws_that_stopped_for_another_reason_are_refused(given):
    passes, draws, unbiased = given
    with pytest.raises(FitError, match="an instance that never passed"):
        pass_until(passes, draws, unbiased=unbiased)


@given(st.floats(0.5, 100.0), st.floats(0.05, 0.6))
def test_the_task_law_is_found_from_noise_free_rates(c, alpha):
    rates = np.exp(-c * SIZES**-alpha)
    found = fit_task_law(SIZES, rates)
    np.testing.assert_allclose([found.c[0], found.alpha[0]], [c, alpha], rtol=1e-6)


def test_instances_are_fitted_one_by_one_and_averaged():
    c, alpha = np.array([20.0, 300.0, 5.0]), np.array([0.2, 0.3, 0.1])
    rates = np.exp(-c * SIZES[:, None] ** -alpha)
    rates[0, 1] = np.nan  # never passed at the smallest size
    found = fit_task_law(SIZES, rates)
    np.testing.assert_allclose(found.c, c, rtol=1e-8)
    np.testing.assert_allclose(found.alpha, alpha, rtol=1e-8)
    expected = np.exp(-c * (2.4e9) ** -alpha).mean()
    assert float(found(2.4e9)) == pytest.approx(expected)


def test_the_law_of_one_instance_is_the_law_of_the_atlas():
    law = sj.laws.get("passuntil_task_law")
    one = TaskLaw(np.array([20.0]), np.array([0.2]))
    np.testing.assert_allclose(law({"c": 20.0, "alpha": 0.2}, {"params": SIZES}), one(SIZES), 1e-5)


def test_a_mixture_of_instances_is_not_the_law_of_their_mean():
    """Fitted to the mean, the law misses what the instances reach."""
    c, alpha = np.array([10.0, 2000.0]), np.array([0.25, 0.35])
    truth = TaskLaw(c, alpha)
    to_mean = fit_task_law(SIZES, truth(SIZES))
    target = 1e11
    assert abs(float(to_mean(target)) - float(truth(target))) > 0.02


def test_pass_rates_of_one_are_refused():
    with pytest.raises(FitError, match="between 0 and 1"):
        fit_task_law(SIZES, np.array([0.1, 0.5, 0.9, 1.0]))
    with pytest.raises(FitError, match="instance 0 has fewer than two"):
        fit_task_law(SIZES, np.array([0.1, np.nan, np.nan, np.nan]))


# The chain of metrics


def test_mass_on_wrong_choices_decides():
    """The claim of the paper: p(correct) = 0.4 is right or wrong, depending on the others."""
    spread, one = np.log([0.4, 0.2, 0.2, 0.2]), np.log([0.4, 0.6, 1e-12, 1e-12])
    found = choice_metrics(np.stack([spread, one]), np.array([0, 0]))
    np.testing.assert_allclose(found.p_choices, 0.4, rtol=1e-6)
    assert found.accuracy.tolist() == [1.0, 0.0]
    np.testing.assert_allclose(found.brier, [0.36 + 3 * 0.04, 0.36 + 0.36], rtol=1e-5)


@given(st.lists(st.floats(-30.0, -0.1), min_size=2, max_size=6), st.data())
def test_the_metrics_are_those_printed(logs, data):
    correct = data.draw(st.integers(0, len(logs) - 1))
    found = choice_metrics(np.array(logs), correct)
    p = np.exp(np.array(logs))
    shares = p / p.sum()
    assert float(found.p_vocab) == pytest.approx(p[correct], rel=1e-4, abs=1e-12)
    assert float(found.p_choices) == pytest.approx(shares[correct], rel=1e-4, abs=1e-7)
    answer = np.arange(len(logs)) == correct
    assert float(found.brier) == pytest.approx(np.sum((shares - answer) ** 2), abs=1e-5)


def test_the_chain_is_jittable_and_its_smooth_part_differentiable():
    logs = jnp.log(jnp.array([[0.1, 0.3, 0.2], [0.05, 0.02, 0.01]]))
    correct = jnp.array([1, 2])
    compiled = jax.jit(choice_metrics)(logs, correct)
    np.testing.assert_allclose(compiled.brier, choice_metrics(logs, correct).brier, rtol=1e-6)
    slope = jax.grad(lambda x: choice_metrics(x, correct).p_choices.sum())(logs)
    assert np.all(np.isfinite(slope))
    np.testing.assert_allclose(slope.sum(axis=-1), 0.0, atol=1e-7)  # a shift changes no share


# A threshold


def test_below_the_threshold_the_ability_above_it_chance():
    losses = np.array([3.0, 2.2, 2.1, 1.7])
    score = above_threshold(losses, lambda x: 0.25 + 0.6 * (2.2 - x), eta=2.2, chance=0.25)
    np.testing.assert_allclose(score, [0.25, 0.25, 0.31, 0.55], rtol=1e-5)


def test_the_threshold_has_no_gradient_above_and_the_abilitys_below():
    score = lambda x: above_threshold(x, lambda y: 0.5 * (2.2 - y) ** 0.5, eta=2.2)  # noqa: E731
    assert float(jax.grad(score)(2.5)) == 0.0
    assert float(jax.grad(score)(2.0)) == pytest.approx(-0.25 / np.sqrt(0.2), rel=1e-5)


def test_an_ability_that_jumps_is_refused():
    with pytest.raises(FitError, match="the score is continuous there"):
        above_threshold(2.0, lambda x: 0.6 + 0.0 * x, eta=2.2, chance=0.25)
