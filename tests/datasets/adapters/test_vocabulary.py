"""Models with vocabularies of different sizes."""

import csv

import numpy as np
import pytest

import scaling_jax as sj

load = sj.datasets.load


@pytest.fixture(scope="module")
def runs(shared_data):
    return load("vocab_scaling")


def tokens_per_character(vocabulary):
    log = np.log(vocabulary)
    return 0.00639222 * log**2 - 0.15811069 * log + 1.20470122


def test_rows_are_those_of_the_file(shared_data, runs):
    with open(shared_data / "vocab_scaling" / "exp_data.csv") as stream:
        raw = list(csv.DictReader(stream))
    assert len(runs) == len(raw) == 1200
    for column, header in (
        ("vocab_size", "vocab_size"),
        ("width", "embed_dim"),
        ("characters", "num_characters"),
        ("params_non_vocab", "Non_vocab_parameters"),
        ("compute_flops", "FLOPs"),
        ("loss", "Lossu"),
    ):
        assert runs[column].tolist() == [float(row[header]) for row in raw]


def test_tokens_follow_from_the_characters_as_well(runs):
    np.testing.assert_allclose(
        runs["tokens"], runs["characters"] * tokens_per_character(runs["vocab_size"]), 1e-14
    )
    np.testing.assert_array_equal(runs["params"], runs["params_non_vocab"] + runs["params_vocab"])
    np.testing.assert_array_equal(runs["params_vocab"], runs["vocab_size"] * runs["width"])


def test_checkpoints_are_twenty_a_run_in_order_of_training(runs):
    names, counts = np.unique(runs["run"], return_counts=True)
    assert len(names) == 60
    assert set(counts) == {20}
    rises = 0
    for name in names:
        run = runs.where(runs["run"] == name)
        assert run["checkpoint"].tolist() == list(range(1, 21))
        assert (np.diff(run["tokens"]) > 0).all()
        rises += (np.diff(run["loss"]) > 0).sum()
    assert rises == 109
    final = load("vocab_scaling", table="final")
    assert len(final) == 60
    assert final["tokens"].min() > runs["tokens"].min()
    assert (runs["loss"] < 0).all()


def test_published_law_fits_its_rows_with_the_characters_it_was_fitted_on(runs):
    fitted = runs.where("in_published_fit == 1")
    assert len(fitted) == 1054
    assert fitted["compute_flops"].min() >= 2.18e17
    v = sj.datasets.describe("vocab_scaling").published[0]["values"]

    def r_squared(billion_tokens):
        loss = (
            -v["E"]
            + v["A1"] / (fitted["params_non_vocab"] / 1e6) ** v["alpha1"]
            + v["A2"] / (fitted["params_vocab"] / 1e6) ** v["alpha2"]
            + v["B"] / billion_tokens ** v["beta"]
        )
        residual = fitted["loss"] - loss
        return 1 - np.mean(residual**2) / np.var(fitted["loss"])

    in_thousands = tokens_per_character(fitted["vocab_size"] / 1e3)
    assert r_squared(fitted["characters"] / 1e9 * in_thousands) == pytest.approx(0.9716, abs=5e-5)
    assert r_squared(fitted["tokens"] / 1e9) == pytest.approx(0.036, abs=5e-4)
