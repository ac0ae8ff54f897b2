"""Translation laws: limits, normalisers, synergy, and the shapes that the claims speak of."""

import numpy as np
import pytest

import scaling_jax as sj

BIVARIATE = dict(alpha=1.2, pe=0.2, pd=0.25, L_inf=1.1)
PAIR = dict(beta_1i=40.0, alpha_i=0.25, Linf_i=0.9, c1=0.3, c2=0.6, c3=1.4)


def test_the_normalisers_only_choose_what_the_amplitude_means(float64):
    law = sj.laws.get("nmt_bivariate")
    assert law.free_names == ("alpha", "pe", "pd", "L_inf")
    sizes = dict(encoder_params=np.array([3e7, 2e9]), decoder_params=np.array([8e8, 1e7]))
    other = law.fix(Ne_bar=5e7, Nd_bar=2e8)
    moved = BIVARIATE | {"alpha": 1.2 * (1e8 / 5e7) ** 0.2 * (1e8 / 2e8) ** 0.25}
    np.testing.assert_allclose(other(moved, sizes), law(BIVARIATE, sizes), rtol=1e-13)


def test_proportional_scaling_is_a_power_law(float64):
    law = sj.laws.get("nmt_bivariate")
    size = np.geomspace(1e7, 1e10, 5)
    excess = law(BIVARIATE, dict(encoder_params=0.4 * size, decoder_params=0.6 * size)) - 1.1
    slopes = np.diff(np.log(excess)) / np.diff(np.log(size))
    np.testing.assert_allclose(slopes, -(0.2 + 0.25), rtol=1e-9)


def test_joint_law_meets_kaplans_form_and_its_limits(float64):
    estimate = sj.laws.get("gordon_nmt_joint").published("de_en")
    t = estimate.params
    kaplan = sj.laws.get("kaplan_nd")(
        dict(N_c=t["N_C"], D_c=t["D_C"], alpha_N=t["alpha_N"], alpha_D=t["alpha_D"]),
        dict(params=1e7, tokens=1e8),
    )
    assert float(estimate(params=1e7, data_bytes=1e8)) == pytest.approx(float(kaplan), rel=1e-13)
    data_only = (t["D_C"] / 1e8) ** t["alpha_D"]
    assert float(estimate(params=1e30, data_bytes=1e8)) == pytest.approx(data_only, rel=1e-4)


def test_a_pair_alone_is_bilingual_and_no_weight_is_no_model(float64):
    law = sj.laws.get("mnmt_joint")
    alone = 0.9 + 40.0 * 1e8**-0.25
    assert float(law(PAIR, dict(params=1e8, sampling_weight=1.0))) == pytest.approx(alone)
    assert np.isinf(law(PAIR, dict(params=1e8, sampling_weight=0.0)))


def test_without_synergy_the_weight_is_the_effective_fraction(float64):
    law = sj.laws.get("mnmt_joint")
    given = dict(params=1e8, sampling_weight=0.3)
    no_synergy = float(law(PAIR | {"c1": 0.0}, given))
    assert no_synergy == pytest.approx(0.9 + 40.0 * 3e7**-0.25)
    assert float(law(PAIR, given)) < no_synergy


def test_effective_fraction_is_that_of_the_law(float64):
    law, p = sj.laws.get("mnmt_joint"), 0.3
    beta_p = (float(law(PAIR, dict(params=1e8, sampling_weight=p))) - 0.9) * 1e8**0.25
    fraction = sj.protocols.get("mnmt_joint")(beta_p, 40.0, 0.25)
    assert fraction == pytest.approx(p + 0.3 * p**0.6 * (1 - p) ** 1.4)


def test_recalled_formulas_are_marked():
    assert not sj.laws.get("nmt_bleu_loss").verified
    assert sj.laws.get("mnmt_joint").verified
