"""What is particular to the laws of precision, sparsity and distillation."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.laws.precision import effective_share

pytestmark = pytest.mark.usefixtures("float64")
BITS = dict(weight_bits=np.inf, activation_bits=np.inf, kv_bits=np.inf)


def test_many_bits_are_full_precision():
    kumar = sj.laws.get("precision_training").published("kumar").params
    full = {name: kumar[name] for name in ("A", "alpha", "B", "beta", "E")}
    point = dict(params=1e9, tokens=2e10)
    chinchilla = float(sj.laws.get("chinchilla")(full, point))
    law = sj.laws.get("precision_training")
    assert float(law(kumar, {**point, **BITS})) == pytest.approx(chinchilla, rel=1e-12)
    sixteen = dict.fromkeys(BITS, 16.0)
    assert float(law(kumar, {**point, **sixteen})) == pytest.approx(chinchilla, rel=2e-3)


def test_few_bits_of_one_part_shrink_the_model():
    kumar = sj.laws.get("precision_training").published("kumar").params
    law, tokens = sj.laws.get("precision_training"), 2e10
    share = 1.0 - np.exp(-4.0 / kumar["gamma_w"] + kumar["n_w"])
    low = float(law(kumar, dict(params=1e9, tokens=tokens, **{**BITS, "weight_bits": 4.0})))
    small = float(law(kumar, dict(params=share * 1e9, tokens=tokens, **BITS)))
    assert low == pytest.approx(small, rel=1e-12)
    assert share == pytest.approx(0.70, abs=0.005)


def test_diverging_training_keeps_a_small_share_with_a_finite_slope():
    share, slope = jax.value_and_grad(lambda p: effective_share(p, 2.2102, 1.4072))(3.0)
    assert float(share) == 1e-3
    assert float(slope) == 0.0


def test_unified_law_is_the_training_law_where_nothing_is_quantised():
    unified = sj.laws.get("precision_ptq", training="unified")
    kumar = sj.laws.get("precision_training").published("kumar").params
    after = sj.laws.get("precision_ptq").published("gptq").params
    theta = {**kumar, **after, **dict.fromkeys(("C_w", "C_a", "C_kv"), 0.5)}
    point = dict(params=1e9, tokens=2e10, **dict.fromkeys(BITS, 8.0))
    trained = float(sj.laws.get("precision_training")(kumar, point))
    for bits in (8.0, 12.0):  # no fewer bits than in training
        assert float(unified(theta, {**point, "post_bits": bits})) == pytest.approx(trained)
    added = float(unified(theta, {**point, "post_bits": 4.0})) - trained
    full = {**point, **BITS, "post_bits": 4.0}
    alone = sj.laws.get("precision_ptq").published("gptq")
    whole = float(unified(theta, full)) - float(sj.laws.get("precision_training")(kumar, full))
    expected = float(alone(params=1e9, tokens=2e10, post_bits=4.0))
    assert 0.0 < added < whole == pytest.approx(expected, rel=1e-9)


def test_printed_offset_is_part_of_the_amplitude():
    gptq = sj.laws.get("precision_ptq").published("gptq")
    v = gptq.values
    by_hand = v["C_T"] * 2e10 ** v["gamma_D"] / 1e9 ** v["gamma_N"]
    by_hand *= np.exp(v["b"] - 4.0 / v["gamma_post"])
    ours = float(gptq(params=1e9, tokens=2e10, post_bits=4.0))
    assert ours == pytest.approx(by_hand, rel=1e-12)


def test_quartet_at_the_catalogues_point_and_its_efficiencies():
    baseline = sj.laws.get("quartet").published("bf16")
    assert float(baseline(params=2e8, tokens=5e9)) == pytest.approx(2.8817, abs=5e-5)
    quest = sj.laws.get("quartet").published("mxfp4_quest")
    shrunk = float(baseline(params=0.64 * 2e8, tokens=0.83 * 5e9))
    assert float(quest(params=2e8, tokens=5e9)) == pytest.approx(shrunk, rel=1e-12)


def test_one_scale_an_element_leaves_no_error_and_a_finite_slope():
    law = sj.laws.get("qat_scaling")
    theta = law.published("w4a4").params

    def loss(group):
        return law(theta, dict(params=594e6, tokens=1e11, group_size=group))

    value, slope = jax.value_and_grad(loss)(1.0)
    assert (float(value), float(slope)) == (0.0, 0.0)
    assert float(loss(128.0)) == pytest.approx(0.057, abs=5e-4)


def test_quantisation_aware_loss_adds_the_error_to_the_dense_law():
    law = sj.laws.get("qat_scaling", output="loss")
    dense = dict(A=400.0, alpha=0.34, B=400.0, beta=0.28, E=1.7)
    added = sj.laws.get("qat_scaling").published("w4a16").params
    point = dict(params=594e6, tokens=1e11, group_size=64.0)
    whole = float(law({**dense, **added}, point))
    plain = float(sj.laws.get("chinchilla")(dense, point))
    assert whole - plain == pytest.approx(float(sj.laws.get("qat_scaling")(added, point)))


def test_floating_point_noise_turns_more_data_into_harm():
    law = sj.laws.get("fp_quant_training").published("capybara")
    point = dict(params=1e9, exponent_bits=2.0, mantissa_bits=1.0, block_size=128.0)
    tokens = 0.393e12 * np.array([0.5, 1.0, 2.0])
    loss = np.asarray(law.law(law.params, {**point, "tokens": tokens}))
    assert loss[1] < min(loss[0], loss[2])


def test_compression_is_a_smaller_model():
    dense = dict(A=400.0, alpha=0.34, B=400.0, beta=0.28, E=1.7)
    law = sj.laws.get("compression_eff")
    compressed = float(law({**dense, "eff": 0.7}, dict(params=1e9, tokens=1e10)))
    plain = float(sj.laws.get("chinchilla")(dense, dict(params=0.7e9, tokens=1e10)))
    assert compressed == pytest.approx(plain, rel=1e-12)
