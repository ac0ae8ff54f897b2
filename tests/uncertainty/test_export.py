"""xarray: what ArviZ reads is what was sampled."""

from typing import Any

import numpy as np
import pytest

import scaling_jax as sj

pytest.importorskip("xarray", reason="xarray is not installed")


def test_chains_are_a_dimension(sampled):
    data = sampled.to_xarray()
    assert dict(data.sizes) == {"chain": 2, "draw": 200}
    np.testing.assert_array_equal(data["alpha"].values[1], sampled["alpha"][200:])
    np.testing.assert_array_equal(data["sigma"].values.ravel(), sampled.noise.noise["sigma"])


def test_the_tree_has_what_arviz_expects(sampled):
    from arviz_stats.loo import loo

    tree = sampled.to_datatree()
    assert set(tree.children) == {
        "posterior", "sample_stats", "log_likelihood", "observed_data", "constant_data",
    }  # fmt: skip
    assert tree["log_likelihood"]["loss"].dims == ("chain", "draw", "run")
    assert set(tree["sample_stats"].data_vars) >= {"diverging", "energy", "lp", "n_steps"}
    theirs: Any
    theirs, ours = loo(tree, pointwise=True), sj.loo(sampled)
    # ArviZ corrects the tail's length for autocorrelation when it has a posterior group.
    assert theirs.elpd == pytest.approx(ours.elpd, abs=0.05)
    assert theirs.elpd_i.values.shape == (48,)


def test_draws_without_chains_have_one(sampled):
    tree = sj.laplace(sampled.fit, draws=10).to_datatree()
    assert set(tree.children) == {"posterior", "observed_data", "constant_data"}
    assert tree["posterior"]["alpha"].shape == (1, 10)
