"""read_runs: what its arguments do, and the warnings about units."""

import warnings
from typing import Any

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import RunTableError
from scaling_jax.runs import RunTableWarning, warn_unusual

GAPS = {
    "N": [1e8, 1e9, 1e10],
    "loss": [3.0, 2.5, 2.0],
    "score": [0.5, np.nan, 0.7],
    "smooth loss": [np.nan, 2.4, 1.9],
    "note": ["a", "", "c"],
}


def test_a_column_nobody_asked_for_may_have_gaps():
    runs = sj.read_runs(GAPS)
    assert runs.columns == ("params", "loss", "note")
    assert dict(runs.left_out) == {
        "score": "it is NaN in row 2",
        "smooth loss": "it is NaN in row 1",
    }


def test_asking_for_it_later_says_why_it_is_not_there_and_what_to_do():
    runs = sj.read_runs(GAPS)
    with pytest.raises(RunTableError, match="left out because it is NaN in row 2.*score == score"):
        runs["score"]
    with pytest.raises(RunTableError, match="the law x needs score, but .* left out"):
        runs.require("score", for_="the law x")
    complete = sj.read_runs(GAPS, where="score == score")
    assert complete["score"].tolist() == [0.5, 0.7]
    assert complete.rows.tolist() == [1, 3]


def test_the_remedy_for_a_header_that_is_no_name_works_as_printed():
    with pytest.raises(
        RunTableError, match="columns={'value': 'smooth loss'}, where='value =="
    ) as e:
        sj.read_runs(GAPS)["smooth loss"]
    assert "value == value" in str(e.value)
    runs = sj.read_runs(GAPS, columns={"value": "smooth loss"}, where="value == value")
    assert runs["value"].tolist() == [2.4, 1.9]


def test_asking_for_it_on_reading_names_the_row():
    with pytest.raises(
        RunTableError, match=r"the mapping, row 2: metric \(header 'score'\) is NaN"
    ):
        sj.read_runs(GAPS, {"metric": "score"})


def test_filling_a_column_that_was_left_out():
    runs = sj.read_runs(GAPS).with_column("score", [1, 2, 3])
    assert runs["score"].tolist() == [1.0, 2.0, 3.0]
    assert "score" not in dict(runs.left_out)


def test_rows_that_are_filtered_out_need_not_be_sound():
    cells = {"N": ["1e8", "oops", "-5", "", "7B"], "loss": [3, 2, 1, 2, 2]}
    assert sj.read_runs(cells, where="params > 0")["params"].tolist() == [1e8, 7e9]
    with pytest.raises(RunTableError, match="row 3: params .* is -5"):
        sj.read_runs(cells, where="params < 1e9")
    with pytest.raises(RunTableError, match="row 2: params .* holds the text 'oops'"):
        sj.read_runs(cells, where="loss == 2")
    with pytest.raises(RunTableError, match="row 4: params .* is empty"):
        sj.read_runs(cells, where=[True, False, False, True, True])


def test_a_filter_may_use_what_is_derived():
    columns = {"N": [1e8, 1e9], "D": [1e9, 1e11]}
    runs = sj.read_runs(columns, derive="compute_flops", where="compute_flops > 1e20")
    assert runs.rows.tolist() == [2]
    with pytest.raises(RunTableError, match="'compute' in the expression .* did you mean compute_"):
        sj.read_runs(columns, derive="compute_flops", where="compute > 1e20")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("loss <", "the mapping cannot be filtered: cannot read the expression"),
        ("loss < 0", "no row of the mapping fulfils 'loss < 0'"),
        ("note < 3", "compares text with numbers"),
        ("smooth loss < 3", "cannot be filtered: .*; give 'smooth loss' a plain name on reading"),
        ([True], "the mask has 1 values, but the mapping has 3 rows"),
        (5, "the mask gives"),
    ],
)
def test_a_filter_that_cannot_be_is_one_sentence(where, message):
    with pytest.raises(RunTableError, match=message):
        sj.read_runs(GAPS, where=where)


@pytest.mark.parametrize("factor", [1e6, "1e6", "1M", 1_000_000])
def test_units_multiply(factor):
    runs = sj.read_runs({"N": [70, "7,000"], "loss": [3.0, 2.0]}, units={"params": factor})
    assert runs["params"].tolist() == [7e7, 7e9]


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ({"param": 1e6}, "no column 'param' for units; did you mean params"),
        ({"params": 0}, "the unit of params is a positive factor such as 1e6 or '1M', not 0"),
        ({"params": "millions"}, "not 'millions'"),
        ({"params": None}, "not None"),
        ({"params": 1e300}, "row 2: params .* is infinite"),
        ({"params": 1e-320}, "row 1: params .* is 0, but a scale is positive"),
        (1e6, "units is a mapping from column names, not 1000000.0"),
    ],
)
def test_units_that_cannot_be_are_refused(units, message):
    with pytest.raises(RunTableError, match=message):
        sj.read_runs({"N": [1e-5, 1e10]}, units=units)


def test_a_size_with_its_own_unit_is_not_multiplied_again():
    with pytest.raises(RunTableError, match="params .* holds the text '7B'"):
        sj.read_runs({"N": ["7B"]}, units={"params": 1e9})


def test_percent_become_fractions():
    with pytest.raises(RunTableError, match="units={'accuracy': 0.01}"):
        sj.read_runs({"accuracy": [53.0]})
    assert sj.read_runs({"accuracy": [53.0]}, units={"accuracy": 0.01})["accuracy"][0] == 0.53


def test_shares_must_sum_to_one():
    mixture = {"web": [0.3, 0.5], "code": [0.7, 0.6], "loss": [2.0, 2.1]}
    with pytest.raises(RunTableError, match="row 2: the shares web and code sum to 1.1, not to 1"):
        sj.read_runs(mixture, shares=["web", "code"])
    assert len(sj.read_runs(mixture, shares=["web", "code"], where="web < 0.4")) == 1
    with pytest.raises(RunTableError, match="a mixture needs books, which"):
        sj.read_runs(mixture, shares=["web", "books"])
    with pytest.raises(RunTableError, match="row 1: web is (NaN|empty)"):
        sj.read_runs({"web": [None, 0.5], "code": [1.0, 0.5]}, shares=["web", "code"])


def test_labels_are_text_that_looks_like_numbers():
    runs = sj.read_runs({"batch": ["007", "8"], "loss": [3.0, 2.0]}, labels="batch")
    assert runs["batch"].tolist() == ["007", "8"]
    with pytest.raises(RunTableError, match="no column 'bach' for labels; did you mean batch"):
        sj.read_runs({"batch": ["007"]}, labels=["bach"])


def test_canonical_labels_are_text_even_if_all_are_numbers():
    runs = sj.read_runs({"run": ["007", " 8 "], "family": [1, 2.5]})
    assert runs["run"].tolist() == ["007", "8"]
    assert runs["family"].tolist() == ["1", "2.5"]


def test_words_for_missing_are_text_in_a_column_of_text():
    runs = sj.read_runs({"a": ["none", "x"], "b": ["none", "none"], "c": ["1", "none"]})
    assert runs.columns == ("a", "b")
    with pytest.raises(RunTableError, match="'c' was left out because it holds the text 'none'"):
        runs["c"]


def test_a_table_without_a_usable_column_is_refused():
    with pytest.raises(
        RunTableError, match=r"no column that can be used \(x: it is NaN in row 1\)"
    ):
        sj.read_runs({"x": [np.nan]})


def test_a_run_table_is_derived_and_filtered_as_it_is():
    runs = sj.read_runs(GAPS)
    again = sj.read_runs(runs, where="loss < 3", derive="x = 2 * params")
    assert again.rows.tolist() == [2, 3]
    with pytest.raises(RunTableError, match="is a run table already; use its methods"):
        sj.read_runs(runs, {"params": "N"})


@pytest.mark.parametrize("argument", ["columns", "units"])
def test_mappings_are_mappings(argument):
    wrong: dict[str, Any] = {argument: ["params"]}
    with pytest.raises(RunTableError, match=f"{argument} is a mapping from column names"):
        sj.read_runs(GAPS, **wrong)


@pytest.mark.parametrize("given", [[5], 5])
@pytest.mark.parametrize("argument", ["labels", "shares", "ignore"])
def test_names_are_texts(argument, given):
    wrong: dict[str, Any] = {argument: given}
    with pytest.raises(RunTableError, match=f"{argument} takes column names, not 5"):
        sj.read_runs(GAPS, **wrong)


# Warnings about units


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"params": [0.07, 7, 70]}, "params has the median 7, outside .* 1e6 for millions"),
        ({"params": [70, 410, 900]}, "params has the median 410.*1e9 for billions"),
        ({"tokens": [300, 1400]}, "tokens has the median 850"),
        ({"compute_flops": [1, 5760]}, "compute_flops has the median"),
        ({"loss": [33.0, 20.1, 25.0]}, "loss has the median 25, .* 20 nats per token.*factor}"),
        ({"params": [1e9], "tokens": [2e10], "compute_flops": [1.2e11]},
         "compute_flops is 1e-09 times 6 . params . tokens"),
        ({"params": [1e9], "tokens": [2e4], "compute_flops": [1.2e20]},
         "compute_flops is 1e.06 times"),
    ],
)  # fmt: skip
def test_a_column_in_another_unit_earns_a_warning(columns, message):
    with pytest.warns(RunTableWarning, match=message) as caught:
        runs = sj.read_runs(columns)
    assert len(runs) == len(next(iter(columns.values())))
    assert caught[0].filename == __file__, "the warning points at the caller"


def test_the_remedy_silences_the_warning():
    runs = sj.read_runs({"params": [0.07, 7, 70]}, units={"params": "1B"})
    assert runs["params"].tolist() == [7e7, 7e9, 7e10]


@pytest.mark.parametrize(
    "columns",
    [
        {"params": [1e6, 7e9], "tokens": [1e9, 1e13], "loss": [5.0, 0.7]},
        {"params": [1e9], "tokens": [2e10], "compute_flops": [0.3 * 6e9 * 2e10]},
        {"loss": [-1.3, -2.0]},  # relative to a baseline
        {"width": [3.0]},
    ],
)
def test_usual_columns_earn_none(columns):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sj.read_runs(columns)


def test_a_law_may_ask_about_its_own_range():
    runs = sj.read_runs({"params": [1e6, 2e6]})
    with pytest.warns(
        RunTableWarning, match="params has the median 1.5e.06, outside the usual 1e.08"
    ):
        warn_unusual(runs.source, runs.numbers, {"params": (1e8, 1e11), "tokens": None})


def test_published_tables_are_read_as_they_are(shared_data):
    path = shared_data / "epoch_chinchilla" / "data" / "svg_extracted_data.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not here")
    runs = sj.read_runs(path, derive="tokens")
    assert len(runs) == 245
    assert {"params", "compute_flops", "tokens", "loss"} <= set(runs.columns)
    np.testing.assert_allclose(
        6 * runs["params"] * runs["tokens"], runs["compute_flops"], rtol=1e-14
    )
    assert len(runs.sort("loss").take(range(240))) == 240
    assert runs["loss"].max() == pytest.approx(5.005581996196243, rel=0)


def test_two_losses_of_a_published_table_are_not_confused(shared_data):
    path = shared_data / "steplaw_dense" / "data" / "dense_lr_bs_loss.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not here")
    runs = sj.read_runs(path, {"loss": "smooth loss", "loss_last": "loss"})
    assert len(runs.where("loss > 5")) == 177  # diverged, as the table's manifest counts them
