"""The code of docs/laws.md runs, and its tables name what there is."""

import dataclasses
import re
import runpy
from pathlib import Path

import pytest

import scaling_jax as sj
from scaling_jax.laws import registry
from scaling_jax.laws.estimates import reading

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "laws.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def executed(tmp_path):
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks("python")))
    yield runpy.run_path(str(script))
    registry._LAWS.pop("data_limited")


def test_the_code_runs_and_makes_a_law(executed):
    assert executed["law"].formula == "L(N, D) = E + A / N**alpha + B / D**beta"
    law = executed["data_limited"]
    assert sj.laws.get("data_limited") is law
    assert law.unit_columns == ("params", "tokens", "loss")


def test_the_entry_is_read(executed, tmp_path, float64):
    path = tmp_path / "mine.toml"
    path.write_text(*blocks("toml"))
    law = dataclasses.replace(executed["data_limited"], estimates=str(path))
    value = 1.8 + 4.1 * 2000.0**-0.35 * (1.0 + 1.2 / 30.0)
    grid = law.published("first_grid")
    assert float(grid(params=2e9, tokens=3e10)) == pytest.approx(value, rel=1e-12)


def test_the_tables_are_complete():
    first_cells = set(re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE))
    keys = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE, re.MULTILINE)
    named = {name for cell in keys for name in re.findall(r"\w+", cell)} | first_cells
    assert named >= {*reading._TEXTS, *reading._TABLES}
