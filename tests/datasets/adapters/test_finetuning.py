"""Losses of fine-tuned models."""

import csv

import numpy as np
import pytest

import scaling_jax as sj

load = sj.datasets.load
TASKS = ("flan", "gigaword")


def raw_of(folder, task):
    with (folder / "finetune_sft" / "benchmark" / f"{task}.csv").open(newline="") as stream:
        return {row["config name"]: row for row in csv.DictReader(stream)}


@pytest.mark.parametrize("task", TASKS)
def test_cells_are_those_of_the_file(shared_data, task):
    raw = raw_of(shared_data, task)
    runs = load("finetune_sft", task=task)
    assert len(raw) == 30
    assert len(runs) == 30 * 14
    for i, run in enumerate(runs["run"]):
        row = raw[run]
        assert runs["loss"][i] == float(row[str(int(runs["examples"][i]))])
        assert runs["loss_zero_shot"][i] == float(row["0"])
        assert runs["params"][i] == float(row["size"])
        assert runs["family"][i] == row["family"]


@pytest.mark.parametrize("task", TASKS)
def test_examples_double_and_losses_fall(shared_data, task):
    rising = 0
    for curve in load("finetune_sft", task=task).group("run").values():
        assert curve["examples"].tolist() == [200.0 * 2**i for i in range(14)]
        assert (curve["loss_zero_shot"] > curve["loss"]).all()
        rising += (np.diff(curve["loss"]) > 0.0).any()
    assert rising == {"flan": 0, "gigaword": 1}[task]


def test_untrained_models_reach_29_nats(shared_data):
    runs = load("finetune_sft")
    assert runs["loss_zero_shot"].max() == pytest.approx(29.48373)
    assert runs["loss"].max() < 5.0
    assert not np.any(runs["examples"] == 0.0)


def test_tasks_hold_the_same_models(shared_data):
    flan, gigaword = (load("finetune_sft", task=task) for task in TASKS)
    assert set(flan["run"]) == set(gigaword["run"])
    assert len(set(flan["family"])) == 8
