"""Optima of the laws of precision, beside the laws themselves."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.protocols import get
from scaling_jax.protocols.precision import bits_for_budget, optimal_bits, optimal_layout

KUMAR = sj.laws.get("precision_training").published("kumar").params
CAPYBARA = sj.laws.get("fp_quant_training").published("capybara")


def test_allocation_is_the_least_loss_of_the_law():
    best = get("precision_training")(KUMAR, 1e20)
    law = sj.laws.get("precision_training").published("kumar")

    def loss(params, bits):
        tokens = 1e20 * 16.0 / 6.0 / bits / params
        each = dict.fromkeys(("weight_bits", "activation_bits", "kv_bits"), bits)
        return float(law(params=params, tokens=tokens, **each))

    assert loss(best.params, best.bits) == pytest.approx(best.loss, rel=1e-5)
    for params, bits in ((1.1, 0.0), (0.9, 0.0), (1.0, 0.4), (1.0, -0.4)):
        assert loss(best.params * params, best.bits + bits) > best.loss


def test_optimal_bits_with_and_without_offsets():
    assert optimal_bits(KUMAR) == pytest.approx(7.0, abs=0.05)
    plain = {name: value for name, value in KUMAR.items() if not name.startswith("n_")}
    assert optimal_bits(plain) == pytest.approx(3.5, abs=0.05)
    with pytest.raises(LawError, match="training diverges at 3 bits"):
        get("precision_training")(KUMAR, 1e20, bits=3.0)


def test_beyond_the_harmful_tokens_the_quantised_loss_rises():
    after = sj.laws.get("precision_ptq").published("gptq")
    turning = float(get("precision_ptq")(KUMAR, after.params, 1e9, 3.0))
    tokens = turning * np.array([0.9, 1.0, 1.1])
    damage = np.asarray(after(params=1e9, tokens=tokens, post_bits=3.0))
    loss = KUMAR["B"] * tokens ** -KUMAR["beta"] + damage
    assert loss[1] < min(loss[0], loss[2])


def test_degrading_tokens_invert_the_law():
    law = sj.laws.get("low_bit_undertrained").published("gptq")
    tokens = get("low_bit_undertrained")(law.params, 7e9, [2.0, 4.0], 0.2)
    back = np.asarray(law(params=7e9, tokens=tokens, post_bits=np.array([2.0, 4.0])))
    np.testing.assert_allclose(back, 0.2, rtol=1e-4)
    assert tokens[1] > 10.0 * tokens[0]


def test_efficiency_of_compressed_models_is_recovered_from_their_losses():
    dense = dict(A=400.0, alpha=0.34, B=400.0, beta=0.28, E=1.7)
    params, tokens = np.geomspace(1e8, 1e10, 5), np.full(5, 1e11)
    law = sj.laws.get("compression_eff")
    loss = np.asarray(law({**dense, "eff": 0.63}, dict(params=params, tokens=tokens)))
    found = get("compression_eff")(dense, params, tokens, loss)
    np.testing.assert_allclose(found, 0.63, rtol=1e-3)
    with pytest.raises(LawError, match="at or below the dense law's for infinite size"):
        get("compression_eff")(dense, 1e9, 1e11, 1.0)


def test_layout_is_the_best_split_of_the_bits():
    theta = CAPYBARA.params
    for bits in (4.0, 8.0, 16.0):
        best = optimal_layout(theta, bits)
        assert best.exponent + best.mantissa == pytest.approx(bits - 1.0)
        at = dict(params=1e9, tokens=1e11, block_size=128.0)
        splits = best.exponent + np.array([-0.3, 0.0, 0.3])
        loss = np.asarray(CAPYBARA(**at, exponent_bits=splits, mantissa_bits=bits - 1.0 - splits))
        assert loss[1] == loss.min()


def test_critical_tokens_of_three_formats():
    tokens = get("fp_quant_training")(CAPYBARA.params, 1e9, [8, 4, 2], [7, 3, 1], 128.0)
    np.testing.assert_allclose(tokens / 1e12, [1729.5, 27.33, 0.393], rtol=2e-3)


def test_best_bits_rise_slowly_with_the_budget():
    bits = bits_for_budget(CAPYBARA.params, np.array([1e21, 1e26, 1e31]))
    assert 4.0 < bits[0] < bits[1] < bits[2] < 8.0
