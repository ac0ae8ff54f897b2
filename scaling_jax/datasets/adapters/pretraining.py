"""Pre-training runs: model size, tokens, loss, and the settings that were varied with them."""

import ast
import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns, numbers, read_csv
from scaling_jax.datasets.adapters.selection import (
    flagged,
    lowest_loss,
    rows_where,
    without_copies,
)
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset

# The 17 tasks of Gadre et al. in which the model of 154M parameters beats chance by 10 points.
_ABOVE_CHANCE = (
    "bigbench_operators", "pubmed_qa_labeled", "hellaswag_zeroshot", "boolq", "arc_easy", "coqa",
    "bigbench_dyck_languages", "lambada_openai", "bigbench_novel_concepts", "winograd",
    "bigbench_cs_algorithms", "commonsense_qa", "bigbench_qa_wikidata", "hellaswag", "copa",
    "squad", "piqa",
)  # fmt: skip


def epoch_chinchilla(dataset: Dataset, keep_outliers: bool) -> Columns:
    """Points of Hoffmann et al., figure 4; the fit of Epoch AI leaves out the five highest."""
    table = read_csv(*fetch(dataset, "data/svg_extracted_data.csv"))
    params, compute, loss = numbers(table, "Model Size", "Training FLOP", "loss")
    columns = {
        "params": params,
        "tokens": compute / (6.0 * params),
        "compute_flops": compute,
        "loss": loss,
    }
    return flagged(columns, loss > np.sort(loss)[-6], keep_outliers)


def open_athena_isoflops(dataset: Dataset, experiment: str, keep_outliers: bool) -> Columns:
    """IsoFLOP points of one experiment; the flags are those of the collector."""
    table = read_csv(*fetch(dataset, "data/isoflops/transform/isoflops.csv"))
    table = rows_where(table, table["experiment"] == experiment)
    params, tokens, budget, loss = numbers(table, "params", "tokens", "budget", "loss")
    columns = {
        "params": params,
        "tokens": tokens,
        "compute_flops": budget,
        "loss": loss,
        "family": table["experiment"],
        "outlier_reason": table["reason"],
    }
    return flagged(columns, table["outlier"] == "True", keep_outliers)


def datablations(dataset: Dataset, table: str) -> Columns:
    """Runs on repeated data: one row a name, or all runs with the published fit's flag."""
    if table == "all_runs":
        rows = read_csv(*fetch(dataset, "datablations_runs.csv"))
        params, tokens, unique, loss = numbers(rows, "params", "tokens", "unique_tokens", "loss")
        more = {"run": rows["run"], "in_published_fit": rows["in_published_fit"].astype(float)}
    else:
        rows = read_csv(*fetch(dataset, "aggregated_eval/*.csv"))
        params, tokens, epochs, loss = numbers(
            rows, "num_params", "token_num", "epochs", "openLM_loss"
        )
        run = np.array([ast.literal_eval(text)["name"] for text in rows["model_args"]])
        # The file says 2.204 epochs; 55e9 tokens of 1.25e9, as the name says, are 44.
        unique = np.where(run == "2b855b1b25", 1.25e9, tokens / epochs)
        more = {"run": run}
    compute = 6.0 * params * tokens
    scales = {"params": params, "tokens": tokens, "unique_tokens": unique, "compute_flops": compute}
    return {**scales, "loss": loss, **more}


def gadre_overtrain(dataset: Dataset, validation_set: str, errors: str) -> Columns:
    """One row a model file; the loss is that of the chosen validation set."""
    paths = fetch(dataset, "exp_data/models/*.json")
    models = [json.loads(path.read_text("utf-8")) for path in paths]
    settings = [model["hyperparameters"] for model in models]
    params = np.array([entry["params"] for entry in settings], float)
    tokens = np.array([entry["tokens"] for entry in settings], float)
    names = [model["name"] for model in models]
    error = {} if errors == "none" else {"error": _mean_errors(dataset, names, errors)}
    return {
        "params": params,
        "params_no_embed": [entry["params_no_embed"] for entry in settings],
        "tokens": tokens,
        "compute_flops": 6.0 * params * tokens,
        "token_multiplier": [entry["chinchilla_multiplier"] for entry in settings],
        "learning_rate": [entry["lr"] for entry in settings],
        "loss": [_validation_loss(model["results"], validation_set) for model in models],
        **error,
        "family": [model["dataset_name"] for model in models],
        "run": names,
    }


def misfitting(dataset: Dataset, table: str, best_of_sweep: bool) -> Columns:
    """Runs of the two campaigns over sizes, lengths and learning rates."""
    if table == "first_campaign":
        columns = _first_campaign(read_csv(*fetch(dataset, "data/data.csv")))
    else:
        name = {"finished": "scaling_results_last_ckpt_only", "checkpoints": "scaling_results"}
        columns = _second_campaign(read_csv(*fetch(dataset, f"data/{name[table]}.csv")))
    return lowest_loss(columns) if best_of_sweep else columns


def opt_trajectories(dataset: Dataset) -> Columns:
    """Checkpoints of the OPT models; the file holds log10 of tokens and compute, and perplexity."""
    table = read_csv(*fetch(dataset, "aggregated_eval/opt_trajectories.csv"))
    log_tokens, log_compute, perplexity, step = numbers(table, "num_token", "flops", "ppl", "steps")
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
    table = read_csv(*fetch(dataset, "raw_data/gpt3/extracted.csv"))
    training = table["val_loss"] == ""
    columns = {
        "params": np.array([_GPT3_SIZES[name] for name in table["model"]]),
        "tokens": table["step"].astype(float) * 1e9,
        "loss": np.where(training, table["train_loss"], table["val_loss"]).astype(float),
        "split": np.where(training, "train", "validation"),
        "family": table["model"],
    }
    return columns if split == "both" else rows_where(columns, columns["split"] == split)


def parscale(dataset: Dataset) -> Columns:
    """The table that ships with the package."""
    with resources.as_file(resources.files("scaling_jax.datasets") / dataset.embedded) as path:
        table = read_csv(path)
    params, streams, tokens, loss = numbers(table, "params", "streams", "tokens", "loss")
    scales = {"params": params, "streams": streams, "tokens": tokens}
    return {**scales, "family": table["family"], "loss": loss}


def steplaw_dense(dataset: Dataset, best_of_sweep: bool, keep_outliers: bool) -> Columns:
    """Runs of the learning-rate and batch-size grid; diverged runs are flagged."""
    table = read_csv(*fetch(dataset, "data/dense_lr_bs_loss.csv"))
    params, tokens, loss = numbers(table, "N", "D", "smooth loss")
    step, rate, sequences, last = numbers(table, "ti", "lr", "bs", "loss")
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
    columns = flagged(columns, loss > 5.0, keep_outliers)
    return lowest_loss(columns) if best_of_sweep else columns


_OPT_SIZES = {
    "125m": 125e6, "1.3b": 1.3e9, "6.7b": 6.7e9, "13b": 13e9, "30b": 30e9, "175b": 175e9,
}  # fmt: skip
_GPT3_SIZES = {
    "small": 125e6, "medium": 350e6, "large": 760e6, "xl": 1.3e9,
    "2.7b": 2.7e9, "6.7b": 6.7e9, "13b": 13e9, "175b": 175e9,
}  # fmt: skip


def _second_campaign(table: Columns) -> Columns:
    table = without_copies(table)
    params, no_embed, tokens, loss = numbers(table, "N", "N_no_emb", "D", "loss")
    step, rate = numbers(table, "current_steps", "peak_lr")
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
    table = rows_where(table, table["C4 Eval Loss"] != "")
    params, no_embed, tokens, rate, loss = numbers(
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


def _mean_errors(dataset: Dataset, names: list[str], errors: str) -> list[float]:
    """Return one minus the mean accuracy over the tasks of each model."""
    paths = fetch(dataset, "exp_data/evals/*.json")
    evaluated = {p.name.removeprefix("evaluation_").removesuffix("_heavy.json"): p for p in paths}
    means = []
    for name in names:
        scores = json.loads(evaluated[name].read_text("utf-8"))["eval_metrics"]["icl"]
        tasks = scores if errors == "tasks_46" else _ABOVE_CHANCE
        means.append(1.0 - float(np.mean([scores[task] for task in tasks])))
    return means


def _validation_loss(results: list[dict[str, Any]], validation_set: str) -> float:
    """Return the loss on a validation set, which stands in the path of its files."""
    (loss,) = (r["loss"] for r in results if validation_set in Path(r["val_data"][0]).parts)
    return loss
