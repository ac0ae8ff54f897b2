"""Derivation rules: each against its definition, and never guessed."""

import math
from typing import Any

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import RunTableError
from scaling_jax.runs import CANONICAL, RULES, RunTable
from scaling_jax.runs.derive import requests

N, D, U, B = 7e9, 1.4e12, 7e11, 4e6
KNOWN = {
    "params": N,
    "tokens": D,
    "compute_flops": 6 * N * D,
    "unique_tokens": U,
    "epochs": D / U,
    "tokens_per_param": D / N,
    "batch_tokens": B,
    "step": D / B,
    "params_total": 8e9,
    "params_vocab": 1e9,
    "params_non_vocab": 7e9,
    "active_params": N,
    "params_no_embed": N,
    "loss": 2.0,
    "perplexity": math.exp(2.0),
    "bits_per_byte": 2.0 / math.log(2.0) / 4.5,
    "accuracy": 0.75,
    "error": 0.25,
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.target}={rule.name}")
def test_every_rule_agrees_with_one_consistent_run(rule):
    runs = RunTable.from_columns({name: [KNOWN[name]] * 2 for name in rule.needs})
    settings = {name: 4.5 for name in rule.settings}
    derived = runs.derive(rule.target, rule.name, **settings)
    np.testing.assert_allclose(derived[rule.target], KNOWN[rule.target], rtol=1e-14)
    assert derived.columns == (*runs.columns, rule.target)
    assert rule.target in str(rule)


def test_rules_are_named_uniquely_and_in_canonical_columns():
    assert len({(rule.target, rule.name) for rule in RULES}) == len(RULES)
    assert all({rule.target, *rule.needs} <= set(CANONICAL) for rule in RULES)


def test_products_of_large_integers_do_not_overflow():
    params, tokens = np.array([70_000_000_000]), np.array([15_000_000_000_000])
    with np.errstate(over="ignore"):
        assert (6 * params * tokens)[0] != 6 * 7e10 * 1.5e13, "int64 overflows without a word"
    runs = sj.read_runs({"params": params, "tokens": tokens}, derive="compute_flops")
    assert runs["compute_flops"].tolist() == [6 * 7e10 * 1.5e13]


def test_the_only_applicable_rule_is_taken():
    runs = RunTable.from_columns({"compute_flops": [6e18], "params": [1e8], "loss": [3.0]})
    assert runs.derive("tokens")["tokens"] == pytest.approx(1e10)


def test_several_applicable_rules_are_listed():
    runs = RunTable.from_columns({"params": [N], "active_params": [N / 8], "tokens": [D]})
    message = "2 ways, so name the rule: '6ND', .*; '6ND_active', compute_flops = 6 . active_params"
    with pytest.raises(RunTableError, match=message):
        runs.derive("compute_flops")
    assert runs.derive("compute_flops", "6ND_active")["compute_flops"][0] == 6 * (N / 8) * D


def test_an_expression_is_a_rule():
    runs = RunTable.from_columns({"params": [N], "tokens": [D], "share": [0.5]})
    assert runs.derive("web_tokens", "share * tokens")["web_tokens"][0] == 0.5 * D
    assert runs.derive("compute_flops", "2 * params * tokens")["compute_flops"][0] == 2 * N * D


@pytest.mark.parametrize(
    ("target", "rule", "settings", "message"),
    [
        ("tokens", None, {}, "the columns already has tokens; remove it first"),
        ("loss", None, {}, "loss cannot be derived .* which has params and tokens; the rules are: "
         "'perplexity', .* needs perplexity; 'bits_per_byte', .* the setting bytes_per_token"),
        ("colour", None, {}, "there is no rule to derive 'colour'; .*or give an expression"),
        ("compute", None, {}, "did you mean compute_flops"),
        ("compute_flops", "6NDD", {}, "'6NDD' is no rule to derive compute_flops.*'6ND', "),
        ("compute_flops", "6 * size", {}, "no expression in the columns of the columns"),
        ("compute_flops", "6ND_active", {}, "no column of numbers active_params; it has params"),
        ("compute_flops", "6ND", {"factor": 2}, "'6ND' has no setting 'factor'; it takes none"),
        ("compute_flops", 6, {}, "is a name or an expression, not 6"),
        (6, None, {}, "takes the name of a column, not 6"),
        ("x", "params / (tokens - tokens)", {}, "row 1: x is infinite"),
        ("params_total", "params - tokens", {}, "row 1: params_total is -1.393e.12"),
    ],
)  # fmt: skip
def test_what_cannot_be_derived_says_what_can(target, rule, settings, message):
    runs = RunTable.from_columns({"params": [N], "tokens": [D]})
    with pytest.raises(RunTableError, match=message) as caught:
        runs.derive(target, rule, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs bits_per_byte and the setting bytes_per_token"),
        ({"bytes_per_token": 0}, "bytes_per_token is a positive number, not 0"),
        ({"bytes_per_token": "4"}, "bytes_per_token is a positive number, not '4'"),
        ({"bytes_per_token": math.nan}, "bytes_per_token is a positive number"),
        ({"bytes": 4}, "the rules are"),
    ],
)
def test_settings_are_asked_for_and_checked(settings, message):
    runs = RunTable.from_columns({"bits_per_byte": [1.0]})
    with pytest.raises(RunTableError, match=message):
        runs.derive("loss", **settings)


def test_text_columns_cannot_be_calculated_with():
    runs = RunTable.from_columns({"params": [N], "tokens": [D], "note": ["a"]})
    with pytest.raises(RunTableError, match="no expression in the columns"):
        runs.derive("x", "note * 2")


def test_derivation_happens_only_when_asked():
    assert "compute_flops" not in sj.read_runs({"params": [N], "tokens": [D]})


@pytest.mark.parametrize(
    "derive",
    [
        ["tokens = C/6N", "tokens_per_param"],
        {"tokens": "C/6N", "tokens_per_param": None},
        ("tokens=compute_flops / (6 * params)", "tokens_per_param = tokens / params"),
    ],
)
def test_reading_derives_in_the_order_given(derive):
    runs = sj.read_runs({"params": [N], "compute_flops": [6 * N * D]}, derive=derive)
    assert runs["tokens"][0] == pytest.approx(D, rel=1e-14)
    assert runs["tokens_per_param"][0] == pytest.approx(D / N, rel=1e-14)


def test_requests_are_texts():
    no_text: Any = 5
    with pytest.raises(RunTableError, match="texts such as 'tokens = C/6N', not 5"):
        requests([no_text])
    with pytest.raises(RunTableError, match="not 5"):
        sj.read_runs({"loss": [1.0]}, derive=no_text)
