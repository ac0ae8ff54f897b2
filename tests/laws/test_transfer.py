"""Laws of transfer: limits, printed points, special cases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError

D_CPT = dict(E=0.8, A=50.0, B=900.0, C=0.05, alpha=0.3, beta=0.4, gamma=0.6, eta=0.2, eps=0.1)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def test_the_rectified_law_is_flat_then_a_power():
    law = sj.laws.get("rectified_finetuning")
    t = dict(B=563.8, D_l=166.1, beta=0.4553, E=1.0692)
    assert float(law(t, dict(examples=0.0))) == pytest.approx(t["B"] / t["D_l"] + t["E"])
    assert float(law(t, dict(examples=1e-10))) == pytest.approx(
        t["B"] / t["D_l"] + t["E"], rel=1e-6
    )
    slope = jax.grad(lambda log: jnp.log(law(t, dict(examples=jnp.exp(log))) - t["E"]))
    assert float(slope(jnp.log(1e-3))) == pytest.approx(0.0, abs=1e-3)
    assert float(slope(jnp.log(1e15))) == pytest.approx(-t["beta"], rel=1e-3)
    assert np.isfinite(float(jax.grad(lambda x: law(t, dict(examples=x)))(0.0)))


def test_without_pre_learned_data_it_is_a_power_law():
    law, examples = sj.laws.get("rectified_finetuning"), np.array([200.0, 1e5])
    values = law(dict(B=3.0, D_l=1e-300, beta=0.2, E=1.0), dict(examples=examples))
    np.testing.assert_allclose(values, 3.0 * examples**-0.2 + 1.0, rtol=1e-12)
    vanilla = sj.laws.get("vanilla_finetuning")(
        dict(B=3.0, beta=0.2, E=1.0, alpha=1.0), dict(examples=examples)
    )
    np.testing.assert_allclose(values, vanilla, rtol=1e-12)


def test_pre_learned_examples_are_counted_as_examples():
    law = sj.laws.get("sld_sft")
    theta = dict(A=14.4, B=0.5, C=4319.0, alpha=0.147)
    logs = {"examples": np.log(1e3), "loss": 0.0}
    scaled = law.rescaled(theta, logs)
    assert scaled["C"] == pytest.approx(4319e3)
    assert float(law(theta, dict(examples=2.0))) == pytest.approx(
        float(law(scaled, dict(examples=2000.0))), rel=1e-12
    )


@pytest.mark.parametrize(
    ("method", "small", "large"),
    [("full", 1.196, 0.825), ("lora", 1.096, 0.766), ("prompt", 1.165, 0.780)],
)
def test_finetuning_of_en_de(method, small, large):
    found = sj.laws.get("llm_finetuning_joint").published(f"en_de_{method}_params")
    values = found(params=np.array([1e9, 16e9]), examples=np.array([1e5, 1e6]))
    np.testing.assert_allclose(values, [small, large], atol=1e-3)


def test_each_factor_of_finetuning_has_its_own_column():
    for x in ("params", "tokens", "pet_size"):
        assert sj.laws.get("llm_finetuning_joint", x=x).input_names == (x, "examples")
    with pytest.raises(LawError, match="has no x 'pet_sizes'; did you mean pet_size"):
        sj.laws.get("llm_finetuning_joint", x="pet_sizes")


def test_the_three_outputs_of_transfer_belong_together():
    theta = sj.laws.get("transfer_effective_data").published("text").params
    x = dict(finetuning_data=np.array([3e5, 1e7]), params=np.array([4e7, 1e9]))
    transferred, effective, multiplier = (
        np.asarray(sj.laws.get("transfer_effective_data", output=output)(theta, x))
        for output in ("transferred_data", "effective_data", "data_multiplier")
    )
    expected = 19000.0 * x["finetuning_data"] ** 0.18 * x["params"] ** 0.38
    np.testing.assert_allclose(transferred, expected, rtol=1e-12)
    np.testing.assert_allclose(effective, x["finetuning_data"] + transferred, rtol=1e-12)
    np.testing.assert_allclose(multiplier, effective / x["finetuning_data"], rtol=1e-12)


def test_domain_loss_is_finite_without_the_domain():
    law = sj.laws.get("d_cpt")
    x = dict(params=1e9, tokens=1e10, domain_proportion=0.0)
    assert float(law(D_CPT, x)) == pytest.approx(0.8 + 50.0 * 1e9**-0.3 + 0.05 * 0.1**-0.6)
    slope = jax.grad(lambda r: law(D_CPT, {**x, "domain_proportion": r}))(0.0)
    assert np.isfinite(float(slope))


def test_more_data_help_more_where_the_domain_is_larger():
    """The paper's design requirement d2L / dD dr < 0."""
    law = sj.laws.get("d_cpt")

    def loss(tokens, share):
        return law(D_CPT, dict(params=1e9, tokens=tokens, domain_proportion=share))

    mixed = jax.grad(jax.grad(loss, argnums=0), argnums=1)
    assert all(float(mixed(1e10, share)) < 0.0 for share in (0.1, 0.5, 0.9))


def test_learnable_domains_have_a_lower_loss():
    theta = {**D_CPT, "F": 0.5, "mu": 0.7, "w1": 1.0, "w2": 10.0}
    x = dict(params=1e9, tokens=1e10, domain_proportion=0.3, initial_loss=2.0, loss_decline=0.05)
    value = float(sj.laws.get("cross_domain_d_cpt")(theta, x))
    three = {n: x[n] for n in ("params", "tokens", "domain_proportion")}
    within = float(sj.laws.get("d_cpt")(D_CPT, three))
    assert value == pytest.approx(within + 0.5 * (0.5 + 0.5) ** -0.7, rel=1e-12)


def test_critical_shares_rise_with_tokens_and_size():
    found = sj.laws.get("cmr").published()
    shares = np.array([found[n](tokens=np.array([4e9, 2e10, 1e11])) for n in found])
    assert np.all(np.diff(shares, axis=1) > 0.0)
    assert np.all(np.diff(shares[:, 1]) > 0.0)
    assert np.all((shares > 0.0) & (shares < 1.0))


def test_scores_are_powers_of_a_logarithm():
    law = sj.laws.get("downstream_bleu_log_law")
    theta = dict(A=1e-6, alpha=0.8, beta=1.5)
    value = float(law(theta, dict(tokens=1e10)))
    assert value == pytest.approx(np.log(1e-6 * 1e10**0.8) ** 1.5, rel=1e-12)
    assert float(law(theta, dict(tokens=1e7))) == 0.0  # A * D**alpha < 1 has no such power
    assert np.isfinite(float(jax.grad(lambda d: law(theta, dict(tokens=d)))(1e7)))


def test_continuing_without_gamma_is_training_from_scratch():
    law = sj.laws.get("cross_lingual_cpt")
    scratch = law.published("from_scratch").params
    chinchilla = {n: scratch[n] for n in ("E", "A", "alpha")} | {"B": 719.5, "beta": 0.3}
    x = dict(params=np.array([5e7, 5e9]), tokens=np.array([1e9, 1e11]))
    np.testing.assert_allclose(
        law(scratch, x), sj.laws.get("chinchilla")(chinchilla, x), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("params", "crossing"), [(5e7, 2.3e8), (5e8, 1.5e9), (1.4e9, 3.3e9), (5.5e9, 9.9e9)]
)
def test_the_printed_cross_lingual_table_contradicts_its_text(params, crossing):
    """A finding: by the printed digits continuing is worse beyond these tokens."""
    found = sj.laws.get("cross_lingual_cpt").published()
    for tokens, worse in ((0.9 * crossing, False), (1.1 * crossing, True)):
        x = dict(params=params, tokens=tokens)
        assert (float(found["continued"](**x)) > float(found["from_scratch"](**x))) == worse
