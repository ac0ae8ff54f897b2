"""What is particular to the laws of shape."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.protocols.shape import optimal_dimension

pytestmark = pytest.mark.usefixtures("float64")


def test_gemstones_amplitudes_are_printed_as_logarithms():
    estimate = sj.laws.get("gemstones_wd").published("all")
    assert estimate.params["F"] == pytest.approx(np.exp(10.4720427681))
    far = {name: np.inf for name in ("width", "depth", "params", "tokens")}
    law = sj.laws.get("gemstones_wd")
    assert float(law(estimate.params, far)) == pytest.approx(np.exp(0.4282048563))


def test_sovit_optimum_has_no_slope():
    law = sj.laws.get("sovit_shape")
    theta = dict(alpha_k=3.0, a_k=0.6, beta_k=0.02, b_k=0.8, xi_k=2.0, c=0.3, eps_k=0.1)
    compute = 1e12
    parts = {name: theta[name] for name in ("alpha_k", "a_k", "beta_k", "b_k", "c")}
    best = float(optimal_dimension(compute, **parts))
    slope = jax.grad(lambda x: law(theta, dict(shape_dimension=x, compute_flops=compute)))
    assert abs(float(slope(best)) * best) < 1e-12
    assert float(slope(0.5 * best)) < 0.0 < float(slope(2.0 * best))


def test_bian_exponents_are_tied_in_the_estimates():
    law = sj.laws.get("bian_shape")
    tied, free = law.published("tied").params, law.published("free_gamma").params
    assert tied["beta"] == tied["gamma"] == tied["alpha"] == 0.614574
    assert free["beta"] == free["alpha"] == 0.609582
    assert free["gamma"] == 1.256066
    assert law.published("without_shape").missing == ("eps", "gamma")


def test_bian_shape_multiplies_the_loss():
    law, theta = sj.laws.get("bian_shape"), sj.laws.get("bian_shape").published("tied").params
    point = dict(params=1e9, tokens=2e10, aspect_ratio=100.0)
    plain = theta["E"] + theta["A"] / 1e9 ** theta["alpha"] + theta["B"] / 2e10 ** theta["alpha"]
    factor = 1.0 + theta["eps"] * 100.0 ** theta["gamma"]
    assert float(law(theta, point)) == pytest.approx(plain * factor, rel=1e-12)


def test_fast_scaling_spends_the_flops():
    factors = {
        name: float(sj.laws.get("fast_model_scaling", output=name)(dict(alpha=0.7), dict(
            flops_factor=8.0)))
        for name in ("depth", "width", "resolution", "activations", "params")
    }  # fmt: skip
    d, w, r = (factors[name] for name in ("depth", "width", "resolution"))
    assert d * w**2 * r**2 == pytest.approx(8.0)
    assert factors["activations"] == pytest.approx(d * w * r**2)
    assert factors["params"] == pytest.approx(d * w**2)


def test_stacking_growth_is_written_in_decimal_logarithms():
    estimate = sj.laws.get("stacking_growth").published("published")
    compute = 6 * 7e9 * 2e12
    expected = 10 ** (0.88 * np.log10(7e9) + 163.27 / np.log10(compute) - 5.74)
    assert float(estimate(params=7e9, compute_flops=compute)) == pytest.approx(expected, rel=1e-9)
