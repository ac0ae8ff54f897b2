"""pass@k against enumeration, tails of chances against exact expectations, the worst query."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols import get
from scaling_jax.protocols.repeated_sampling import (
    SuccessTail,
    beta_tail,
    coverage,
    fit_success_tail,
    forecast_worst_query,
    kumaraswamy_tail,
    pass_at_k,
    uniform_tail,
)


@pytest.fixture(autouse=True, scope="module")
def float64():
    with jax.enable_x64(True):
        yield


def test_registered():
    assert get("pass_at_k_unbiased") is pass_at_k
    assert get("monkeys_power_law") is fit_success_tail
    assert get("forecasting_rare_behaviors") is forecast_worst_query


# pass@k


def exact(n, c, k):
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def test_every_small_case_is_the_ratio_of_binomials():
    cases = np.array([(n, c, k) for n in range(1, 9) for c in range(n + 1) for k in range(n + 1)])
    expected = [exact(*(int(x) for x in case)) for case in cases]
    np.testing.assert_allclose(pass_at_k(*cases.T), expected, atol=1e-13)


def test_it_is_the_share_of_the_subsets_that_hold_a_correct_one():
    subsets = list(itertools.combinations([1, 1, 0, 0, 0, 0, 0], 3))
    share = np.mean([max(subset) for subset in subsets])
    assert float(pass_at_k(7, 2, 3)) == pytest.approx(share)


@given(st.integers(1, 10_000), st.data())
def test_large_counts_neither_overflow_nor_lose_digits(n, data):
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    with jax.enable_x64(True):
        ours = float(pass_at_k(n, c, k))
    assert ours == pytest.approx(exact(n, c, k), abs=1e-10)


def test_float32_is_good_to_four_digits():
    c, k = np.array([0, 1, 30, 100, 1000, 5000, 9999]), np.array([1, 10, 100, 1000])[:, None]
    expected = [[exact(10_000, int(x), int(y)) for x in c] for y in k[:, 0]]
    with jax.enable_x64(False):
        ours = pass_at_k(10_000, c, k)
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_it_is_unbiased():
    from scipy.stats import binom

    n, p, k = 12, 0.07, 5
    c = np.arange(n + 1)
    assert binom.pmf(c, n, p) @ pass_at_k(n, c, k) == pytest.approx(1.0 - (1.0 - p) ** k)


def test_compiles_maps_and_differentiates_in_counts():
    c = np.array([0.0, 1.0, 7.0, 10.0])
    compiled = jax.jit(jax.vmap(lambda c: pass_at_k(10.0, c, 4.0)))
    np.testing.assert_allclose(compiled(c), pass_at_k(10, c, 4), rtol=1e-12, atol=1e-15)
    slope = jax.vmap(jax.grad(lambda c: pass_at_k(10.0, c, 4.0)))(c)
    assert np.all(np.isfinite(slope))
    step = 1e-5
    difference = (pass_at_k(10, 2.5 + step, 4) - pass_at_k(10, 2.5 - step, 4)) / (2 * step)
    assert float(jax.grad(lambda c: pass_at_k(10.0, c, 4.0))(2.5)) == pytest.approx(
        float(difference), rel=1e-6
    )


def test_coverage_is_the_mean_over_problems():
    c, k = np.array([0, 2, 5]), np.array([1, 3])
    expected = [np.mean([exact(10, int(x), int(y)) for x in c]) for y in k]
    np.testing.assert_allclose(coverage(10, c, k), expected)
    assert coverage(10, c, 3).shape == ()


def test_impossible_counts_are_refused():
    with pytest.raises(ProtocolError, match="correct must be 0 to samples"):
        pass_at_k(10, 11, 1)
    with pytest.raises(ProtocolError, match="pass@20 cannot be estimated from 10 samples"):
        pass_at_k(10, 1, 20)


# Tails


def test_shapes_are_found_from_counts():
    rng = np.random.default_rng(1)
    counts = rng.binomial(10_000, rng.beta(0.3, 12.0, 4000))
    found = fit_success_tail(10_000, counts)
    assert found.alpha == pytest.approx(0.3, rel=0.05)
    assert found.beta == pytest.approx(12.0, rel=0.1)


def test_it_is_the_maximum_of_scipys_likelihood():
    from scipy.stats import betabinom

    rng = np.random.default_rng(2)
    counts = rng.binomial(50, rng.beta(0.5, 2.0, 60))
    found = fit_success_tail(50, counts)
    best = betabinom.logpmf(counts, 50, found.alpha, found.beta).sum()
    for moved in ((1.02, 1.0), (0.98, 1.0), (1.0, 1.02), (1.0, 0.98)):
        shapes = found.alpha * moved[0], found.beta * moved[1]
        assert betabinom.logpmf(counts, 50, *shapes).sum() < best


def test_few_samples_give_the_exponent_that_a_line_through_them_does_not():
    """The paper's claim, in kind: from 100 samples, chances of up to 10,000 attempts."""
    alpha, beta = 0.3, 5.0
    rng = np.random.default_rng(3)
    counts = rng.binomial(100, rng.beta(alpha, beta, 2000))
    k = np.unique(np.geomspace(1, 100, 20).astype(int))
    line = np.polyfit(np.log(k), np.log(-np.log(np.asarray(coverage(100, counts, k)))), 1)
    assert abs(fit_success_tail(100, counts).exponent - alpha) < 0.2 * abs(-line[0] - alpha)


def test_pass_rates_are_the_expectation_and_end_in_the_power_law():
    from scipy.stats import beta as beta_distribution

    tail = SuccessTail(0.4, 7.0)
    p = beta_distribution(tail.alpha, tail.beta)
    for k in (1, 30):
        assert float(tail.pass_at(k)) == pytest.approx(p.expect(lambda p, k=k: 1 - (1 - p) ** k))
    far = 1e9
    expected = tail.amplitude * far**-tail.exponent
    assert -np.log(float(tail.pass_at(far))) == pytest.approx(expected, rel=1e-3)


def test_levis_law_is_the_same_with_the_shapes_exchanged():
    tail = SuccessTail(0.35, 6.0)
    theta = {"A": 1.0, "alpha": tail.beta, "beta": tail.alpha}
    k = np.geomspace(1, 1e5, 6)
    law = sj.laws.get("levi_inference_model")(theta, {"attempts": k})
    np.testing.assert_allclose(law, tail.pass_at(k), rtol=1e-12)


def test_tails_of_other_distributions_by_integration():
    from scipy.integrate import quad

    k = 1e5
    cases = {
        beta_tail(0.5, 3.0): lambda p: 0.5 * 3.0 * 2.5 / 2.0 * p**-0.5 * (1 - p) ** 2 * 0.5,
        kumaraswamy_tail(0.5, 3.0): lambda p: 1.5 * p**-0.5 * (1 - p**0.5) ** 2,
        uniform_tail(0.5): lambda p: 2.0 * (p <= 0.5),
    }
    for tail, density in cases.items():
        # p = x / k puts the part that counts at x of order one
        left, _ = quad(lambda x, f=density: f(x / k) * np.exp(k * np.log1p(-x / k)) / k, 0, 60)
        assert left == pytest.approx(tail.a * k**-tail.b, rel=0.02)


def test_counts_without_spread_are_refused():
    with pytest.raises(ProtocolError, match="no best distribution"):
        fit_success_tail(10, np.zeros(5))
    with pytest.raises(ProtocolError, match="between 0 and 1"):
        uniform_tail(1.5)


def test_pythia_12b_has_a_heavy_tail():
    """As heavy as a law fitted to the coverage of up to 10,000 attempts says."""
    try:
        counts = sj.datasets.load("llm_monkeys", table="transcribed_counts")
    except sj.errors.DatasetError as error:
        pytest.skip(str(error))
    runs = counts.where("family == 'Pythia 12B'")
    tail = fit_success_tail(runs["samples"], runs["correct"])
    k = np.array([1, 10, 100, 1000, 10_000])
    ours = coverage(runs["samples"], runs["correct"], k)
    np.testing.assert_allclose(tail.pass_at(k), ours, atol=0.03)


# The worst of many queries


def test_gumbel_scores_are_forecast():
    """Scores with an exponential tail: the largest of n lies where survival is 1 / n."""
    rng = np.random.default_rng(0)
    scores = rng.exponential(0.5, 20_000) - 2.0
    found = forecast_worst_query(-np.exp(-scores), tail=500)
    assert found.a == pytest.approx(-2.0, rel=0.1)
    million = np.log(1e6) * 0.5 - 2.0
    assert float(found.score(1e6)) == pytest.approx(million, abs=0.3)
    assert float(found.probability(1e6)) == pytest.approx(np.exp(-np.exp(-found.score(1e6))))


def test_the_forecast_passes_through_what_was_seen():
    scores = -np.log(np.arange(1, 201) / 200.0) / 1.5 - 1.0
    found = forecast_worst_query(-np.exp(-scores), tail=20)
    assert found.log_probability(200) == pytest.approx(-np.exp(-scores[0]))


def test_forecasts_of_unusable_tails_are_refused():
    with pytest.raises(ProtocolError, match="cannot be fitted to 3 queries"):
        forecast_worst_query([-1.0, -2.0, -3.0])
    with pytest.raises(ProtocolError, match="finite and below zero"):
        forecast_worst_query([0.0, -1.0, -2.0], tail=3)
    with pytest.raises(ProtocolError, match="equally likely"):
        forecast_worst_query(np.full(20, -3.0))
