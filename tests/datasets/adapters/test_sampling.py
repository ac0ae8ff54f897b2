"""Repeated sampling."""

import csv
import math
import sys

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import DatasetError

load = sj.datasets.load


SIZES = {
    "70M": 7e7, "160M": 1.6e8, "410M": 4.1e8, "1B": 1e9, "2.8B": 2.8e9, "6.9B": 6.9e9, "12B": 1.2e10
}  # fmt: skip


@pytest.fixture(scope="module")
def counts(shared_data):
    return load("llm_monkeys")


def test_every_model_sampled_every_problem(counts):
    assert len(counts) == 7 * 128
    assert set(counts["samples"]) == {10000.0}
    for name, model in counts.group("family").items():
        assert set(model["params"]) == {SIZES[name.removeprefix("Pythia ")]}
        assert len(set(model["problem"])) == 128


def test_transcribed_counts_are_those_of_the_public_file(counts, shared_data):
    with (shared_data / "llm_monkeys" / "llm_monkeys_counts.csv").open(newline="") as stream:
        raw = list(csv.DictReader(stream))
    assert [float(row["num_correct"]) for row in raw] == counts["correct"].tolist()
    assert [row["model"] for row in raw] == counts["family"].tolist()
    transcribed = load("llm_monkeys", table="transcribed_counts")
    assert transcribed.columns == counts.columns
    for column in counts.columns:
        np.testing.assert_array_equal(transcribed[column], counts[column])


def test_scores_follow_from_the_counts(shared_data):
    runs = load("llm_monkeys", table="pass_at_k")
    assert len(runs) == 90496
    lgamma = np.array([math.lgamma(i) for i in range(1, 10002)])  # log((i)!) at i
    n, c, k = (runs[name].astype(int) for name in ("samples", "correct", "attempts"))
    rest = np.maximum(n - c - k, 0)
    log_miss = lgamma[n - c] + lgamma[n - k] - lgamma[rest] - lgamma[n]
    estimate = np.where(n - c < k, 1.0, -np.expm1(log_miss))
    assert np.abs(estimate - runs["pass_at_k"]).max() < 1e-9
    # Their logarithms, which are not loaded, are infinite.
    assert (runs["pass_at_k"] == 0.0).sum() == 28987


def test_coverage_is_the_mean_over_problems(counts):
    runs = load("llm_monkeys", table="coverage")
    assert len(runs) == 7 * 101
    assert set(runs["problems"]) == {128.0}
    solved = {name: (model["correct"] > 0).mean() for name, model in counts.group("family").items()}
    for name, model in runs.group("family").items():
        ends = model.where("attempts == 1 or attempts == 10000").sort("attempts")
        single = counts.where(f"family == '{name}'")["correct"].mean() / 10000.0
        np.testing.assert_allclose(ends["coverage"], [single, solved[name]], rtol=1e-6)
        assert (np.diff(model.sort("attempts")["coverage"]) >= 0.0).all()


@pytest.mark.parametrize(
    ("model", "at_1", "at_10000"), [("70M", 0.00065, 0.266), ("12B", 0.0232, 0.875)]
)
def test_published_coverage(shared_data, model, at_1, at_10000):
    runs = load("llm_monkeys", table="coverage").where(f"family == 'Pythia {model}'")
    first, last = runs.where("attempts == 1"), runs.where("attempts == 10000")
    assert first["coverage"][0] == pytest.approx(at_1, rel=5e-3)
    assert last["coverage"][0] == pytest.approx(at_10000, abs=5e-4)


def test_unsolved_problems(counts):
    unsolved = {
        name: int((model["correct"] == 0).sum()) for name, model in counts.group("family").items()
    }
    assert unsolved["Pythia 12B"] == 16
    assert unsolved["Pythia 70M"] == 94


def test_without_pyarrow_it_is_said_what_is_needed(shared_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DatasetError, match=r"needs pyarrow: .*scaling-jax\[parquet\]"):
        load("llm_monkeys")
    assert len(load("llm_monkeys", table="transcribed_counts")) == 896
