"""The laws that are tried in depth, each with coefficients and a domain to be tried on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.laws import registry

DOMAINS = {
    "params": (1e3, 1e14),
    "tokens": (1e4, 1e16),
    "examples": (1.0, 1e12),
    "compute_flops": (1e9, 1e30),
    "tokens_per_param": (1e-2, 1e6),
    "streams": (1.0, 1e3),
}


@dataclass(frozen=True, eq=False)
class Case:
    """A law, coefficients, the domain of its inputs and what is known of its shape."""

    law: sj.Law
    theta: Mapping[str, float]
    domain: Mapping[str, tuple[float, float]]
    decreasing: tuple[str, ...]
    limits: Mapping[tuple[str, ...], Any]

    def inputs(self, count: int = 64, seed: int = 0) -> dict[str, np.ndarray]:
        """Return points spread over the domain, its corners first, as float64 ``[count]``."""
        rng = np.random.default_rng(seed)
        logs = {n: np.log(np.array(ends)) for n, ends in self.domain.items()}
        corners = np.meshgrid(*logs.values())
        return {
            n: np.exp(np.append(corner.ravel(), rng.uniform(logs[n][0], logs[n][1], count))[:count])
            for n, corner in zip(logs, corners, strict=True)
        }


def case(law: sj.Law, theta, decreasing=None, limits=(), **domain) -> Case:
    domain = {n: domain.get(n, DOMAINS.get(n, (1.0, 1e26))) for n in law.input_names}
    decreasing = law.input_names if decreasing is None else decreasing
    return Case(law, theta, domain, decreasing, dict(limits))


def published(name: str, estimate: str, **keywords) -> Case:
    found = sj.laws.get(name).published(estimate)
    return case(found.law, found.params, **keywords)


def a_users_law() -> sj.Law:
    """Return a law written the way docs/laws.md shows, kept out of the registry of other tests."""

    @sj.law(
        name="mine",
        formula="L(N, D) = E + A * N**(-alpha) * (1 + D_0 / D)",
        parameters=[
            sj.Parameter("E", "irreducible loss", unit="loss"),
            sj.Parameter("A", "amplitude", unit="loss * params**alpha"),
            sj.Parameter("alpha", "exponent"),
            sj.Parameter("D_0", "data that double the excess", unit="tokens"),
        ],
    )
    def mine(params, tokens, *, E, A, alpha, D_0):
        return E + A * params**-alpha * (1.0 + D_0 / tokens)

    return registry._LAWS.pop("mine")


FARSEER_RANGE = {"params": (1e8, 6.4e9), "tokens": (1e9, 5e11)}  # the data it was fitted to

CASES = {
    "kaplan_n": published("kaplan_n", "kaplan", limits={("params",): lambda t, x: 0.0}),
    "kaplan_d": published("kaplan_d", "kaplan", limits={("tokens",): lambda t, x: 0.0}),
    "kaplan_nd": published(
        "kaplan_nd",
        "kaplan",
        limits={
            ("params",): lambda t, x: (t["D_c"] / x["tokens"]) ** t["alpha_D"],
            ("tokens",): lambda t, x: (t["N_c"] / x["params"]) ** t["alpha_N"],
        },
    ),
    "kaplan_nd-gordon": published("kaplan_nd", "gordon_ru_en"),
    "chinchilla": published(
        "chinchilla",
        "hoffmann_tex",
        limits={
            ("params", "tokens"): lambda t, x: t["E"],
            ("params",): lambda t, x: t["E"] + t["B"] / x["tokens"] ** t["beta"],
            ("tokens",): lambda t, x: t["E"] + t["A"] / x["params"] ** t["alpha"],
        },
    ),
    "farseer": published(
        "farseer",
        "baseline",
        # N only lowers the loss near the data: far away the published surface is not physical.
        decreasing=("tokens",),
        limits={
            ("tokens",): lambda t, x: np.exp(t["a3"] * x["params"] ** t["gamma"] + t["b3"]),
            ("params",): lambda t, x: np.exp(t["b2"]),
        },
    ),
    "farseer-range": published("farseer", "baseline", decreasing=("tokens",), **FARSEER_RANGE),
    "gadre_overtraining": published(
        "gadre_overtraining",
        "redpajama",
        decreasing=("compute_flops",),
        limits={("compute_flops",): lambda t, x: t["E"]},
    ),
    "skaling": case(
        sj.laws.get("skaling"),
        dict(E=0.1135, A=57.1, B=643.0, alpha=0.346, beta=0.421, k=0.338),
        limits={
            ("params", "tokens"): lambda t, x: t["E"],
            ("params",): lambda t, x: t["E"] + (t["B"] / x["tokens"] ** t["beta"]) ** t["k"],
        },
    ),
    "bnsl-0": case(
        sj.laws.get("bnsl", breaks=0),
        dict(a=1.7, b=400.0, c0=0.3),
        limits={("tokens",): lambda t, x: t["a"]},
    ),
    "bnsl-1": published(
        "bnsl", "addition", examples=(1.0, 4095.0), limits={("examples",): lambda t, x: t["a"]}
    ),
    "bnsl-3": published("bnsl", "figure_1", decreasing=(), tokens=(1.0, 1e26)),
    "hestness_error": case(
        sj.laws.get("hestness_error"),
        dict(alpha=0.9, beta_g=-0.309, gamma=0.05),
        limits={("examples",): lambda t, x: t["gamma"]},
    ),
    "hestness_error-loss": published("hestness_error", "word_lm"),
    "parscale": published(
        "parscale",
        "stack",
        limits={
            ("params",): lambda t, x: t["E"],
            ("streams",): lambda t, x: t["E"],
        },
    ),
    "user": case(
        a_users_law(),
        dict(E=1.7, A=400.0, alpha=0.34, D_0=1e9),
        limits={("params", "tokens"): lambda t, x: t["E"]},
    ),
}


def pytest_generate_tests(metafunc):
    """Run a test that takes `case` for every case."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES.values(), ids=CASES.keys())


@pytest.fixture
def cases() -> dict[str, Case]:
    """Return all cases by name."""
    return CASES


@pytest.fixture
def float64():
    """Compute in float64 within one test, never by changing the global configuration."""
    with jax.enable_x64(True):
        yield jnp.float64


@pytest.fixture(scope="session")
def catalogue(catalogue_entries) -> dict[str, dict[str, Any]]:
    """Return the first entry of every published law by name."""
    return {name: entries[0] for name, entries in catalogue_entries.items()}
