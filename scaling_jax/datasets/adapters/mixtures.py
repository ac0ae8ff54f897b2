"""Losses of models trained on mixtures of domains.

The shares of a mixture are the columns that begin with ``share_``; those of a run sum to one.
"""

from pathlib import Path

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns, column_name, numbers, read_csv
from scaling_jax.datasets.adapters.selection import rows_where, stacked
from scaling_jax.datasets.adapters.shaping import melted
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset

# Nominal parameters and training tokens; the tokens are the paper's, no file has them.
_REGMIX_SIZES = {"1m": (1e6, 1e9), "60m": (6e7, 1e9), "1B": (1e9, 25e9)}

_TOKENS_A_STEP = 4096.0 * 256.0
_NON_EMBEDDING = {"70M": 18915328.0, "160M": 85056000.0, "410M": 302311424.0, "1B": 805736448.0}
# The domains in the order in which a run's name gives their shares.
_MIXTURES = {
    "two_domains": ("2Mix", ("github", "pile_cc")),
    "three_domains": ("3Mix", ("github", "books3", "pile_cc")),
    "five_domains": ("5Mix", ("academic", "prose", "dialogue", "symbolic", "internet")),
}
_FIRST_HELD_OUT = 900  # runs numbered above are the default and the optimised mixture


def regmix(dataset: Dataset, size: str, validation_domain: str, normalised: bool) -> Columns:
    """Validation losses of random 17-domain mixtures at one model size."""
    parts = ("train", "test") if size == "1m" else ("test",)
    read = [_regmix_part(dataset, part, size, normalised) for part in parts]
    columns, losses = (stacked(list(tables)) for tables in zip(*read, strict=True))
    if validation_domain != "all":
        losses = {validation_domain: losses[validation_domain]}
    return melted(columns, losses, key="validation_domain", value="loss")


def mixing_laws(dataset: Dataset, mixture: str, checkpoints: str) -> Columns:
    """Checkpoints of runs on mixtures of two, three or five domains of the Pile."""
    folder, domains = _MIXTURES[mixture]
    files = fetch(dataset, f"data/{folder}/*[MB].txt")
    tables = [_checkpoints(_lines(path), path.stem, domains) for path in files]
    columns = stacked(tables)
    columns["compute_flops"] = 6.0 * columns["params"] * columns["tokens"]
    return columns if checkpoints == "all" else _last_steps(columns)


def _regmix_part(
    dataset: Dataset, part: str, size: str, normalised: bool
) -> tuple[Columns, Columns]:
    """Return the runs of one pair of files, and their losses by validation domain."""
    mixtures = read_csv(*fetch(dataset, f"data/{part}_mixture_{size}.csv"))
    losses = read_csv(*fetch(dataset, f"data/{part}_pile_loss_{size}.csv"))
    row = {index: position for position, index in enumerate(losses.pop("index"))}
    index = mixtures.pop("index")
    losses = rows_where(losses, np.array([row[entry] for entry in index]))
    shares = np.stack(numbers(mixtures, *mixtures))
    if normalised:
        shares = shares / shares.sum(axis=0)
    params, tokens = _REGMIX_SIZES[size]
    runs = {
        "run": np.array([f"{part}_{entry}" for entry in index]),
        "split": np.full(len(index), part),
        "params": np.full(len(index), params),
        "tokens": np.full(len(index), tokens),
    }
    for header, share in zip(mixtures, shares, strict=True):
        runs["share_" + header.removeprefix("train_the_pile_")] = share
    return runs, {
        header.removeprefix("metric/the_pile_").removesuffix("_val_loss"): loss.astype(float)
        for header, loss in losses.items()
    }


def _lines(path: Path) -> list[tuple[str, str, str, str]]:
    """Return run, step, validation domain and loss of each line, each line once.

    A line is ``.../<run>/<step> <path>.<domain>.bin <loss>``. The step "last" is left out: it is
    a copy of a numbered checkpoint, of step 60000 or, in the run 70M_14, of step 34500.
    """
    found = []
    for line in dict.fromkeys(path.read_text("utf-8").splitlines()):
        checkpoint, validation, loss = line.split()
        run, step = checkpoint.rstrip("/").split("/")[-2:]
        if step != "last":
            found.append((run, step, validation.split(".")[-2], loss))
    return found


def _checkpoints(
    lines: list[tuple[str, str, str, str]], size: str, domains: tuple[str, ...]
) -> Columns:
    """Return the columns of the lines of one file; a run's name ends in its shares."""
    names, steps, validation, losses = zip(*lines, strict=True)
    number, *shares = np.array([name.split("_")[-1].split("-") for name in names]).T
    step = np.array(steps, float)
    columns = {
        "run": np.array([name if name.startswith(size) else f"{size}_{name}" for name in names]),
        "params": np.full(len(names), _NON_EMBEDDING[size]),
        "tokens": step * _TOKENS_A_STEP,
        "step": step,
        "batch_tokens": np.full(len(names), _TOKENS_A_STEP),
        "validation_domain": np.array([column_name(name) for name in validation]),
        "loss": np.array(losses, float),
    }
    for domain, share in zip(domains, shares, strict=True):
        columns[f"share_{domain}"] = share.astype(float)
    if domains == _MIXTURES["five_domains"][1]:
        columns["held_out"] = (number.astype(int) > _FIRST_HELD_OUT).astype(float)
    return columns


def _last_steps(columns: Columns) -> Columns:
    """Keep the last checkpoint of each run and validation domain, in the order of the file."""
    by_step = np.argsort(-columns["step"], kind="stable")
    cells = np.stack([columns["run"], columns["validation_domain"]], axis=1)[by_step]
    _, first = np.unique(cells, axis=0, return_index=True)
    return rows_where(columns, np.sort(by_step[first]))
