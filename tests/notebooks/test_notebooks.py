"""Every notebook runs from its first cell to its last, and its assertions hold."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, shared_data, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_made_of_cells_and_starts_with_its_claim(path):
    text = path.read_text()
    assert text.startswith("# %% [markdown]\n# # ")
    assert "**Claim.**" in text
    assert "assert " in text.split("# %%")[-1]
