"""Models with routed experts."""

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns, numbers, read_csv
from scaling_jax.datasets.adapters.selection import rows_where
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset

# What makes two settings the same but for their number.
_HYPERPARAMETERS = (
    "router_type", "num_experts", "k", "routing_frequency", "flop_increase", "d_model",
    "num_blocks", "num_heads", "kqv_size", "seed",
)  # fmt: skip


def routed_moe(dataset: Dataset, table: str, validation_set: str) -> Columns:
    """Evaluations of routed and dense models; by default the last one of each setting."""
    rows = read_csv(*fetch(dataset, "data/curves.csv.gz"))
    rows["repeats"] = _repeats(rows)
    loss = rows[f"loss_{validation_set}"]
    step = rows["step"].astype(float)
    # Step 0 is before training; a few evaluations lack some of the losses.
    rows = rows_where(rows, (loss != "") & (step > 0.0))
    if table == "final":
        rows = _last_of_each(rows)
    return _evaluations(rows, f"loss_{validation_set}")


def _evaluations(rows: Columns, loss: str) -> Columns:
    k, frequency, seed = numbers(rows, "k", "routing_frequency", "seed")
    plain = {
        "step": "step",
        "params": "dense_parameter_count",
        "params_total": "total_parameter_count",
        "experts": "num_experts",
        "experts_per_token": "k",
        "routing_frequency": "routing_frequency",
        "feed_forward_factor": "flop_increase",
        "flops_per_step": "flops_per_step",
        "width": "d_model",
        "depth": "num_blocks",
        "heads": "num_heads",
        "head_width": "kqv_size",
        "seed": "seed",
        "repeats": "repeats",
        "loss": loss,
    }
    return {
        "run": np.array([f"setting {int(number):03d}" for number in rows["hyper_id"]]),
        "family": rows["router_type"],
        "size": rows["model_size_label"],
        **{name: rows[header].astype(float) for name, header in plain.items()},
        "in_published_fit": ((k == 1.0) & (frequency == 0.5) & (seed == 42.0)).astype(float),
    }


def _last_of_each(rows: Columns) -> Columns:
    setting, step = numbers(rows, "hyper_id", "step")
    order = np.lexsort([step, setting])
    last = np.append(np.diff(setting[order]) != 0.0, True)
    return rows_where(rows, order[last])


def _repeats(rows: Columns) -> np.ndarray:
    """Return for each row how many settings have its hyperparameters."""
    settings, first = np.unique(rows["hyper_id"], return_index=True)
    keys = ["|".join(key) for key in zip(*(rows[name] for name in _HYPERPARAMETERS), strict=True)]
    _, which, count = np.unique(np.array(keys)[first], return_inverse=True, return_counts=True)
    return count[which][np.searchsorted(settings, rows["hyper_id"])].astype(float)
