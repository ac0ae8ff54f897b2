"""Savings and crossings of curves that are known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.compute_savings import (
    compute_multiplier,
    crossover,
    perplexity_crossover,
    power_law_crossover,
    savings_rate,
)

FLOPS = np.geomspace(1e18, 1e24, 25)


def score(flops):
    return 12.0 * np.log10(flops / 1e18)


def test_a_method_that_needs_half_the_compute_saves_a_factor_of_two():
    at = np.array([20.0, 40.0, 60.0])
    rate = savings_rate(FLOPS, score(FLOPS), FLOPS / 2.0, score(FLOPS), at)
    np.testing.assert_allclose(rate, 2.0, rtol=1e-4)
    more = compute_multiplier(FLOPS, -score(FLOPS), 64.0 * FLOPS, -score(FLOPS), -at)
    np.testing.assert_allclose(more, 64.0, rtol=1e-4)


def test_curves_may_be_sampled_at_different_budgets():
    sparse = FLOPS[::3]
    rate = savings_rate(sparse, score(sparse), FLOPS, score(3.0 * FLOPS), 40.0)
    assert float(rate) == pytest.approx(3.0, rel=1e-4)


@pytest.mark.parametrize(
    ("quality", "at", "message"),
    [
        (score(FLOPS), 100.0, r"base curve covers 0 to 72 and does not reach 100"),
        (score(FLOPS), np.array([5.0, -1.0]), "does not reach -1"),
        (np.cos(score(FLOPS)), 0.5, "base curve is not monotone"),
    ],
)
def test_no_answer_is_refused_and_not_guessed(quality, at, message):
    with pytest.raises(ProtocolError, match=message):
        savings_rate(FLOPS, quality, FLOPS, score(FLOPS), at)


def test_savings_are_traced():
    compiled = jax.jit(lambda at: savings_rate(FLOPS, score(FLOPS), FLOPS / 2, score(FLOPS), at))
    assert float(compiled(30.0)) == pytest.approx(2.0, rel=1e-4)


def test_power_laws_with_equal_offsets_cross_where_the_algebra_says():
    with jax.enable_x64(True):
        closed = float(power_law_crossover(40.0, 0.08, 90.0, 0.11))
        found = crossover(lambda c: 1 + 40 * c**-0.08, lambda c: 1 + 90 * c**-0.11, 1e3, 1e30)
        assert float(found) == pytest.approx(closed, rel=1e-9)


def test_crossing_is_differentiable_in_the_curves():
    def crossing(amplitude):
        return jnp.log(
            crossover(lambda c: 40.0 * c**-0.08, lambda c: amplitude * c**-0.11, 1, 1e30)
        )

    with jax.enable_x64(True):
        slope = float(jax.jit(jax.grad(crossing))(90.0))
    assert slope == pytest.approx(1.0 / 90.0 / 0.03, rel=1e-6)  # of ln(a_A / a_B) / (0.08 - 0.11)


def test_curves_that_do_not_cross_are_refused():
    with pytest.raises(ProtocolError, match=r"do not cross between 1e\+09 and 1e\+20"):
        crossover(lambda c: 2.0 * c**-0.1, lambda c: 3.0 * c**-0.1, 1e9, 1e20)


def test_trends_of_perplexity_cross():
    hours = np.array([6.0, 12.0, 24.0, 48.0, 96.0])
    at, gpt, lstm = perplexity_crossover(hours, 20 * hours**-0.1, hours, 59 * hours**-0.2)
    assert float(at) == pytest.approx((59 / 20) ** 10, rel=1e-3)
    assert float(gpt(at)) == pytest.approx(float(lstm(at)), rel=1e-4)
    with pytest.raises(ProtocolError, match="parallel"):
        perplexity_crossover(hours, 20 * hours**-0.1, hours, 20 * hours**-0.1)
