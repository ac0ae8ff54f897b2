"""What the library's own ladder says: the held-out rung, the basins over widths, the schedules.

    python benchmarks/ladder_calibration.py

1. Laws fitted to the widths below the largest predict it: the error of each at every budget, and
   how many runs the 90 % intervals of a new run hold, for the default posterior and the bootstrap.
2. Loss against learning rate for three widths and batches: where each basin is lowest. Writes
   docs/ladder_basins.png, and docs/ladder_surface.png of the fit to all widths.
3. The annealing law, fitted to the loss curves of two schedules, predicts the third.
"""

from pathlib import Path
from typing import Any

import numpy as np
from report import publish

import scaling_jax as sj
from scaling_jax.tables import Table

DOCS = Path(__file__).resolve().parents[1] / "docs"
LAWS = ("chinchilla", "skaling", "kaplan_nd", "farseer")
OBJECTIVE = sj.Huber(delta=1e-3, scale="log")
FEWEST_TOKENS = 9e5  # shorter runs are hardly more than the warm-up
FIRST_STEP = 200  # of a loss curve that a schedule's law is asked about


def held_out() -> list[dict[str, Any]]:
    """Return for each law the errors of its predictions of the largest width."""
    runs = sj.datasets.load("stdlib_ladder").where(f"tokens > {FEWEST_TOKENS}")
    surface = sj.reporting.plot_loss_vs_compute(sj.fit(LAWS[0], runs, OBJECTIVE))
    surface.savefig(DOCS / "ladder_surface.png", dpi=90)
    largest = float(runs["width"].max())
    train, test = runs.where(runs["width"] < largest), runs.where(runs["width"] == largest)
    found = []
    for name in LAWS:
        fit = sj.fit(name, train, OBJECTIVE)
        row = {"law": name, "width": largest, "fitted_rms": float(np.std(fit.residuals))}
        error = sj.predict(fit, test).median / test["loss"] - 1.0
        budgets = np.unique(test["tokens"])
        row["errors"] = {f"{b:.3g}": float(error[test["tokens"] == b].mean()) for b in budgets}
        row["largest_error"] = max(map(abs, row["errors"].values()))
        for method, draws in (("bootstrap", sj.bootstrap(fit)), ("posterior", None)):
            draws = sj.posterior(name, train) if draws is None else draws
            low, high = sj.predict(draws, test).new_run.interval(0.9)
            row[method] = float(np.mean((low <= test["loss"]) & (test["loss"] <= high)))
        found.append(row)
    return found


def basins() -> list[dict[str, Any]]:
    """Return where each basin is lowest, and draw those of the middle batch."""
    runs = sj.datasets.load("stdlib_ladder", experiment="rates")
    batches = np.unique(runs["batch_tokens"])
    found = []
    for batch in batches:
        for width in np.unique(runs["width"]):
            one = runs.where((runs["batch_tokens"] == batch) & (runs["width"] == width))
            lowest = sj.reporting.basin_minimum(one["learning_rate"], one["loss"])
            found.append(
                {"batch_tokens": batch, "width": width, "learning_rate": lowest,
                 "loss": float(one["loss"].min())}
            )  # fmt: skip
    middle = runs.where(runs["batch_tokens"] == batches[len(batches) // 2])
    sj.reporting.plot_basins(middle).savefig(DOCS / "ladder_basins.png", dpi=110)
    return found


def schedules() -> list[dict[str, Any]]:
    """Return the errors with which the annealing law predicts a schedule from the two others."""
    curves = sj.datasets.load("stdlib_ladder", experiment="schedules")
    curves = curves.where(f"step >= {FIRST_STEP}")
    found = []
    for kind in np.unique(curves["schedule"]):
        train, test = (
            curves.where(curves["schedule"] != kind),
            curves.where(curves["schedule"] == kind),
        )
        fit = sj.fit("annealing_momentum_law", train, OBJECTIVE)
        error = sj.predict(fit, test).median / test["loss"] - 1.0
        found.append(
            {"predicted": str(kind), "mean_error": float(np.mean(np.abs(error))),
             "largest_error": float(np.max(np.abs(error))),
             "fitted_rms": float(np.std(fit.residuals))}
        )  # fmt: skip
    return found


def main() -> None:
    """Measure and publish."""
    measured = {"held_out": held_out(), "basins": basins(), "schedules": schedules()}
    for row in measured["basins"]:
        print(row)
    for row in measured["schedules"]:
        print(row)
    rows = [
        (row["law"], *(f"{value:+.2%}" for value in row["errors"].values()),
         f"{row['bootstrap']:.0%}", f"{row['posterior']:.0%}")
        for row in measured["held_out"]
    ]  # fmt: skip
    budgets = tuple(f"{float(b) / 1e6:.3g}M tokens" for b in measured["held_out"][0]["errors"])
    table = Table(
        f"Predictions of width {measured['held_out'][0]['width']:g} from the smaller widths",
        ("law", *budgets, "bootstrap 90% holds", "posterior 90% holds"), tuple(rows),
    )  # fmt: skip
    publish("ladder_calibration", table, measured)


if __name__ == "__main__":
    main()
