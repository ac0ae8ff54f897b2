"""Allocations against their own optimality conditions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.mixture_allocation import (
    autoscale,
    best_mixture,
    bimix_mixture,
    ddo_allocation,
    log_linear_extrapolation,
)


def test_autoscale_is_the_law_of_each_domain():
    estimates = sj.laws.get("autoscale").published()
    first, second = (np.array([e.params[n] for e in estimates.values()]) for n in ("N1", "N2"))
    tokens, proportions = autoscale(first, second)
    with jax.enable_x64(True):
        expected = [float(e(scale_steps=2.0)) for e in estimates.values()]
    np.testing.assert_allclose(tokens, expected, rtol=1e-12)
    printed = [0.23417, 0.02743, 0.19955, 0.14205, 0.30797, 0.07732, 0.01151]
    np.testing.assert_allclose(proportions, printed, atol=5e-6)


def test_autoscale_needs_the_same_domains():
    with pytest.raises(ProtocolError, match=r"not arrays of shapes \(2,\) and \(3,\)"):
        autoscale([1.0, 1.0], [1.0, 1.0, 1.0])
    with pytest.raises(ProtocolError, match="with other values"):
        autoscale([1.0, 0.0], [1.0, 1.0])


def test_ddo_has_equal_marginals_above_the_floor():
    a, b = np.array([2.0, 6.0, 2.5]), np.array([1.2, 1.4, 1.8])
    amounts = ddo_allocation(a, b, total=3.0)
    assert amounts.sum() == pytest.approx(3.0)
    marginal = b * (amounts + a) ** (-b - 1.0)
    inside = amounts > 0.2 + 1e-9
    np.testing.assert_allclose(marginal[inside], marginal[inside][0], rtol=1e-9)
    assert np.all(marginal[~inside] <= marginal[inside][0])
    with pytest.raises(ProtocolError, match="do not fit into a total of 0.5"):
        ddo_allocation(a, b, total=0.5)


def test_bimix_has_equal_marginals():
    theta = dict(A=[1.0, 2.0, 1.5], alpha=[0.1, 0.2, 0.05], B=[40.0, 30.0, 20.0],
                 beta=[0.4, 0.3, 0.35], C=[2.0, 1.0, 1.5])  # fmt: skip
    shares = bimix_mixture(theta, step=1e5)
    assert shares.sum() == pytest.approx(1.0)
    a, alpha, b, beta, c = (np.array(theta[n]) for n in ("A", "alpha", "B", "beta", "C"))
    marginal = alpha * a * (b * 1e5**-beta + c) * shares ** (-alpha - 1.0)
    np.testing.assert_allclose(marginal, marginal[0], rtol=1e-9)


def test_projektor_passes_through_both_sizes():
    first, second = jnp.array([3.0, 2.5]), jnp.array([2.4, 2.3])
    for log in (False, True):
        at = [log_linear_extrapolation((1e3, 1e4), (first, second), n, log=log) for n in (1e3, 1e4)]
        np.testing.assert_allclose(at[0], first, rtol=1e-6)
        np.testing.assert_allclose(at[1], second, rtol=1e-6)
    larger = log_linear_extrapolation((1e3, 1e4), (first, second), 1e5, log=True)
    np.testing.assert_allclose(larger, second**2 / first, rtol=1e-5)
    with pytest.raises(ProtocolError, match="0 < n0 < n1"):
        log_linear_extrapolation((1e4, 1e3), (1.0, 1.0), 1e5)


@pytest.fixture
def target() -> dict[str, float]:
    return dict(E=1.0, A=300.0, B=500.0, alpha=0.3, beta=0.35, C1=2.0, C2=1.0, C3=0.5,
                gamma1=0.5, gamma2=0.5, gamma3=0.5)  # fmt: skip


def test_one_target_with_equal_exponents_has_a_closed_form(target):
    law = sj.laws.get("optimal_mixture_additive", domains=3)
    found = best_mixture(law, [target], params=1e9, tokens=1e11)
    closed = np.array([2.0, 1.0, 0.5]) ** 2.0  # C**(1 / (1 - gamma))
    np.testing.assert_allclose(found.proportions, closed / closed.sum(), atol=1e-6)
    assert found.spread < 1e-5


def test_several_targets_have_equal_mean_marginals(target):
    law = sj.laws.get("optimal_mixture_additive", domains=3)
    other = {**target, "C1": 0.5, "C3": 3.0, "gamma2": 0.8}
    found = best_mixture(law, [target, other], params=1e9, tokens=1e11)
    assert found.spread < 1e-5
    for vertex in np.eye(3):
        nudged = 0.99 * found.proportions + 0.01 * vertex
        with jax.enable_x64(True):
            x = dict(params=1e9, tokens=1e11, proportions=nudged)
            assert np.mean([float(law(t, x)) for t in (target, other)]) > found.loss


def test_a_best_mixture_needs_a_law_over_mixtures(target):
    with pytest.raises(ProtocolError, match="chinchilla: a best mixture needs a law over mixtures"):
        best_mixture(sj.laws.get("chinchilla"), [target])
