"""Signal and noise of a benchmark, decisions at small scale, sudden changes."""

import jax
import numpy as np
import pytest

from scaling_jax.errors import FitError
from scaling_jax.protocols import get
from scaling_jax.protocols.benchmark_quality import decision_accuracy, signal_to_noise, task_shape


def test_registered():
    assert get("signal_and_noise") is signal_to_noise
    assert get("datadecide") is decision_accuracy
    assert get("big_bench") is task_shape


def test_signal_is_the_largest_difference_of_any_two_models():
    models = np.random.default_rng(0).uniform(0.2, 0.8, (3, 10))
    checkpoints = np.random.default_rng(1).normal(0.5, 0.01, (3, 30))
    found = signal_to_noise(models, checkpoints)
    pairs = np.abs(models[:, :, None] - models[:, None, :])
    np.testing.assert_allclose(
        found.signal, pairs.max(axis=(1, 2)) / models.mean(axis=1), rtol=1e-5
    )
    noise = np.std(checkpoints, axis=1) / np.mean(checkpoints, axis=1)
    np.testing.assert_allclose(found.noise, noise, rtol=1e-4)
    np.testing.assert_allclose(found.ratio, found.signal / found.noise, rtol=1e-6)


def test_ratio_does_not_depend_on_the_unit_of_the_score():
    models, checkpoints = np.array([0.3, 0.5, 0.6]), np.array([0.5, 0.51, 0.49])
    in_percent = signal_to_noise(100 * models, 100 * checkpoints)
    assert float(in_percent.ratio) == pytest.approx(
        float(signal_to_noise(models, checkpoints).ratio), rel=1e-5
    )


def test_signal_to_noise_can_be_differentiated():
    slope = jax.grad(lambda m: signal_to_noise(m, np.array([0.5, 0.51])).ratio)
    assert np.all(np.isfinite(slope(np.array([0.3, 0.5, 0.6]))))


@pytest.mark.parametrize("function", [signal_to_noise, decision_accuracy])
def test_one_score_is_not_enough(function):
    with pytest.raises(FitError, match=r"shape"):
        function(np.array([0.5]), np.array([0.5]))


def test_decision_accuracy_counts_pairs():
    rng = np.random.default_rng(2)
    small, large = rng.normal(size=(2, 25))
    agree = [
        np.sign(small[a] - small[b]) == np.sign(large[a] - large[b])
        for a in range(25)
        for b in range(a)
    ]
    assert len(agree) == 300
    assert float(decision_accuracy(small, large)) == pytest.approx(np.mean(agree))
    assert float(decision_accuracy(small, small)) == 1.0
    assert float(decision_accuracy(small, -small)) == 0.0


def test_decision_accuracy_is_invariant_to_rising_maps():
    rng = np.random.default_rng(3)
    small, large = rng.normal(size=(2, 4, 12))
    np.testing.assert_array_equal(
        decision_accuracy(small, large), decision_accuracy(np.exp(small), 3.0 * large - 1.0)
    )


@pytest.mark.parametrize("models", [3, 6, 17])
def test_equal_steps_and_one_step(models):
    """n - 1 equal steps have a linearity of n - 1; a single step has sqrt(n - 1)."""
    even = task_shape(np.linspace(0.1, 0.9, models))
    assert float(even.linearity) == pytest.approx(models - 1, rel=1e-4)
    assert float(even.breakthroughness) == pytest.approx(models - 1, rel=1e-4)
    sudden = task_shape(np.where(np.arange(models) == models - 1, 0.9, 0.1))
    assert float(sudden.linearity) == pytest.approx(np.sqrt(models - 1), rel=1e-4)
    assert float(sudden.breakthroughness) > 1e3 or models == 3


def test_scores_that_fall_have_negative_shape():
    rising = np.array([0.1, 0.15, 0.4, 0.5])
    up, down = task_shape(rising), task_shape(rising[::-1])
    assert float(down.linearity) == pytest.approx(-float(up.linearity))
    assert float(down.breakthroughness) == pytest.approx(-float(up.breakthroughness))
