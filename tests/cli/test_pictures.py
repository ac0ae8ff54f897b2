"""plot, report and demo: the files that are looked at."""

import base64
import dataclasses
import re

import numpy as np
import pytest

from scaling_jax.cli import showcases

MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize(
    ("kind", "ending", "more"),
    [
        ("loss", "png", ()),
        ("curve", "svg", ("--along", "tokens")),
        ("prediction", "svg", ("--along", "params")),
        ("residuals", "pdf", ()),
        ("predicted", "svg", ()),
    ],
)
def test_plot_writes_the_kind_of_file_that_was_asked_for(
    run, fit_json, tmp_path, kind, ending, more
):
    out = tmp_path / f"picture.{ending}"
    done = run("plot", fit_json, "--kind", kind, "--out", out, *more)
    assert (done.code, done.out, done.err) == (0, "", f"scaling-jax: wrote {out}\n")
    content = out.read_bytes()
    assert content.startswith(MAGIC[ending])
    assert len(content) > 5000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--kind", "losses", "--out", "x.png"), "did you mean loss?"),
        (("--out", "x.jpeg"), "--out x.jpeg must end in .png, .svg or .pdf"),
        (("--out", "nowhere/x.png"), "there is no folder nowhere"),
        (("--kind", "residuals", "--along", "params", "--out", "x.png"), "--along is for"),
        (("--kind", "curve", "--along", "param", "--out", "x.png"), "did you mean params?"),
        ((), "Missing option '--out'"),
    ],
)
def test_plot_that_cannot_be_drawn(run, fit_json, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = run("plot", fit_json, *arguments)
    assert done.code == 2
    assert message in done.error
    assert list(tmp_path.iterdir()) == []


def pictures(page: str) -> list[bytes]:
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    return [base64.b64decode(text) for text in found]


def test_report_of_a_saved_fit(run, fit_json, tmp_path):
    out = tmp_path / "report.html"
    done = run("report", fit_json, "--out", out, "--title", "My runs <1>",
               "--params", "70B", "--tokens", "1.4T")  # fmt: skip
    assert (done.code, done.out) == (0, "")
    page = out.read_text()
    assert "My runs &lt;1&gt;" in page
    assert "extrapolation by" in page
    assert len(pictures(page)) >= 3
    assert not re.search(r'(?:src|href)="https?://(?!arxiv\.org)', page)


def test_fit_writes_a_report_that_says_how_it_was_made(run, runs_csv, tmp_path):
    out = tmp_path / "report.html"
    arguments = ("fit", runs_csv, "--law", "chinchilla", "--starts", "32", "--where", "loss < 5")
    assert run(*arguments, "-q", "--report", out).code == 0
    page = out.read_text()
    assert f"scaling-jax fit {runs_csv} --law chinchilla" in page
    assert "--where &#x27;loss &lt; 5&#x27;" in page or "--where 'loss &lt; 5'" in page


@pytest.mark.parametrize("command", ["report", "plot"])
def test_output_may_not_be_the_fit(run, fit_json, command):
    before = fit_json.read_bytes()
    done = run(command, fit_json, "--out", fit_json)
    assert (done.code, fit_json.read_bytes()) == (2, before)


@pytest.fixture(scope="module")
def shown():
    return showcases.run(showcases.SHOWCASES["parscale"])


def test_the_demo_reproduces_the_published_coefficients(shown):
    found = {group.name: group.fit.params["k"] for group in shown}
    assert found["stack_v2_python"] == pytest.approx(0.3935, abs=1e-4)
    assert found["pile"] == pytest.approx(0.3344, abs=1e-4)


def test_the_demo_predicts_runs_that_the_fit_has_not_seen(shown):
    for group in shown:
        assert set(group.prediction.draws.fit.runs["streams"]) == {1.0, 2.0, 4.0}
        assert set(group.observed["streams"]) == {8.0}
        assert group.prediction.median == pytest.approx(group.observed["loss"], rel=0.01)


def test_the_demo_prints_tables_and_writes_one_file(run, tmp_path, monkeypatch, shown):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(showcases, "run", lambda _: shown)
    done = run("demo", "--table", "parscale", env={"COLUMNS": "80"})
    assert (done.code, done.err) == (0, "scaling-jax: wrote report.html\n")
    assert all(len(line.rstrip()) <= 80 for line in done.out.splitlines())
    assert "\u2026" not in done.out, "a cell does not fit on a terminal of 80 columns"
    assert re.search(r"pile +k +0\.33444 +0\.33446", done.out)
    assert "pile: fitted to streams <= 4, predicting streams == 8" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    page = (tmp_path / "report.html").read_text()
    for group in shown:
        assert group.name in page
    assert len(pictures(page)) >= 6
    assert "Held out: streams == 8" in page


@pytest.fixture(scope="module")
def ladder():
    quick = dataclasses.replace(showcases.SHOWCASES["ladder"], method="bootstrap")
    return showcases.run(quick)


def test_the_ladder_predicts_the_rung_that_was_held_out(ladder):
    (group,) = ladder
    assert set(group.prediction.draws.fit.runs["width"]) == {32, 64, 96, 128, 192}
    assert set(group.observed["width"]) == {256}
    errors = group.prediction.median / group.observed["loss"] - 1.0
    for tokens in np.unique(group.observed["tokens"]):
        assert abs(errors[group.observed["tokens"] == tokens].mean()) < 0.015


def test_the_demo_shows_the_ladder_unless_told_otherwise(run, tmp_path, monkeypatch, ladder):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(showcases, "run", lambda _: ladder)
    done = run("demo", env={"COLUMNS": "80"})
    assert (done.code, done.err) == (0, "scaling-jax: wrote report.html\n")
    assert "stdlib: fitted to width < 256, predicting width == 256" in done.out
    assert "fewer than 250 steps" in (tmp_path / "report.html").read_text()


def test_the_demo_knows_its_tables(run):
    done = run("demo", "--table", "epoch")
    assert done.code == 2
    assert "none of ladder, parscale" in done.err
