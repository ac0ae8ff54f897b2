"""Compute-optimal points."""

import csv

import numpy as np
import pytest

import scaling_jax as sj


@pytest.fixture(scope="module")
def evo(shared_data):
    return sj.datasets.load("evo_optima")


def test_evo_points_are_those_of_the_file(shared_data, evo):
    with open(shared_data / "evo_optima" / "outputs" / "evo_scaling_data.csv") as stream:
        raw = {(r["variable"], r["model"], float(r["budget"])): r for r in csv.DictReader(stream)}
    assert len(evo) * 2 == len(raw) == 32
    for i, model in enumerate(evo["family"]):
        for name in ("params", "tokens"):
            row = raw[name, model, evo["budget"][i]]
            assert evo[name][i] == float(row["value"])
            assert evo[f"compute_flops_of_{name}"][i] == float(row["flops"])


def test_evo_published_lines_come_out_of_the_readings_they_belong_to(shared_data, evo):
    with open(shared_data / "evo_optima" / "outputs" / "evo_scaling_laws.csv") as stream:
        printed = {row.pop("model"): row for row in csv.DictReader(stream)}
    published = sj.datasets.describe("evo_optima").published
    for (model, row), entry in zip(printed.items(), published, strict=True):
        assert entry["what"].startswith(model)
        assert entry["values"] == {key: float(text) for key, text in row.items()}
        four = evo.where(evo["family"] == model)
        for name, slope, factor in (("params", "a", "a_0"), ("tokens", "b", "b_0")):
            compute = np.log(four[f"compute_flops_of_{name}"])
            line = np.polyfit(compute, np.log(four[name]), 1)
            assert line[0] == pytest.approx(entry["values"][slope], rel=1e-6)
            assert np.exp(line[1]) == pytest.approx(entry["values"][factor], rel=1e-4)


def test_evo_compute_is_not_6nd(evo):
    share = 6 * evo["params"] * evo["tokens"] / evo["compute_flops"]
    assert share.min() == pytest.approx(0.24, abs=0.005)
    assert share.max() == pytest.approx(0.96, abs=0.005)
    apart = np.abs(evo["compute_flops_of_params"] / evo["compute_flops_of_tokens"] - 1)
    assert apart.max() == pytest.approx(0.0053, abs=5e-5)
    between = np.sort([evo["compute_flops_of_params"], evo["compute_flops_of_tokens"]], axis=0)
    assert (between[0] <= evo["compute_flops"]).all()
    assert (evo["compute_flops"] <= between[1]).all()
