"""One table of runs, one fit of it, and a way to call the command line in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from scaling_jax.cli.app import app

# Chinchilla's law with rounder numbers; every fit of these tests shares its compiled program.
TRUTH = {"E": 1.7, "A": 400.0, "B": 900.0, "alpha": 0.34, "beta": 0.33}
FIT = ("--law", "chinchilla", "--starts", "32")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that a failing command prints."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert self.out == ""
        return lines[0]


Run = Callable[..., Outcome]


@pytest.fixture(scope="session")
def run() -> Run:
    def call(*arguments: object, env: dict[str, str | None] | None = None) -> Outcome:
        # Processes of xdist inherit the width of the terminal that started them.
        width: dict[str, str | None] = {"COLUMNS": None}
        result = CliRunner().invoke(app, [str(a) for a in arguments], env=width | (env or {}))
        assert isinstance(result.exception, SystemExit | None), result.exc_info
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return call


def make_lines(header: str = "params,tokens,loss", noise: float = 0.004) -> list[str]:
    """Return a table of 24 runs that follow the law, as lines of CSV."""
    rng = np.random.default_rng(1)
    lines = [header]
    for params in np.geomspace(1e8, 1e10, 6):
        for tokens in np.geomspace(2e9, 2e11, 4):
            loss = TRUTH["E"] + TRUTH["A"] / params ** TRUTH["alpha"]
            loss += TRUTH["B"] / tokens ** TRUTH["beta"]
            loss *= np.exp(noise * rng.standard_normal())
            lines.append(f"{params:.6g},{tokens:.6g},{loss:.8g}")
    return lines


@pytest.fixture(scope="session")
def lines_of() -> Callable[..., list[str]]:
    return make_lines


@pytest.fixture(scope="session")
def truth() -> dict[str, float]:
    return TRUTH


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes lines to a file in a folder that holds nothing else."""

    def write(lines: list[str], name: str = "runs.csv") -> Path:
        path = tmp_path / "input" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines))
        return path

    return write


@pytest.fixture(scope="session")
def runs_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    path.write_text("\n".join(make_lines()) + "\n")
    return path


@pytest.fixture(scope="session")
def fit_json(run: Run, runs_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fit") / "fit.json"
    done = run("fit", runs_csv, *FIT, "--out", path)
    assert done.code == 0, done.err
    return path
