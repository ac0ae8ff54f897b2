"""Ranks, entropies and residuals of representations whose answer is known."""

import jax
import numpy as np
import pytest

from scaling_jax.errors import LawError
from scaling_jax.protocols import get
from scaling_jax.protocols.representations import covariance_spectrum, prediction_residuals

ranks, entropy, fall = get("spectral_ffn"), get("matrix_entropy"), get("next_token_law")


def test_equal_eigenvalues_have_full_rank_and_one_has_rank_one():
    full, single = ranks(np.full(16, 3.0)), ranks(np.eye(16)[0])
    assert [float(full.hard), float(full.soft)] == pytest.approx([16.0, 16.0])
    assert [float(single.hard), float(single.soft)] == pytest.approx([1.0, 1.0])
    assert float(full.utilisation_index) == pytest.approx(1.0)
    assert float(single.utilisation_index) == pytest.approx(1.0 / 16.0)


def test_hard_rank_is_at_most_the_soft_one_and_neither_depends_on_scale():
    values = np.random.default_rng(0).gamma(0.5, size=(20, 32))
    one, other = ranks(values), ranks(1000.0 * values)
    assert np.all(np.asarray(one.hard) <= np.asarray(one.soft) * (1 + 1e-6))
    np.testing.assert_allclose(one.hard, other.hard, rtol=1e-5)


def test_ranks_have_gradients_where_eigenvalues_are_zero():
    gradient = jax.grad(lambda x: ranks(x).soft)(np.array([1.0, 2.0, 0.0]))
    assert np.all(np.isfinite(gradient))


def test_spectrum_of_a_known_covariance():
    rng = np.random.default_rng(1)
    data = rng.standard_normal((20_000, 3)) * np.array([3.0, 2.0, 1.0])
    np.testing.assert_allclose(covariance_spectrum(data), [9.0, 4.0, 1.0], rtol=0.05)


def test_entropy_of_one_direction_is_zero_and_of_all_directions_one():
    line = np.outer([1.0, -1.0, 2.0, -2.0], [1.0, 0.0, 0.0])
    assert float(entropy(line)) == pytest.approx(0.0, abs=1e-6)
    crosses = np.concatenate([np.eye(5), -np.eye(5)])
    assert float(entropy(crosses)) == pytest.approx(1.0, abs=1e-6)
    assert float(entropy(crosses, normalised=False)) == pytest.approx(np.log(5.0), rel=1e-6)


def test_residual_is_the_share_that_noise_hides():
    rng = np.random.default_rng(2)
    signal, noise = rng.standard_normal((2, 5000))
    layers = np.stack([(signal + s * noise)[:, None] for s in (2.0, 1.0, 0.0)])
    residuals = prediction_residuals(layers, 3.0 * signal - 1.0)
    np.testing.assert_allclose(residuals, [0.8, 0.5, 0.0], atol=0.03)


def test_geometric_fall_is_recovered():
    found = fall(0.9 * 0.85 ** np.arange(12))
    assert (found.first, found.ratio) == pytest.approx((0.9, 0.85))
    assert found.correlation == pytest.approx(-1.0)


def test_what_has_no_answer_is_refused():
    with pytest.raises(LawError, match="more tokens than dimensions"):
        prediction_residuals(np.ones((1, 4, 8)), np.ones(4))
    with pytest.raises(LawError, match="positive residuals of two layers"):
        fall([0.5, 0.0])
