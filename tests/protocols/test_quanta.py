"""Quanta by their sums, and the toy model of superposition."""

import numpy as np
import pytest

from scaling_jax.protocols import get
from scaling_jax.protocols.quanta import quanta_learned, quantization_exponents
from scaling_jax.protocols.superposition import weak_superposition_loss

loss_of = get("michaud_quantization")
FREQUENCIES = np.arange(1.0, 41.0) ** -1.2 / np.sum(np.arange(1.0, 41.0) ** -1.2)


def test_finitely_many_quanta_tend_to_infinitely_many():
    learned = np.array([0, 1, 10])
    finite = loss_of(learned, 1.2, quanta=1_000_000)
    np.testing.assert_allclose(finite, loss_of(learned, 1.2), rtol=1e-5)
    assert loss_of(5, 1.2, quanta=5, a=0.1, b=0.7) == pytest.approx(0.1)


def test_a_quantum_is_learned_once_it_has_occurred_often_enough():
    """By hand: the rarest quantum with D * p_k >= tau."""
    frequencies = np.arange(1.0, 1001.0) ** -1.5 / 2.6123753486854883  # zeta(1.5)
    by_hand = np.count_nonzero(1e4 * frequencies >= 3.0)
    assert quanta_learned(1e4, 0.5, tau=3.0) == by_hand


def test_exponents_of_chinchilla():
    exponents = quantization_exponents(0.34)
    assert exponents["data"] == pytest.approx(0.254, abs=5e-4)
    assert exponents["compute"] == pytest.approx(0.34 * exponents["optimal_params"])


@pytest.fixture(scope="module")
def models():
    train = get("superposition_width")
    return {
        decay: train(FREQUENCIES, 5, weight_decay=decay, steps=600, batch=128)
        for decay in (-1.0, 1.0)
    }


def test_decay_to_unit_length_gives_strong_superposition(models):
    """Every feature has a row, and rows overlap by about 1/m."""
    strong = models[-1.0]
    assert strong.represented > 0.8
    assert strong.overlap == pytest.approx(1.0 / 5.0, rel=0.5)


def test_decay_to_zero_gives_weak_superposition(models):
    """The loss is that of the features that have no row."""
    weak = models[1.0]
    assert weak.represented < 0.5
    assert models[-1.0].represented > 2.0 * weak.represented
    lost = weak_superposition_loss(FREQUENCIES, round(weak.represented * 40))
    assert weak.loss == pytest.approx(lost, rel=0.4)
    norms = np.linalg.norm(weak.weights, axis=1)
    assert norms[:3].min() > norms[20:].max()
