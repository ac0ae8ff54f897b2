"""RunTable: selecting runs, adding and removing columns, and what stays true meanwhile."""

from typing import Any

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import RunTableError
from scaling_jax.runs.table import RunTable


@pytest.fixture
def runs():
    return RunTable.from_columns(
        {
            "params": [7e7, 7e8, 7e9, 7e8],
            "loss": [3.5, 2.75, 2.0, 2.5],
            "family": ["pile", "c4", "pile", "books"],
        },
        source="runs.csv",
    )


def rows(table):
    return table.rows.tolist()


def test_behaves_as_a_collection_of_columns(runs):
    assert len(runs) == 4
    assert runs.columns == ("params", "loss", "family") == tuple(runs)
    assert "loss" in runs
    assert "tokens" not in runs
    assert runs.source == "runs.csv"
    assert runs["loss"].dtype == np.float64
    assert runs["family"].tolist() == ["pile", "c4", "pile", "books"]
    assert runs.codes["family"].dtype == np.int32


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("los", "runs.csv has no column 'los'; did you mean loss"),
        (3, "takes the name of a column, not int"),
        (np.array([True]), r"not ndarray; select runs with where\(mask\)"),
    ],
)
def test_an_unknown_column_is_one_sentence(runs, key, message):
    with pytest.raises(RunTableError, match=message):
        runs[key]


@pytest.mark.parametrize(
    "condition",
    [
        "loss < 3 and family != 'books'",
        np.array([False, True, True, False]),
        [False, True, True, False],
    ],
    ids=["expression", "array", "list"],
)
def test_where_keeps_the_runs_that_fulfil_it(runs, condition):
    kept = runs.where(condition)
    assert rows(kept) == [2, 3]
    assert kept["params"].tolist() == [7e8, 7e9]
    assert kept["family"].tolist() == ["c4", "pile"]
    assert [kept.where_is(i) for i in range(2)] == ["row 2", "row 3"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("loss < 1", "no run of runs.csv fulfils 'loss < 1'; loosen"),
        ("los < 3", "runs.csv cannot be filtered: 'los' .* did you mean loss"),
        ("loss", "gives numbers of shape"),
        ("1 < 2", r"gives a single value \(True\)"),
        ("family", "gives text of shape"),
        ("loss <", "cannot read the expression"),
        ("loss < 'a'", "compares text with numbers"),
        ("loss / 0 < 0", "no run of runs.csv fulfils"),
        ([0, 1], "the mask gives numbers of shape"),
        ([True], "the mask has 1 values, but runs.csv has 4 rows"),
        ([[True], [True, False]], "the mask cannot be read as an array"),
        (None, "the mask gives"),
        (lambda row: True, "the mask gives"),
    ],
)
def test_where_turns_any_failure_into_one_sentence(runs, condition, message):
    with pytest.raises(RunTableError, match=message) as caught:
        runs.where(condition)
    assert "\n" not in str(caught.value)


def test_later_errors_name_the_row_of_the_source(runs):
    kept = runs.where("loss < 3").sort("loss")
    with pytest.raises(RunTableError, match="^runs.csv, row 2: tokens is 0"):
        kept.with_column("tokens", [1e9, 1e9, 0.0])


def test_split_divides_all_runs(runs):
    below, above = runs.split("loss < 2.6")
    assert rows(below) == [3, 4]
    assert rows(above) == [1, 2]
    with pytest.raises(RunTableError, match="every run of runs.csv fulfils"):
        runs.split("loss > 0")
    with pytest.raises(RunTableError, match="no run of runs.csv fulfils"):
        runs.split("loss < 0")


def test_take_repeats_and_counts_from_either_end(runs):
    assert rows(runs.take([2, 0, 2, -1])) == [3, 1, 3, 4]
    assert rows(runs.take(np.array([1], np.uint8))) == [2]


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        ([4], "there is no run 4 in runs.csv; positions go from -4 to 3"),
        ([0, -5], "there is no run -5"),
        ([], "at least one"),
        (0, "in one dimension"),
        ([0.0], "whole numbers"),
        ([True, False, True, True], "use where for a mask"),
        ([[0], [0, 1]], "cannot be read as an array"),
    ],
)
def test_take_refuses_what_are_no_positions(runs, positions, message):
    with pytest.raises(RunTableError, match=message):
        runs.take(positions)


def test_sort_is_stable_by_numbers_and_by_text(runs):
    assert rows(runs.sort("params")) == [1, 2, 4, 3]
    assert rows(runs.sort("params", descending=True)) == [3, 2, 4, 1]
    assert rows(runs.sort(["params", "loss"])) == [1, 4, 2, 3]
    assert rows(runs.sort(["family", "loss"])) == [4, 2, 3, 1]
    with pytest.raises(RunTableError, match="did you mean loss"):
        runs.sort("los")
    with pytest.raises(RunTableError, match="at least one column"):
        runs.sort([])


def test_group_gives_every_run_once(runs):
    groups = runs.group("family")
    assert {key: rows(table) for key, table in groups.items()} == {
        "books": [4], "c4": [2], "pile": [1, 3]
    }  # fmt: skip
    assert {key: rows(table) for key, table in runs.group("params").items()} == {
        "70000000": [1], "700000000": [2, 4], "7000000000": [3]
    }  # fmt: skip
    assert runs.where("family == 'pile'").group("family").keys() == {"pile"}


def test_with_column_adds_replaces_and_repeats_one_value(runs):
    assert runs.with_column("tokens", [1, 2, 3, 4])["tokens"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert runs.with_column("loss", 2)["loss"].tolist() == [2.0] * 4
    assert runs.with_column("split", "train")["split"].tolist() == ["train"] * 4
    assert runs.with_column("tag", ["1", "2", "3", "4"], label=True)["tag"].tolist()[0] == "1"
    assert runs.with_column("loss", np.float32(2)).columns == runs.columns
    assert "tokens" not in runs


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("tokens", [1.0], "the column tokens has 1 values, but runs.csv has 4 runs"),
        ("tokens", np.ones((4, 1)), r"the column tokens has the shape \(4, 1\)"),
        ("tokens", [1, 2, 0, 4], "runs.csv, row 3: tokens is 0, but a scale is positive"),
        ("x", [1, 2, np.nan, 4], "runs.csv, row 3: x is (NaN|empty)"),
        ("x", [1, 2, np.inf, 4], "runs.csv, row 3: x is infinite"),
        ("x", None, "row 1: x is empty"),
        ("accuracy", [0.5, 50, 0.5, 0.5], "row 2: accuracy is 50, but a fraction"),
        ("weight", [1, 1, -1, 1], "row 3: weight is -1, but a weight is not negative"),
        ("weight", 0, "runs.csv: weight is zero in every row"),
        ("tokens", "many", "row 1: tokens holds the text 'many'"),
        ("", 1, "the name of a column is text"),
        (5, 1, "the name of a column is text"),
    ],
)
def test_with_column_checks_what_it_is_given(runs, name, values, message):
    with pytest.raises(RunTableError, match=message):
        runs.with_column(name, values)


def test_drop_and_rename(runs):
    assert runs.drop("loss").columns == ("params", "family")
    assert runs.drop(["loss", "family"]).columns == ("params",)
    renamed = runs.rename({"params": "params_total", "family": "corpus"})
    assert renamed.columns == ("params_total", "loss", "corpus")
    assert renamed["corpus"].tolist() == runs["family"].tolist()
    swapped = runs.rename({"params": "loss", "loss": "params"})
    assert swapped["loss"].tolist() == runs["params"].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda runs: runs.drop("los"), "did you mean loss"),
        (lambda runs: runs.drop(list(runs)), "leaves no column of runs.csv"),
        (lambda runs: runs.rename({"los": "x"}), "did you mean loss"),
        (lambda runs: runs.rename({"loss": "params"}), "has a column 'params' already"),
        (lambda runs: runs.rename({"loss": "x", "params": "x"}), "has a column 'x' already"),
        (lambda runs: runs.rename({"loss": "accuracy"}), "row 1: accuracy is 3.5, but a fraction"),
        (lambda runs: runs.rename({"family": "tokens"}), "tokens holds the text 'pile'"),
        (lambda runs: runs.drop([5]), "drop takes column names, not 5"),
    ],
)
def test_drop_and_rename_refuse(runs, change, message):
    with pytest.raises(RunTableError, match=message):
        change(runs)


def test_concat_keeps_every_run_and_where_it_is_from(runs):
    other = RunTable.from_columns(
        {"family": ["arxiv"], "loss": [1.5], "params": [7e10]}, source="more.csv"
    )
    both = runs.where("loss < 2.6").concat(other, runs.take([0]))
    assert both.source == "runs.csv and more.csv"
    assert both["family"].tolist() == ["pile", "books", "arxiv", "pile"]
    assert [both.where_is(i) for i in range(4)] == [
        "row 3 of runs.csv", "row 4 of runs.csv", "row 1 of more.csv", "row 1 of runs.csv"
    ]  # fmt: skip
    with pytest.raises(RunTableError, match="^more.csv, row 1: tokens is 0"):
        both.with_column("tokens", [1, 1, 0, 1])
    with pytest.raises(RunTableError, match="runs.csv and more.csv differ in params"):
        runs.concat(other.drop("params"))
    with pytest.raises(RunTableError, match="differ in x"):
        runs.rename({"loss": "x"}).concat(other.drop("loss").with_column("x", "a"))


def test_require_names_what_is_missing_what_there_is_and_the_remedy(runs):
    runs.require(["params", "loss"])
    with pytest.raises(RunTableError) as caught:
        runs.require(["params", "tokens"], for_="the law chinchilla")
    message = str(caught.value)
    assert message.startswith("the law chinchilla needs tokens, which runs.csv lacks")
    assert "it has params, loss and family" in message
    assert 'columns={"tokens": "<header>"}' in message
    assert "--columns tokens=<header>" in message
    assert "derive" not in message


def test_require_offers_the_rule_that_would_help(runs):
    computed = runs.with_column("compute_flops", 1e20)
    with pytest.raises(RunTableError, match="derive=.'tokens = C/6N'"):
        computed.require("tokens")
    assert "tokens" in computed.derive("tokens", "C/6N")


def test_require_refuses_text(runs):
    with pytest.raises(RunTableError, match="needs numbers in family, but .* such as 'pile'"):
        runs.require("family")


def test_check_shares(runs):
    mixture = runs.with_column("web", [0.5, 0.2, 1.0, 0.3]).with_column("code", [0.5, 0.8, 0, 0.7])
    mixture.check_shares(["web", "code"])
    off = mixture.with_column("code", [0.5, 0.8, 1e-5, 0.7])
    with pytest.raises(RunTableError, match="row 3: the shares web and code sum to 1.00001"):
        off.check_shares(["web", "code"])
    off.check_shares(["web", "code"], tolerance=1e-4)
    with pytest.raises(RunTableError, match="row 1: the share loss is 3.5"):
        off.check_shares(["web", "loss"])
    with pytest.raises(RunTableError, match="a mixture needs books"):
        off.check_shares(["web", "books"])


def test_from_columns_takes_names_as_they_are():
    runs = sj.RunTable.from_columns({"N": [1.0], "loss": [-2.0]})
    assert runs.columns == ("N", "loss")
    with pytest.raises(RunTableError, match="the columns, row 1: x is"):
        sj.RunTable.from_columns({"x": [np.nan]})
    no_mapping: Any = [1.0]
    with pytest.raises(RunTableError, match="give a mapping of column name to array"):
        sj.RunTable.from_columns(no_mapping)


def test_from_columns_reads_labels_as_text_where_asked():
    runs = sj.RunTable.from_columns({"batch": ["007", "8"], "run": [1, 2.5]}, labels=["batch"])
    assert runs["batch"].tolist() == ["007", "8"]
    assert runs["run"].tolist() == ["1", "2.5"]
