"""Learning curves: the four estimators and their relatives, units, limits."""

import numpy as np
import pytest

import scaling_jax as sj

pytestmark = pytest.mark.usefixtures("float64")

X = np.geomspace(1.0, 1e12, 60)
M4 = dict(eps_inf=0.1, eps0=0.95, alpha=0.5, beta=300.0, c=-0.5)


def m(number, **options):
    return sj.laws.get(f"alabdulmohsin_m{number}", **options)


def test_m4_solves_its_equation():
    for alpha in (1e-3, 0.1, 1.0, 4.0):
        theta = {**M4, "alpha": alpha}
        eps = np.asarray(m(4)(theta, dict(examples=X)))
        assert np.all((theta["eps_inf"] <= eps) & (eps <= theta["eps0"]))
        inner = (eps > 0.1 + 1e-6) & (eps < 0.95 - 1e-6)  # elsewhere rounding decides
        left = (eps[inner] - 0.1) / (0.95 - eps[inner]) ** alpha
        np.testing.assert_allclose(left, 300.0 * X[inner] ** -0.5, rtol=1e-6)


def test_m4_with_a_vanishing_transition_is_m2():
    far = X[X > 1e7]  # where M2 is below the random-guess level
    two = m(2)(dict(eps_inf=0.1, beta=300.0, c=-0.5), dict(examples=far))
    four = m(4)({**M4, "alpha": 1e-6}, dict(examples=far))
    np.testing.assert_allclose(four, two, rtol=1e-5)


def test_m2_without_a_floor_is_m1_and_m3_without_saturation_too():
    one = m(1)(dict(beta=2.0, c=-0.3), dict(examples=X))
    two = m(2)(dict(eps_inf=0.0, beta=2.0, c=-0.3), dict(examples=X))
    three = m(3)(dict(beta=2.0, gamma=0.0, c=-0.3), dict(examples=X))
    np.testing.assert_allclose(two, one, rtol=1e-12)
    np.testing.assert_allclose(three, one, rtol=1e-12)


def test_m3_is_bansals_law_with_the_other_sign():
    bansal = sj.laws.get("bansal_d").published("en_de")
    t = bansal.params
    theta = dict(beta=t["alpha"], gamma=t["C"], c=-t["p"])
    np.testing.assert_allclose(
        m(3, output="loss")(theta, dict(examples=X)), bansal(examples=X), rtol=1e-12
    )


def test_bansal_counts_sentence_pairs_one_by_one():
    v = sj.laws.get("bansal_d").published("cds").values
    printed = v["alpha"] * (1.0 / 5.0 + v["C"]) ** v["p"]  # five million
    ours = sj.laws.get("bansal_d").published("cds")(examples=5e6)
    assert float(ours) == pytest.approx(printed, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "estimate"),
    [("kaplan_c", "kaplan"), ("henighan_c", "image_8x8"), ("henighan_c", "language")],
)
def test_pf_days_are_converted(name, estimate):
    found = sj.laws.get(name).published(estimate)
    floor = found.values.get("L_inf", 0.0)
    scale = next(found.values[n] for n in ("C_c", "C_0") if n in found.values)
    printed = floor + (scale / 3.0) ** found.values["alpha_C"]
    assert float(found(compute_flops=3.0 * 8.64e19)) == pytest.approx(printed, rel=1e-12)


def test_bnsl_with_one_break_and_no_floor_is_the_deceleration_law():
    found = sj.laws.get("zsl_bnsl").published("model_14m")
    inner = {name: found.params[name] for name in ("b", "c0", "c1", "d1", "f1")}
    steps = np.geomspace(100.0, 1e6, 30)
    bnsl = sj.laws.get("bnsl", breaks=1, x="step")
    np.testing.assert_allclose(
        found(step=steps), bnsl({"a": 0.0, **inner}, dict(step=steps)), rtol=1e-12
    )


def test_deceleration_extrapolates_as_printed_far_behind_the_break():
    p = sj.laws.get("zsl_bnsl").published("model_14m")
    t, late = p.params, 1e9
    line = t["b"] * t["d1"] ** -t["c0"] * (late / t["d1"]) ** -(t["c0"] + t["c1"])
    assert float(p(step=late)) == pytest.approx(line, rel=1e-4)


def test_m4_levels_cannot_cross_in_a_fit():
    anchor, logs = m(4).anchor, dict(examples=np.log(1e5), error=np.log(0.3))
    assert anchor is not None
    there = anchor.from_natural(M4, logs)
    assert anchor.to_natural(there, logs) == pytest.approx(M4, rel=1e-12)
    for height in (1e-3, 10.0):
        levels = anchor.to_natural({**there, "height": height}, logs)
        assert levels["eps_inf"] < levels["eps0"]


def test_any_column_can_be_scaled():
    curve = m(2, x="params", output="loss")
    assert curve.input_names == ("params",)
    assert curve.inputs[0].usual == (1e3, 1e14)
    assert m(2).inputs[0].usual == (1.0, 1e12)
