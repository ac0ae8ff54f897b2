"""Few-shot image classification after pre-training."""

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns, numbers, read_csv
from scaling_jax.datasets.adapters.selection import rows_where, sorted_by
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset

_VISION_SIZES = {
    "BiT/50/1": 61e6, "BiT/101/3": 494e6, "MiX/B/16": 73e6, "MiX/L/16": 226e6,
    "ViT/S/16": 32e6, "ViT/B/16": 110e6,
}  # fmt: skip


def revisiting_vision(dataset: Dataset, split: str) -> Columns:
    """Learning curves of six models on four data sets with 5, 10 and 25 examples a class."""
    rows = read_csv(*fetch(dataset, "aggregated_eval/revisiting_vision.csv"))
    examples, error = numbers(rows, "Seen Examples", "Loss")
    curves = zip(rows["Task"], rows["Model"], strict=True)
    columns = {
        "run": np.array([f"{task} {model}" for task, model in curves]),
        "task": rows["Task"],
        "shots": np.array([float(task.partition("_")[2]) for task in rows["Task"]]),
        "family": rows["Model"],
        "params": np.array([_VISION_SIZES[model] for model in rows["Model"]]),
        "examples": examples,
        "error": error,
        "split": np.where(rows["Training"] == "1", "fit", "test"),
    }
    if split != "both":
        columns = rows_where(columns, columns["split"] == split)
    return sorted_by(columns, "run", "examples")
