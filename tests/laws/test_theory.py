"""What is particular to the laws that models of learning predict."""

import jax
import numpy as np
import pytest
from scipy.special import zeta

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.laws.zeta import hurwitz_zeta
from scaling_jax.protocols.random_features import power_spectrum, random_feature_loss

pytestmark = pytest.mark.usefixtures("float64")


def test_hurwitz_zeta_and_its_derivatives():
    s, q = np.meshgrid([1.05, 1.4, 2.0, 5.0], [0.5, 1.0, 7.0, 1e4])
    np.testing.assert_allclose(hurwitz_zeta(s, q), zeta(s, q), rtol=1e-12)
    for argnum in (0, 1):
        point = [1.7, 2.5]
        slope = float(jax.grad(hurwitz_zeta, argnum)(*point))
        up, down = ([x + (h if k == argnum else 0) for k, x in enumerate(point)]
                    for h in (1e-6, -1e-6))  # fmt: skip
        assert slope == pytest.approx((zeta(*up) - zeta(*down)) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(("alpha", "features", "samples"), [(1.0, 40, 160), (0.4, 300, 30)])
def test_solvable_model_agrees_with_bisection_over_the_spectrum(alpha, features, samples):
    law = sj.laws.get("maloney_solvable", latent=500)
    theta = dict(alpha=alpha, lambda_plus=3.0, sigma_w=0.5)
    ours = float(law(theta, dict(features=float(features), samples=float(samples))))
    spectrum = power_spectrum(500, alpha, 3.0)
    assert ours == pytest.approx(random_feature_loss(features, samples, spectrum, 0.5), rel=1e-10)


def test_solvable_model_is_symmetric_and_infinite_at_the_peak():
    law = sj.laws.get("maloney_solvable", latent=500)
    theta = dict(alpha=1.0, lambda_plus=1.0, sigma_w=1.0)
    one = float(law(theta, dict(features=20.0, samples=90.0)))
    assert float(law(theta, dict(features=90.0, samples=20.0))) == pytest.approx(one, rel=1e-12)
    assert np.isinf(float(law(theta, dict(features=50.0, samples=50.0))))


def test_solvable_model_of_the_catalogues_simulations():
    law = sj.laws.get("maloney_solvable", latent=4000)
    theta = dict(alpha=1.0, lambda_plus=1.0, sigma_w=1.0)
    loss = law(theta, dict(features=np.array([40.0, 400.0]), samples=np.array([160.0, 80.0])))
    np.testing.assert_allclose(loss, [0.0796, 0.0375], atol=6e-5)


def test_a_latent_dimension_is_a_whole_number():
    with pytest.raises(LawError, match="2 to 100000 latent dimensions, not 1"):
        sj.laws.get("maloney_solvable", latent=1)


def test_quanta_by_the_exact_sum_and_far_out_by_the_asymptote():
    theta = dict(a=0.2, b=0.7, alpha=0.8)
    exact = sj.laws.get("michaud_quantization")
    frequencies = np.arange(1.0, 7.0) ** -1.8 / zeta(1.8)
    by_hand = 0.2 * frequencies.sum() + 0.7 * (1.0 - frequencies.sum())
    assert float(exact(theta, dict(quanta=6.0))) == pytest.approx(by_hand, rel=1e-12)
    assert float(exact(theta, dict(quanta=0.0))) == pytest.approx(0.7)
    members = {
        "params": (dict(c=50.0), dict(params=50.0 * 1e6)),
        "examples": (dict(tau=3.0), dict(examples=3.0 * zeta(1.8) * 1e6**1.8)),
        "step": (dict(S_0=2.0), dict(step=2.0 * 1e6**1.8)),
    }
    expected = float(exact(theta, dict(quanta=1e6)))
    for name, (scale, at) in members.items():
        value = float(sj.laws.get("michaud_quantization", x=name)({**theta, **scale}, at))
        assert value == pytest.approx(expected, rel=1e-6), name


def test_regimes_have_their_exponents():
    for regime, at, theta in (
        ("variance_data", "examples", dict(L_inf=0.0, c_D=5.0)),
        ("variance_width", "width", dict(L_inf=0.0, c_P=5.0)),
        ("resolution_data", "examples", dict(A_D=5.0, alpha_D=1.0)),
        ("resolution_width", "width", dict(A_P=5.0, alpha_P=1.0)),
    ):
        law = sj.laws.get("bahri_four_regimes", regime=regime)
        np.testing.assert_allclose(law(theta, {at: np.array([10.0, 20.0])}), [0.5, 0.25])


def test_sixteen_offsets_share_one_width_term():
    published = sj.laws.get("superposition_width").published()
    offsets = {n: e for n, e in published.items() if "L_rest" in e.values}
    assert len(offsets) == 16
    reducible = {float(e(width=1024.0)) - e.values["L_rest"] for e in offsets.values()}
    assert np.ptp(list(reducible)) < 1e-12
    assert published["gpt2_pile"].values["L_rest"] == 1.9413
    with pytest.raises(LawError, match="does not give 'L_rest'|does not give L_rest"):
        published["shared"](width=1024.0)


def test_layers_lose_an_equal_factor_each():
    theta = dict(PR_1=0.8, rho=0.9)
    for name in ("next_token_law", "law_next_token"):
        value = np.asarray(sj.laws.get(name)(theta, dict(layer=np.array([1.0, 2.0, 5.0]))))
        np.testing.assert_allclose(value, [0.8, 0.72, 0.8 * 0.9**4])


def test_resistance_to_attacks_does_not_depend_on_their_length():
    attack = sj.laws.get("adv_activation_attack")
    chi = sj.laws.get("adv_activation_attack", output="resistance")
    resistance = float(
        chi(dict(kappa=100.0), dict(width=2048.0, bits_per_dimension=16.0, vocab_size=65536.0))
    )
    for attacked in (1.0, 4.0):
        controlled = float(attack(dict(kappa=100.0), dict(attacked_tokens=attacked)))
        assert attacked * 2048 * 16 / (controlled * 16) == pytest.approx(resistance)


def test_autoencoders_at_their_printed_coefficients():
    compute = sj.laws.get("sae_loss_compute").published("gpt4_activations")
    value = float(compute(compute_share=1e-7))
    assert value == pytest.approx(0.09 + 0.056 * 1e-7**-0.084, rel=1e-12)
    joint = sj.laws.get("sae_loss_nk").published("gpt4_activations")
    grid = dict(latents=np.array([1e4, 1e6, np.inf]), active_latents=np.full(3, 32.0))
    loss = np.asarray(joint.law(joint.params, grid))
    assert loss[0] > loss[1] > loss[2]
    assert loss[2] == pytest.approx(np.exp(-1.32) * 32.0**-0.085)
