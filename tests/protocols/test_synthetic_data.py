"""Sums over ranks: the definition on few ranks, constants, plateaus and refusals."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols import synthetic_data
from scaling_jax.protocols.synthetic_data import (
    generations_error,
    mixed_error,
    removed_mass,
    zipf_error,
    zipf_tail_constant,
)


def test_is_the_sum_of_its_definition():
    i = np.arange(1, 51)
    p, q = i**-1.5 / np.sum(i**-1.5), np.where(i <= 20, i**-1.2, 0.0)
    q = q / q.sum()
    for share in (0.0, 0.1, 1.0):
        expected = np.sum(p * (1 - share * p - (1 - share) * q) ** 30)
        found = mixed_error(30.0, share, 1.5, cut=20, beta2=1.2, ranks=50)
        assert float(found) == pytest.approx(expected, rel=1e-12)


def test_blocks_do_not_matter(monkeypatch):
    whole = zipf_error(np.array([10.0, 1e4]), 1.5, cut=700, ranks=5000)
    monkeypatch.setattr(synthetic_data, "_BLOCK", 999)
    np.testing.assert_allclose(
        zipf_error(np.array([10.0, 1e4]), 1.5, cut=700, ranks=5000), whole, rtol=1e-12
    )


def test_plateau_is_the_removed_mass():
    mass = removed_mass(2.0, 50, ranks=100_000)
    assert float(zipf_error(1e9, 2.0, cut=50, ranks=100_000)) == pytest.approx(mass, rel=1e-9)


@pytest.mark.parametrize("beta", [2.0, 3.0])
def test_hutters_constant_is_the_amplitude_of_the_error(beta):
    """With p = a * i**-(a+1) divided by its sum Z, samples count for 1 / Z each."""
    a, ranks, samples = beta - 1.0, 1_000_000, 1e5
    total = a * np.sum(np.arange(1, ranks + 1.0) ** -beta)
    expected = zipf_tail_constant(a) * (samples / total) ** (-a / beta) / total
    error = float(zipf_error(samples, beta, ranks=ranks)) + removed_mass(beta, ranks, 2 * ranks)
    assert error == pytest.approx(expected, rel=2e-3)


def test_generations_share_a_floor():
    assert float(generations_error(1e30, 5.0, 1e4, 2.0)) == pytest.approx(0.05)
    assert not sj.literature.get("tails_generations").verified


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(beta=-1.0), "Zipf exponents are positive"),
        (dict(beta=1.5, cut=200), "between rank 1 and 100, not at 200"),
        (dict(beta=1.5, real_share=2.0), "within 0 .. 1, not 2"),
    ],
)
def test_refuses(arguments, message):
    given = {"examples": 10.0, "real_share": 0.5, "ranks": 100} | arguments
    with pytest.raises(ProtocolError, match=message):
        mixed_error(**given)
