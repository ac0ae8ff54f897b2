"""The reasons that reproductions of loss surfaces give, tested."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.protocols.loss_surfaces import predict_largest
from scaling_jax.reproductions.variable_projection import _EXPERIMENTS, _HUBER, _printed


def mean_huber(runs, printed):
    """Return the mean Huber loss of coefficients printed for millions and billions."""
    t, n, d = printed, runs["params"] / 1e6, runs["tokens"] / 1e9
    loss = t["E"] + t["A"] * n ** -t["alpha"] + t["B"] * d ** -t["beta"]
    return float(np.mean(np.asarray(_HUBER.penalty(loss - runs["loss"]))))


@pytest.fixture(params=["scalefit", "scalefit_124"])
def printed_and_runs(request, shared_data):
    if request.param == "scalefit":
        runs = sj.datasets.load("epoch_chinchilla", keep_outliers=False)
        runs = runs.where(runs["compute_flops"] < 1e21)
    else:
        runs = sj.datasets.load("open_athena_isoflops", experiment=_EXPERIMENTS["chinchilla"])
    return _printed("vpnls", request.param), runs


def test_printed_huber_coefficients_are_not_the_optimum(printed_and_runs):
    printed, runs = printed_and_runs
    ours = sj.fit("chinchilla", runs, _HUBER, starts=32)
    assert mean_huber(runs, printed) > ours.objective * (1.0 + 1e-4)


def test_the_printed_ratio_of_farseer_is_that_of_the_rounded_size():
    assert 1e22 / 6.0 / 1.09e10**2 == pytest.approx(14.0, abs=0.05)


def test_two_sizes_do_not_determine_the_coefficients(shared_data):
    found = predict_largest(sj.datasets.load("opt_trajectories"), 2, after=0.0, starts=16)
    assert not found.fit.identified
