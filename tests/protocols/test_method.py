"""Scores of the benchmark of laws, and what the checklist finds."""

import dataclasses

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.protocols.method import combined_score, held_out_r_squared, unmet_items
from tests.synthetic import grid


def test_the_mean_scores_zero_and_the_truth_one():
    y = np.array([1.0, 2.0, 4.0])
    assert held_out_r_squared(y, np.full(3, y.mean())) == pytest.approx(0.0)
    assert held_out_r_squared(y, y) == 1.0
    assert combined_score(y, y) == 1.0
    assert combined_score(y, np.full(3, y.mean())) == pytest.approx(0.5)


def test_outputs_count_alike_whatever_their_units():
    y = np.random.default_rng(0).normal(size=(20, 2))
    off = y + np.array([0.1, 0.3])
    each = [held_out_r_squared(y[:, k], off[:, k]) for k in range(2)]
    scale = np.array([1.0, 1e6])
    assert held_out_r_squared(y * scale, off * scale) == pytest.approx(np.mean(each), rel=1e-12)


def test_bad_predictions_are_clipped_as_in_the_tables():
    assert held_out_r_squared([1.0, 2.0], [9.0, 9.0]) < -1.0
    assert held_out_r_squared([1.0, 2.0], [9.0, 9.0], clip=True) == -1.0


def test_scores_that_mean_nothing_are_refused():
    with pytest.raises(FitError, match="one prediction a value"):
        held_out_r_squared([1.0, 2.0], [1.0])
    with pytest.raises(FitError, match="the same value in every test row"):
        held_out_r_squared([2.0, 2.0], [1.0, 2.0])


@pytest.fixture(scope="module")
def fitted():
    return sj.fit("chinchilla", grid(noise=0.01), starts=32)


def said(*arguments):
    return {(unmet.section, unmet.item) for unmet in unmet_items(*arguments)}


def test_a_bare_table_lacks_hyper_parameters_a_convention_and_held_out_runs(fitted):
    assert said(fitted) == {
        ("setup", "no hyper-parameters are recorded"),
        ("data", "it is open whether params counts embeddings"),
        ("fitting", "no runs were held out"),
    }


def test_a_table_that_says_it_all_meets_the_checklist(fitted):
    runs = fitted.runs
    whole = runs.with_column("learning_rate", np.full(len(runs), 1e-3))
    whole = whole.with_column("params_no_embed", 0.9 * runs["params"])
    assert said(dataclasses.replace(fitted, runs=whole), grid()) == set()


@pytest.mark.parametrize(
    ("change", "section", "words"),
    [
        (dict(converged=False, status="stopped early"), "fitting", "has not converged: stopped"),
        (dict(rank=4), "fitting", "do not determine every coefficient"),
        (dict(agreement=0.01), "fitting", "few starts"),
        (dict(at_bound=("E",)), "fitting", "E is at its bound"),
    ],
)
def test_doubts_about_the_fit_are_unmet_items(fitted, change, section, words):
    found = said(dataclasses.replace(fitted, **change))
    assert any(where == section and words in item for where, item in found)


def test_few_sizes_and_other_flops_are_unmet_items(fitted):
    few = fitted.runs.where(fitted.runs["params"] < 1e8)
    flops = 9.0 * few["params"] * few["tokens"]
    few = few.with_column("compute_flops", flops).with_column("step", np.arange(1.0, len(few) + 1))
    items = " / ".join(item for _, item in said(dataclasses.replace(fitted, runs=few)))
    assert "fewer than 5 model sizes" in items
    assert "1.5 to 1.5 times 6 * params * tokens" in items
    assert "checkpoints of one run" in items
