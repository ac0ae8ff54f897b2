"""Posteriors that several modules look at, sampled once a process."""

import pytest

import scaling_jax as sj
from tests.synthetic import grid


@pytest.fixture(scope="session")
def sampled() -> sj.Draws:
    """Chinchilla on 48 runs with 1 % of log-normal noise."""
    return sj.posterior(
        "chinchilla", grid(0.01, seed=3),
        likelihood="lognormal", chains=2, draws=200, warmup=200,
    )  # fmt: skip


@pytest.fixture(scope="session")
def of_size() -> sj.Draws:
    """A law of size alone on the same runs: it cannot see the tokens."""
    return sj.posterior(
        "kaplan_n", grid(0.01, seed=3),
        likelihood="lognormal", chains=2, draws=200, warmup=200,
    )  # fmt: skip
