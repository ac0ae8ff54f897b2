"""Synthetic data: exponents, plateaus and constants measured on the sums over ranks."""

import math
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax import laws
from scaling_jax.protocols.synthetic_data import (
    mixed_error,
    removed_mass,
    zipf_error,
    zipf_tail_constant,
)
from scaling_jax.reproductions.record import Check, reproduction

_SUM = "the sum over 1e7 ranks"
_THEOREM = "Theorem 2.1"


@reproduction(of="tails_hutter")
def tail_exponents_and_plateau() -> Iterator[Check]:
    """Local slopes of the error, the plateau of a cut tail, and Hutter's constant."""
    times = np.array([1e2, 1e3, 1e4, 1e5])
    clean = np.diff(np.log10(zipf_error(times, 1.5)))
    for slope, printed in zip(clean, (-0.333, -0.335, -0.336), strict=True):
        yield Check("slope, beta = 1.5", printed, float(slope), 5e-4, source=_SUM)
    narrow = np.diff(np.log10(zipf_error(times, 1.5, beta2=2.0)))
    for slope, printed in zip(narrow[[0, -1]], (-0.2497, -0.2510), strict=True):
        yield Check("slope, beta = 1.5, beta2 = 2", printed, float(slope), 5e-5, source=_SUM)
    yield Check("removed mass, k = 100", 0.0761, removed_mass(1.5, 100), 5e-5, source=_SUM)
    plateau = float(zipf_error(1e6, 1.5, cut=100))
    yield Check("plateau, k = 100", 0.0761, plateau, 5e-5, source=_SUM)
    for beta in (1.3, 1.5, 2.0, 3.0):
        found = _slope("tails_hutter", 1e6, beta=beta)
        yield Check(f"exponent over 1e12 ranks, beta = {beta}", -(beta - 1) / beta, found, 2e-3,
                    source=_THEOREM)  # fmt: skip
    narrowed = laws.get("tails_hutter", tail="narrowed")
    for beta, beta2 in ((1.5, 2.0), (2.0, 3.0)):
        found = _slope(narrowed, 1e6, beta=beta, beta2=beta2)
        yield Check(f"exponent, beta = {beta}, beta2 = {beta2}", -(beta - 1) / beta2, found, 2e-3,
                    source=_THEOREM)  # fmt: skip
    for cut in (1e3, 1e4):
        ratio = removed_mass(2.0, int(10 * cut)) / removed_mass(2.0, int(cut))
        yield Check(f"exponent of the plateau from k = {cut:g}, beta = 2", -1.0,
                    float(np.log10(ratio)), 1e-2, source=_THEOREM)  # fmt: skip
    ranks, samples = np.arange(1, 1_000_001, dtype=float), 1e6
    theta = ranks**-2.0  # a * i**-(a + 1) at a = 1, not normalised
    with np.errstate(divide="ignore"):  # theta is 1 at the first rank, which is never missed
        error = float(np.sum(theta * np.exp(samples * np.log1p(-theta))))
    # The ranks beyond the last are never seen: they add their mass.
    error += 1.0 / (ranks[-1] + 0.5)
    yield Check("c_1 of Hutter", math.sqrt(math.pi) / 2, error * math.sqrt(samples), 1e-3,
                source="claim, c_1 = sqrt(pi)/2")  # fmt: skip
    yield Check("c_1 in closed form", math.sqrt(math.pi) / 2, zipf_tail_constant(1.0), 1e-12,
                source="c_a = a**(1/(1+a))*Gamma(a/(1+a))/(a+1)")  # fmt: skip


@reproduction(of="tails_mixing")
def mixing_restores_scaling() -> Iterator[Check]:
    """The plateau of generated data, and its end when enough of the samples are real."""
    times = np.array([1e2, 1e3, 1e4, 1e5, 1e6, 1e7])
    printed = (0.1977, 0.0984, 0.0755, 0.0696, 0.0433, 0.0200)
    for samples, value, ours in zip(
        times, printed, mixed_error(times, 0.01, 1.5, cut=100), strict=True
    ):
        yield Check(f"error at T = {samples:.0e}", value, float(ours), 5e-5,
                    source=f"{_SUM}, beta = 1.5, k = 100, pi = 0.01")  # fmt: skip
    late = _slope("tails_mixing", 1e10, {"real_share": 0.01}, beta=2.0, k=100.0)
    yield Check("exponent after the plateau, beta = 2", -0.5, late, 5e-3,
                source="Theorem 3.2: (pi*T)**(-c)")  # fmt: skip


def _slope(law: laws.Law | str, samples: float, others: Mapping[str, float] | None = None,
           **theta: float) -> float:  # fmt: skip
    """Return the exponent of a law at a number of samples, by its derivative."""
    law = laws.resolve(law)
    with jax.enable_x64(True):
        given = {name: jnp.asarray(value, float) for name, value in theta.items()}

        def log_error(log_samples):
            return law.log(given, {"examples": jnp.exp(log_samples), **(others or {})})

        return float(jax.grad(log_error)(jnp.log(samples)))
