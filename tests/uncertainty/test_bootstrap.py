"""bootstrap(): published standard errors, schemes, seeds, errors, interruption."""

import os
import signal
import time

import numpy as np
import pytest

import scaling_jax as sj
from tests import processes
from tests.synthetic import STARTS, TRUTH, grid

# Standard errors printed by the replication of Chinchilla, arXiv:2404.10102, table 1.
EPOCH_ERRORS = {"E": 0.0257, "A": 124.5, "B": 1293.0, "alpha": 0.0154, "beta": 0.0206}


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(0)
    params = np.geomspace(1e6, 1e10, 16)
    loss = (8.8e13 / params) ** 0.076 * np.exp(0.02 * rng.normal(size=16))
    runs = sj.RunTable.from_columns(
        {"params": params, "loss": loss, "family": np.repeat(["a", "b", "c", "d"], 4)}
    )
    return sj.fit("kaplan_n", runs, sj.Squared(), starts=STARTS)


def test_published_bootstrap_of_the_epoch_table(shared_data):
    runs = sj.datasets.load("epoch_chinchilla", keep_outliers=False)
    draws = sj.bootstrap(sj.fit("chinchilla", runs), replicates=4000, seed=0)
    assert (draws.count, draws.failed, draws.unconverged) == (4000, 0, 0)
    for name, error in EPOCH_ERRORS.items():
        assert draws.standard_errors[name] == pytest.approx(error, rel=0.1), name


def test_the_bootstrap_of_a_mean_is_the_textbook_one():
    """The law that is a constant: resampled means have the variance s^2 / n."""
    loss = 2.0 + 0.1 * np.random.default_rng(1).normal(size=25)
    runs = sj.RunTable.from_columns({"params": np.geomspace(1e6, 1e9, 25), "loss": loss})
    constant = sj.Law(
        name="constant",
        function=lambda params, *, E: E + 0.0 * params,
        inputs=(sj.Variable("params"),),
        output=sj.Variable("loss"),
        parameters=(sj.Parameter("E", unit="loss"),),
    )
    fit = sj.fit(constant, runs, sj.Squared(scale="natural"), starts=STARTS)
    draws = sj.bootstrap(fit, 4000)
    # The standard error of a standard deviation over 4000 draws is 1.1 %.
    assert draws.standard_errors["E"] == pytest.approx(loss.std() / 5.0, rel=0.05)
    jackknife = sj.bootstrap(fit, scheme="leave_one_out")
    assert jackknife.standard_errors["E"] == pytest.approx(loss.std(ddof=1) / 5.0, rel=1e-6)


def test_intervals_cover_the_truth():
    """Of 40 noisy tables, the 90 % interval holds the true exponent in 29 to 40."""
    hits = 0
    for seed in range(40):
        fit = sj.fit("chinchilla", grid(0.01, seed), sj.Squared(), starts=STARTS)
        low, high = sj.bootstrap(fit, 256).quantile([0.05, 0.95])["alpha"]
        hits += low < TRUTH["alpha"] < high
    assert hits >= 29  # 28 or fewer has a probability of 0.0003


def test_more_noise_more_spread():
    spread = [
        sj.bootstrap(sj.fit("chinchilla", grid(noise), sj.Squared(), starts=STARTS), 256)
        .standard_errors["alpha"]
        for noise in (0.002, 0.02)
    ]  # fmt: skip
    assert spread[1] == pytest.approx(10.0 * spread[0], rel=0.3)


def test_same_seed_same_draws_and_longer_ones_begin_with_shorter_ones(fit):
    draws = sj.bootstrap(fit, 300, seed=3)
    again, longer = sj.bootstrap(fit, 300, seed=3), sj.bootstrap(fit, 900, seed=3)
    other = sj.bootstrap(fit, 300, seed=4)
    for name in fit.law.free_names:
        np.testing.assert_array_equal(draws[name], again[name])
        np.testing.assert_array_equal(draws[name], longer[name][:300])
        assert np.mean(draws[name] == other[name]) < 0.05


def test_a_loaded_fit_gives_the_same_draws(fit, tmp_path):
    fit.save(tmp_path / "fit.json")
    loaded = sj.Fit.load(tmp_path / "fit.json")
    scheme = sj.Blocks(by="family")
    for choice in ("multinomial", scheme):
        np.testing.assert_array_equal(
            sj.bootstrap(fit, 40, choice)["N_c"], sj.bootstrap(loaded, 40, choice)["N_c"]
        )


def test_schemes_go_by_name_or_object(fit):
    for scheme in (sj.Poisson(), sj.Stratified(by="family"), sj.Blocks(by="family")):
        draws = sj.bootstrap(fit, 50, scheme)
        assert draws.method == scheme.name
        assert draws.count + draws.failed == 50
    by_name = sj.bootstrap(fit, 50, "poisson")
    np.testing.assert_array_equal(by_name["N_c"], sj.bootstrap(fit, 50, sj.Poisson())["N_c"])


def test_the_jackknife_has_as_many_replicates_as_there_are_runs_or_groups(fit):
    assert sj.bootstrap(fit, scheme="leave_one_out").count == 16
    assert sj.bootstrap(fit, scheme=sj.LeaveOneOut(by="family")).count == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheme": "multinominal"}, "no resampling scheme 'multinominal'; did you mean"),
        ({"scheme": "blocks"}, "Blocks needs by="),
        (
            {"scheme": sj.Blocks(by="famly")},
            "no column 'famly' to resample by; did you mean family",
        ),
        ({"scheme": sj.Multinomial(by="family")}, "no use for by='family'"),
        ({"replicates": 0}, "replicates must be at least 1, not 0"),
        ({"starts": 0}, "starts must be at least 1, not 0"),
        ({"scheme": "leave_one_out", "replicates": 17}, "has 16 replicates on these runs, not 17"),
        # A part of the jackknife would have another standard error.
        ({"scheme": "leave_one_out", "replicates": 10}, "has 16 replicates on these runs, not 10"),
    ],
)
def test_bad_arguments_are_refused(fit, arguments, message):
    with pytest.raises(sj.errors.FitError, match=message):
        sj.bootstrap(fit, **arguments)


def test_progress_counts_every_lane(fit, capsys):
    sj.bootstrap(fit, 300, starts=2, progress=True)
    assert "bootstrap: 600/600" in capsys.readouterr().err
    sj.bootstrap(fit, 300, progress=False)
    assert capsys.readouterr().err == ""


LONG = """
import sys
import scaling_jax as sj
from tests.synthetic import grid
fit = sj.fit("chinchilla", grid(0.01), starts=32)
sj.bootstrap(fit, 5000)
print("begun")
sj.bootstrap(fit, 20_000_000).save(sys.argv[1])
print("ended")
"""


@pytest.mark.slow
def test_ctrl_c_ends_a_long_bootstrap_promptly_and_leaves_no_file(tmp_path):
    process = processes.start(LONG, tmp_path / "draws.npz")
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(2.0)  # in the middle of the blocks
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    code, out, err = processes.finish(process, timeout=60.0)
    assert time.monotonic() - begun < 10.0
    assert code != 0
    assert out == ""
    assert "KeyboardInterrupt" in err
    assert os.listdir(tmp_path) == []
