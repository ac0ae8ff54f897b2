"""The README's Python runs as printed, and prints what it says."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import scaling_jax as sj

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = 5e-3  # the last digits of draws depend on the machine's exp and log
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / "README.md").read_text())


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Run all blocks in one process, as a reader would, and return what each one printed."""
    marker = "=== next block ==="
    program = f"\nprint({marker!r})\n".join(code for code, _ in blocks())
    folder = tmp_path_factory.mktemp("readme")
    (folder / "readme.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "readme.py"], cwd=folder, capture_output=True, text=True, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split(marker)


@pytest.mark.parametrize("k", range(len(blocks())))
def test_block_prints_what_the_readme_says(printed, k):
    got, expected = words(printed[k]), words(blocks()[k][1])
    assert [w for w in got if number(w) is None] == [w for w in expected if number(w) is None]
    mine, shown = ([number(w) for w in side if number(w) is not None] for side in (got, expected))
    assert mine == pytest.approx(shown, rel=NUMBERS, abs=1e-6)


def words(text: str) -> list[str]:
    return re.findall(r"[^\s=;,()%]+", text)


def number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def test_first_python_is_on_the_first_screen():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert lines.index("```python") < 35


def test_the_laws_of_the_table_are_as_registered():
    text = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", text, re.MULTILINE)
    assert len(rows) >= 10
    for name, formula in rows:
        assert sj.laws.get(name).formula == formula


def test_the_number_of_laws_is_about_right():
    assert 180 <= len(sj.laws.names()) <= 240
    assert 270 <= len(sj.literature.names()) <= 290


def test_links_lead_somewhere():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_comparison_is_that_of_the_committed_results():
    summary = runpy.run_path(str(ROOT / "benchmarks" / "summary.py"))
    (shown,) = summary["MARKED"].findall((ROOT / "README.md").read_text())
    assert summary["comparison"]() in (ROOT / "README.md").read_text(), shown
