"""The verdict says in words what the numbers mean."""

import dataclasses
import re

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.reporting.recipe import fingerprint, recipe
from scaling_jax.reporting.verdict import CAUTION, OK, PROBLEM, findings, headline


def verdict(fit, prediction=None):
    found = findings(fit, prediction)
    return headline(found), {finding.text: finding.kind for finding in found}


def test_a_sound_fit_is_said_to_be_sound(grid_fit):
    line, found = verdict(grid_fit)
    assert line == "Identified and converged; nothing speaks against it."
    assert set(found.values()) == {OK}
    assert "Identified: the runs determine all 5 parameters." in found
    agreed = int(np.sum(grid_fit.starts.objective <= grid_fit.objective * (1 + 1e-6)))
    assert f"{agreed} of 32 starts reached this optimum." in found


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"rank": 4}, PROBLEM, "Not identified: the runs determine 4 of 5 parameters"),
        ({"converged": False, "status": "step limit"}, PROBLEM, "Not converged: .* step limit"),
        ({"condition_number": 1e10}, CAUTION, "Barely identified: .* 1e\\+10"),
        ({"agreement": 1 / 32}, CAUTION, "Only 1 of 32 starts .* there may be a better one"),
        ({"at_bound": ("E",)}, CAUTION, "E ended at a bound"),
    ],
)
def test_what_speaks_against_a_fit_leads(grid_fit, change, kind, text):
    line, found = verdict(dataclasses.replace(grid_fit, **change))
    opening = {PROBLEM: "Do not rely on this yet. ", CAUTION: "Use with care. "}[kind]
    assert line.startswith(opening)
    (grave,) = [said for said, how in found.items() if how == kind]
    assert re.search(text, grave)
    assert line == opening + grave


def test_the_typical_error_is_the_median(grid_fit):
    (text,) = [said for said in verdict(grid_fit)[1] if said.startswith("Half of the runs")]
    median = 100.0 * np.expm1(np.median(np.abs(grid_fit.residuals)))
    assert f"within {median:.2g}%" in text


@pytest.mark.parametrize(
    ("params", "kind", "text"),
    [
        ([3e7], OK, "The prediction lies within the runs"),
        ([3e7, 1e10], CAUTION, "1 of 2 predictions is an extrapolation, .* decades outside runs"),
        ([1e10], CAUTION, "The prediction is an extrapolation"),
        ([5e9, 1e10], CAUTION, "2 of 2 predictions are extrapolations, the farthest"),
        ([1e14], PROBLEM, "not supported by your data"),
    ],
)
def test_extrapolation_is_measured_against_the_runs(curve_fit, params, kind, text):
    found = findings(curve_fit, sj.predict(curve_fit, params=params))[-1]
    assert found.kind == kind
    assert re.search(text, found.text)


def test_extrapolating_a_fit_that_is_not_identified_is_a_problem(curve_fit):
    vague = dataclasses.replace(curve_fit, rank=1)
    found = findings(vague, sj.predict(vague, params=1e10))[-1]
    assert found.kind == PROBLEM
    assert "arbitrary" in found.text


# How to repeat


def test_the_recipe_makes_the_fit_again(grid_fit, grid_runs):
    names = {"runs": grid_runs}
    text = recipe(grid_fit).replace("runs = ...", "runs = runs")
    lines = [line for line in text.splitlines() if not line.startswith("runs")]
    exec("\n".join(lines), names)  # noqa: S102 - the text under test, made here
    assert names["fit"].params == grid_fit.params


def test_the_recipe_names_options_and_held_parameters(curve_fit):
    law = sj.laws.get("bnsl", breaks=2, x="params").fix(a=0.5).tie(c2="c1")
    text = recipe(dataclasses.replace(curve_fit, law=law))
    assert "sj.laws.get('bnsl', breaks=2, x='params', output='loss')" in text
    assert ".fix(a=0.5).tie(c2='c1')" in text


def test_a_law_of_ones_own_cannot_be_looked_up(curve_fit):
    law = dataclasses.replace(curve_fit.law, name="mine\nimport os")
    text = recipe(dataclasses.replace(curve_fit, law=law))
    assert "law = ...  # mine import os, a law of your own" in text


def test_the_fingerprint_is_that_of_the_columns_of_the_law(grid_fit, grid_runs):
    def of(runs):
        return fingerprint(dataclasses.replace(grid_fit, runs=runs))

    assert of(grid_runs.with_column("note", 1.0)) == of(grid_runs)
    assert of(grid_runs.take(np.arange(24)[::-1])) != of(grid_runs)
    assert len(of(grid_runs)) == 16
