"""Splitting a translation model's parameters."""

import numpy as np
import pytest

import scaling_jax as sj


def test_the_split_has_the_least_loss(float64):
    law = sj.laws.get("nmt_bivariate")
    theta = dict(alpha=1.2, pe=0.2, pd=0.3, L_inf=1.1)
    best, rest = sj.protocols.get("nmt_bivariate")(1e9, 0.2, 0.3)
    assert best + rest == pytest.approx(1e9)
    shares = np.linspace(0.01, 0.99, 981)
    losses = law(theta, dict(encoder_params=shares * 1e9, decoder_params=(1 - shares) * 1e9))
    assert shares[np.argmin(losses)] == pytest.approx(best / 1e9, abs=1e-3)
