"""Models with vocabularies of different sizes."""

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns, numbers, read_csv
from scaling_jax.datasets.adapters.selection import rows_where
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset

_CHECKPOINTS = 20  # of each run, in order
_FITTED_FROM = 2.18e17  # FLOP; the published fit leaves out the points below


def vocab_scaling(dataset: Dataset, table: str) -> Columns:
    """Checkpoints of runs over model size and vocabulary; the loss is relative to a unigram's."""
    rows = read_csv(*fetch(dataset, "exp_data.csv"))
    vocabulary, width, characters = numbers(rows, "vocab_size", "embed_dim", "num_characters")
    non_vocab, flops, loss = numbers(rows, "Non_vocab_parameters", "FLOPs", "Lossu")
    of_vocabulary = vocabulary * width
    params = non_vocab + of_vocabulary
    columns = {
        "run": np.array([f"{n:.0f}/{v:.0f}" for n, v in zip(non_vocab, vocabulary, strict=True)]),
        "checkpoint": np.arange(len(loss)) % _CHECKPOINTS + 1.0,
        "params": params,
        "params_non_vocab": non_vocab,
        "params_vocab": of_vocabulary,
        "vocab_size": vocabulary,
        "width": width,
        "characters": characters,
        "tokens": flops / (6.0 * params),
        "compute_flops": flops,
        "loss": loss,
        "in_published_fit": (flops >= _FITTED_FROM).astype(float),
    }
    if table == "final":
        return rows_where(columns, columns["checkpoint"] == _CHECKPOINTS)
    return columns
