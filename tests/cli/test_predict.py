import json

import numpy as np
import pytest

import scaling_jax as sj

FIT = ("--law", "chinchilla", "--starts", "32")


def points(done) -> list[dict]:
    assert done.code == 0, done.err
    return json.loads(done.out)["points"]


@pytest.mark.parametrize("method", ["laplace", "bootstrap", "posterior"])
def test_is_the_prediction_of_the_library(run, fit_json, method):
    done = run(
        "predict", fit_json, "--params", "7B", "--tokens", "1.4T", "--json",
        "--draws", "500", "--seed", "2", "--level", "0.8", "--method", method,
    )  # fmt: skip
    (point,) = points(done)
    fit = sj.Fit.load(fit_json)
    draws = sj.bootstrap(fit, 500, seed=2)
    if method == "laplace":
        draws = sj.laplace(fit, draws=500, seed=2)
    if method == "posterior":
        draws = sj.posterior("chinchilla", fit.runs, draws=125, seed=2)
    expected = sj.predict(draws, params=7e9, tokens=1.4e12)
    low, high = expected.interval(0.8)
    assert point["params"] == 7e9
    assert point["tokens"] == 1.4e12
    assert (point["prediction"], point["low"], point["high"]) == (
        expected.median[0], low[0], high[0],
    )  # fmt: skip
    assert point["support"] == "extrapolation"
    assert point["decades"] == pytest.approx(np.log10(1.4e12 / 2e11))


def test_round_trip_recovers_the_law(run, fit_json, truth):
    (point,) = points(
        run("predict", fit_json, "--params", "1e9", "--tokens", "2e10", "--draws", "500", "--json")
    )
    t = truth
    loss = t["E"] + t["A"] / 1e9 ** t["alpha"] + t["B"] / 2e10 ** t["beta"]
    assert point["prediction"] == pytest.approx(loss, rel=0.004)  # the noise of one run
    assert point["support"] == "interpolation"


@pytest.mark.parametrize(
    "sizes",
    [
        ("--params", "1e9", "--tokens", "2e10"),
        ("--params", "1B", "--tokens", "20B"),
        ("--params", "1000M", "--tokens=0.02T"),
        ("--tokens=20G", "--params=1_000_000_000"),
    ],
)
def test_sizes_as_people_write_them(run, fit_json, sizes):
    done = run("predict", *sizes, fit_json, "--draws", "2", "--json")
    (point,) = points(done)
    assert (point["params"], point["tokens"]) == (1e9, 2e10)


def test_several_points(run, fit_json):
    commas = run("predict", fit_json, "--params", "1B,7B", "--tokens", "20B", "--json")
    repeated = run(
        "predict", fit_json, "--params", "1B", "--params", "7B", "--tokens", "20B", "--json"
    )
    assert points(commas) == points(repeated)
    assert [(p["params"], p["tokens"]) for p in points(commas)] == [(1e9, 2e10), (7e9, 2e10)]


def test_points_from_a_table(run, fit_json, table):
    path = table(["model,N,budget", "small,1e9,1.2e20", "large,7e9,8.4e20"], "planned.csv")
    done = run("predict", fit_json, "--runs", path, "--json",
               "--columns", "compute_flops=budget", "--derive", "tokens=C/6N")  # fmt: skip
    named = run("predict", fit_json, "--params", "1B,7B", "--tokens", "20B", "--json")
    for found, expected in zip(points(done), points(named), strict=True):
        assert found == pytest.approx(expected)


def test_an_interval_of_a_new_run_is_wider(run, fit_json):
    query = ("predict", fit_json, "--params", "1B", "--tokens", "20B", "--json")
    (law,), (new,) = points(run(*query)), points(run(*query, "--new-run"))
    assert new["high"] - new["low"] > 1.5 * (law["high"] - law["low"])


def test_the_table_marks_support(run, fit_json):
    done = run("predict", fit_json, "--params", "1B,100B", "--tokens", "20B")
    inside, outside = done.out.splitlines()[3:5]
    assert inside.rstrip().endswith("interpolation")
    assert "extrapolation by 1.00 decades: params +1.0" in outside
    assert "WARNING" not in done.out


def test_an_extrapolation_without_support_is_not_overlooked(run, fit_json):
    done = run("predict", fit_json, "--params", "1e15", "--tokens", "1e15")
    assert "WARNING: not supported by the data: " in done.out
    document = json.loads(
        run("predict", fit_json, "--params", "1e15", "--tokens", "1e15", "--json").out
    )
    assert document["warnings"][0].startswith("not supported by the data: ")


def test_a_fit_without_an_interval_says_so(run, table, tmp_path):
    # Tokens grow with params, so that A and B are one number.
    lines = ["params,tokens,loss", *(f"{k}e8,{k}e9,{1.7 + 1 / k}" for k in range(1, 25))]
    fit = tmp_path / "fit.json"
    assert run("fit", table(lines), *FIT, "-q", "--out", fit).code == 0
    done = run("predict", fit, "--params", "1B", "--tokens", "10B", "--json")
    assert done.err.startswith("scaling-jax: warning: no interval, since the fit is not identified")
    document = json.loads(done.out)
    assert document["level"] is None
    assert set(document["points"][0]) == {"params", "tokens", "prediction", "support", "decades"}
    assert document["points"][0]["prediction"] == pytest.approx(1.8, rel=1e-3)


WRONG = {
    "nothing": ((), r"chinchilla needs params and tokens"),
    "one input": (("--params", "1B"), r"chinchilla needs tokens"),
    "misspelt input": (("--parms", "1B"), r"--parms is no option;.*did you mean --params"),
    "misspelt option": (("--levle", "0.9"), r"did you mean --level"),
    "no number": (("--params", "big", "--tokens", "1B"), r"--params takes a number.*not 'big'"),
    "no value": (("--tokens", "1B", "--params"), r"--params needs a value"),
    "thousands or a list": (("--params", "1,000"), r"could be one number or several; write 1000 "),
    "negative": (("--params=-1", "--tokens", "1B"), r"params .*-1"),
    "NaN": (("--params", "nan", "--tokens", "1B"), r"params .*nan"),
    "other lengths": (("--params", "1B,2B", "--tokens", "1B,2B,3B"), r"different lengths"),
    "level": (("--params", "1B", "--tokens", "1B", "--level", "90"), r"--level is a share"),
    "no table": (("--runs", "none.csv"), r"no file none\.csv"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input(case, run, fit_json):
    import re

    arguments, message = WRONG[case]
    done = run("predict", fit_json, *arguments)
    assert done.code == 2
    assert re.search(message, done.error)


def test_a_file_that_is_no_fit(run, runs_csv, fit_json, tmp_path):
    assert "not a saved fit" in run("predict", runs_csv, "--params", "1").error
    assert "none.json" in run("predict", tmp_path / "none.json", "--params", "1").error
    damaged = tmp_path / "damaged.json"
    damaged.write_text(fit_json.read_text().replace('"alpha": 0.', '"alpha": 1.', 1))
    done = run("predict", damaged, "--params", "1B", "--tokens", "1B")
    assert done.code == 2
    assert "damaged" in done.error
