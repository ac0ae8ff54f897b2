"""How often intervals for a new run hold, a decade of compute beyond the runs they were made from.

    python benchmarks/extrapolation.py

Every public table with params, tokens and loss is cut at a tenth of its largest compute. The
chinchilla law is fitted to the cheaper runs; bootstrap, Laplace and NUTS at their defaults, each
without and with the law's own error (`Draws.with_discrepancy`), predict the dearer ones. Interval
score (Gneiting and Raftery 2007) of the 90 % interval and CRPS are those of log loss, so they read
as relative errors. Tables count equally.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from report import publish

import scaling_jax as sj
from scaling_jax.tables import Table

LEVELS = (0.5, 0.8, 0.9, 0.95)
DRAWS = 1000
_FARTHEST = 50.0  # logarithm of a loss that is as wrong as any
EXPERIMENTS = (
    "llama_3__raw_loss",
    "marin_202603__comma__llama_2",
    "marin_202603__dclm__llama_2",
    "marin_202603__nemotron__llama_2",
    "misfitting__fineweb_c4__transformer",
    "ml_scalefit__massivetext__chinchilla",
)
METHODS: dict[str, Callable[[sj.Fit], sj.Draws]] = {
    "bootstrap": lambda fit: sj.bootstrap(fit, DRAWS),
    "laplace": lambda fit: sj.laplace(fit, draws=DRAWS),
    "nuts": lambda fit: sj.posterior("chinchilla", fit.runs, draws=DRAWS // 4, discrepancy=False),
}


def tables() -> Iterator[tuple[str, sj.RunTable]]:
    """Yield the public tables with params, tokens and loss, each from one recipe."""
    load = sj.datasets.load
    yield "epoch_chinchilla", load("epoch_chinchilla", keep_outliers=False)
    for name in EXPERIMENTS:
        yield name, load("open_athena_isoflops", experiment=name, keep_outliers=False)
    repeated = load("datablations")
    yield "datablations, one epoch", repeated.where(repeated["unique_tokens"] >= repeated["tokens"])
    gadre = load("gadre_overtrain")
    for family, runs in gadre.group("family").items():
        if len(runs) > 20:
            yield f"gadre, {family}", runs
    for part in ("first_campaign", "finished"):
        yield f"misfitting, {part}", load("misfitting", table=part, best_of_sweep=True)
    yield "opt_trajectories", load("opt_trajectories")
    yield "gpt3_curves", load("gpt3_curves", split="validation")


def split(runs: sj.RunTable) -> tuple[sj.RunTable, sj.RunTable]:
    """Return the cheaper runs and those of the dearest decade of compute."""
    compute = 6.0 * runs["params"] * runs["tokens"]
    return runs.split(compute <= compute.max() / 10.0)


def scores(values: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return coverage at each level, interval score at 90 % and CRPS of draws ``[s, q]``."""
    with np.errstate(divide="ignore", over="ignore"):  # Student-t noise, once in a million
        x, y = np.clip(np.log(values), -_FARTHEST, _FARTHEST), np.log(truth)
    found = {}
    for level in LEVELS:
        low, high = np.quantile(x, [(1 - level) / 2, (1 + level) / 2], axis=0)
        found[f"{level:.0%}"] = float(np.mean((low <= y) & (y <= high)))
        if level == 0.9:
            missed = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
            found["interval score"] = float(np.mean(high - low + 2.0 / (1.0 - level) * missed))
    ordered = np.sort(x, axis=0)
    rank = (2.0 * np.arange(len(x)) + 1.0 - len(x))[:, None]
    spread = 2.0 * np.sum(rank * ordered, axis=0) / len(x) ** 2  # mean distance of two draws
    found["crps"] = float(np.mean(np.mean(np.abs(x - y), axis=0) - 0.5 * spread))
    return found


def measure(cheap: sj.RunTable, dear: sj.RunTable) -> dict[str, dict[str, float]]:
    """Return the scores of every method on the dearer runs."""
    fit = sj.fit("chinchilla", cheap)
    truth = np.asarray(dear["loss"])
    found = {}
    for name, make in METHODS.items():
        draws = make(fit)
        for label, one in ((name, draws), (f"{name} + discrepancy", draws.with_discrepancy())):
            try:
                found[label] = scores(sj.predict(one, dear).new_run.values, truth)
            except sj.ScalingError as error:  # Laplace draws of what the runs do not determine
                print(f"{label}: {error}", flush=True)
    return found


def main() -> None:
    """Measure and publish."""
    measured: dict[str, dict[str, Any]] = {}
    for name, runs in tables():
        cheap, dear = split(runs)
        if len(cheap) < 12 or len(dear) < 2:
            continue
        measured[name] = {"runs": len(cheap), "held out": len(dear)} | measure(cheap, dear)
        nuts, boot = measured[name]["nuts + discrepancy"], measured[name]["bootstrap"]
        print(
            f"{name}: 90 % holds {nuts['90%']:.0%}, interval score {nuts['interval score']:.4f}; "
            f"bootstrap {boot['90%']:.0%}, {boot['interval score']:.4f}",
            flush=True,
        )
    columns = [*(f"{level:.0%}" for level in LEVELS), "interval score", "crps"]
    labels = [label for name in METHODS for label in (name, f"{name} + discrepancy")]
    means, rows = {}, []
    for label in labels:
        known = [m[label] for m in measured.values() if label in m]
        means[label] = {c: float(np.mean([one[c] for one in known])) for c in columns}
        rows.append((label, len(known), *(round(means[label][c], 4) for c in columns)))
    table = Table(
        f"dearest decade of {len(measured)} tables, mean over tables",
        ("method", "tables", *(f"{c} holds" if c.endswith("%") else c for c in columns)),
        tuple(rows),
    )
    publish("extrapolation", table, {"mean": means, "tables": measured})


if __name__ == "__main__":
    main()
