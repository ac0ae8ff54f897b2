"""Which share of the default starts reaches the best known optimum, table by table.

    python benchmarks/multi_start.py

The chinchilla law with Huber 1e-3 on the logarithm of the loss, 512 default starts. Beside it, on
the Epoch table, a random sample of 200 of the usual grid of 4,500 starts with scipy's L-BFGS-B.
"""

import itertools

import numpy as np
from fit_single import objective_and_gradient
from report import publish
from scipy.optimize import minimize

import scaling_jax as sj
from scaling_jax.tables import Table

STARTS, WITHIN, TARGET = 512, 1e-6, 0.97
EXPERIMENTS = (
    "llama_3__raw_loss",
    "marin_202603__comma__llama_2",
    "marin_202603__dclm__llama_2",
    "marin_202603__nemotron__llama_2",
    "misfitting__fineweb_c4__transformer",
)
USUAL_GRID = (  # Hoffmann et al.: logarithms of E, A, B; exponents
    np.arange(-1.0, 1.5, 0.5),
    np.arange(0.0, 30.0, 5.0),
    np.arange(0.0, 30.0, 5.0),
    np.arange(0.0, 2.5, 0.5),
    np.arange(0.0, 2.5, 0.5),
)


def tables() -> dict[str, sj.RunTable]:
    """Return the public tables with params, tokens and loss."""
    load = sj.datasets.load
    found = {"epoch_chinchilla": load("epoch_chinchilla", keep_outliers=False)}
    for name in EXPERIMENTS:
        found[name] = load("open_athena_isoflops", experiment=name, keep_outliers=False)
    return found | {
        "misfitting": load("misfitting"),
        "datablations": load("datablations", table="all_runs"),
    }


def best_known(runs: sj.RunTable) -> float:
    """Return the lowest objective over several seeds."""
    return min(sj.fit("chinchilla", runs, seed=seed).objective for seed in range(4))


def usual_grid_on_epoch(runs: sj.RunTable, best: float) -> float:
    """Return the share of a sample of the usual grid's starts that L-BFGS-B brings to the best."""
    evaluate = objective_and_gradient(runs)
    grid = np.array(list(itertools.product(*USUAL_GRID)))
    sample = grid[np.random.default_rng(0).choice(len(grid), 200, replace=False)]
    ends = [minimize(evaluate, x, jac=True, method="L-BFGS-B").fun for x in sample]
    return float(np.mean(np.array(ends) <= best * (1.0 + 1e-4)))


def main() -> None:
    """Measure and publish."""
    measured, rows = {}, []
    for name, runs in tables().items():
        best = best_known(runs)
        fit = sj.fit("chinchilla", runs, starts=STARTS, seed=4)
        assert fit.starts is not None
        reached = float(np.mean(fit.starts.objective <= best * (1.0 + WITHIN)))
        measured[name] = {"runs": len(runs), "best": best, "share": reached}
        rows.append((name, len(runs), f"{best:.9g}", f"{reached:.1%}", reached >= TARGET))
    share = usual_grid_on_epoch(tables()["epoch_chinchilla"], measured["epoch_chinchilla"]["best"])
    measured["epoch_chinchilla, usual grid, scipy L-BFGS-B, within 1e-4"] = share
    table = Table(
        f"share of {STARTS} default starts within {WITHIN:g} of the best known objective",
        ("table", "runs", "best objective", "share", f">= {TARGET:.0%}"),
        tuple(rows),
        (f"usual grid with scipy L-BFGS-B on Epoch, within 1e-4: {share:.1%} of 200 starts",),
    )
    publish("multi_start", table, measured)


if __name__ == "__main__":
    main()
