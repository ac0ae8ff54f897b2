"""Saved posteriors: everything that predictions and diagnostics need comes back."""

import dataclasses
from typing import Any

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.uncertainty.likelihoods import Gaussian
from scaling_jax.uncertainty.scatter import Sampled

POINT: dict[str, Any] = {"params": [1e9, 1e12], "tokens": [1e11, 1e13]}


@pytest.fixture(scope="module")
def loaded(sampled, tmp_path_factory):
    folder = tmp_path_factory.mktemp("draws")
    sampled.save(folder / "draws.npz")
    sampled.fit.save(folder / "fit.json")
    return sj.Draws.load(folder / "draws.npz", sj.Fit.load(folder / "fit.json"))


def test_new_runs_of_loaded_draws_are_the_same(sampled, loaded):
    ours = sj.predict(sampled, **POINT).new_run.values
    np.testing.assert_allclose(sj.predict(loaded, **POINT).new_run.values, ours, rtol=1e-12)


def test_chains_noise_and_discrepancy_come_back(sampled, loaded):
    for field in dataclasses.fields(sampled.sampler):
        ours, theirs = (getattr(d.sampler, field.name) for d in (sampled, loaded))
        np.testing.assert_array_equal(ours, theirs)
    assert loaded.sampler.names == sampled.sampler.names
    assert loaded.warnings == sampled.warnings
    assert loaded.discrepancy.median == sampled.discrepancy.median
    assert loaded.noise.likelihood == sampled.noise.likelihood == Gaussian()


def test_a_likelihood_of_ones_own_is_refused(sampled, tmp_path):
    class Mine(Gaussian):
        pass

    noise = Sampled(Mine(), {"sigma": np.full(sampled.count, 0.01)})
    with pytest.raises(sj.errors.ArtifactError, match="scatter by Mine cannot be saved"):
        dataclasses.replace(sampled, noise=noise).save(tmp_path / "draws.npz")
    assert not (tmp_path / "draws.npz").exists()


def test_a_changed_array_of_the_chains_is_noticed(sampled, tmp_path):
    path = tmp_path / "draws.npz"
    sampled.save(path)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["chain_energy"] = arrays["chain_energy"] + 1.0
    np.savez(path, **arrays)
    with pytest.raises(sj.errors.ArtifactError, match="its checksum does not match"):
        sj.Draws.load(path, sampled.fit)
