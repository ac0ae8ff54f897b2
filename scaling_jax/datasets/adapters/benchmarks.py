"""Benchmark scores of public models, by model and by difficulty of the questions."""

import re
from pathlib import Path

import numpy as np

from scaling_jax.datasets.adapters.reading import (
    Columns,
    column_name,
    numbers_or_nan,
    read_csv,
)
from scaling_jax.datasets.adapters.selection import flagged, rows_where
from scaling_jax.datasets.adapters.shaping import melted
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset

# Table -> file of its scores, for tables of scores that have a file of their own.
_OBS_SCORES = {
    "emergent": "base_llm_emergent_capability_eval",
    "leaderboard_v2": "base_llm_leaderboard_v2_eval",
    "post_training": "base_llm_post_training_eval",
    "agents": "instruct_llm_agent_eval",
}
_ABOUT_MODELS = 5  # columns of the benchmark files before the first score

# The models that Slice-and-Sandwich leaves out.
_LEFT_OUT = (
    "microsoft/phi-1_5", "microsoft/phi-2", "Qwen/Qwen1.5-0.5B", "Qwen/Qwen1.5-1.8B",
    "Qwen/Qwen1.5-4B", "stabilityai/stablelm-2-1_6b",
)  # fmt: skip


def obs_scaling(dataset: Dataset, table: str, keep_unknown_compute: bool) -> Columns:
    """Scores of public models: one row a model with all scores, or one a model and score."""
    kind = "instruct" if table in ("instruct", "agents") else "base"
    about = _obs_file(dataset, f"{kind}_llm_benchmark_eval")
    models = _models(about, keep_unknown_compute)
    if kind == "base":
        small = _obs_file(dataset, "base_llm_benchmark_eval_sub_10b")
        models["in_sub_10b"] = np.isin(about["Model"], small["Model"]).astype(float)
    if table in _OBS_SCORES:
        found = _obs_file(dataset, _OBS_SCORES[table])
        scores = _scores(found, list(found)[1:])
        models = rows_where(models, _positions(found["Model"], about["Model"]))
    else:
        scores = _scores(about, list(about)[_ABOUT_MODELS:])
    known = _known(models)
    models = rows_where(models, known)
    scores = {name: values[known] for name, values in scores.items()}
    if table != "benchmarks":
        return melted(models, scores, key="benchmark", value="score")
    return rows_where({**models, **scores}, _complete(list(scores.values())))


def u_shaped(
    dataset: Dataset, task: str, keep_outliers: bool, keep_unknown_compute: bool
) -> Columns:
    """Brier score by tenth of the questions, from the easiest to the hardest."""
    (path,) = fetch(dataset, f"data/{task}/*.csv")
    table = read_csv(path)
    evaluated = (table["Model"] != "") & (table["acc"] != "")
    _, first = np.unique(table["Model"], return_index=True)
    # The second gpt2 and gpt2-large have the sizes of gpt2-medium and gpt2-xl, and the scores of
    # the first ones.
    evaluated &= np.isin(np.arange(len(evaluated)), first)
    table = rows_where(table, evaluated)
    models = _models(table, keep_unknown_compute)
    if not keep_unknown_compute:
        below = models["compute_flops"] < _ranking_threshold(path)
        models["split"] = np.where(below, "train", "test")
    models["accuracy"] = table["acc"].astype(float)
    known = _known(models)
    columns = _difficulty_groups(rows_where(models, known), rows_where(table, known))
    return flagged(columns, np.isin(columns["run"], _LEFT_OUT), keep_outliers)


def _obs_file(dataset: Dataset, name: str) -> dict[str, np.ndarray]:
    return read_csv(*fetch(dataset, f"eval_results/{name}.csv"))


def _models(table: dict[str, np.ndarray], keep_unknown_compute: bool) -> Columns:
    """Return what is known of each model; what is not known of every model has no column."""
    params, tokens, compute = numbers_or_nan(
        table, "Model Size (B)", "Pretraining Data Size (T)", "FLOPs (1E21)"
    )
    models = {"run": table["Model"], "family": table["Model Family"]}
    if not keep_unknown_compute:
        return models | {
            "params": params * 1e9, "tokens": tokens * 1e12, "compute_flops": compute * 1e21
        }  # fmt: skip
    return models if np.isnan(params).any() else models | {"params": params * 1e9}


def _known(models: Columns) -> np.ndarray:
    """Return which models have a size and a number of tokens, where they are asked for."""
    scales = [models[name] for name in ("params", "tokens", "compute_flops") if name in models]
    return _complete(scales) if scales else np.full(len(models["run"]), True)


def _complete(columns: list[np.ndarray]) -> np.ndarray:
    return np.all([~np.isnan(column) for column in columns], axis=0)


def _scores(table: dict[str, np.ndarray], headers: list[str]) -> dict[str, np.ndarray]:
    scores = dict(zip(map(column_name, headers), numbers_or_nan(table, *headers), strict=True))
    # All other scores of the base models are fractions.
    return {name: s / 100.0 if name.endswith("_bleu") else s for name, s in scores.items()}


def _positions(wanted: np.ndarray, names: np.ndarray) -> np.ndarray:
    row = {name: position for position, name in enumerate(names)}
    return np.array([row[name] for name in wanted])


def _ranking_threshold(path: Path) -> float:
    """Return the FLOP below which models rank the questions, from the file's name."""
    (threshold,) = re.findall(r"_-1000_([\d.]+)_10_", path.name)
    return float(threshold) * 1e21


def _difficulty_groups(models: Columns, table: dict[str, np.ndarray]) -> Columns:
    headers = [header for header in table if re.fullmatch(r"\d+_\d+_brier", header)]
    sizes = [int(end) - int(start) for start, end, _ in (h.split("_") for h in headers)]
    brier = {i + 1: table[header].astype(float) for i, header in enumerate(headers)}
    san = {i + 1: table[h.replace("_brier", "_san")].astype(float) for i, h in enumerate(headers)}
    columns = melted(models, brier, key="difficulty_group", value="brier")
    columns["questions"] = np.array(sizes)[columns["difficulty_group"] - 1]
    return {**columns, "san": melted({}, san, key="difficulty_group", value="san")["san"]}
