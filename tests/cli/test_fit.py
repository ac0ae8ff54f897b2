import json

import pytest

import scaling_jax as sj
from scaling_jax.cli.fit import choose_objective

FIT = ("--law", "chinchilla", "--starts", "32")


def test_recovers_the_law_that_made_the_table(run, table, lines_of, truth):
    done = run("fit", table(lines_of(noise=0.0)), *FIT, "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    # The table holds eight digits of each loss.
    assert found["params"] == pytest.approx(truth, rel=1e-4)
    assert found["converged"]
    assert found["identified"]


def test_is_the_fit_of_the_library(run, runs_csv):
    done = run("fit", runs_csv, *FIT, "--seed", "3", "--json")
    found = json.loads(done.out)
    fit = sj.fit("chinchilla", sj.read_runs(runs_csv), starts=32, seed=3)
    assert found["params"] == fit.params
    assert found["objective"] == fit.objective
    assert found["criterion"] == fit.criterion.describe()


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("huber", {"delta": 0.01, "scale": "log"}, sj.Huber(delta=0.01)),
        ("squared", {"scale": "natural", "delta": None}, sj.Squared(scale="natural")),
        ("absolute", {"reduction": "mean"}, sj.Absolute(reduction="mean")),
        ("student_t", {"df": 3.0, "sigma": 0.1}, sj.StudentT(df=3.0, sigma=0.1)),
    ],
)
def test_objectives_are_those_of_the_library(name, settings, expected):
    assert choose_objective(name, **settings) == expected


def test_prints_the_summary_and_says_what_it_wrote(run, runs_csv, tmp_path):
    out = tmp_path / "fit.json"
    done = run("fit", runs_csv, *FIT, "--out", out)
    assert done.err == f"scaling-jax: wrote {out}\n"
    fit = sj.Fit.load(out)
    for name, value in fit.params.items():
        row = next(line for line in done.out.splitlines() if line.startswith(name + " "))
        assert float(row.split()[1]) == pytest.approx(value, rel=1e-4)
    assert "24 from runs.csv" in done.out


def test_quiet_prints_nothing_but_writes(run, runs_csv, tmp_path):
    done = run("fit", runs_csv, *FIT, "-q", "--out", tmp_path / "fit.json")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "fit.json").is_file()


def test_reads_headers_units_and_rules_as_told(run, table, lines_of):
    """The same runs with other headers, params in millions and compute in place of tokens."""
    rows = [[float(cell) for cell in line.split(",")] for line in lines_of()[1:]]
    lines = ["size (M),budget,final,note"]
    lines += [f"{n / 1e6:.12g},{6 * n * d:.12g},{loss!r},x" for n, d, loss in rows]
    lines.append("1,1,99,diverged")
    told = run(
        "fit", table(lines, "other.csv"), *FIT, "--json",
        "--columns", "params=size (M)", "compute_flops=budget", "--columns", "loss=final",
        "--units", "params=1M", "--derive", "tokens=C/6N", "--where", "loss < 5",
    )  # fmt: skip
    assert (told.code, told.err) == (0, "")
    plain = run("fit", table(lines_of()), *FIT, "--json")
    assert json.loads(told.out)["params"] == pytest.approx(
        json.loads(plain.out)["params"], rel=1e-6
    )


def test_holds_and_ties_parameters(run, runs_csv):
    done = run("fit", runs_csv, *FIT, "--fix", "E=1.7", "--tie", "beta=alpha", "--json")
    found = json.loads(done.out)
    assert set(found["params"]) == {"A", "B", "alpha"}
    assert found["held"] == {"E": 1.7, "beta": "alpha"}


def test_warns_of_a_column_in_another_unit(run, table, lines_of):
    rows = [line.split(",") for line in lines_of()[1:]]
    lines = ["params,tokens,loss", *(f"{float(n) / 1e9:.9g},{d},{loss}" for n, d, loss in rows)]
    done = run("fit", table(lines), *FIT, "-q")
    assert done.code == 0
    assert done.err.startswith("scaling-jax: warning: runs.csv: params has the median 1.1")
    assert "--units params=" in done.err


UNIDENTIFIED = ["params,tokens,loss", *(f"{k}e8,{k}e9,{1.7 + 1 / k}" for k in range(1, 25))]


def test_a_doubtful_fit_is_an_error_only_if_strict(run, table, tmp_path):
    path = table(UNIDENTIFIED)  # tokens / params is constant: A and B cannot be told apart
    done = run("fit", path, *FIT)
    assert done.code == 0
    assert "warnings" in done.out
    fit = json.loads(run("fit", path, *FIT, "--json").out)
    assert fit["warnings"]
    strict = run("fit", path, *FIT, "-q", "--strict", "--out", tmp_path / "fit.json")
    trusted = fit["converged"] and fit["identified"]
    assert strict.code == (0 if trusted else 1)
    assert (tmp_path / "fit.json").is_file()


def test_strict_is_silent_about_a_good_fit(run, runs_csv):
    done = run("fit", runs_csv, *FIT, "-q", "--strict")
    assert (done.code, done.err) == (0, "")


def test_fits_a_public_data_set(run, shared_data):
    done = run(
        "fit", "dataset:epoch_chinchilla,keep_outliers=false", "--law", "chinchilla",
        "--starts", "64", "--json", env={"SCALING_JAX_DATA": str(shared_data)},
    )  # fmt: skip
    found = json.loads(done.out)
    assert found["runs"] == 240
    assert found["objective"] <= 0.00101827402  # the optimum of Epoch's replication


def test_filters_and_derives_on_a_data_set(run):
    done = run(
        "fit", "dataset:parscale", "--law", "parscale",
        "--derive", "tokens_per_param = tokens / params",
        "--where", "family == 'pile' and tokens_per_param > 10", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    runs = sj.datasets.load("parscale").where("family == 'pile'")
    assert json.loads(done.out)["runs"] == int((runs["tokens"] / runs["params"] > 10).sum())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("dataset:epoch", "there is no data set 'epoch'"),
        ("dataset:epoch_chinchilla,outliers=no", "has no option 'outliers'"),
        ("dataset:epoch_chinchilla,keep_outliers=some", "'some' is not a choice"),
        ("dataset:epoch_chinchilla,keep_outliers", "takes name=value"),
    ],
)
def test_bad_data_set(run, source, message):
    done = run("fit", source, *FIT)
    assert done.code == 2
    assert message in done.error


def test_a_data_set_has_its_own_columns(run):
    done = run("fit", "dataset:parscale", *FIT, "--columns", "params=N")
    assert done.code == 2
    assert "--columns is for files" in done.error
