"""Every bad table and every bad option: exit code 2, one sentence, nothing written."""

import re

import pytest

from scaling_jax.cli.remedies import for_the_command_line

FIT = ("--law", "chinchilla", "--starts", "32")


def header(text):
    return lambda lines: [text, *lines[1:]]


def third_row(text):
    return lambda lines: [*lines[:3], text, *lines[4:]]


TABLES = {
    "missing column": (
        header("params,data,loss"),
        r"chinchilla needs tokens, which runs\.csv lacks.*--columns tokens=",
    ),
    "text in a number": (
        third_row("1e9,lots,2.5"),
        r"runs\.csv, row 3 \(line 4\): tokens holds the text 'lots'",
    ),
    "NaN": (third_row("1e9,2e9,nan"), r"runs\.csv, row 3 \(line 4\): loss is NaN"),
    "empty cell": (third_row("1e9,2e9,"), r"runs\.csv, row 3 \(line 4\): loss is empty"),
    "infinite": (third_row("1e9,inf,2.5"), r"row 3 \(line 4\): tokens is infinite"),
    "zero scale": (third_row("0,2e9,2.5"), r"row 3 \(line 4\): params is 0"),
    "negative scale": (third_row("1e9,-2e9,2.5"), r"row 3 \(line 4\): tokens is -2e\+09"),
    "loss of zero": (third_row("1e9,2e9,0"), r"row 3.*: loss is 0, which has no logarithm"),
    "negative loss": (third_row("1e9,2e9,-1"), r"row 3.*: loss is -1, which has no logarithm"),
    "duplicate header": (header("params,params,loss"), r"the header 'params' more than once"),
    "empty file": (lambda _: [], r"runs\.csv is empty"),
    "no rows": (
        lambda lines: lines[:1],
        r"runs\.csv has the headers params, tokens and loss but no rows",
    ),
    "ragged row": (third_row("1e9,2e9"), r"row 3 \(line 4\) has 2 cells, but there are 3"),
    "fewer rows than parameters": (
        lambda lines: lines[:4],
        r"has 3 runs, but chinchilla has 5 free parameters",
    ),
    "all rows at one size": (
        lambda lines: [*lines[:5], *lines[1:5]],
        r"all 8 runs of runs\.csv have params = 1e\+08",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_bad_table(case, run, table, lines_of, tmp_path):
    edit, message = TABLES[case]
    path = table(edit(lines_of()))
    out, report = tmp_path / "fit.json", tmp_path / "report.html"
    done = run("fit", path, *FIT, "--out", out, "--report", report)
    assert done.code == 2
    assert done.error.startswith("scaling-jax: error: ")
    assert re.search(message, done.error)
    assert not re.search(r"\w=[\[{']", done.error), "an argument of Python, not an option"
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [path.name]


def test_remedies_are_options(run, table, lines_of):
    """What the message says to do is what the command line takes."""
    path = table(third_row("1e9,2e9,nan")(lines_of()))
    error = run("fit", path, *FIT).error
    condition = re.search(r"--where '([^']+)'", error)
    assert condition is not None
    assert run("fit", path, *FIT, "--where", condition[1]).code == 0


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("with columns={'params': 'N'}, or --columns params=N", "with --columns params=N"),
        ("""say columns={"params": "N"} or --columns params=N""", "say --columns params=N"),
        ("units={'params': factor}", "--units params=factor"),
        (
            "derive=['tokens = C/6N' or 'tokens = M*N']",
            "--derive 'tokens = C/6N' or 'tokens = M*N'",
        ),
        ("or hold parameters with law.fix()", "or hold parameters with --fix"),
        ("2 * (a=1)", "2 * (a=1)"),
    ],
)
def test_remedies_in_the_words_of_the_command_line(message, expected):
    assert for_the_command_line(message) == expected


OPTIONS = {
    "no law": ((), r"Missing option '--law'.*scaling-jax fit --help"),
    "unknown law": (("--law", "chinchila"), r"no law 'chinchila'; did you mean chinchilla"),
    "unknown objective": ((*FIT, "--objective", "hubr"), r"did you mean huber\?"),
    "setting of another objective": (
        (*FIT, "--objective", "squared", "--delta", "1"),
        r"squared has no setting 'delta'",
    ),
    "unknown scale": ((*FIT, "--scale", "cubic"), r"residual scale 'cubic'"),
    "no starts": (("--law", "chinchilla", "--starts", "0"), r"--starts.*scaling-jax fit --help"),
    "unknown option": ((*FIT, "--lw", "x"), r"--lw.*scaling-jax fit --help"),
    "second table": ((*FIT, "more.csv"), r"more\.csv"),
    "no assignment": ((*FIT, "--columns", "params"), r"--columns takes name=value, not 'params'"),
    "column given twice": (
        (*FIT, "--columns", "params=params", "params=loss"),
        r"--columns gives params twice",
    ),
    "unknown header": ((*FIT, "--columns", "params=size"), r"no header 'size' for params"),
    "factor that is no number": ((*FIT, "--units", "params=many"), r"factor.*not 'many'"),
    "unknown parameter": ((*FIT, "--fix", "Q=1"), r"chinchilla has no parameter 'Q'"),
    "value that is no number": ((*FIT, "--fix", "E=low"), r"--fix E takes a number.*not 'low'"),
    "value out of bounds": ((*FIT, "--fix", "E=-1"), r"cannot hold E at -1"),
    "option of a single law": ((*FIT, "--option", "breaks=2"), r"single law and takes no options"),
    "condition that is no expression": ((*FIT, "--where", "loss <"), r"cannot read the expression"),
    "condition that calls": (
        (*FIT, "--where", "__import__('os').getcwd()"),
        r"Call is not allowed",
    ),
    "condition that nothing fulfils": ((*FIT, "--where", "loss > 50"), r"no r\w+ of runs\.csv"),
    "output without a folder": ((*FIT, "--out", "nowhere/fit.json"), r"there is no folder nowhere"),
    "output that is a folder": ((*FIT, "--out", "."), r"--out \. is a folder"),
    "report of another kind": ((*FIT, "--report", "r.pdf"), r"--report r\.pdf must end in \.html"),
    "one file for both outputs": (
        (*FIT, "--out", "x.html", "--report", "x.html"),
        r"--out and --report are both x\.html",
    ),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_bad_option(case, run, runs_csv, tmp_path, monkeypatch):
    arguments, message = OPTIONS[case]
    monkeypatch.chdir(tmp_path)
    done = run("fit", runs_csv, *arguments)
    assert done.code == 2
    assert re.search(message, done.error)
    assert list(tmp_path.iterdir()) == []


def test_output_may_not_be_the_input(run, runs_csv):
    before = runs_csv.read_bytes()
    done = run("fit", runs_csv, *FIT, "--out", runs_csv)
    assert (done.code, runs_csv.read_bytes()) == (2, before)
    assert "is the file that is read" in done.error


def test_missing_file_suggests_the_one_nearby(run, runs_csv):
    done = run("fit", runs_csv.with_name("run.csv"), *FIT)
    assert done.code == 2
    assert "did you mean runs.csv?" in done.error


def test_unwritable_folder_is_refused_before_the_work(run, runs_csv, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("scaling_jax.cli.sources.read", lambda *_, **__: pytest.fail("was read"))
    done = run("fit", runs_csv, *FIT, "--out", tmp_path / "fit.json")
    assert done.code == 2
    assert "not writable" in done.error
