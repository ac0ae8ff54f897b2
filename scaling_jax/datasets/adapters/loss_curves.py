"""Loss curves under learning-rate schedules: a row a logged step, and the schedule's numbers.

Curves are logged every so many steps, but the laws over schedules sum over every step. The columns
`warmup_steps`, `decay_start_step`, `total_steps`, `peak_learning_rate`, `end_learning_rate` and
`decay_shape` say what the rate was at each of them; the tables' descriptions say how.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns, numbers, read_csv
from scaling_jax.datasets.adapters.selection import rows_where, sorted_by, stacked
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset

_MPL_SIZES = {"25": 25e6, "100": 100e6}
_MPL_FITTED = ("cosine_24000", "constant_24000", "wsdcon_9")
_MPL_PEAK, _MPL_WARMUP = 3e-4, 2160


def mpl_curves(dataset: Dataset, size: str, split: str) -> Columns:
    """Training curves of two model sizes under nine schedules each."""
    folder = "*" if size == "both" else f"csv_{size.removesuffix('M')}"
    paths = fetch(dataset, f"loss_curve_repo/{folder}/*.csv")
    columns = stacked([_mpl_curve(path) for path in paths])
    columns["copies"] = _copies(columns, "params", "step", "learning_rate", "loss")
    if split != "both":
        columns = rows_where(columns, columns["split"] == split)
    return sorted_by(columns, "run", "step")


def _mpl_curve(path: Path) -> Columns:
    step, rate, loss = numbers(read_csv(path), "step", "lr", "loss")
    size, schedule = path.parent.name.removeprefix("csv_"), path.stem
    same = {
        "run": f"{size}M/{schedule}",
        "family": schedule,
        "params": _MPL_SIZES[size],
        "split": "fit" if schedule in _MPL_FITTED else "test",
        **_mpl_schedule(schedule),
    }
    each = {"step": step, "learning_rate": rate, "loss": loss}
    return each | {name: np.full(len(step), value) for name, value in same.items()}


def _mpl_schedule(name: str) -> dict[str, Any]:
    """Return the schedule that the name of a file stands for."""
    kind, *given = name.split("_")
    *_, last = (float(text) for text in given)
    shape, start, total, end = {
        "constant": ("constant", last, last, _MPL_PEAK),
        "cosine": ("cosine", _MPL_WARMUP, last, 3e-5),
        "wsd": ("exponential", 20000.0, last, 3e-5),
        "wsdld": ("linear", 20000.0, last, 3e-5),
        "wsdcon": ("step", 8000.0, 16000.0, last * 1e-5),
    }[kind]
    return _schedule(_MPL_PEAK, end, _MPL_WARMUP, start, total, shape)


def wsd_cooldowns(dataset: Dataset, table: str) -> Columns:
    """Runs with a cooldown, one row each, or the steps that they logged."""
    runs = [json.loads(path.read_text("utf-8")) for path in fetch(dataset, "data/*.json")]
    if table == "final":
        rows = [_cooldown_run(run) for run in runs]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}
    curve = _validation_curve if table == "validation_curves" else _training_curve
    return sorted_by(stacked([curve(run) for run in runs]), "run", "step")


def _cooldown_run(run: dict[str, Any]) -> dict[str, Any]:
    config, summary = run["config"], run["summary"]
    facts = _cooldown_facts(run)
    tokens = facts["batch_tokens"] * config["iterations"]
    return {
        **facts,
        "step": float(config["iterations"]),
        "tokens": tokens,
        "compute_flops": 6.0 * facts["params"] * tokens,
        "learning_rate": config["lr"],
        "loss": summary["final-val/loss"],
        "loss_32_batches": summary["val/loss"],
        "loss_train": summary["train/loss"],
        "accuracy": summary["final-val/acc"],
    }


def _validation_curve(run: dict[str, Any]) -> Columns:
    return _cooldown_curve(run, run["history"]["val"], "val_loss")


def _training_curve(run: dict[str, Any]) -> Columns:
    return _cooldown_curve(run, run["history"]["train"], "train_loss")


def _cooldown_curve(run: dict[str, Any], history: dict[str, Any], loss: str) -> Columns:
    facts, step = _cooldown_facts(run), np.array(history["iter"], float)
    tokens = facts["batch_tokens"] * step
    start, total = facts["decay_start_step"], facts["total_steps"]
    # The logs hold the rate of the next update, which is zero after the last one; here stands that
    # of the update that led to the step. No logged step lies in the warm-up.
    share = np.minimum(1.0, (total - (step - 1.0)) / (total - start))
    each = {
        "step": step,
        "learning_rate": facts["peak_learning_rate"] * share,
        "loss": np.array(history[loss], float),
        "tokens": tokens,
        "compute_flops": 6.0 * facts["params"] * tokens,
    }
    return each | {name: np.full(len(step), value) for name, value in facts.items()}


def _cooldown_facts(run: dict[str, Any]) -> dict[str, Any]:
    """Return what is the same at every step of a run."""
    config, summary = run["config"], run["summary"]
    total = config["iterations"]
    cooldown = int(config["wsd_fract_decay"] * total)
    checkpoint = Path(config["resume_from"])  # .../<parent run>/ckpts/<step>
    sequences = config["batch_size"] * config["acc_steps"] * config["world_size"]
    params = float(summary["parameters"])
    return {
        "run": run["name"],
        "family": config["dataset"],
        "parent": checkpoint.parts[-3],
        "params": params,
        "params_no_embed": params - float(config["vocab_size"] * config["n_embd"]),
        "depth": float(config["n_layer"]),
        "width": float(config["n_embd"]),
        "batch_tokens": float(sequences * config["sequence_length"]),
        "resumed_at_step": float(checkpoint.name),
        **_schedule(config["lr"], 0.0, config["warmup_steps"], total - cooldown, total, "linear"),
    }


def _schedule(
    peak: float, end: float, warmup: float, start: float, total: float, shape: str
) -> dict[str, Any]:
    return {
        "decay_shape": shape,
        "peak_learning_rate": peak,
        "end_learning_rate": end,
        "warmup_steps": float(warmup),
        "decay_start_step": float(start),
        "total_steps": float(total),
    }


def _copies(columns: Columns, *names: str) -> np.ndarray:
    """Return for each row how many rows are equal to it in these columns."""
    rows = np.stack([columns[name] for name in names], axis=1)
    _, which, count = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    return count[which].astype(float)
