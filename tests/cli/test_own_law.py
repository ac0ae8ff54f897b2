"""Laws of the user's own, from a Python file."""

import json
import re

import pytest

LAW = """
import jax.numpy as jnp
import scaling_jax as sj

@sj.law(
    name="my_power",
    formula="L = E + A / N**alpha",
    parameters=[
        sj.Parameter("E", "irreducible loss", unit="loss"),
        sj.Parameter("A", "amplitude", unit="loss * params**alpha"),
        sj.Parameter("alpha", "exponent"),
    ],
)
def power(params, *, E, A, alpha):
    return E + A * params**-alpha
"""


@pytest.fixture
def law_file(tmp_path):
    path = tmp_path / "my_laws.py"
    path.write_text(LAW)
    return path


@pytest.fixture
def runs(tmp_path):
    path = tmp_path / "runs.csv"
    lines = [f"{n:g},{1.5 + 100 * n**-0.25!r}" for n in (1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10, 3e10)]
    path.write_text("\n".join(["N,loss", *lines]) + "\n")
    return path


@pytest.mark.parametrize("name", ["", ":power", ":my_power"])
def test_is_fitted_like_a_built_in_one(run, law_file, runs, name):
    done = run("fit", runs, "--law", f"{law_file}{name}", "--starts", "32", "--json")
    assert done.code == 0, done.err
    expected = {"E": 1.5, "A": 100.0, "alpha": 0.25}
    assert json.loads(done.out)["params"] == pytest.approx(expected, rel=1e-6)


def test_is_found_again_by_the_commands_that_load_the_fit(run, law_file, runs, tmp_path):
    fit = tmp_path / "fit.json"
    given = ("--law", f"{law_file}:my_power")
    assert run("fit", runs, *given, "--fix", "E=1.5", "--starts", "32", "--out", fit).code == 0
    done = run("predict", fit, *given, "--params", "1e8", "--json")
    assert done.code == 0, done.err
    (point,) = json.loads(done.out)["points"]
    assert point["prediction"] == pytest.approx(2.5, rel=1e-6)
    assert "not my_power" not in done.err
    other = run("predict", fit, "--law", "kaplan_n", "--params", "1e8")
    assert other.code == 2


def test_is_shown_like_a_built_in_one(run, law_file):
    done = run("laws", "show", law_file)
    assert done.code == 0
    assert "L = E + A / N**alpha" in done.out
    assert re.search(r"A +> 0 +loss \* params\*\*alpha", done.out)


BROKEN = {
    "no law": ("x = 1\n", "", r"defines no law"),
    "another name": (LAW, ":mine", r"has no law 'mine'; did you mean|has no law 'mine'; known"),
    "syntax": ("def law(:\n", "", r"laws\.py, line 1: SyntaxError"),
    "failure": ("import math\n\nmath.nothing\n", "", r"laws\.py, line 3: AttributeError"),
    "exit": ("raise SystemExit(0)\n", "", r"laws\.py, line 1: SystemExit"),
    "wrong unit": (LAW.replace('params**alpha"', 'params"'), "", r"my_power: with params measured"),
    "built-in name": (LAW.replace("my_power", "chinchilla"), "", r"is a built-in law"),
    "several laws": (
        LAW + LAW.replace("my_power", "second").replace("def power", "def other"),
        "",
        r"has the laws .*choose one with",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_line(case, run, runs, tmp_path):
    text, name, message = BROKEN[case]
    path = tmp_path / "laws.py"
    path.write_text(text)
    done = run("fit", runs, "--law", f"{path}{name}")
    assert done.code == 2
    assert re.search(message, done.error)


def test_a_missing_file(run, runs):
    done = run("fit", runs, "--law", "nowhere.py:law")
    assert done.code == 2
    assert "there is no file nowhere.py" in done.error
