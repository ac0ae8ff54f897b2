"""One fit, from the same starts, beside its peers: scipy and the package chinchilla.

    python benchmarks/fit_single.py

All minimise the same objective on the same 240 rows of the Epoch table: Huber with delta 1e-3 on
the logarithm of the loss, summed, L = E + A / N**alpha + B / D**beta. The starts are a grid of 32
points, because the package chinchilla takes grids only; scaling_jax is shown from its own 512
starts as well. Peers run in processes of their own. Times of scaling_jax are of the second call
(the first one compiles; its time is in the JSON).
"""

import argparse
import itertools
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from report import publish
from scipy.optimize import minimize

import scaling_jax as sj
from scaling_jax.tables import Table

DELTA = 1e-3
GRID = {  # logarithms of E, A, B; exponents
    "e": (0.0, 0.7),
    "a": (4.0, 8.0),
    "b": (4.0, 8.0),
    "alpha": (0.25, 0.5),
    "beta": (0.25, 0.5),
}
WITHIN = 1e-6
REPEATS = 5  # the quickest counts: other work on the machine only ever adds
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads slow scipy down here


def epoch_rows() -> sj.RunTable:
    """Return the 240 rows of the published fit."""
    return sj.datasets.load("epoch_chinchilla", keep_outliers=False)


def starts() -> np.ndarray:
    """Return the 32 starts ``[starts, 5]``: e, a, b, alpha, beta."""
    return np.array(list(itertools.product(*GRID.values())))


def objective_and_gradient(runs: sj.RunTable):
    """Return the objective with its analytic gradient, in NumPy, for scipy."""
    log_n, log_d, log_l = (np.log(runs[c]) for c in ("params", "tokens", "loss"))

    def evaluate(x):
        e, a, b, alpha, beta = x
        with np.errstate(over="ignore"):
            terms = np.exp(np.stack([np.full_like(log_n, e), a - alpha * log_n, b - beta * log_d]))
        total = terms.sum(0)
        if not np.all(np.isfinite(total)):
            return 1e10, np.zeros(5)
        r = np.log(total) - log_l
        inside = np.minimum(np.abs(r), DELTA)
        psi = np.clip(r, -DELTA, DELTA)
        share = psi * terms / total
        columns = (share[0], share[1], share[2], -log_n * share[1], -log_d * share[2])
        return np.sum(inside * (np.abs(r) - 0.5 * inside)), np.array([c.sum() for c in columns])

    return evaluate


def scipy_peer(method: str) -> dict:
    """Minimise from every start with one of scipy's methods."""
    evaluate = objective_and_gradient(epoch_rows())
    options = {"maxiter": 10_000} | ({"maxfun": 100_000} if method == "L-BFGS-B" else {})
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        ends = [minimize(evaluate, x, jac=True, method=method, options=options) for x in starts()]
        times.append(time.perf_counter() - begun)
    return {"seconds": min(times), "values": [end.fun for end in ends]}


def chinchilla_peer() -> dict:
    """Fit with the package chinchilla (BFGS, numerical gradient, extended precision, all cores)."""
    from chinchilla import Chinchilla

    logging.disable(logging.CRITICAL)
    runs = epoch_rows()
    with tempfile.TemporaryDirectory() as folder:
        rows = np.column_stack([runs[c] for c in ("compute_flops", "params", "tokens", "loss")])
        path = Path(folder) / "df.csv"
        np.savetxt(path, rows, delimiter=",", header="C,N,D,loss", comments="")
        fitter = Chinchilla(
            project_dir=folder,
            param_grid={name: list(values) for name, values in GRID.items()},
            loss_fn=log_huber,
            log_level=50,
        )
        times = []
        for _ in range(REPEATS):
            begun = time.perf_counter()
            fitter.fit(parallel=True)
            times.append(time.perf_counter() - begun)
    best = [np.log(fitter.E), np.log(fitter.A), np.log(fitter.B), fitter.alpha, fitter.beta]
    value = objective_and_gradient(runs)(np.array(best, float))[0]
    return {"seconds": min(times), "values": [value]}


def log_huber(observed, predicted):
    """Huber loss on logarithms; the package's own one has delta 1 and averages."""
    r = np.log(predicted) - np.log(observed)
    inside = np.minimum(np.abs(r), DELTA)
    return inside * (np.abs(r) - 0.5 * inside)


def scaling_jax_fit(own_starts: bool) -> dict:
    """Fit with scaling_jax, from the grid's starts or from its own."""
    runs, x = epoch_rows(), starts().T
    grid = dict(zip(("E", "A", "B"), np.exp(x[:3]), strict=True)) | {"alpha": x[3], "beta": x[4]}
    times = []
    for _ in range(1 + REPEATS):
        begun = time.perf_counter()
        fit = sj.fit("chinchilla", runs, sj.Huber(DELTA), starts=512 if own_starts else grid)
        times.append(time.perf_counter() - begun)
    assert fit.starts is not None  # only a loaded fit has none
    return {
        "seconds": min(times[1:]),
        "first_call_seconds": times[0],
        "values": fit.starts.objective.tolist(),
    }


PEERS = {
    "scipy BFGS": lambda: scipy_peer("BFGS"),
    "scipy L-BFGS-B": lambda: scipy_peer("L-BFGS-B"),
    "chinchilla": chinchilla_peer,
    "scaling_jax": lambda: scaling_jax_fit(own_starts=False),
    "scaling_jax, own starts": lambda: scaling_jax_fit(own_starts=True),
}


def in_a_process_of_its_own(peer: str) -> dict:
    """Run one peer alone, so that thread pools and forks do not disturb each other."""
    command = [sys.executable, __file__, "--peer", peer]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | ONE_THREAD)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def tabulate(measured: dict) -> Table:
    """Return the comparison; ratios are times per start relative to scaling_jax's grid row."""
    best = min(min(m["values"]) for m in measured.values() if "values" in m)
    ours = measured["scaling_jax"]["seconds"] / len(starts())
    rows = []
    for name, m in measured.items():
        if "failed" in m:
            rows.append((name, None, None, None, None, None, f"failed: {m['failed']}"))
            continue
        count = 512 if "own" in name else len(starts())
        values = np.array(m["values"])
        reached = float(np.mean(values <= best * (1.0 + WITHIN))) if len(values) > 1 else None
        each = m["seconds"] / count
        rows.append(
            (name, count, f"{min(values):.12g}", m["seconds"], 1e3 * each, each / ours,
             "" if reached is None else f"{reached:.0%}")
        )  # fmt: skip
    measures = ("best objective", "seconds", "ms a start", "x scaling_jax", "reach it")
    header = ("fit", "starts", *measures)
    return Table(
        "chinchilla law, 240 Epoch rows, Huber 1e-3 on log loss, summed", header, tuple(rows),
        (f"reach it: share of starts within {WITHIN:g} relative of the best objective of all",),
    )  # fmt: skip


def main() -> None:
    """Run every peer and publish the table."""
    parser = argparse.ArgumentParser(description="One fit beside its peers.")
    parser.add_argument("--peer", choices=PEERS, help="run one peer and print JSON")
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(PEERS[arguments.peer]()))
        return
    measured = {name: in_a_process_of_its_own(name) for name in PEERS}
    publish("fit_single", tabulate(measured), measured)


if __name__ == "__main__":
    main()
