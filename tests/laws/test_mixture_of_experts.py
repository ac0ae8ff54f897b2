"""What is particular to the laws of experts."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.fitting.coordinates import Coordinates

pytestmark = pytest.mark.usefixtures("float64")
EXPERTS = np.array([1.0, 2.0, 8.0, 64.0, 512.0])


def at(name, theta, **inputs):
    return np.asarray(sj.laws.get(name)(theta, inputs))


def test_one_expert_counts_as_the_start_and_infinitely_many_as_the_end():
    theta = sj.laws.get("clark_routed").published("s_base").params
    for experts, effective in ((1.0, theta["E_start"]), (np.inf, theta["E_max"])):
        log_n, log_e = np.log10(1e8), np.log10(effective)
        line = theta["a"] * log_n + theta["b"] * log_e + theta["c"] * log_n * log_e + theta["d"]
        loss = at("clark_routed", theta, params=1e8, experts=experts)
        assert float(loss) == pytest.approx(10.0**line, rel=1e-12)


def test_effective_size_has_the_loss_of_the_routed_model():
    """Two laws, one statement: L(N, E) = L(N_eff(N, E), 1)."""
    theta = sj.laws.get("clark_routed").published("rl_r").params
    shared = {name: theta[name] for name in ("a", "b", "c", "E_start", "E_max")}
    size = at("clark_epc", shared, params=np.full(5, 1e8), experts=EXPERTS)
    assert size[0] == pytest.approx(1e8, rel=1e-12)
    assert np.all(np.diff(size) > 0.0)
    routed = at("clark_routed", theta, params=np.full(5, 1e8), experts=EXPERTS)
    dense = at("clark_routed", theta, params=size, experts=np.ones(5))
    np.testing.assert_allclose(dense, routed, rtol=1e-12)


def test_without_saturation_the_bilinear_law_is_its_limit():
    wide = dict(a=-0.08, b=-0.1, c=0.005, d=1.1)
    law = sj.laws.get("clark_separable", interaction=True)
    ours = np.asarray(law(wide, dict(params=np.full(4, 1e8), experts=EXPERTS[1:])))
    saturated = at(
        "clark_routed",
        wide | dict(E_start=1.0 + 1e-12, E_max=1e12),
        params=np.full(4, 1e8),
        experts=EXPERTS[1:],
    )
    np.testing.assert_allclose(ours, saturated, rtol=1e-8)


def test_coordinates_of_the_bilinear_laws_lead_back_to_their_coefficients():
    theta = sj.laws.get("clark_routed").published("hash").params
    cases = {"clark_routed": theta}
    cases["clark_flops_utilisation"] = {
        "a": -0.08, "b": -0.25, "c": 0.01, "d": 1.0, "B_start": 1e-7, "B_max": 1e-4,
    }  # fmt: skip
    for name, values in cases.items():
        law = sj.laws.get(name)
        logs = {"params": 18.0, "loss": 1.0, "flops_per_step": 33.0, "params_total": 20.0}
        coordinates = Coordinates(law)
        back = coordinates.to_natural(coordinates.from_natural(values, logs), logs)
        for parameter, value in values.items():
            assert float(back[parameter][()]) == pytest.approx(value, rel=1e-9), (name, parameter)


def test_recovers_the_bilinear_law_from_its_own_losses():
    truth = sj.laws.get("clark_routed").published("s_base")
    sizes, experts = np.meshgrid(np.geomspace(1e7, 1e9, 5), [1, 2, 8, 32, 128, 512])
    columns = {"params": sizes.ravel(), "experts": experts.ravel().astype(float)}
    loss = np.asarray(truth.law(truth.params, columns))
    runs = sj.RunTable.from_columns({**columns, "loss": loss})
    found = sj.fit("clark_routed", runs, sj.Squared(), starts=16)
    for name, value in truth.params.items():
        assert found.params[name] == pytest.approx(value, rel=1e-4), name


def test_utilisation_of_routed_models_explains_what_size_does_not(shared_data):
    """Parameters a FLOP stand for the experts, whatever their number a token and layer."""
    runs = sj.datasets.load("routed_moe").where("step == 249000")
    found = sj.fit("clark_flops_utilisation", runs, sj.Squared(), starts=16)
    assert found.r_squared > 0.96
    assert found.params["a"] < 0.0 < found.params["c"]


def test_granularity_one_is_the_coarsest_model_and_infinitely_fine_ones_have_a_limit():
    law, theta = sj.laws.get("krajewski_moe"), sj.laws.get("krajewski_moe").published("moe").params
    point = dict(params=1e10, tokens=1e11)
    loss = [float(law(theta, {**point, "granularity": g})) for g in (1.0, 4.0, np.inf)]
    assert loss[0] > loss[1] > loss[2]
    dense = {name: theta[name] for name in ("c", "a", "alpha", "b", "beta")}
    limit = float(sj.laws.get("krajewski_moe", model="dense")(dense, point))
    assert loss[2] == pytest.approx(limit, rel=1e-12)


def test_joint_law_at_the_catalogues_points():
    joint = sj.laws.get("joint_moe").published("joint").params
    experts = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    point = dict(active_params=np.full(6, 1e9), tokens=np.full(6, 2e10), experts=experts)
    printed = [2.578, 2.559, 2.535, 2.509, 2.481, 2.455]
    np.testing.assert_allclose(at("joint_moe", joint, **point), printed, atol=5e-4)
    infinite = {**point, "active_params": np.full(6, np.inf), "tokens": np.full(6, np.inf)}
    np.testing.assert_allclose(at("joint_moe", joint, **infinite), joint["c"])


def test_leverage_of_a_dense_model_is_one_and_the_margins_are_its_sections():
    joint = sj.laws.get("efficiency_leverage").published("joint").params
    point = dict(activation_ratio=1.0, granularity=1.0, compute_flops=1e20)
    assert at("efficiency_leverage", joint, **point) == pytest.approx(1.0, abs=0.02)
    margin = sj.laws.get("efficiency_leverage", of="activation")
    exponent = joint["a"] + joint["d"] * 20.0
    of_activation = dict(a_A=exponent, A_start=joint["A_start"], A_max=joint["A_max"])
    ratios = np.array([0.01, 0.1, 0.5])
    sections = dict(granularity=np.ones(3), compute_flops=np.full(3, 1e20))
    whole = at("efficiency_leverage", joint, activation_ratio=ratios, **sections)
    np.testing.assert_allclose(margin(of_activation, dict(activation_ratio=ratios)), whole)


def test_sparsity_splits_size_between_total_and_active():
    theta = sj.laws.get("abnar_moe_sparsity").published("abnar").params
    far = dict(params=np.inf, tokens=np.inf, sparsity=0.0)
    limit = theta["c"] + theta["e"]
    assert float(at("abnar_moe_sparsity", theta, **far)) == pytest.approx(limit)
    dense = dict(params=1e9, tokens=1e10, sparsity=0.0)
    by_hand = (
        theta["a"] * 1e9 ** -theta["alpha"] + theta["b"] * 1e10 ** -theta["beta"]
        + theta["c"] + theta["d"] * 1e9 ** -theta["gamma"] + theta["e"]
    )  # fmt: skip
    assert float(at("abnar_moe_sparsity", theta, **dense)) == pytest.approx(by_hand, rel=1e-12)


def test_yun_reduces_to_chinchilla_without_interaction():
    theta = dict(A=400.0, B=0.1, C=400.0, F=1.5, alpha=0.34, beta=0.3, gamma=0.28, d=0.0)
    theta |= dict(E_start=2.0, E_max=200.0)
    value = at("yun_moe", theta, params=1e9, tokens=1e10, experts=np.inf)
    chinchilla = dict(E=1.5 + 0.1 * 200.0**-0.3, A=400.0, B=400.0, alpha=0.34, beta=0.28)
    expected = at("chinchilla", chinchilla, params=1e9, tokens=1e10)
    assert float(value) == pytest.approx(float(expected), rel=1e-12)


def test_options_that_do_not_exist_are_refused():
    with pytest.raises(LawError, match="krajewski_moe has no model"):
        sj.laws.get("krajewski_moe", model="sparse")
    with pytest.raises(LawError, match="efficiency_leverage has no of"):
        sj.laws.get("efficiency_leverage", of="everything")
