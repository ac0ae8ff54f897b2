"""The run table of a ladder: one row a finished run, or one row a point of its loss curve."""

from typing import Any

import numpy as np

from scaling_jax.errors import LadderError
from scaling_jax.ladder.group import Group, Run
from scaling_jax.ladder.log import Line
from scaling_jax.ladder.running import Site
from scaling_jax.runs import RunTable


def export(site: Site, *, curves: bool = False) -> RunTable:
    """Return the runs of a ladder that have ended, as a table to fit laws to.

    Diverged runs have no loss, so they are not in the table, nor are their curves; `status` counts
    them. Of rungs of several kinds of recipe only the columns that all have are there.

    Args:
        site: A ladder in its folder; it may still be running.
        curves: One row for every evaluation, with the column ``step``, instead of one for every
            run's end.

    Raises:
        LadderError: No run has ended yet.
    """
    rows = [
        row
        for group in site.ladder.groups
        for row in _rows(site, group, curves)
    ]  # fmt: skip
    if not rows:
        raise LadderError(f"no run of the ladder in {site.folder} has ended; let it run on")
    columns: dict[str, Any] = {}
    for name in (name for name in rows[0] if all(name in row for row in rows)):
        values = [row[name] for row in rows]
        columns[name] = values if isinstance(values[0], str) else np.array(values, float)
    return RunTable.from_columns(columns, source=f"ladder {site.ladder.name}")


def _rows(site: Site, group: Group, curves: bool) -> list[dict[str, Any]]:
    runs, lines = {run.name: run for run in group.runs}, site.lines(group)
    diverged = {line["run"] for line in lines if line["status"] == "diverged"}
    return [
        _row(site, runs[line["run"]], line, curves)
        for line in lines
        if line["loss"] is not None
        and line["run"] not in diverged
        and (curves or line["status"] == "finished")
    ]


def _row(site: Site, run: Run, line: Line, curves: bool) -> dict[str, Any]:
    group, recipe = run.group, run.group.recipe
    shape = {
        name: float(getattr(recipe, name))
        for name in ("width", "depth", "context", "vocab_size", "experts")
        if hasattr(recipe, name)
    }
    tokens = line["tokens"] if curves else run.tokens
    return {
        "run": run.name,
        "family": site.ladder.name,
        "params": float(recipe.params_total),
        "params_no_embed": float(recipe.params_no_embed),
        "tokens": float(tokens),
        "compute_flops": float(tokens) * recipe.flops_per_token(),
        "loss": line["loss"],
        "batch_loss": line["train_loss"],  # a name that nobody takes for that of the loss
        **shape,
        "learning_rate": line["learning_rate"] if curves else run.lane.learning_rate,
        "batch_tokens": float(group.batch_tokens),
        "step": float(line["step"]),
        "warmup_steps": float(group.schedule.warmup_steps),
        "seed": float(run.lane.seed),
        "schedule": group.schedule.kind,
        "corpus": site.corpus_digest[:12],
        "seconds": line["seconds"],
        "flops_per_second": line["flops_per_second"],
        "device": line["device"],
        "versions": line["versions"],
    }
