"""Exponents that ladders of trained models give, beside the exponents that theory gives.

    python benchmarks/ladder_ground_truth.py [--folder FOLDER] [--only features parity ...]

Models are trained by the pipeline of scaling_jax.ladder on corpora whose exponent alpha is an
option; its run tables are fitted with the laws that hold at these finite sizes. With --folder, the
ladders are kept there, and those that are done are not trained again. Writes a table and JSON.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from report import publish

import scaling_jax as sj
from scaling_jax.ladder import Ladder, run
from scaling_jax.laws import get
from scaling_jax.laws.zeta import hurwitz_zeta
from scaling_jax.tables import Table

ALPHAS = (0.5, 1.0)  # of the solvable model
LATENT, OUTPUTS = 256, 8
FEATURES = (6, 12, 24, 48)
EXAMPLES, MANY_FEATURES = (4, 8, 16, 32), 384

TASK_ALPHAS = (0.5, 1.0)  # of the parities
TASKS, BITS = 256, 32
WIDTHS = (4, 6, 8, 12, 16, 24, 32)
WIDE, STEPS = 256, (500, 1000, 2000, 4000, 8000)  # room for more tasks than these steps teach
REPLICATES = 1000
SAMPLING: dict[str, Any] = {
    "likelihood": "normal", "discrepancy": False, "draws": 400, "warmup": 400,
}  # fmt: skip


# Ladders


def features_ladder(alpha: float) -> dict[str, Any]:
    """Return the ladder over features of a stream: the loss falls as features**-alpha."""
    return {
        "name": f"features-{alpha:g}",
        "corpus": {"kind": "teacher", "alpha": alpha, "latent": LATENT, "outputs": OUTPUTS},
        "recipe": {"kind": "linear", "alpha": alpha, "latent": LATENT, "outputs": OUTPUTS},
        "training": {
            "batch_tokens": 128, "tokens": 128 * 400, "learning_rate": 0.1, "seeds": list(range(8)),
            "warmup_steps": 10, "decay_share": 0.6, "lanes": 8,
        },
        "rungs": [{"features": features} for features in FEATURES],
    }  # fmt: skip


def examples_ladders(alpha: float) -> Iterator[dict[str, Any]]:
    """Yield the ladders on training sets of each size, repeated until nothing is left to learn."""
    for examples in EXAMPLES:
        document = features_ladder(alpha)
        document["name"] = f"examples-{alpha:g}-{examples}"
        document["corpus"]["examples"] = examples
        document["recipe"]["whitened"] = False  # the solution of least norm is the theory's
        document["training"] |= {
            "batch_tokens": examples, "tokens": examples * 1000, "learning_rate": 0.03,
        }  # fmt: skip
        document["rungs"] = [{"features": MANY_FEATURES}]
        yield document


def parity_ladder(alpha: float) -> dict[str, Any]:
    """Return the ladder over widths of perceptrons: each task learned takes some parameters."""
    shape = {"tasks": TASKS, "bits": BITS}
    return {
        "name": f"parity-{alpha:g}",
        "corpus": {"kind": "parity", "alpha": alpha, "per_task": 64, **shape},
        "recipe": {"kind": "perceptron", **shape},
        "training": {
            "batch_tokens": 256, "tokens": 256 * 12_000, "learning_rate": 0.01,
            "seeds": list(range(4)), "warmup_steps": 100, "decay_share": 0.3, "lanes": 4,
        },
        "rungs": [{"width": width} for width in WIDTHS],
    }  # fmt: skip


def steps_ladder(alpha: float) -> dict[str, Any]:
    """Return the ladder over tokens of a wide perceptron: a task is learned when its time comes."""
    document = parity_ladder(alpha)
    document["name"] = f"parity-tokens-{alpha:g}"
    document["training"]["tokens"] = [256 * steps for steps in STEPS]
    document["rungs"] = [{"width": WIDE}]
    return document


def trained(document: dict[str, Any], folder: Path) -> sj.RunTable:
    """Return the run table of a ladder, trained unless the folder has it."""
    begun = time.perf_counter()
    runs = run(Ladder.of(document), folder / document["name"])
    print(f"{document['name']}: {len(runs)} runs, {time.perf_counter() - begun:.0f} s", flush=True)
    return runs


def by_features(alpha: float, folder: Path) -> sj.RunTable:
    """Return runs with the columns of the solvable model, examples in excess."""
    runs = trained(features_ladder(alpha), folder)
    runs = runs.with_column("features", runs["params"] / OUTPUTS)
    return runs.with_column("samples", runs["tokens"])


def by_examples(alpha: float, folder: Path) -> sj.RunTable:
    """Return runs with the columns of the solvable model, features in excess."""
    tables = []
    for document in examples_ladders(alpha):
        runs = trained(document, folder)
        runs = runs.with_column("features", runs["params"] / OUTPUTS)
        tables.append(runs.with_column("samples", runs["batch_tokens"]))  # a batch is all of them
    return tables[0].concat(*tables[1:])


# Laws


def solvable() -> sj.Law:
    """Return the closed form at finite size; the teachers' weights are taken as unknown."""
    return get("maloney_solvable", latent=LATENT).fix(lambda_plus=1.0)


def of_learned(learned: Any, b: Any, alpha: Any) -> Any:
    """Return the mean loss where the tasks learned are the commonest, of a finite number."""
    s, beyond = 1.0 + alpha, hurwitz_zeta(1.0 + alpha, TASKS + 1.0)
    return b * (hurwitz_zeta(s, learned + 1.0) - beyond) / (hurwitz_zeta(s) - beyond)


OF_LEARNED = "L = b * sum_{n < k <= Q} p_k ; p_k = k**(-(1+alpha)) / sum ; Q = 256 ; "
OF_TASKS = (
    sj.Parameter("b", "loss of a task that was not learned", "loss"),
    sj.Parameter("alpha", "exponent of the tasks' frequencies", start=(0.1, 1.5)),
)


@sj.law(
    name="parities_by_params",
    formula=OF_LEARNED + "n = N/c",
    parameters=[
        *OF_TASKS,
        sj.Parameter("c", "parameters a task takes", "params", start=(0.05, 1.0)),
    ],
)
def parities_by_params(params, *, b, alpha, c):
    """Return the loss where width is what there is too little of."""
    return of_learned(params / c, b, alpha)


@sj.law(
    name="parities_by_tokens",
    formula=OF_LEARNED + "n = (T/T_0)**(1/(1+alpha))",
    parameters=[
        *OF_TASKS,
        sj.Parameter("T_0", "tokens to the first task", "tokens", start=(1e-3, 1.0)),
    ],
)
def parities_by_tokens(tokens, *, b, alpha, T_0):
    """Return the loss where a task is learned after a fixed number of its own examples."""
    return of_learned((tokens / T_0) ** (1.0 / (1.0 + alpha)), b, alpha)


@sj.law(
    name="bare_power",
    formula="L = A / x**alpha",
    parameters=[
        sj.Parameter("A", "amplitude", "loss * scale**alpha"),
        sj.Parameter("alpha", "exponent", start=(0.1, 1.5)),
    ],
)
def bare_power(scale, *, A, alpha):
    """Return a power without an irreducible loss, for comparison."""
    return A * scale**-alpha


def recovered(law: sj.Law, runs: sj.RunTable) -> dict[str, Any]:
    """Return alpha with its intervals at 95 %, by refitting resamples and by the posterior."""
    fit = sj.fit(law, runs, sj.Squared(), starts=32)
    found: dict[str, Any] = {"alpha": float(fit.params["alpha"]), "runs": len(runs)}
    draws = {
        "bootstrap": sj.bootstrap(fit, REPLICATES, progress=False),
        "posterior": sj.posterior(law, runs, **SAMPLING),
    }
    for name, values in draws.items():
        found[name] = np.quantile(values["alpha"], [0.025, 0.975]).tolist()
        found[f"warnings of the {name}"] = list(values.warnings)
    return found


def measure(name: str, alpha: float, law: sj.Law, runs: sj.RunTable, axis: str) -> dict[str, Any]:
    """Return what one ladder says of alpha, and its runs."""
    bare = sj.fit(bare_power, runs.with_column("scale", runs[axis]), sj.Squared(), starts=32)
    columns = sorted({axis, "seed", "loss"} | set(law.input_names))
    return {
        "experiment": name,
        "truth": alpha,
        "axis": axis,
        "law": law.label,
        **recovered(law, runs),
        "bare_power": float(bare.params["alpha"]),
        "seconds": float(np.sum(runs["seconds"])),
        "columns": {column: np.asarray(runs[column]).tolist() for column in columns},
    }


def experiments(only: list[str], folder: Path) -> Iterator[dict[str, Any]]:
    """Train and measure what was asked for."""
    for alpha in ALPHAS:
        if "features" in only:
            runs = by_features(alpha, folder)
            yield measure("linear, features", alpha, solvable(), runs, "features")
        if "examples" in only:
            runs = by_examples(alpha, folder)
            yield measure("linear, examples", alpha, solvable(), runs, "samples")
    if "parity" in only:
        for alpha in TASK_ALPHAS:
            runs, law = trained(parity_ladder(alpha), folder), parities_by_params
            yield measure("parity, params", alpha, law.fix(b=math.log(2)), runs, "params")
    if "tokens" in only:
        for alpha in TASK_ALPHAS:
            runs, law = trained(steps_ladder(alpha), folder), parities_by_tokens
            yield measure("parity, tokens", alpha, law.fix(b=math.log(2)), runs, "tokens")


def row(m: dict[str, Any]) -> tuple[Any, ...]:
    """Return a row of the table."""
    cells = [m["experiment"], m["truth"], m["runs"], round(m["alpha"], 3)]
    for name in ("bootstrap", "posterior"):
        low, high = m[name]
        cells += [f"{low:.3f} to {high:.3f}", "yes" if low <= m["truth"] <= high else "no"]
    return (*cells, round(m["bare_power"], 3), round(m["seconds"]))


def main() -> None:
    """Train, fit and publish."""
    kinds = ["features", "examples", "parity", "tokens"]
    parser = argparse.ArgumentParser(description="Ladders with known exponents.")
    parser.add_argument("--folder", type=Path, help="where ladders are kept")
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measured = []
        for found in experiments(arguments.only, arguments.folder or Path(temporary)):
            measured.append(found)
            print(row(found), flush=True)
    table = Table(
        "exponents of trained ladders",
        ("ladder", "theory", "runs", "alpha", "bootstrap 95 %", "holds", "posterior 95 %", "holds",
         "bare power", "seconds"),
        tuple(map(row, measured)),
    )  # fmt: skip
    if arguments.only != kinds:
        print(table)
        return
    publish("ladder_ground_truth", table, measured)


if __name__ == "__main__":
    main()
