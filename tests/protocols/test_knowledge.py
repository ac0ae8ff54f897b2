"""Bits of knowledge: the printed formulas, and that a perfect model holds the most."""

import math

import pytest

from scaling_jax.protocols.knowledge import (
    biography_bits,
    dictionary_bits,
    most_biography_bits,
    most_dictionary_bits,
)

N0 = 400 * 400 * 1000
S0 = 2 * (12 * 28 * 200) * 200 * 300 * 100 * 263


def test_biographies_as_printed(float64):
    n, p1, p2 = 1e5, 12.0, 3.0
    printed = n * math.log2(N0 / math.exp(p1)) + n * math.log2(S0 / math.exp(p2))
    assert float(biography_bits(n, p1, p2)) == pytest.approx(printed, rel=1e-12)
    most = n * math.log2(N0 / n) + n * math.log2(S0)
    assert float(most_biography_bits(n)) == pytest.approx(most, rel=1e-12)


def test_dictionaries_as_printed(float64):
    n, k, c, d, length, t = 1e4, 6, 3, 100, 5, 1000
    p1, p2, p3 = 10.0, 2.0, 4.0
    printed = (
        n * math.log2(N0 / math.exp(p1))
        + n * k * math.log2(d**c / math.exp(p2))
        + k * d * math.log2(t**length / (d * math.exp(p3)))
    )
    found = dictionary_bits(n, k, c, d, length, t, name_loss=p1, value_loss=p2, chunk_loss=p3)
    assert float(found) == pytest.approx(printed, rel=1e-12)
    most = n * math.log2(N0 / n) + n * k * c * math.log2(d) + k * d * math.log2(t**length / d)
    assert float(most_dictionary_bits(n, k, c, d, length, t)) == pytest.approx(most, rel=1e-12)


def test_a_model_that_knows_nothing_holds_no_bits(float64):
    """Its losses are those of a guess among all names and all values."""
    nothing = biography_bits(1e5, math.log(N0), math.log(S0))
    assert float(nothing) == pytest.approx(0.0, abs=1e-6)
