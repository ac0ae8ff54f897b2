"""Laws of the vocabulary: the published fit on its own runs, and the optima that it gives."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from scaling_jax.datasets import load
from scaling_jax.fitting.fit import fit
from scaling_jax.laws import get
from scaling_jax.objectives import Huber
from scaling_jax.protocols import vocabulary as optima
from scaling_jax.reproductions.record import Check, reproduction
from scaling_jax.runs import RunTable

_SCRIPT = "released scripts"
# The sizes at which approach2_derivative.py solves for the vocabulary.
_SIZES = (33e6, 85e6, 151e6, 302e6, 631e6, 1130e6, 2870e6)


def _r_squared(predicted: Any, observed: Any) -> float:
    observed = np.asarray(observed, float)
    left = np.sum((np.asarray(predicted, float) - observed) ** 2)
    return float(1.0 - left / np.sum((observed - observed.mean()) ** 2))


@reproduction(of="vocab_parametric", data=("vocab_scaling",))
def vocab_fit() -> Iterator[Check]:
    """Score the published coefficients on the published rows, and fit those again."""
    runs = load("vocab_scaling").where("in_published_fit == 1")
    yield Check("rows of the fit", 1054, len(runs), 0.5, source=_SCRIPT)
    law = get("vocab_parametric")
    published = law.published("tao")
    inputs = {name: np.asarray(runs[name], float) for name in law.input_names}
    scores = {"V/1000": (0.9716, 0.0908), "V": (0.036, 0.530)}
    for counted_at, (r_squared, rmse) in scores.items():
        member = get("vocab_parametric", counted_at=counted_at)
        predicted = np.asarray(member(published.params, inputs), float)
        ours = _r_squared(predicted, runs["loss"])
        where = f"tokens by f({counted_at})"
        yield Check(f"R2, {where}", r_squared, ours, 6e-4, source="computed")
        error = float(np.sqrt(np.mean((predicted - runs["loss"]) ** 2)))
        yield Check(f"RMSE, {where}", rmse, error, 6e-4, source="computed")
    yield from _refit(law, published, runs)


_FLAT = (
    "the objective is flat: the published coefficients are 6e-6 of it above the optimum, where "
    "L-BFGS-B stopped, and the exponent alpha2 has a standard error of 0.3"
)


def _refit(law: Any, published: Any, runs: RunTable) -> Iterator[Check]:
    objective = Huber(1e-3, scale="natural")
    found = fit(law.tie(alpha1="beta"), runs, objective, starts=16)
    with jax.enable_x64(True):
        inputs = {name: np.asarray(runs[name], np.float64) for name in law.input_names}
        residual = np.asarray(law(published.params, inputs)) - runs["loss"]
        theirs = float(np.sum(np.asarray(objective.penalty(residual))))
    excess = theirs / found.objective - 1.0
    yield Check("excess of their objective over the optimum", 0.0, excess, 1e-5, source=_SCRIPT)
    # Printed for millions of parameters and 1e9 characters.
    logs = {"params_non_vocab": -np.log(1e6), "params_vocab": -np.log(1e6)}
    logs |= {"characters": -np.log(1e9), "vocab_size": 0.0, "loss": 0.0}
    ours = law.rescaled({**found.params, "alpha1": found.params["beta"]}, logs)
    for name in ("E", "A1", "A2", "B", "alpha2", "beta"):
        check = Check(name, published.values[name], float(ours[name]), 5e-4, source=_SCRIPT)
        yield Check(**{**vars(check), "reason": "" if check.reproduced else _FLAT})


@reproduction(of="vocab_derivative", data=("vocab_scaling",))
def vocab_exponent() -> Iterator[Check]:
    """Find the anchor in the runs and the exponent from the derivative at seven sizes."""
    released = get("vocab_derivative").published("tao")
    solved = [
        size_width * optima.vocabulary_by_derivative(size, size_width, released.values)
        for size, size_width in ((size, optima.width_of(size)) for size in _SIZES)
    ]
    law = get("vocab_derivative").fix(N_v0=solved[0], N_nv0=_SIZES[0])
    columns = {"params_non_vocab": np.array(_SIZES[1:]), "params_vocab": np.array(solved[1:])}
    found = fit(law, RunTable.from_columns(columns), Huber(1e-3), starts=16)
    yield Check("gamma", released.values["gamma"], found.params["gamma"], 5e-5, source=_SCRIPT)
    smallest = load("vocab_scaling").where("params_non_vocab < 4e7")
    losses = {}
    for entries in np.unique(smallest["vocab_size"]):
        runs = smallest.where(f"vocab_size == {entries}")
        losses[entries] = np.interp(2.7e17, runs["compute_flops"], runs["loss"])
    best = min(losses, key=lambda entries: losses[entries])
    width = optima.width_of(_SIZES[0])
    anchor = released.values["N_v0"]
    yield Check("anchor N_v0, best at 2.7e17 FLOP", anchor, best * width, 0.5, source=_SCRIPT)


@reproduction(of="vocab_parametric")
def vocab_optima() -> Iterator[Check]:
    """Compute the best vocabulary of a model by the three approaches."""
    theta = get("vocab_parametric").published("tao").params
    compute = get("vocab_isoflops").published("vocabulary").params
    compute |= get("vocab_isoflops").published("non_vocabulary").params
    derivative = get("vocab_derivative").published("tao")
    width = optima.width_of(7e9)
    yield Check(
        "approach 1, 7B", 62280, float(optima.vocabulary_by_isoflops(compute, 7e9)) / width, 5.0,
        source=_SCRIPT,
    )  # fmt: skip
    by_anchor = float(derivative(params_non_vocab=7e9)) / width
    yield Check("approach 2, 7B", 67450, by_anchor, 5.0, source=_SCRIPT)
    flops = (7e9 / compute["k1"]) ** 2
    by_loss = optima.vocabulary_by_loss(theta, 7e9, width, flops)
    yield Check("approach 3, 7B", 59547, by_loss, 5.0, source=_SCRIPT)
    # 69.5B of Llama2-70B's parameters are not vocabulary (32,000 entries of width 8192, twice).
    params = 70e9 - 2 * 32_000 * 8192
    large = optima.vocabulary_by_loss(theta, params, 8192, (params / compute["k1"]) ** 2)
    yield Check("vocabulary of Llama2-70B", 216e3, large, 1e3, source="stated in the text")


@reproduction(of="over_encoding")
def over_encoding_gain() -> Iterator[Check]:
    """Compute the gain of a four times larger input vocabulary."""
    law = get("over_encoding").published("olmoe_1_3b")
    gain = float(law(input_vocab_size=1e5)) - float(law(input_vocab_size=4e5))
    yield Check("gain of 4 times the entries", 0.015, gain, 5e-4, source="stated in the text")


@reproduction(of="sld_vocab", data=("vocab_scaling",))
def sld_vocab_held_out() -> Iterator[Check]:
    """Fit the two quadratic forms without the largest vocabulary and predict its runs."""
    runs = load("vocab_scaling")
    largest = float(np.max(runs["vocab_size"]))
    seen, held_out = runs.where(f"vocab_size < {largest}"), runs.where(f"vocab_size == {largest}")
    for name, published in (("run_1", 0.96966), ("run_2", 0.97895)):
        estimate = get("sld_vocab").published(name)
        logs = [
            {letter: np.log(table[column]) for letter, column in _LETTERS.items()}
            for table in (seen, held_out)
        ]
        terms = dict(estimate.law.options)["terms"].split()
        first, second = (np.column_stack([_product(t, table) for t in terms]) for table in logs)
        weights, *_ = np.linalg.lstsq(first, np.asarray(seen["loss"]), rcond=None)
        score = _r_squared(second @ weights, held_out["loss"])
        yield Check(f"R2, {name}", published, score, 6e-6, source="best_eval.log")
        for term, weight in zip(terms, weights, strict=True):
            printed = estimate.values[f"theta_{term}"]
            quantity = f"theta_{term}, {name}"
            # Run 2 adds a small ridge, which moves the constant by one unit of the last digit.
            yield Check(quantity, printed, float(weight), 1e-4, source="best_eval.log")


_LETTERS = {"N": "params_non_vocab", "V": "vocab_size", "H": "characters"}


def _product(term: str, logs: dict[str, np.ndarray]) -> np.ndarray:
    if term == "1":
        return np.ones_like(logs["N"])
    return np.prod([logs[letter] for letter in term], axis=0)
