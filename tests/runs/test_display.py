import pytest

import scaling_jax as sj
from scaling_jax.runs import RunTable


@pytest.fixture
def runs():
    return sj.read_runs(
        {"params": [7e7, 7e9, 7e9], "note": ["b <i>", "a", "a"], "gap": [1.0, None, 2.0]},
        source="runs & more.csv",
    )


def test_describe_gives_range_unit_and_distinct_values(runs):
    params, note = runs.describe()
    assert (params.name, params.unit) == ("params", "parameters")
    assert (params.low, params.high, params.distinct) == (7e7, 7e9, 2)
    assert params.meaning
    assert (note.unit, note.low, note.high, note.distinct) == ("", "a", "b <i>", 2)


def test_one_line_says_how_many_and_from_where(runs):
    assert repr(runs) == "RunTable(3 runs of runs & more.csv: params, note)"
    assert repr(runs.take([0])).startswith("RunTable(1 run of")


def test_text_has_a_line_a_column_and_says_what_was_left_out(runs):
    lines = str(runs).split("\n")
    assert lines[0] == "3 runs of runs & more.csv"
    assert lines[1].split() == ["column", "unit", "lowest", "highest", "distinct", "meaning"]
    assert lines[2].split()[:5] == ["params", "parameters", "7e+07", "7e+09", "2"]
    assert lines[3].split() == ["note", "a", "b", "<i>", "2"]
    assert lines[4] == "left out: gap, because it is empty in row 2"
    assert all(line == line.rstrip() for line in lines)


def test_long_texts_are_shortened():
    assert "x" * 23 + "…" in str(RunTable.from_columns({"note": ["x" * 100]}))


def test_html_escapes_what_the_file_says(runs):
    html = runs._repr_html_()
    assert "b &lt;i&gt;" in html
    assert "<i>" not in html
    assert "runs &amp; more.csv" in html
    assert html.count("<tr>") == 3
    assert "left out: gap" in html
