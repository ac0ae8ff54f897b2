"""Transfer scores, more languages at equal loss, and the barrier of competition."""

import numpy as np
import pytest

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.languages_and_modalities import (
    barrier,
    bilingual_transfer_score,
    competition,
    equal_loss_factors,
)

TOKENS = np.geomspace(1e9, 1e12, 400)
PAIR = dict(C_ij=0.12, A_ij=150.0, B_ij=400.0, alpha_ij=0.33, beta_ij=0.38)


def loss(tokens):
    return 2.0 + 1e3 * tokens**-0.3


@pytest.mark.parametrize(("useful", "score"), [(0.5, 0.0), (1.0, 1.0), (0.4, -0.5), (0.625, 0.4)])
def test_score_is_what_the_other_language_adds(useful, score):
    """Tokens of the pair are worth `useful` of a target token each: the same loss at 1/useful."""
    found = bilingual_transfer_score(TOKENS, loss(TOKENS), TOKENS, loss(useful * TOKENS), 42e9)
    assert float(found) == pytest.approx(score, abs=2e-3)


def test_score_refuses_what_a_curve_does_not_cover():
    with pytest.raises(ProtocolError, match="covers 1e.09 to 1e.12 tokens, not 2e.12"):
        bilingual_transfer_score(TOKENS, loss(TOKENS), TOKENS, loss(TOKENS), 2e12)
    with pytest.raises(ProtocolError, match="the bilingual curve covers .* does not reach"):
        bilingual_transfer_score(TOKENS, loss(TOKENS), TOKENS[:9], loss(TOKENS[:9]), 42e9)


def test_factors_of_equal_loss_compose():
    exponents = dict(phi=0.11, psi=-0.04, alpha=0.45, beta=0.147)
    two, four = (equal_loss_factors(r, **exponents) for r in (2.0, 4.0))
    assert four.params == pytest.approx(two.params**2)
    assert four.compute_flops == pytest.approx(two.compute_flops**2)
    assert four.compute_flops == pytest.approx(four.params * four.tokens)
    assert four.tokens == pytest.approx(4.0 * four.tokens_per_language)


def test_barrier_is_the_cheapest_model_that_breaks_even(float64):
    params, tokens = (float(x) for x in barrier(PAIR))
    assert float(competition(PAIR, params, tokens)) == pytest.approx(0.0, abs=1e-12)
    for factor in (0.8, 1.25):
        size = 150.0 * (factor * params) ** -0.33
        other = (400.0 / (0.12 - size)) ** (1 / 0.38)  # tokens that break even at another size
        assert factor * params * other > params * tokens


def test_no_barrier_without_synergy():
    with pytest.raises(ProtocolError, match="no synergy"):
        barrier(PAIR | {"C_ij": -0.1})
