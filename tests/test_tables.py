"""One table, three forms: terminal, notebook, data frame."""

import numpy as np
import pytest

from scaling_jax.tables import Table, format_cell, format_number, sentence_list

TABLE = Table(
    "Estimates",
    ("parameter", "value", "standard error"),
    (("alpha", 0.347309, 1.54e-2), ("A", np.float64(477.5), None), ("runs", np.int64(240), 1)),
    ("", "[1] a doubt"),
)


def test_terminal_form():
    lines = str(TABLE).splitlines()
    assert lines[0] == "Estimates"
    assert lines[1].split() == ["parameter", "value", "standard", "error"]
    assert lines[3].split() == ["alpha", "0.34731", "0.0154"]
    assert lines[4].split() == ["A", "477.5"]
    assert lines[5].split() == ["runs", "240", "1"]
    assert lines[-1] == "[1] a doubt"
    assert all(line == line.rstrip() for line in lines)


def test_numbers_are_aligned_right_and_text_left():
    lines = str(TABLE).splitlines()
    header, first, last = lines[1], lines[3], lines[5]
    assert header.index("value") + len("value") == first.index("0.34731") + len("0.34731")
    assert first.index("0.34731") + len("0.34731") == last.index("240") + len("240")
    assert first.startswith("alpha")


def test_text_is_never_read_as_markup():
    """Run names may hold brackets, which rich would take for styles."""
    table = Table("[bold]title[/bold]", ("[red]x",), (("[/] <b>&",),), ("[link]",))
    for part in ("[bold]title[/bold]", "[red]x", "[/] <b>&", "[link]"):
        assert part in str(table)
    html = table._repr_html_()
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html


def test_notebook_form_holds_every_cell_and_note():
    html = TABLE._repr_html_()
    for part in ("<caption>Estimates</caption>", "0.34731", "477.5", "[1] a doubt",
                 '<td style="text-align:right">240</td>',
                 '<td style="text-align:left">alpha</td>'):  # fmt: skip
        assert part in html
    assert html.count("<tr>") == 4


def test_data_frame_keeps_full_precision():
    frame = TABLE.to_pandas()
    assert list(frame.columns) == list(TABLE.header)
    assert frame["value"][0] == 0.347309
    assert frame["parameter"].tolist() == ["alpha", "A", "runs"]


def test_a_table_without_columns_is_its_notes():
    assert str(Table("", (), (), ("nothing to say",))) == "nothing to say"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""), (True, "yes"), (np.bool_(False), "no"), (3, "3"), (np.int32(3), "3"),
        (0.1 + 0.2, "0.3"), (1e-12, "1e-12"), (float("nan"), "nan"), (-np.inf, "-inf"),
        ("text", "text"),
    ],
)  # fmt: skip
def test_cells(cell, text):
    assert format_cell(cell) == text


def test_digits():
    assert format_number(2085.4342, 3) == "2.09e+03"
    assert format_number(2085.4342, 6) == "2085.43"


def test_sentences_are_numbered_from_one():
    assert sentence_list(["a", "b"]) == ("[1] a", "[2] b")
    assert sentence_list([]) == ()
