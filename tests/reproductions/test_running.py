"""Running reproductions: what is reported of errors, missing data and doubtful numbers."""

import json
import math

import pytest
from typer.testing import CliRunner

import scaling_jax as sj
from scaling_jax.cli.app import app
from scaling_jax.errors import LawError, MissingDataError
from scaling_jax.reproductions import Check, Outcome, Report, page, record, rounding, verdict


@pytest.fixture
def registered(monkeypatch):
    """Return a decorator that registers for one test, in a registry of its own."""
    monkeypatch.setattr(record, "_REPRODUCTIONS", {})
    return sj.reproductions.reproduction


@pytest.fixture
def three(registered):
    @registered(of="chinchilla")
    def good():
        yield Check("alpha", 0.34, 0.3401, 0.005, source="Table 3")
        yield Check("A", 406.4, 482.0, 0.05, reason="digitised | data", unverified=True)

    @registered(of="chinchilla", data=("parscale",))
    def broken():
        yield Check("E", 1.69, 1.69, 0.005)
        raise ValueError("a column is\nmissing")

    @registered(of="kaplan_n", data=("parscale",))
    def absent():
        raise MissingDataError("the file is not here; put it there")
        yield


def test_an_error_is_reported_and_does_not_stop_the_others(three):
    seen = []
    report = sj.reproductions.run(done=lambda outcome: seen.append(outcome.name))
    assert sorted(seen) == ["absent", "broken", "good"]
    outcomes = {outcome.name: outcome for outcome in report.outcomes}
    assert outcomes["broken"].error == "ValueError: a column is missing"
    assert len(outcomes["broken"].checks) == 1
    assert outcomes["absent"].skipped == "the file is not here; put it there"
    assert outcomes["good"].ok
    assert not report.ok
    assert report.summary == "2 of 3 published numbers reproduced, 1 skipped, 1 failed"


def test_a_publication_names_all_of_its_reproductions(three):
    assert {o.name for o in sj.reproductions.run("chinchilla").outcomes} == {"good", "broken"}
    assert [o.name for o in sj.reproductions.run("good").outcomes] == ["good"]
    with pytest.raises(LawError, match="no reproduction 'godo'; did you mean good"):
        sj.reproductions.run("godo")


def test_a_difference_without_reason_and_a_stale_reason_are_not_ok(registered):
    @registered(of="chinchilla")
    def differs():
        yield Check("alpha", 0.34, 0.5, 0.005)

    @registered(of="chinchilla")
    def stale():
        yield Check("alpha", 0.34, 0.34, 0.005, reason="it was thought to differ")

    for outcome in sj.reproductions.run().outcomes:
        assert len(outcome.unexpected) == 1
        assert not outcome.ok


def test_verdicts_name_the_reason_and_the_mark(three):
    good, differing = sj.reproductions.run("good").checks
    assert verdict(good) == "reproduced"
    assert verdict(differing) == "not reproduced: digitised | data (unverified)"
    nothing = Check("x", 1.0, math.nan, 0.1)
    assert verdict(nothing) == "not reproduced: no reason found yet"
    assert rounding.ours_text(nothing) == "nan"


@pytest.mark.parametrize(
    ("published", "ours", "tolerance", "relative", "shown", "difference"),
    [
        (0.34, 0.347812345, 0.005, False, "0.3478", "+0.0078"),
        (0.9474, 0.94742222, 5e-5, False, "0.947422", "+2.2e-05"),
        (4.04e10, 4.0377e10, 0.01, True, "4.038e+10", "-2e+07"),
        (18.4, 18.4, 0.05, False, "18.4", "0"),
        (100.0, 3.0, 200.0, False, "3", "-97"),
    ],
)
def test_numbers_are_shown_as_far_as_they_are_certain(
    published, ours, tolerance, relative, shown, difference
):
    check = Check("x", published, ours, tolerance, relative)
    assert rounding.ours_text(check) == shown
    assert rounding.difference_text(check) == difference


def test_the_page_has_a_row_a_check_and_says_what_did_not_run(three):
    text = page.markdown(sj.reproductions.run())
    assert "| alpha | 0.34 | 0.3401 | +0.0001 | reproduced | Table 3 |" in text
    assert "not reproduced: digitised \\| data (unverified)" in text
    assert "**failed: ValueError: a column is missing**" in text
    assert "**skipped: the file is not here; put it there**" in text
    assert "3 reproductions, 3 published numbers: 2 reproduced, 1 not; 1 of them unverified" in text


def test_report_prints_and_becomes_a_frame(three):
    report = sj.reproductions.run()
    assert "skipped: the file is not here" in str(report)
    assert list(report.to_pandas()["quantity"]) == ["E", "alpha", "A"]
    assert Report(()).ok
    assert isinstance(report.outcomes[0], Outcome)


# The command line


@pytest.fixture
def command():
    return lambda *arguments: CliRunner().invoke(app, ["reproduce", *arguments])


def test_command_lists_what_can_be_reproduced(command, three):
    done = command()
    assert done.exit_code == 0
    assert "good" in done.stdout
    assert json.loads(command("--json").stdout)[2] == {
        "name": "good",
        "publication": "chinchilla",
        "data": [],
    }


def test_command_reports_and_fails_where_one_failed(command, three):
    done = command("--all")
    assert done.exit_code == 1
    assert "scaling-jax: broken: failed: ValueError: a column is missing" in done.stderr
    assert "scaling-jax: absent: skipped: the file is not here" in done.stderr
    assert "digitised" in done.stdout
    assert command("good").exit_code == 0
    document = json.loads(command("good", "--json").stdout)
    assert [check["reproduced"] for check in document["checks"]] == [True, False]


def test_command_writes_the_page(command, three, tmp_path):
    path = tmp_path / "page.md"
    done = command("good", "--output", str(path))
    assert (done.exit_code, done.stdout) == (0, "")
    assert path.read_text().startswith("# Published numbers, computed again")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("godo",), "there is no reproduction 'godo'; did you mean good?"),
        (("good", "--all"), "give good or --all, not both"),
        (("--output", "page.md"), "--output is for results"),
        (("good", "--output", "page.html"), "must end in .md"),
    ],
)
def test_command_refuses_wrong_use_in_one_sentence(command, three, arguments, message):
    done = command(*arguments)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert message in line
