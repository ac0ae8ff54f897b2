"""How time and memory grow with the number of replicates and of rows.

    python benchmarks/growth.py

Each point is a process of its own: chinchilla, Huber 1e-3 on the logarithm of the loss, summed.
Replicates grow on the 240 Epoch rows; rows grow on a synthetic table with 512
replicates. Writes the table, JSON and docs/growth.png.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from fit_single import DELTA, epoch_rows
from report import publish

import scaling_jax as sj
from scaling_jax.tables import Table

REPLICATES = (1_000, 10_000, 100_000, 1_000_000)
ROWS = (100, 1_000, 10_000, 100_000, 1_000_000)
TRUTH = {"E": 1.82, "A": 482.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366}
LANES_OF_ROWS = 512  # two chunks of 256, one a core
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "growth.png"


def synthetic(rows: int) -> sj.RunTable:
    """Return runs with 1 % noise around the published Chinchilla surface."""
    rng = np.random.default_rng(0)
    params, tokens = np.exp(rng.uniform(np.log([1e8, 2e9]), np.log([1e10, 2e11]), (rows, 2))).T
    t = TRUTH
    loss = t["E"] + t["A"] / params ** t["alpha"] + t["B"] / tokens ** t["beta"]
    loss = loss * np.exp(0.01 * rng.normal(size=rows))
    return sj.RunTable.from_columns({"params": params, "tokens": tokens, "loss": loss})


def measure(rows: int, replicates: int) -> dict:
    """Return wall time of a warm bootstrap and the process's peak memory."""
    load = os.getloadavg()[0]
    runs = epoch_rows() if rows == 240 else synthetic(rows)
    near = {name: [value] for name, value in TRUTH.items()}
    fit = sj.fit("chinchilla", runs, sj.Huber(DELTA), starts=near)
    sj.bootstrap(fit, min(replicates, 4096) if rows < 10**6 else 1, progress=False)  # compiles
    times = []
    for _ in range(3 if replicates * rows < 1e8 else 1):
        begun = time.perf_counter()
        draws = sj.bootstrap(fit, replicates, seed=1, progress=False)
        times.append(time.perf_counter() - begun)
    return {
        "rows": rows,
        "replicates": replicates,
        "load_before": load,
        "seconds": min(times),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "megabytes_of_draws": 8 * 5 * draws.count / 2**20,
    }


def in_a_process_of_its_own(rows: int, replicates: int) -> dict:
    """Measure one point."""
    command = [sys.executable, __file__, "--point", str(rows), str(replicates)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def draw(by_replicates: list[dict], by_rows: list[dict]) -> None:
    """Draw both growths with straight lines through their first points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right, memory = figure.subplots(1, 3)
    n = np.array([p["replicates"] for p in by_replicates])
    left.loglog(n, [p["seconds"] for p in by_replicates], "o-", color="#0072B2")
    left.loglog(n, by_replicates[0]["seconds"] * n / n[0], "--", color="#999999", label="linear")
    left.set(xlabel="replicates (240 rows)", ylabel="wall time (s)")
    rows = np.array([p["rows"] for p in by_rows])
    each = [1e3 * p["seconds"] / p["replicates"] for p in by_rows]
    right.loglog(rows, each, "o-", color="#0072B2")
    right.loglog(rows, each[1] * rows / rows[1], "--", color="#999999", label="linear")
    right.set(xlabel="rows", ylabel="wall time a replicate (ms)")
    memory.semilogx(n, [p["megabytes"] for p in by_replicates], "o-", color="#D55E00", label="peak")
    memory.semilogx(n, [p["megabytes_of_draws"] for p in by_replicates], "s--", color="#009E73",
                    label="draws alone")  # fmt: skip
    memory.set(xlabel="replicates (240 rows)", ylabel="memory (MiB)", ylim=(0, None))
    for axes in (left, right, memory):
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
    figure.savefig(PICTURE, dpi=120)


def main() -> None:
    """Measure, draw and publish."""
    parser = argparse.ArgumentParser(description="Growth of time and memory.")
    parser.add_argument("--point", nargs=2, type=int, metavar=("ROWS", "REPLICATES"))
    arguments = parser.parse_args()
    if arguments.point:
        print(json.dumps(measure(*arguments.point)))
        return
    by_replicates = [in_a_process_of_its_own(240, n) for n in REPLICATES]
    by_rows = [in_a_process_of_its_own(rows, LANES_OF_ROWS) for rows in ROWS]
    draw(by_replicates, by_rows)
    header = ("rows", "replicates", "seconds", "ms a replicate", "ns a row", "peak MiB")
    cells = [
        (p["rows"], p["replicates"], p["seconds"], 1e3 * p["seconds"] / p["replicates"],
         1e9 * p["seconds"] / p["replicates"] / p["rows"], round(p["megabytes"]))
        for p in (*by_replicates, *by_rows)
    ]  # fmt: skip
    table = Table("growth of a warm bootstrap", header, tuple(cells))
    publish("growth", table, {"by_replicates": by_replicates, "by_rows": by_rows})


if __name__ == "__main__":
    main()
