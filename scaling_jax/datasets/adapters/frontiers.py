"""Compute-optimal model sizes and data: points on a frontier, not runs."""

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns, numbers, read_csv
from scaling_jax.datasets.adapters.selection import rows_where
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset


def evo_optima(dataset: Dataset) -> Columns:
    """One row for each architecture and budget; sizes and tokens were read off two panels."""
    table = read_csv(*fetch(dataset, "outputs/evo_scaling_data.csv"))
    halves = {name: rows_where(table, table["variable"] == name) for name in ("params", "tokens")}
    # Both panels list the same architectures and budgets in the same order.
    params_flops, params = numbers(halves["params"], "flops", "value")
    tokens_flops, tokens = numbers(halves["tokens"], "flops", "value")
    return {
        "params": params,
        "tokens": tokens,
        "compute_flops": np.sqrt(params_flops * tokens_flops),
        "compute_flops_of_params": params_flops,
        "compute_flops_of_tokens": tokens_flops,
        "budget": halves["params"]["budget"].astype(float),
        "family": halves["params"]["model"],
    }
