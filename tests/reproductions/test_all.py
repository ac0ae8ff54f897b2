"""Every registered reproduction, run: numbers without a reason reproduce, those with one do not."""

import re
from pathlib import Path

import pytest

import scaling_jax as sj
from scaling_jax import reproductions
from scaling_jax.reproductions import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reproductions.md"


@pytest.fixture(scope="module")
def sections() -> dict[str, list[str]]:
    """Return the lines of the page under the name of each reproduction."""
    parts = re.split(r"^### (\w+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {name: text.splitlines() for name, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize("name", reproductions.names())
def test_reproduces_or_says_why_not(name, sections):
    (outcome,) = sj.reproductions.run(name).outcomes
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert not outcome.error
    assert outcome.checks, "it checks nothing"
    assert [reproductions.verdict(check) for check in outcome.unexpected] == []
    assert name in sections, "not on the page: make reproductions"
    shown = {said(line) for line in sections[name]}
    for check in outcome.checks:
        assert said(page.row(check)) in shown, "the page is stale: make reproductions"


def said(row: str) -> tuple[str, ...]:
    """Return what a row of the page says apart from our number and its difference."""
    cells = re.split(r"(?<!\\)\|", row)
    return tuple(cell.strip() for k, cell in enumerate(cells) if k not in (3, 4))


def test_the_page_lists_nothing_that_is_gone(sections):
    assert set(sections) <= set(reproductions.names())


def test_data_sets_are_known():
    for name in reproductions.names():
        found = reproductions.get(name)
        assert set(found.data) <= set(sj.datasets.names())
