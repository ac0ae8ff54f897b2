"""Fits that many tests look at."""

import pytest

import scaling_jax as sj
from tests.synthetic import STARTS, grid


@pytest.fixture(scope="session")
def exact_runs() -> sj.RunTable:
    return grid()


@pytest.fixture(scope="session")
def noisy_runs() -> sj.RunTable:
    return grid(noise=0.01)


@pytest.fixture(scope="session")
def noisy_fit(noisy_runs) -> sj.Fit:
    return sj.fit("chinchilla", noisy_runs, starts=STARTS)
