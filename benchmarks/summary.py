"""The README's comparison, written from the committed results.

python benchmarks/summary.py          # rewrites the part of README.md between the markers
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARKED = re.compile(r"(<!-- comparison -->\n).*(<!-- end of comparison -->)", re.DOTALL)


def results(name: str) -> dict:
    """Return what a benchmark measured."""
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())["measured"]


def comparison() -> str:
    """Return the comparison as Markdown."""
    single, batch, cold = results("fit_single"), results("batch_fit"), results("cold_start")
    starts = results("multi_start")
    best = min(min(m["values"]) for m in single.values() if "values" in m)

    def fit_row(label: str, name: str, count: int) -> str:
        m = single[name]
        each = 1e3 * m["seconds"] / count
        reached = sum(v <= best * (1 + 1e-6) for v in m["values"]) / len(m["values"])
        share = f"{reached:.0%}" if len(m["values"]) > 1 else "-"
        return f"| {label} | {min(m['values']):.9f} | {share} | {each:.2g} ms |"

    shares = [v["share"] for v in starts.values() if isinstance(v, dict)]
    peer = batch["simple_scaling_laws"]
    refit = batch["refit_ms"]
    lines = [
        "The 240 Epoch rows, Huber 1e-3 on log loss, summed "
        "(`python benchmarks/fit_single.py`, two cores):",
        "",
        "| fit | best objective | starts that reach it | time a start |",
        "|---|---|---|---|",
        fit_row("scaling_jax, its own 512 starts", "scaling_jax, own starts", 512),
        fit_row("scaling_jax, a grid of 32", "scaling_jax", 32),
        fit_row("scipy BFGS, the grid, analytic gradient", "scipy BFGS", 32),
        fit_row("scipy L-BFGS-B, the grid, analytic gradient", "scipy L-BFGS-B", 32),
        fit_row("the package chinchilla, the grid", "chinchilla", 32),
        "",
        f"- Of 512 default starts {min(shares):.1%} or more reach the optimum on each of "
        f"{len(shares)} public tables (`benchmarks/multi_start.py`).",
        f"- A bootstrap refit takes {refit:.2g} ms, {batch['scipy_bfgs_ms'] / refit:.0f} times "
        "less than scipy's BFGS from the fitted optimum"
        + (
            f" and {peer['ms'] / refit:.0f} times less than a draw of simple-scaling-laws 0.2.0"
            if "ms" in peer
            else ""
        )
        + f"; {batch['share_at_optimum']:.1%} of the replicates are at the best optimum that scipy "
        "finds from 20 starts (`benchmarks/batch_fit.py`).",
        f"- Importing costs {cold['import scaling_jax beyond jax']:.2f} s beyond jax; the first "
        f"`scaling-jax fit` in a new process takes {cold['first fit of 240 runs']:.1f} s, the "
        f"second {cold['second fit of 240 runs']:.1f} s (`benchmarks/cold_start.py`).",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Rewrite the marked part of the README."""
    path = ROOT / "README.md"
    path.write_text(MARKED.sub(lambda m: m[1] + comparison() + m[2], path.read_text()))


if __name__ == "__main__":
    main()
