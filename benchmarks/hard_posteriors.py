"""Posteriors of laws that are hard to sample: farseer with nine coefficients, data_constrained.

    python benchmarks/hard_posteriors.py

Default settings of `sj.posterior`. Says of each table how the chains agree, and which parameters
its runs do not tell: those whose posterior is nearly the prior.
"""

import resource

import numpy as np
from report import publish

import scaling_jax as sj
from scaling_jax.tables import Table


def synthetic() -> sj.RunTable:
    """Return 120 runs with 0.2 % noise around the published Farseer surface."""
    params, tokens = np.meshgrid(np.geomspace(2e8, 6e9, 10), np.geomspace(2e9, 2e11, 12))
    params, tokens = params.ravel(), tokens.ravel()
    law = sj.laws.get("farseer").published()
    estimate = next(iter(law.values()))
    loss = np.asarray(estimate(params=params, tokens=tokens))
    loss = loss * np.exp(0.002 * np.random.default_rng(0).standard_normal(len(loss)))
    return sj.RunTable.from_columns({"params": params, "tokens": tokens, "loss": loss})


def cases():
    """Yield law, name of the table and runs."""
    load = sj.datasets.load
    yield "data_constrained", "datablations", load("datablations")
    yield "farseer", "120 runs of its published surface, 0.2 % noise", synthetic()
    yield "farseer", "epoch_chinchilla", load("epoch_chinchilla", keep_outliers=False)


def main() -> None:
    """Sample, describe and publish."""
    measured, rows = [], []
    for law, table, runs in cases():
        used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        draws = sj.posterior(law, runs, discrepancy=False)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - used
        sampler = draws.sampler
        assert sampler is not None
        rhat = max(sampler.rhat.values())
        ess = min(*sampler.ess_bulk.values(), *sampler.ess_tail.values())
        spread = sampler.coordinates.reshape(-1, len(sampler.names)).std(axis=0)
        contraction = dict(zip(sampler.names, (spread / sampler.prior_sd).tolist(), strict=True))
        untold = [name for name, share in contraction.items() if share > 0.9]
        print(law, table, sampler.table(), *draws.warnings, sep="\n", flush=True)
        measured.append(
            {"law": law, "table": table, "runs": len(runs), "rhat": rhat, "ess": ess,
             "divergences": int(np.sum(sampler.diverging)), "processor_seconds": used,
             "posterior over prior sd": contraction, "warnings": list(draws.warnings)}
        )  # fmt: skip
        rows.append(
            (law, table, len(runs), round(rhat, 4), round(ess), int(np.sum(sampler.diverging)),
             ", ".join(untold) or "none", round(used))
        )  # fmt: skip
    header = ("law", "table", "runs", "R-hat", "ESS", "diverging", "not told by the runs", "CPU s")
    publish("hard_posteriors", Table("4 chains of 1,000 draws", header, tuple(rows)), measured)


if __name__ == "__main__":
    main()
