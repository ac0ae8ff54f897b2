"""Repeated sampling: how often samples of a model solve a problem."""

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns, numbers, read_csv, read_parquet
from scaling_jax.datasets.adapters.selection import rows_where
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset

_SAMPLES = ("Model", "Benchmark", "Problem Idx", "Num. Samples Total", "Num. Samples Correct")
_SIZES = {"M": 1e6, "B": 1e9}


def llm_monkeys(dataset: Dataset, table: str) -> Columns:
    """Samples that solved a problem, of all that were drawn; or the share solved in k attempts."""
    if table == "transcribed_counts":
        return _transcribed_counts(dataset)
    (path,) = fetch(dataset, "data/processed_data/*.parquet")
    found = read_parquet(path, *_SAMPLES, "Scaling Parameter", "Score")
    if table == "coverage":
        return _coverage(found)
    if table == "counts":
        found = rows_where(found, found["Scaling Parameter"] == 1)
    columns = {
        **_sampled(found["Model"]),
        "benchmark": found["Benchmark"],
        "problem": found["Problem Idx"],
        "samples": found["Num. Samples Total"],
        "correct": found["Num. Samples Correct"],
    }
    if table == "counts":
        return columns
    return {**columns, "attempts": found["Scaling Parameter"], "pass_at_k": found["Score"]}


def _transcribed_counts(dataset: Dataset) -> Columns:
    found = read_csv(*fetch(dataset, "llm_monkeys_counts.csv"))
    problem, samples, correct = numbers(found, "problem", "num_samples", "num_correct")
    return {
        **_sampled(found["model"]),
        "benchmark": found["benchmark"],
        "problem": problem,
        "samples": samples,
        "correct": correct,
    }


def _sampled(models: np.ndarray) -> Columns:
    """Return name and nominal size of models such as ``Pythia 2.8B``."""
    sizes = [name.split()[-1] for name in models]
    params = np.array([float(size[:-1]) * _SIZES[size[-1]] for size in sizes])
    return {"family": models, "params": params}


def _coverage(found: dict[str, np.ndarray]) -> Columns:
    """Average pass@k over the problems; its logarithm is minus infinity for single problems."""
    _, model = np.unique(found["Model"], return_inverse=True)
    attempts, k = np.unique(found["Scaling Parameter"], return_inverse=True)
    cells = model * len(attempts) + k
    _, first, cell = np.unique(cells, return_index=True, return_inverse=True)
    problems = np.bincount(cell)
    coverage = np.bincount(cell, weights=found["Score"]) / problems
    columns = {
        **_sampled(found["Model"][first]),
        "benchmark": found["Benchmark"][first],
        "problems": problems,
        "attempts": found["Scaling Parameter"][first],
        "coverage": coverage,
    }
    return rows_where(columns, np.argsort(first))
