"""Published numbers of repeated sampling and of test-time compute beside training."""

from collections.abc import Iterator

import jax
import numpy as np

from scaling_jax.datasets import load
from scaling_jax.fitting.fit import fit
from scaling_jax.laws import get
from scaling_jax.literature import printed_estimates
from scaling_jax.objectives import Squared
from scaling_jax.protocols.inference_budgets import (
    exchanged_search,
    inference_cost,
    matching_inference,
)
from scaling_jax.protocols.repeated_sampling import coverage, pass_at_k
from scaling_jax.protocols.sampling_limits import resample
from scaling_jax.reproductions.evaluating import coefficients
from scaling_jax.reproductions.record import Check, reproduction
from scaling_jax.runs import RunTable

_SIZES = ("12B", "6.9B", "2.8B", "1B", "410M", "160M", "70M")
_STARTS = 16


def _slug(size: str) -> str:
    return f"pythia_{size.lower().replace('.', '_')}"


def _coverage(size: str) -> RunTable:
    """Return the mean pass rate over the problems at 101 numbers of attempts."""
    return load("llm_monkeys", table="coverage").where(f"family == 'Pythia {size}'")


@reproduction(of="pass_at_k_unbiased", data=["llm_monkeys"])
def pass_at_k_of_the_file() -> Iterator[Check]:
    """Every score of the authors' file from its counts."""
    runs = load("llm_monkeys", table="pass_at_k")
    with jax.enable_x64(True):
        ours = np.asarray(pass_at_k(runs["samples"], runs["correct"], runs["attempts"]))
    worst = float(np.max(np.abs(ours - runs["pass_at_k"])))
    yield Check("largest difference over 90,496 scores", 0.0, worst, 1e-10)


@reproduction(of="monkeys_power_law", data=["llm_monkeys"])
def monkeys_power_laws() -> Iterator[Check]:
    """Seven models: a line in the logarithms, and least squares of the pass rate itself."""
    for size in _SIZES:
        runs = _coverage(size)
        table = RunTable.from_columns(
            {"attempts": runs["attempts"], "neg_log_coverage": -np.log(runs["coverage"])}
        )
        line = fit("monkeys_power_law", table, Squared(scale="log"), starts=_STARTS).params
        for name, value in coefficients("monkeys_power_law", _slug(size)).items():
            yield Check(f"{name}, Pythia {size}, line", value, line[name], _digit(value))
        curve = fit("monkeys_coverage", runs, Squared(scale="natural"), starts=_STARTS).params
        for name, value in coefficients("monkeys_power_law", f"{_slug(size)}_nonlinear").items():
            yield Check(f"{name}, Pythia {size}, curve", value, -curve[name], _digit(value))


def _digit(value: float) -> float:
    """Return half of the last of four digits, which amplitudes and exponents are printed with."""
    return 5.5e-4 if value >= 1.0 else 5.5e-5


@reproduction(of="monkeys_coverage", data=["llm_monkeys"])
def monkeys_coverages() -> Iterator[Check]:
    """Coverage at one and at 10,000 samples, from the counts."""
    counts = load("llm_monkeys")
    facts = {e["name"]: e.get("facts", {}) for e in printed_estimates("monkeys_power_law")}
    for size in _SIZES:
        runs = counts.where(f"family == 'Pythia {size}'")
        with jax.enable_x64(True):
            first, last = coverage(runs["samples"], runs["correct"], np.array([1, 10_000]))
        yield Check(f"pass@1, Pythia {size}", facts[_slug(size)]["pass@1"], float(first), 5.1e-5)
        yield Check(
            f"pass@10,000, Pythia {size}", facts[_slug(size)]["pass@10k"], float(last), 5.1e-5
        )
        if size == "160M":
            yield Check(
                "percent solved by one sample, Pythia 160M", 0.27, 100.0 * float(first), 5e-3
            )
            yield Check("percent solved by 10,000, Pythia 160M", 57.0, 100.0 * float(last), 0.5)


@reproduction(of="levi_inference_model", data=["llm_monkeys"])
def levi_tail() -> Iterator[Check]:
    """The tail's exponent of the seven models: the one closest to what is printed."""
    printed = coefficients("levi_inference_model", "repeated_sampling")["beta"]
    fitted = {}
    for size in _SIZES:
        runs = _coverage(size)
        table = RunTable.from_columns({"attempts": runs["attempts"], "pass_at_k": runs["coverage"]})
        law = get("levi_inference_model").fix(A=1.0)  # with A free it ends there
        fitted[size] = fit(law, table, Squared(scale="natural"), starts=_STARTS).params["beta"]
    closest = min(fitted, key=lambda size: abs(fitted[size] - printed))
    yield Check(
        f"beta, closest of seven Pythia models ({closest})",
        printed,
        fitted[closest],
        5e-3,
        source="a note on the paper, which names neither model nor task",
        reason="beta rises from 0.07 for 70M to 0.30 for 12B on MATH: the printed number is of "
        "none of these models, and those of the other samples are not at hand",
    )


@reproduction(of="inference_flaws")
def resampling_ceiling() -> Iterator[Check]:
    """Attempts added up one by one: the share of false positives does not fall."""
    p, f = 0.1, 0.05
    for attempts in (1, 10, 1000):
        reached = ((1.0 - p) * (1.0 - f)) ** np.arange(attempts)
        right, wrong = np.sum(reached * p), np.sum(reached * (1.0 - p) * f)
        with jax.enable_x64(True):
            ours = resample([p], f, attempts)
        share = float(right / (right + wrong))
        yield Check(f"share correct, {attempts} attempts", share, float(ours.precision[0]), 1e-12)
        yield Check(
            f"accepted, {attempts} attempts", float(right + wrong), float(ours.accepted[0]), 1e-12
        )


@reproduction(of="kinetics_cost")
def kinetics_full_budget() -> Iterator[Check]:
    """A budget that holds every token costs what dense attention does, whichever the model."""
    printed = dict(printed_estimates("kinetics_cost")[0]["values"])
    intensity = printed.pop("E_flops")
    shape = {"heads": 32, "kv_heads": 8, "head_width": 128 * 36, "intensity": intensity}
    for name, billions in printed.items():
        with jax.enable_x64(True):
            dense = inference_cost(billions * 1e9, 2048, 32768, **shape)
            sparse = inference_cost(billions * 1e9, 2048, 32768, **shape, kv_budget=2048 + 32768)
            ratio = float(sparse.total / dense.total)
        yield Check(f"full budget over dense attention, {name}", 1.0, ratio, 1e-12)


@reproduction(of="snell_tts_exchange")
def snell_exchange() -> Iterator[Check]:
    """How much longer a 14 times smaller model may think."""
    settings = printed_estimates("snell_tts_exchange")[0]
    ratios = settings["facts"]["R"]
    for ratio, printed in zip(ratios, (257.75, 63.37, 15.77), strict=True):
        ours = float(matching_inference(settings["values"]["M"], ratio))
        yield Check(f"m, R = {ratio:g}", printed, ours, 5.1e-3)


# Parameters and pre-training tokens, from the models' cards.
_TRAINED = {
    "Llama-3.2-3B_TTS": (3e9, 9e12),
    "Llama-3.1-405B": (405e9, 15e12),
    "R1-distill-7B_TTS": (7e9, 18e12),
    "DeepSeek-R1": (671e9, 14.8e12),
}
_ACTIVE = 37e9  # of DeepSeek-R1's 671e9


@reproduction(of="small_beats_large_tts")
def total_flops() -> Iterator[Check]:
    """The totals are 6 N D of the pre-training; a mixture of experts counts all its experts."""
    totals = printed_estimates("small_beats_large_tts")[0]["values"]
    for name, (params, tokens) in _TRAINED.items():
        printed = totals[name]
        ours = 6.0 * params * tokens
        yield Check(
            f"FLOP, {name}", printed, ours, 5e-3, relative=True, source="model cards, recalled",
            unverified=True,
        )  # fmt: skip
    params, tokens = _ACTIVE, _TRAINED["DeepSeek-R1"][1]
    yield Check(
        "FLOP, DeepSeek-R1, by its active parameters",
        totals["DeepSeek-R1"],
        6.0 * params * tokens,
        5e-3,
        relative=True,
        source="model cards, recalled",
        unverified=True,
        reason="the printed total multiplies all 671e9 parameters; a token uses 37e9 of them, so "
        "that it is 18 times too large",
    )


@reproduction(of="boardgame_train_test")
def boardgame_exchange() -> Iterator[Check]:
    """Ten times the training for fifteen times the search, by the law and by the protocol."""
    law = get("boardgame_train_test", output="test_compute")
    theta = {"m": law.published("hex_alphazero_exchange").params["m"], "const": 50.0}
    with jax.enable_x64(True):
        before, after = np.asarray(law(theta, {"compute_flops": np.array([1e12, 1e13])}))
        twice = float(exchanged_search(100.0))
    yield Check("search replaced by ten times the training, law", 15.0, before / after, 1e-9)
    yield Check("search replaced by a hundred times the training", 225.0, twice, 1e-6)
