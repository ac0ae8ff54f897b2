"""Farseer's differential piecewise fit on surfaces with known coefficients."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.protocols.farseer import differential_piecewise_fit


def surface(noise=0.0, ratio=2.0**0.5, sizes=11, lengths=19):
    params, tokens = np.meshgrid(np.geomspace(2e8, 6.4e9, sizes), 1e9 * ratio ** np.arange(lengths))
    columns = dict(params=params.ravel(), tokens=tokens.ravel())
    with jax.enable_x64(True):
        loss = np.asarray(sj.laws.get("farseer").published("baseline")(**columns))
    loss = loss * np.exp(noise * np.random.default_rng(0).normal(size=loss.size))
    return sj.RunTable.from_columns({**columns, "loss": loss}, source="a surface")


TRUE = sj.laws.get("farseer").published("baseline").params


@pytest.mark.parametrize("ratio", [2.0**0.5, 2.0])
def test_recovers_the_printed_constants_without_noise(ratio):
    found = differential_piecewise_fit(surface(ratio=ratio, lengths=10), ratio)
    assert found.params == pytest.approx(TRUE, rel=1e-5)


def test_stages_are_the_functions_of_size():
    found = differential_piecewise_fit(surface())
    n, t = found.sizes, TRUE
    np.testing.assert_allclose(found.exponents, np.exp(t["a1"] * n ** t["alpha"] + t["b1"]))
    np.testing.assert_allclose(
        found.amplitudes, np.exp(t["a2"] * n ** t["beta"] + t["b2"]), rtol=1e-6
    )
    np.testing.assert_allclose(found.levels, np.exp(t["a3"] * n ** t["gamma"] + t["b3"]), rtol=1e-6)


def test_a_noisy_surface_is_described_within_its_noise():
    runs = surface(noise=5e-4)
    found = differential_piecewise_fit(runs)
    with jax.enable_x64(True):
        inputs = {name: runs[name] for name in ("params", "tokens")}
        predicted = np.asarray(sj.laws.get("farseer")(found.params, inputs))
    assert np.sqrt(np.mean(np.log(predicted / runs["loss"]) ** 2)) < 1.5e-3


def test_grids_without_enough_pairs_are_refused():
    with pytest.raises(FitError, match="0 sizes have three pairs"):
        differential_piecewise_fit(surface(lengths=5), ratio=3.0)
    with pytest.raises(FitError, match="2 sizes have three pairs"):
        differential_piecewise_fit(surface(sizes=2))
