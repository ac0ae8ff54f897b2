import json

import numpy as np
import pytest

import scaling_jax as sj

SHORT = ("--chains", "2", "--draws", "200", "--warmup", "200", "--seed", "1")


@pytest.fixture(scope="module")
def sampled(run, runs_csv, tmp_path_factory):
    """The outcome of one run of the command, and the files that it saved."""
    folder = tmp_path_factory.mktemp("posterior")
    draws, fit = folder / "draws.npz", folder / "fit.json"
    done = run(
        "posterior", runs_csv, "--law", "chinchilla", "--likelihood", "lognormal", *SHORT,
        "--output", draws, "--save-fit", fit, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    return json.loads(done.out), draws, fit


@pytest.fixture(scope="module")
def expected(runs_csv):
    return sj.posterior(
        "chinchilla", sj.read_runs(runs_csv),
        likelihood="lognormal", chains=2, draws=200, warmup=200, seed=1,
    )  # fmt: skip


def test_is_the_posterior_of_the_library(sampled, expected, truth):
    document, _, _ = sampled
    assert (document["chains"], document["draws"], document["runs"]) == (2, 400, 24)
    for name in truth:
        assert document["params"][name]["median"] == np.median(expected[name])
    assert document["noise"]["sigma"]["median"] == pytest.approx(0.004, rel=0.5)
    assert document["warnings"] == list(expected.warnings)
    rhat = expected.sampler.rhat
    assert {name: d["rhat"] for name, d in document["diagnostics"].items()} == rhat


def test_the_table_leads_with_the_chains_and_strict_says_what_they_are_worth(run, runs_csv):
    done = run(
        "posterior", runs_csv, "--law", "chinchilla", "--likelihood", "lognormal", *SHORT,
        "--strict",
    )  # fmt: skip
    assert done.code == 1  # 400 draws are not 400 effective ones
    assert "R-hat" in done.out
    assert "fewer than 400 effective draws" in done.out
    assert "not to be trusted" in done.err


def test_saved_draws_predict(run, sampled, expected):
    _, draws, fit = sampled
    done = run(
        "predict", fit, "--draws-from", draws, "--params", "7B", "--tokens", "1.4T", "--new-run",
        "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    (point,) = json.loads(done.out)["points"]
    low, high = sj.predict(expected, params=7e9, tokens=1.4e12).new_run.interval(0.9)
    assert (point["low"], point["high"]) == (low[0], high[0])
    assert "effective draws" in done.err


def test_wrong_names_are_refused_before_the_work(run, runs_csv, tmp_path):
    done = run("posterior", runs_csv, "--law", "chinchilla", "--likelihood", "student")
    assert "there is no likelihood 'student'" in done.error
    done = run("posterior", runs_csv, "--law", "chinchilla", "--priors", "flat")
    assert "priors='flat' is unknown" in done.error
    path = tmp_path / "one"
    done = run("posterior", runs_csv, "--law", "chinchilla", "--output", path, "--save-fit", path)
    assert "give each its own file" in done.error


def test_groups_and_method_reach_the_library(run, runs_csv, table, lines_of, monkeypatch):
    given = {}

    def stop(law, runs, **options):
        given.update(options, families=set(runs["family"]))
        raise sj.errors.FitError("seen")

    monkeypatch.setattr(sj, "posterior", stop)
    header, *rows = lines_of()
    path = table([f"{header},family", *(f"{row},{'ab'[k % 2]}" for k, row in enumerate(rows))])
    done = run(
        "posterior", path, "--law", "chinchilla", "--groups", "family", "--varying", "E",
        "--varying", "A", "--method", "laplace",
    )  # fmt: skip
    assert (done.code, done.error) == (2, "scaling-jax: error: seen")
    assert given["families"] == {"a", "b"}
    assert (given["groups"], given["varying"], given["method"]) == ("family", ["E", "A"], "laplace")


def test_varying_needs_groups(run, runs_csv):
    done = run("posterior", runs_csv, "--law", "chinchilla", "--varying", "E")
    assert done.code == 2
    assert "name their column with groups=" in done.error
