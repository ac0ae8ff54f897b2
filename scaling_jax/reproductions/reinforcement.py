"""Published numbers of reinforcement learning and over-optimised rewards."""

from collections.abc import Iterator

import jax
import numpy as np

from scaling_jax.laws import get
from scaling_jax.protocols.reinforcement import (
    best_of_n_kl,
    best_of_n_peak,
    compute_for_pass_rate,
    rl_peak,
)
from scaling_jax.reproductions.record import Check, reproduction

_START = 0.2  # pass rate before RL; the numbers below do not depend on it
_MARGIN = 0.02  # of an asymptote, from three runs


@reproduction(of="scalerl")
def scalerl_points() -> Iterator[Check]:
    """The printed compute buys half of the gain; the tail is a power; the asymptotes agree."""
    law = get("scalerl")
    fits = {n: e for n, e in law.published().items() if not e.missing}
    for name, estimate in fits.items():
        A, B, C_mid = (estimate.params[n] for n in ("A", "B", "C_mid"))
        far = 1000.0 * C_mid
        tail = (A - _START) * (C_mid / far) ** B  # of A - D / C**B
        with jax.enable_x64(True):
            half = compute_for_pass_rate((A + _START) / 2.0, _START, A=A, B=B, C_mid=C_mid)
            value = float(estimate(gpu_hours=far, initial_pass_rate=_START))
        yield Check(f"GPU-hours at half of the gain, {name}", C_mid, float(half), 1e-6)
        yield Check(f"distance from A at 1000 C_mid, {name}", tail, A - value, 1e-3, relative=True)
    whole = law.published("long_run").values["A"]
    for name in ("long_run_first_half", "long_run_5k_to_50k"):
        ours = law.published(name).values["A"]
        yield Check(f"A of {name} against all of the run", whole, ours, _MARGIN)


@reproduction(of="bon_kl")
def best_of_n_simulated() -> Iterator[Check]:
    """KL divergence of the best of n uniform scores, by simulation."""
    rng, draws = np.random.default_rng(0), 40_000
    for n in (2, 8, 64):
        best = rng.random((draws, n)).max(axis=1)
        simulated = np.log(n) + (n - 1) * np.mean(np.log(best))  # the density of best is n u**(n-1)
        error = (n - 1) / n / np.sqrt(draws)
        closed = float(best_of_n_kl(n))
        yield Check(
            f"KL in nats, n = {n}, simulated", closed, float(simulated), 4.0 * error,
            source="the closed form",
        )  # fmt: skip


@reproduction(of="rm_overopt_bon")
def best_of_n_optimum() -> Iterator[Check]:
    """The closed form of the peak against the largest value of the law on a fine grid."""
    theta = {"alpha_bon": 0.8, "beta_bon": 0.19}
    d = np.linspace(0.0, 5.0, 500_001)
    with jax.enable_x64(True):
        reward = np.asarray(get("rm_overopt_bon")(theta, {"sqrt_kl": d}))
        peak = best_of_n_peak(**theta)
    best = int(np.argmax(reward))
    yield Check("d at the peak", float(peak.sqrt_kl), d[best].item(), 1e-5, source="closed form")
    yield Check("reward at the peak", float(peak.reward), reward[best].item(), 1e-9)


@reproduction(of="rm_overopt_rl")
def rl_optimum() -> Iterator[Check]:
    """The same for RL, with the reward model trained once and three times."""
    theta = {"alpha_RL": 0.8, "beta_RL": 0.4}
    d = np.linspace(1e-3, 20.0, 500_001)
    for iterations in (1, 3):
        law = get("rm_overopt_rl", iterations=iterations)
        with jax.enable_x64(True):
            reward = np.asarray(law(theta, {"sqrt_kl": d}))
            peak = rl_peak(**theta, iterations=iterations)
        best, where = int(np.argmax(reward)), f"iterations: {iterations}"
        yield Check(f"d at the peak, {where}", float(peak.sqrt_kl), d[best].item(), 5e-5)
        yield Check(f"reward at the peak, {where}", float(peak.reward), reward[best].item(), 1e-8)
