import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_jax.cli.arguments import (
    _one_assignment_an_option,
    _split_inputs,
    assignments,
    numbers,
)
from scaling_jax.cli.exits import CommandError

ASSIGNING = {"--columns", "--fix"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["runs.csv", "--columns", "a=b"], ["runs.csv", "--columns", "a=b"]),
        (["--columns", "a=b", "c=d", "x"], ["--columns", "a=b", "--columns", "c=d", "x"]),
        (["--columns", "a=b", "runs.csv", "c=d"], ["--columns", "a=b", "runs.csv", "c=d"]),
        (["--fix", "E=1", "--law", "x=y"], ["--fix", "E=1", "--law", "x=y"]),
        (["--columns", "a=b", "--", "c=d"], ["--columns", "a=b", "--", "c=d"]),
        (["--columns", "a=-1", "b=x y"], ["--columns", "a=-1", "--columns", "b=x y"]),
    ],
)
def test_one_option_takes_several_assignments(given, expected):
    assert _one_assignment_an_option(given, ASSIGNING) == expected


def test_unknown_options_are_inputs_wherever_they_stand():
    rest, inputs = _split_inputs(
        ["--params", "7B", "fit.json", "--json", "--tokens-per-param=-3", "--level", "0.9"],
        {"--json"},
        {"--level"},
    )
    assert rest == ["fit.json", "--json", "--level", "0.9"]
    assert inputs == [("--params", "7B"), ("--tokens-per-param", "-3")]


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: text.strip()
)


@given(st.dictionaries(NAMES, TEXTS))
def test_assignments_are_read_back(pairs):
    written = [f"{name}={text}" for name, text in pairs.items()]
    assert assignments(written, "--x", "") == {n: t.strip() for n, t in pairs.items()}


@given(st.text())
def test_any_text_is_numbers_or_one_clear_error(text):
    found = []
    with contextlib.suppress(CommandError):  # anything else is a defect
        found = numbers(text, "--params")
    assert len(found) in (0, text.count(",") + 1)


@pytest.mark.parametrize("text", ["", "7 B B", "1e", "many", "1,x", "--tokens"])
def test_an_error_names_the_option(text):
    with pytest.raises(CommandError, match="^--params takes a number such as"):
        numbers(text, "--params")
