"""From the files of each data set to tidy columns under canonical names.

An adapter takes what is known of its data set and the options that `load` offers, and returns
columns. It drops what is not a training run, computes in float64 (6 * params * tokens of 64-bit
integers overflows silently) and turns the doubts about single rows into flags.
"""

import ast
import csv
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset

Columns = dict[str, Any]


def epoch_chinchilla(dataset: Dataset, keep_outliers: bool) -> Columns:
    """Points of Hoffmann et al., figure 4; the fit of Epoch AI leaves out the five highest."""
    table = _read(*fetch(dataset, "data/svg_extracted_data.csv"))
    params, compute, loss = _numbers(table, "Model Size", "Training FLOP", "loss")
    columns = {
        "params": params,
        "tokens": compute / (6.0 * params),
        "compute_flops": compute,
        "loss": loss,
    }
    return _flagged(columns, loss > np.sort(loss)[-6], keep_outliers)


def open_athena_isoflops(dataset: Dataset, experiment: str, keep_outliers: bool) -> Columns:
    """IsoFLOP points of one experiment; the flags are those of the collector."""
    table = _read(*fetch(dataset, "data/isoflops/transform/isoflops.csv"))
    table = _rows(table, table["experiment"] == experiment)
    params, tokens, budget, loss = _numbers(table, "params", "tokens", "budget", "loss")
    columns = {
        "params": params,
        "tokens": tokens,
        "compute_flops": budget,
        "loss": loss,
        "family": table["experiment"],
        "outlier_reason": table["reason"],
    }
    return _flagged(columns, table["outlier"] == "True", keep_outliers)


def datablations(dataset: Dataset, table: str) -> Columns:
    """Runs on repeated data: one row a name, or all runs with the published fit's flag."""
    if table == "all_runs":
        rows = _read(*fetch(dataset, "datablations_runs.csv"))
        params, tokens, unique, loss = _numbers(rows, "params", "tokens", "unique_tokens", "loss")
        more = {"run": rows["run"], "in_published_fit": rows["in_published_fit"].astype(float)}
    else:
        rows = _read(*fetch(dataset, "aggregated_eval/*.csv"))
        params, tokens, epochs, loss = _numbers(
            rows, "num_params", "token_num", "epochs", "openLM_loss"
        )
        run = np.array([ast.literal_eval(text)["name"] for text in rows["model_args"]])
        # The file says 2.204 epochs; 55e9 tokens of 1.25e9, as the name says, are 44.
        unique = np.where(run == "2b855b1b25", 1.25e9, tokens / epochs)
        more = {"run": run}
    compute = 6.0 * params * tokens
    scales = {"params": params, "tokens": tokens, "unique_tokens": unique, "compute_flops": compute}
    return {**scales, "loss": loss, **more}


def gadre_overtrain(dataset: Dataset, validation_set: str) -> Columns:
    """One row a model file; the loss is that of the chosen validation set."""
    paths = fetch(dataset, "exp_data/models/*.json")
    models = [json.loads(path.read_text("utf-8")) for path in paths]
    settings = [model["hyperparameters"] for model in models]
    params = np.array([entry["params"] for entry in settings], float)
    tokens = np.array([entry["tokens"] for entry in settings], float)
    return {
        "params": params,
        "params_no_embed": [entry["params_no_embed"] for entry in settings],
        "tokens": tokens,
        "compute_flops": 6.0 * params * tokens,
        "token_multiplier": [entry["chinchilla_multiplier"] for entry in settings],
        "learning_rate": [entry["lr"] for entry in settings],
        "loss": [_validation_loss(model["results"], validation_set) for model in models],
        "family": [model["dataset_name"] for model in models],
        "run": [model["name"] for model in models],
    }


def misfitting(dataset: Dataset, table: str, best_of_sweep: bool) -> Columns:
    """Runs of the two campaigns over sizes, lengths and learning rates."""
    if table == "first_campaign":
        columns = _first_campaign(_read(*fetch(dataset, "data/data.csv")))
    else:
        name = {"finished": "scaling_results_last_ckpt_only", "checkpoints": "scaling_results"}
        columns = _second_campaign(_read(*fetch(dataset, f"data/{name[table]}.csv")))
    return _best_of_sweep(columns) if best_of_sweep else columns


def opt_trajectories(dataset: Dataset) -> Columns:
    """Checkpoints of the OPT models; the file holds log10 of tokens and compute, and perplexity."""
    table = _read(*fetch(dataset, "aggregated_eval/opt_trajectories.csv"))
    log_tokens, log_compute, perplexity, step = _numbers(
        table, "num_token", "flops", "ppl", "steps"
    )
    return {
        "params": [_OPT_SIZES[size] for size in table["model_size"]],
        "tokens": 10.0**log_tokens,
        "compute_flops": 10.0**log_compute,
        "step": step,
        "loss": np.log(perplexity),
        "family": table["model_size"],
    }


def gpt3_curves(dataset: Dataset, split: str) -> Columns:
    """Points of the training and validation curves; a row of the file has one of the two."""
    table = _read(*fetch(dataset, "raw_data/gpt3/extracted.csv"))
    training = table["val_loss"] == ""
    columns = {
        "params": np.array([_GPT3_SIZES[name] for name in table["model"]]),
        "tokens": table["step"].astype(float) * 1e9,
        "loss": np.where(training, table["train_loss"], table["val_loss"]).astype(float),
        "split": np.where(training, "train", "validation"),
        "family": table["model"],
    }
    return columns if split == "both" else _rows(columns, columns["split"] == split)


def parscale(dataset: Dataset) -> Columns:
    """The table that ships with the package."""
    with resources.as_file(resources.files("scaling_jax.datasets") / dataset.embedded) as path:
        table = _read(path)
    params, streams, tokens, loss = _numbers(table, "params", "streams", "tokens", "loss")
    scales = {"params": params, "streams": streams, "tokens": tokens}
    return {**scales, "family": table["family"], "loss": loss}


def steplaw_dense(dataset: Dataset, best_of_sweep: bool, keep_outliers: bool) -> Columns:
    """Runs of the learning-rate and batch-size grid; diverged runs are flagged."""
    table = _read(*fetch(dataset, "data/dense_lr_bs_loss.csv"))
    params, tokens, loss = _numbers(table, "N", "D", "smooth loss")
    step, rate, sequences, last = _numbers(table, "ti", "lr", "bs", "loss")
    columns = {
        "params": params,
        "tokens": tokens,
        "compute_flops": 6.0 * params * tokens,
        "step": step,
        "learning_rate": rate,
        "batch_tokens": sequences * 2048.0,
        "loss": loss,
        "loss_last": last,
    }
    columns = _flagged(columns, loss > 5.0, keep_outliers)
    return _best_of_sweep(columns) if best_of_sweep else columns


ADAPTERS: dict[str, Callable[..., Columns]] = {
    adapter.__name__: adapter
    for adapter in (
        datablations,
        epoch_chinchilla,
        gadre_overtrain,
        gpt3_curves,
        misfitting,
        open_athena_isoflops,
        opt_trajectories,
        parscale,
        steplaw_dense,
    )
}

_OPT_SIZES = {
    "125m": 125e6, "1.3b": 1.3e9, "6.7b": 6.7e9, "13b": 13e9, "30b": 30e9, "175b": 175e9,
}  # fmt: skip
_GPT3_SIZES = {
    "small": 125e6, "medium": 350e6, "large": 760e6, "xl": 1.3e9,
    "2.7b": 2.7e9, "6.7b": 6.7e9, "13b": 13e9, "175b": 175e9,
}  # fmt: skip


def _second_campaign(table: Columns) -> Columns:
    table = _without_copies(table)
    params, no_embed, tokens, loss = _numbers(table, "N", "N_no_emb", "D", "loss")
    step, rate = _numbers(table, "current_steps", "peak_lr")
    return {
        "params": params,
        "params_no_embed": no_embed,
        "tokens": tokens,
        "compute_flops": 6.0 * params * tokens,
        "step": step,
        "learning_rate": rate,
        "batch_tokens": np.full(len(loss), 1048576.0),
        "loss": loss,
        "family": table["model"],
    }


def _first_campaign(table: Columns) -> Columns:
    # A spreadsheet: only the rows with a result are runs, the others describe shapes and plans.
    table = _rows(table, table["C4 Eval Loss"] != "")
    params, no_embed, tokens, rate, loss = _numbers(
        table, "N", "N_no_emb", "D", "lr", "C4 Eval Loss"
    )
    return {
        "params": params,
        "params_no_embed": no_embed,
        "tokens": tokens,
        "compute_flops": 6.0 * params * tokens,
        "learning_rate": rate,
        "loss": loss,
    }


def _validation_loss(results: list[dict[str, Any]], validation_set: str) -> float:
    """Return the loss on a validation set, which stands in the path of its files."""
    (loss,) = (r["loss"] for r in results if validation_set in Path(r["val_data"][0]).parts)
    return loss


def _read(path: Path) -> dict[str, np.ndarray]:
    """Read a CSV file of known bytes: header -> text of each row."""
    with path.open(newline="", encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    return dict(zip(header, np.array(rows).T, strict=True))


def _numbers(table: dict[str, np.ndarray], *columns: str) -> list[np.ndarray]:
    return [table[column].astype(float) for column in columns]


def _rows(table: Columns, keep: np.ndarray) -> Columns:
    return {name: column[keep] for name, column in table.items()}


def _flagged(columns: Columns, outlier: np.ndarray, keep_outliers: bool) -> Columns:
    columns = {**columns, "outlier": outlier.astype(float)}
    return columns if keep_outliers else _rows(columns, ~outlier)


def _without_copies(table: Columns) -> Columns:
    rows = np.stack(list(table.values()), axis=1)
    _, first = np.unique(rows, axis=0, return_index=True)
    return _rows(table, np.sort(first))


def _best_of_sweep(columns: Columns) -> Columns:
    """Keep the lowest loss of each (params, tokens), in the order of the file."""
    by_loss = np.argsort(columns["loss"], kind="stable")
    cells = np.stack([columns["params"], columns["tokens"]], axis=1)[by_loss]
    _, first = np.unique(cells, axis=0, return_index=True)
    return _rows(columns, np.sort(by_loss[first]))
