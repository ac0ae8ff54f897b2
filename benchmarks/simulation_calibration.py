"""Are posteriors of simulated runs right? Ranks of the truth among draws, for four laws.

    python benchmarks/simulation_calibration.py
    python benchmarks/simulation_calibration.py --likelihood student_t

Coordinates are drawn from the weak prior and runs from the law with them, 300 times a law; each
table's posterior is sampled, and the truth ranked among its draws. Ranks are uniform if model,
sampler and noise agree. Writes the table, JSON and docs/simulation_calibration.png. Each law is
timed with its compilation.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from report import publish

import scaling_jax as sj
from scaling_jax.tables import Table
from scaling_jax.uncertainty.calibration import Calibration, simulation_based_calibration

LAWS = ("chinchilla", "farseer", "kaplan_nd", "kaplan_n")
SIMULATIONS = 300
BINS = 20
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "simulation_calibration.png"


def design(law: str) -> sj.RunTable:
    """Return where the simulated runs lie: three decades of params, and of tokens if it has them.

    Farseer's nine coefficients get an 8 x 6 grid as the others do, around the centre it was
    published for.
    """
    params, tokens = np.geomspace(1e7, 1e10, 8), np.geomspace(1e9, 1e12, 6)
    if law == "kaplan_n":
        return sj.RunTable.from_columns({"params": np.geomspace(1e7, 1e10, 24)})
    grid = np.meshgrid(params, tokens)
    return sj.RunTable.from_columns({"params": grid[0].ravel(), "tokens": grid[1].ravel()})


def draw(found: dict[str, Calibration]) -> None:
    """Draw every coordinate's rank histogram with the band that holds 99 % of uniform counts."""
    from matplotlib.figure import Figure
    from scipy.stats import binom

    widest = max(len(one.ranks) for one in found.values())
    figure = Figure(figsize=(1.25 * widest, 1.25 * len(found) + 0.3), layout="constrained")
    grid = figure.subplots(len(found), widest, sharex=True, squeeze=False)
    for row, (law, one) in zip(grid, found.items(), strict=True):
        low, high = binom.ppf([0.005, 0.995], one.simulations, 1.0 / BINS)
        probability = one.p_values(BINS)
        for axes, name in zip(row, one.ranks, strict=False):
            axes.axhspan(low, high, color="#DDDDDD", linewidth=0.0)
            axes.axhline(one.simulations / BINS, color="#999999", linewidth=0.8)
            axes.stairs(one.counts(name, BINS), np.linspace(0, 1, BINS + 1), color="#0072B2",
                        fill=True, alpha=0.7)  # fmt: skip
            axes.set_title(f"{name}, p = {probability[name]:.2f}", fontsize=7)
            axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 2.4 * one.simulations / BINS))
        for axes in row[len(one.ranks) :]:
            axes.axis("off")
        row[0].set_ylabel(law, fontsize=8)
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    """Measure, draw and publish."""
    parser = argparse.ArgumentParser(description="Simulation-based calibration of posteriors.")
    parser.add_argument("--likelihood", default="lognormal")
    parser.add_argument("--simulations", type=int, default=SIMULATIONS)
    parser.add_argument("--laws", nargs="+", default=list(LAWS))
    arguments = parser.parse_args()
    found, measured, rows = {}, {}, []
    for law in arguments.laws:
        begun = time.perf_counter()
        one = simulation_based_calibration(
            law, design(law), likelihood=arguments.likelihood, simulations=arguments.simulations
        )
        seconds = time.perf_counter() - begun
        found[law], probability = one, one.p_values(BINS)
        print(one, f"\n{seconds:.0f} s, diverging in {one.diverging:.1%}", flush=True)
        measured[law] = {
            "simulations": one.simulations,
            "seconds": seconds,
            "diverging": one.diverging,
            "p": probability,
            "coverage of 90 % intervals": one.coverage(0.9),
            "counts": {name: one.counts(name, BINS).tolist() for name in one.ranks},
        }
        least = min(probability, key=lambda name: probability[name])
        covered = list(one.coverage(0.9).values())
        rows.append(
            (law, len(one.ranks), round(probability[least], 3), least,
             f"{min(covered):.0%} .. {max(covered):.0%}", f"{one.diverging:.0%}", round(seconds))
        )  # fmt: skip
    table = Table(
        f"ranks of {arguments.simulations} simulations, {arguments.likelihood} noise",
        ("law", "coordinates", "smallest p", "of", "90 % intervals hold", "diverging", "seconds"),
        tuple(rows),
    )
    draw(found)
    publish("simulation_calibration", table, {"likelihood": arguments.likelihood, "laws": measured})


if __name__ == "__main__":
    main()
