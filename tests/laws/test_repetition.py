"""Laws of repeated data: golden values of the authors' notebook, limits and special cases."""

import jax
import numpy as np
import pytest

import scaling_jax as sj

COLUMNS = ("params", "tokens", "unique_tokens")


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def estimate():
    return sj.laws.get("data_constrained").published("c4")


def points(count: int = 40, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    spread = {"params": (1e7, 1e10), "tokens": (1e8, 1e12), "unique_tokens": (1e8, 1e11)}
    return {n: low * (high / low) ** rng.random(count) for n, (low, high) in spread.items()}


def optimal_params(t, unique):
    g = (t["alpha"] * t["A"] / (t["beta"] * t["B"])) ** (1 / (t["alpha"] + t["beta"]))
    return g * (g * unique) ** (t["beta"] / t["alpha"])


def as_printed(t, params, tokens, unique):
    """Transcribe the definitions of the paper, Eq. 5 and 6, in NumPy."""
    used = np.minimum(tokens, unique)
    repeats = np.maximum(tokens / used - 1, 0)
    needed = np.minimum(params, optimal_params(t, used))
    excess = np.maximum(params / needed - 1, 0)
    d_eff = used + used * t["R_D_star"] * (1 - np.exp(-repeats / t["R_D_star"]))
    n_eff = needed + needed * t["R_N_star"] * (1 - np.exp(-excess / t["R_N_star"]))
    return t["E"] + t["A"] / n_eff ** t["alpha"] + t["B"] / d_eff ** t["beta"]


@pytest.mark.parametrize(
    ("point", "golden"),
    [
        ((1e9, 2e10, 2e10), 2.564635033),
        ((1e9, 1e11, 1e10), 2.437692010),
        ((1e10, 1e11, 1e9), 2.761646709),
        ((1e8, 1e9, 1e9), 3.663801340),
    ],
)
def test_golden_values(estimate, point, golden):
    inputs = dict(zip(COLUMNS, point, strict=True))
    assert float(estimate(**inputs)) == pytest.approx(golden, abs=1e-9)


def test_agrees_with_the_definitions_at_any_tokens(estimate):
    x = points()
    expected = as_printed(estimate.params, *x.values())
    np.testing.assert_allclose(estimate.law(estimate.params, x), expected, rtol=1e-12)


def test_one_epoch_of_few_parameters_is_the_base_law(estimate):
    t = estimate.params
    base = sj.laws.get("data_constrained_c4_base").published("c4_tied")
    x = {"params": 0.9 * optimal_params(t, 1e10), "tokens": 1e10}
    assert float(estimate(**x, unique_tokens=1e10)) == pytest.approx(float(base(**x)), rel=1e-12)


def test_limits_of_endless_repetition_and_size(estimate):
    t, unique = estimate.params, 1e9
    needed = optimal_params(t, unique)
    endless = float(estimate(params=1e30, tokens=1e30, unique_tokens=unique))
    n_eff, d_eff = 6.309743 * needed, 16.387756 * unique  # 1 + the decay constants
    expected = t["E"] + t["A"] / n_eff ** t["alpha"] + t["B"] / d_eff ** t["beta"]
    assert endless == pytest.approx(expected, rel=1e-12)


def test_four_epochs_are_worth_nearly_four_and_sixteen_eleven(estimate):
    t, unique = estimate.params, 1e10
    for epochs, worth in ((4, 3.725673), (16, 10.582457)):
        params = 0.5 * optimal_params(t, unique)
        loss = float(estimate(params=params, tokens=epochs * unique, unique_tokens=unique))
        d_eff = ((loss - t["E"] - t["A"] / params ** t["alpha"]) / t["B"]) ** (-1 / t["beta"])
        assert d_eff / unique == pytest.approx(worth, abs=2e-6)


@pytest.mark.parametrize("decay", ["data", "params"])
def test_one_sided_laws_are_limits_of_the_full_one(decay, estimate):
    one_sided = sj.laws.get("data_constrained_one_sided", decay=decay)
    constant = {"data": "R_D_star", "params": "R_N_star"}[decay]
    x = points()
    x["tokens"] = np.maximum(x["tokens"], x["unique_tokens"])
    never = {"R_D_star": 1e12, "R_N_star": 1e12} | {constant: 3.0}
    full = estimate.law({**estimate.params, **never}, x)
    theta = {n: v for n, v in estimate.params.items() if not n.startswith("R_")}
    np.testing.assert_allclose(one_sided({**theta, constant: 3.0}, x), full, rtol=1e-6)


def test_the_two_spellings_of_the_geometric_decay_agree():
    law = sj.laws.get("data_constrained_geometric")
    t = law.published("c4_exponential")
    k_d, k_n = t.values["k_D"], t.values["k_N"]
    x = points()
    needed = np.minimum(x["params"], optimal_params(t.params, x["unique_tokens"]))

    def worth(once, multiple, k):
        return once * (1 - np.exp(-k * multiple)) / (1 - np.exp(-k))

    n_eff = worth(needed, x["params"] / needed, k_n)
    d_eff = worth(x["unique_tokens"], x["tokens"] / x["unique_tokens"], k_d)
    theta = t.params
    expected = (
        theta["E"] + theta["A"] / n_eff ** theta["alpha"] + theta["B"] / d_eff ** theta["beta"]
    )
    np.testing.assert_allclose(law(theta, x), expected, rtol=1e-11)


def test_decaying_exponents_let_repetition_hurt():
    law = sj.laws.get("data_constrained_exponent_decay")
    theta = law.published("c4_all").params | {"R_D_star": 50.0}
    losses = law(theta, dict(params=1e8, tokens=np.geomspace(1e9, 1e11, 20), unique_tokens=1e9))
    assert np.argmin(losses) not in (0, 19)
    x = {"params": 1e7, "tokens": 1e9}
    base = sj.laws.get("data_constrained_c4_base").published("c4_tied")
    assert float(law(theta, {**x, "unique_tokens": 1e9})) == pytest.approx(float(base(**x)))


def test_coordinates_invert_each_other(estimate):
    anchor, theta = estimate.law.anchor, estimate.params
    logs = {"params": 20.0, "tokens": 23.0, "unique_tokens": 21.0, "loss": 1.0}
    back = anchor.to_natural(anchor.from_natural(theta, logs), logs)
    assert {n: float(x) for n, x in back.items()} == pytest.approx(theta, rel=1e-12)


def test_a_fit_of_all_coefficients_recovers_them(estimate):
    x = points(120, seed=1)
    x["tokens"] = np.maximum(x["tokens"], x["unique_tokens"])
    loss = np.asarray(estimate.law(estimate.params, x))
    fit = sj.fit(estimate.law, sj.RunTable.from_columns({**x, "loss": loss}), starts=64)
    assert fit.params == pytest.approx(estimate.params, rel=1e-4)


def test_unlimited_parameters_leave_the_asymptote():
    found = sj.laws.get("infinite_compute_parameters").published("regularised_200m")
    values = found(params=np.array([0.15e9, 0.3e9, 0.6e9, 1.4e9, 1e30]))
    np.testing.assert_allclose(values, [3.776, 3.601, 3.514, 3.465, 3.43], atol=5e-4)


def test_the_evolved_law_counts_every_column_in_its_own_unit():
    law = sj.laws.get("sld_data_constrained")
    assert set(law.unit_columns) == {*COLUMNS, "loss"}
    theta = dict(c=1.5, A_T=300.0, A_P=400.0, A_U=200.0, a=0.3, b=0.35, g=0.25)
    x = dict(tokens=1e10, params=1e8, unique_tokens=1e9)
    expected = 1.5 + 300 * 1e10**-0.3 + 400 * 1e8**-0.35 + 200 * 1e9**-0.25
    assert float(law(theta, x)) == pytest.approx(expected, rel=1e-12)
