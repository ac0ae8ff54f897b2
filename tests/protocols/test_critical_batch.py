"""Critical batches of made-up runs and gradients whose noise is known."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.critical_batch import (
    batch_at_overhead,
    branched_critical_batch,
    critical_batch_of_loss,
    curvature_noise_scale,
    fit_trade_off,
    noise_scale,
    noise_scale_of_norms,
    smoothed,
    square_root_rule,
    trade_off_at_loss,
)

BATCH = np.geomspace(1e4, 1e7, 7)


@settings(max_examples=25)
@given(st.floats(1e2, 1e6), st.floats(1e5, 1e7))
def test_trade_off_gives_back_its_hyperbola(least_steps, critical):
    steps = least_steps * (1.0 + critical / BATCH)
    with jax.enable_x64(True):
        found = fit_trade_off(BATCH, steps)
        assert float(found.S_min) == pytest.approx(least_steps, rel=1e-6)
        assert float(found.critical_batch) == pytest.approx(critical, rel=1e-6)
        np.testing.assert_allclose(found.steps(BATCH) * BATCH, found.examples(BATCH), rtol=1e-9)


def test_trade_off_of_many_targets_at_once():
    critical = np.array([1e5, 1e6])[:, None]
    found = fit_trade_off(np.stack([BATCH, BATCH]), 1e3 * (1.0 + critical / BATCH))
    np.testing.assert_allclose(found.critical_batch, [1e5, 1e6], rtol=1e-3)


def test_kaplans_analysis_gives_back_the_law():
    loss = np.array([2.5, 3.0, 4.0])
    critical = 2.1e8 / loss ** (1 / 0.21)
    steps = np.array([3e4, 8e3, 2e3])[:, None] * (1.0 + critical[:, None] / BATCH)
    with jax.enable_x64(True):
        law, trade_off = critical_batch_of_loss(loss, BATCH, steps)
        assert float(-1.0 / law.exponent) == pytest.approx(0.21, rel=1e-6)
        assert float(law.amplitude) == pytest.approx(2.1e8, rel=1e-6)
    np.testing.assert_allclose(trade_off.S_min, [3e4, 8e3, 2e3], rtol=1e-6)


def test_runs_without_a_trade_off_are_refused():
    steps = np.stack([1e3 * (1.0 + 1e6 / BATCH), 1e3 * (BATCH / 1e4)])
    with pytest.raises(ProtocolError, match="runs to a loss of 3 show no trade-off"):
        critical_batch_of_loss(np.array([2.0, 3.0]), BATCH, steps)


def test_overhead_of_a_fifth_is_a_fifth_of_the_critical_batch():
    found = batch_at_overhead(BATCH, 2e3 * (1.0 + 1e6 / BATCH))
    assert float(found) == pytest.approx(2e5, rel=1e-3)


def test_noise_scale_is_unbiased_by_the_number_of_examples():
    rng = np.random.default_rng(0)
    mean, spread = np.full(20, 0.5), 2.0
    exact = 20 * spread**2 / np.sum(mean**2)
    gradients = mean + spread * rng.normal(size=(400, 50, 20))
    found = np.mean([1.0 / float(noise_scale(g)) for g in gradients[:200]])
    assert 1.0 / found == pytest.approx(exact, rel=0.1)  # the mean of |G|**2 is unbiased
    biased = np.mean([np.sum(g.mean(0) ** 2) / np.sum(g.var(0)) for g in gradients[:200]])
    assert abs(1.0 / biased - exact) > 0.2 * exact


def test_norms_at_two_batches_give_the_noise_scale():
    assert float(noise_scale_of_norms(2.0 + 90.0 / 8, 2.0 + 90.0 / 64, 8, 64)) == pytest.approx(45)


def test_curvature_noise_scale_is_the_simple_one_for_equal_curvature():
    gradients = np.random.default_rng(1).normal(1.0, 2.0, size=(30, 5))
    simple = float(noise_scale(gradients))
    assert float(curvature_noise_scale(gradients, 3.0 * np.eye(5))) == pytest.approx(simple, 1e-4)
    hessian = np.diag([1.0, 2.0, 3.0, 4.0, 5.0]).astype(np.float32)
    product = curvature_noise_scale(gradients, lambda v: hessian @ v)
    assert float(product) == pytest.approx(float(curvature_noise_scale(gradients, hessian)), 1e-4)
    for function in (noise_scale, lambda g: curvature_noise_scale(g, np.eye(5))):
        with pytest.raises(ProtocolError, match="two examples or more"):
            function(gradients[:1])


def test_power_lines_from_the_fits_of_every_batch():
    needed = 2e10 * (1.0 + BATCH / 5e5)  # tokens to a loss of 2.5
    floor, exponent = np.linspace(1.5, 1.6, 7), np.linspace(0.25, 0.35, 7)
    coefficients = np.stack([floor, (2.5 - floor) * needed**exponent, exponent], axis=1)
    with jax.enable_x64(True):
        found = trade_off_at_loss(BATCH, coefficients, 2.5)
        assert float(found.E_min) == pytest.approx(2e10, rel=1e-6)
        assert float(found.critical_batch) == pytest.approx(5e5, rel=1e-6)
    with pytest.raises(ProtocolError, match="does not reach a loss of 1.55, its floor is 1.6"):
        trade_off_at_loss(BATCH, coefficients, 1.55)


def test_branches():
    batch = [256, 512, 1024, 2048]
    assert branched_critical_batch(batch, [2.6, 2.605, 2.61, 2.62], 2.6) == 1024
    assert branched_critical_batch(batch, [2.6, 2.605, 2.61, 2.62], 2.6, tolerance=0.006) == 512
    with pytest.raises(ProtocolError, match="below 256"):
        branched_critical_batch(batch, [3.0] * 4, 2.6)
    assert smoothed([1.0, 1.0, 3.0]).tolist() == [1.0, 1.0, 2.0]
    assert float(square_root_rule(1e-3, 256, 1024)) == pytest.approx(2e-3)
