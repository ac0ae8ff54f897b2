"""Few-shot learning curves of image classification."""

import csv

import numpy as np
import pytest

import scaling_jax as sj

load = sj.datasets.load


@pytest.fixture(scope="module")
def runs(shared_data):
    return load("revisiting_vision")


def test_points_are_those_of_the_file(shared_data, runs):
    path = shared_data / "revisiting_vision" / "aggregated_eval" / "revisiting_vision.csv"
    with open(path) as stream:
        raw = list(csv.DictReader(stream))
    assert len(runs) == len(raw) == 18883
    expected = sorted(
        (r["Task"], r["Model"], float(r["Seen Examples"]), float(r["Loss"]), int(r["Training"]))
        for r in raw
    )
    training = (runs["split"] == "fit").astype(int)
    columns = runs["task"], runs["family"], runs["examples"], runs["error"], training
    assert sorted(zip(*columns, strict=True)) == expected


def test_curves_are_72_of_known_lengths(runs):
    names, lengths = np.unique(runs["run"], return_counts=True)
    assert len(names) == 72
    assert (lengths.min(), lengths.max()) == (13, 780)
    _, fitted = np.unique(runs.where("split == 'fit'")["run"], return_counts=True)
    assert len(fitted) == 72
    assert (fitted.min(), fitted.max()) == (10, 71)


def test_the_points_to_be_predicted_come_later(runs):
    for name in np.unique(runs["run"]):
        curve = runs.where(runs["run"] == name)
        assert (np.diff(curve["examples"]) > 0).all()
        fitted = curve["split"] == "fit"
        assert fitted[: fitted.sum()].all()


def test_split_loads_one_part(runs):
    fitted, rest = load("revisiting_vision", split="fit"), load("revisiting_vision", split="test")
    assert len(fitted) == (runs["split"] == "fit").sum() == 3902
    assert len(fitted) + len(rest) == len(runs)


def test_labels_are_read(runs):
    point = runs.where("run == 'inet_25 MiX/L/16'")
    assert set(point["shots"]) == {25}
    assert set(point["params"]) == {226e6}
    assert set(runs["shots"]) == {5, 10, 25}
    assert (runs["error"] < 1.0).all()
