"""How a command ends: exit codes, one line on stderr, tracebacks only when asked for."""

import warnings

import pytest
import typer

from scaling_jax.cli import exits
from scaling_jax.errors import FitError


def ends(error: BaseException, *, debug: bool = False) -> int:
    def run():
        raise error

    return exits.exit_code(run, debug=debug)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (FitError("no runs;\n add some."), 2, "error: no runs; add some"),
        (exits.CommandError("--out is a folder"), 2, "error: --out is a folder"),
        (exits.Interrupted(), 130, "interrupted"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (typer.Abort(), 130, "interrupted"),
        (typer.BadParameter("no"), 2, "error: Invalid value: no; see scaling-jax --help"),
    ],
)
def test_failures_end_in_one_line(error, code, line, capsys):
    assert ends(error) == code
    captured = capsys.readouterr()
    assert captured.err == f"scaling-jax: {line}\n"
    assert captured.out == ""


def test_a_defect_asks_to_be_reported(capsys):
    assert ends(KeyError("loss")) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("scaling-jax: internal error: KeyError: 'loss'")
    assert "please report it" in line
    assert "--debug" in line


def test_debug_shows_where_it_happened(capsys):
    assert ends(KeyError("loss"), debug=True) == 70
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert err.splitlines()[-1].startswith("scaling-jax: internal error")


def test_a_closed_pipe_is_silent(capsys):
    assert ends(exits.PipeClosed()) == 141
    assert capsys.readouterr().err == ""


def test_warnings_are_lines_and_deprecations_are_nobodys_business(capsys):
    def run():
        warnings.warn("check the unit of params.", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    assert exits.exit_code(run) == 0
    assert capsys.readouterr().err == "scaling-jax: warning: check the unit of params\n"


def test_warning_filters_are_restored():
    before = list(warnings.filters)
    exits.exit_code(lambda: None)
    assert list(warnings.filters) == before


def test_flags_may_stand_anywhere(run, monkeypatch, runs_csv):
    def fail(*_, **__):
        raise RuntimeError("a defect")

    monkeypatch.setattr("scaling_jax.cli.sources.read", fail)
    done = run("fit", runs_csv, "--law", "chinchilla", "--debug")
    assert done.code == 70
    assert "Traceback" in done.err
    monkeypatch.setenv("SCALING_JAX_DEBUG", "1")
    assert "Traceback" in run("fit", runs_csv, "--law", "chinchilla").err
    monkeypatch.setenv("SCALING_JAX_DEBUG", "0")
    assert "Traceback" not in run("fit", runs_csv, "--law", "chinchilla").err


def test_ctrl_c_inside_a_command(run, monkeypatch, runs_csv, tmp_path):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("scaling_jax.cli.sources.read", interrupt)
    done = run("fit", runs_csv, "--law", "chinchilla", "--out", tmp_path / "fit.json")
    assert (done.code, done.err) == (130, "scaling-jax: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_version(run):
    from scaling_jax import __version__

    assert run("--version").out == f"scaling-jax {__version__}\n"
