"""Resampled draws are the posterior's where Pareto k says so."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.uncertainty.importance import _propose, _resampled
from tests.synthetic import TRUTH, grid


@pytest.fixture(scope="module")
def fast():
    return sj.posterior("chinchilla", grid(0.01, seed=3), likelihood="lognormal",
                        method="laplace", chains=2, draws=1000)  # fmt: skip


def test_draws_are_those_of_the_chains(fast, sampled):
    assert fast.method == "laplace"
    assert fast.sampler.pareto_k < 0.7
    assert fast.sampler.effective > 2000
    assert fast.sampler.converged
    assert not any("Pareto" in warning for warning in fast.warnings)
    for name in TRUTH:
        spread = sampled[name].std()
        assert np.median(fast[name]) == pytest.approx(np.median(sampled[name]), abs=0.25 * spread)
        low, high = (one.quantile([0.05, 0.95])[name] for one in (fast, sampled))
        assert np.ptp(low) == pytest.approx(np.ptp(high), rel=0.25)


def test_they_predict_and_score_like_any_draws(fast, tmp_path):
    low, high = sj.predict(fast, params=1e9, tokens=1e11).new_run.interval(0.9)
    assert low < high
    assert 3 < sj.loo(fast).parameters < 9
    assert "Pareto k" in str(fast.sampler.table())
    fast.save(tmp_path / "draws.npz")
    again = sj.Draws.load(tmp_path / "draws.npz", fast.fit)
    assert again.sampler is not None
    assert again.sampler.pareto_k == fast.sampler.pareto_k


def test_what_the_approximation_does_not_cover_is_said():
    few = sj.RunTable.from_columns(
        {"params": [1e7, 1e8, 1e9, 1e7, 1e8], "tokens": [1e9, 1e9, 1e10, 1e10, 1e11],
         "loss": [5.0, 4.2, 3.1, 3.9, 3.0]}
    )  # fmt: skip
    draws = sj.posterior("chinchilla", few, method="laplace", draws=500, discrepancy=False)
    assert any("Pareto k" in text or "are worth" in text for text in draws.warnings)
    assert draws.sampler is not None
    assert not draws.sampler.converged


def test_proposals_have_the_spread_they_are_asked_for():
    rng = np.random.default_rng(0)
    factor = np.array([[2.0, 0.0], [1.0, 0.5]])
    w, log_density = _propose(rng, np.array([1.0, -1.0]), factor, 200_000)
    np.testing.assert_allclose(np.median(w, axis=0), [1.0, -1.0], atol=0.02)
    np.testing.assert_allclose(np.cov(w.T), 1.5 * factor @ factor.T, rtol=0.05)
    assert np.argmax(log_density) == np.argmin(
        np.sum(np.linalg.solve(factor, (w - [1.0, -1.0]).T) ** 2, axis=0)
    )


def test_resampling_is_proportional():
    share = np.array([0.5, 0.0, 0.25, 0.25])
    found = np.bincount(_resampled(np.random.default_rng(0), share, 1000), minlength=4)
    np.testing.assert_allclose(found, [500, 0, 250, 250], atol=1)


def test_unknown_methods_are_refused():
    with pytest.raises(sj.ScalingError, match="there is no method 'lapalce'; did you mean"):
        sj.posterior("chinchilla", grid(), method="lapalce")
