"""The batch: every lane ends at its own optimum, whatever it is solved together with."""

import json
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.fitting import batch
from scaling_jax.fitting.batch import plan_blocks, solve_lanes, solve_replicates
from scaling_jax.fitting.problem import make_problem
from scaling_jax.fitting.resampling import Resampling
from scaling_jax.fitting.solver import CONVERGED, MAX_STEPS, NONFINITE
from tests import processes
from tests.fitting.test_resampling import counts
from tests.synthetic import STARTS, bits, grid

SAME = 1e-8  # relative difference of objectives at one optimum


def replicates(fit, number, scheme: Resampling = sj.Multinomial(), starts=None, **options):
    """Return the solution of the first replicates of a fit."""
    problem = make_problem(fit.law, fit.runs, fit.criterion)
    starts = fit.z[None] if starts is None else starts
    return solve_replicates(
        fit.law, fit.criterion, problem, scheme, scheme.units(fit.runs), starts,
        **{"replicates": number, "seed": 0} | options,
    )  # fmt: skip


def assert_equal(solution, other):
    for field, a, b in zip(solution._fields, solution, other, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=field)


# --- the right optima ----------------------------------------------------------------------

CASES = {
    "huber": ("chinchilla", sj.Huber(1e-3), sj.Multinomial()),
    "mean": ("chinchilla", sj.Squared(scale="natural", reduction="mean"), sj.Poisson()),
    "student": ("chinchilla", sj.StudentT(df=3.0, sigma=0.01), sj.Multinomial()),
    "held": (
        sj.laws.get("chinchilla").fix(E=1.8).tie(beta="alpha"), sj.Huber(1e-3), sj.Multinomial()
    ),
    "anchor": ("farseer", sj.Huber(1e-3), sj.Multinomial()),
}  # fmt: skip


def farseer_grid() -> sj.RunTable:
    """Return runs of the published Farseer surface in its own range, with noise of 0.2 %."""
    size, data = np.meshgrid(np.geomspace(2e8, 6e9, 8), np.geomspace(4e9, 2e11, 6))
    size, data = size.ravel(), data.ravel()
    loss = np.asarray(sj.laws.get("farseer").published("baseline")(params=size, tokens=data))
    loss = loss * np.exp(2e-3 * np.random.default_rng(0).normal(size=48))
    return sj.RunTable.from_columns({"params": size, "tokens": data, "loss": loss})


@pytest.mark.parametrize("case", CASES)
def test_a_replicate_is_the_fit_with_its_counts_as_weights(case):
    """Both are solved by the same steps from different starts, so this checks weights and lanes;
    that the steps find the optimum is checked against scipy in test_fit.py.
    """
    law, objective, scheme = CASES[case]
    runs, starts, number = grid(0.01), STARTS, 12
    if case == "anchor":  # nine parameters: a third of the starts finds the optimum
        runs, number = farseer_grid(), 3
    fit = sj.fit(law, runs, objective, starts=starts)
    draws = sj.bootstrap(fit, number, scheme, seed=5)
    assert draws.failed == 0
    drawn = counts(scheme, runs, number, seed=5)
    for k in range(number):
        alone = sj.fit(law, runs, objective, starts=starts, weights=drawn[:, k])
        assert draws.objective is not None
        assert draws.objective[k] == pytest.approx(alone.objective, rel=SAME), k
        name = fit.law.free_names[0]
        assert draws[name][k] == pytest.approx(alone.params[name], rel=1e-3), k


def test_weights_of_the_fit_are_those_of_the_replicates():
    """Weight on top of counts; a weight of zero takes its run out of every replicate."""
    runs = grid(0.01).with_column("weight", np.linspace(0.5, 2.0, 48))
    more = np.ones(48)
    more[:4], more[10] = 0.0, 3.0
    fit = sj.fit("chinchilla", runs, starts=STARTS, weights=more)
    draws = sj.bootstrap(fit, 5)
    drawn = counts(sj.Multinomial(), runs, 5)
    for k in range(5):
        alone = sj.fit("chinchilla", runs, starts=STARTS, weights=more * drawn[:, k])
        assert draws["alpha"][k] == pytest.approx(alone.params["alpha"], rel=1e-4)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_many_rows_are_weighted_by_bytes_as_few_are_by_numbers(reduction):
    """1100 rows are more than one tile; a fit with weights holds them as numbers."""
    rng = np.random.default_rng(0)
    params = np.exp(rng.uniform(np.log(1e6), np.log(1e10), 1100))
    loss = (8.8e13 / params) ** 0.076 * np.exp(0.02 * rng.normal(size=1100))
    columns = {"params": params, "loss": loss, "weight": rng.uniform(0.0, 2.0, 1100)}
    runs = sj.RunTable.from_columns(columns)
    fit = sj.fit("kaplan_n", runs, sj.Huber(0.01, reduction=reduction), starts=STARTS)
    draws = sj.bootstrap(fit, 6)
    drawn = counts(sj.Multinomial(), runs, 6)
    assert draws.objective is not None
    for k in range(6):
        alone = sj.fit("kaplan_n", runs, fit.criterion, starts=STARTS, weights=drawn[:, k])
        assert draws.objective[k] == pytest.approx(alone.objective, rel=SAME)
        assert draws["N_c"][k] == pytest.approx(alone.params["N_c"], rel=1e-5)


def test_the_best_of_several_starts_is_kept(noisy_fit):
    """Far starts change nothing where the optimum is among the starts, and order does not."""
    near = replicates(noisy_fit, 20)
    far = noisy_fit.z + np.array([3.0, -2.0, 2.0, -1.0, 1.0])
    for starts in ([far, noisy_fit.z], [noisy_fit.z, far], [far, noisy_fit.z, far]):
        several = replicates(noisy_fit, 20, starts=np.array(starts))
        assert np.all(several.value <= near.value)
        np.testing.assert_allclose(several.value, near.value, rtol=SAME)
    assert len(sj.bootstrap(noisy_fit, 20, starts=3)["alpha"]) == 20


def test_the_jackknife_of_a_linear_law_has_its_closed_form():
    """Leaving out run i moves the coefficients by -(X'X)^-1 x_i e_i / (1 - h_ii)."""
    rng = np.random.default_rng(3)
    x = np.linspace(1.0, 5.0, 20)
    loss = 2.0 + 0.7 * x + 0.1 * rng.normal(size=20)
    line = sj.Law(
        name="line",
        function=lambda params, *, E, A: E + A * params,
        inputs=(sj.Variable("params"),),
        output=sj.Variable("loss"),
        parameters=(sj.Parameter("E", unit="loss"), sj.Parameter("A", unit="loss / params")),
    )
    runs = sj.RunTable.from_columns({"params": x, "loss": loss})
    fit = sj.fit(line, runs, sj.Squared(scale="natural"), starts=STARTS)
    draws = sj.bootstrap(fit, scheme="leave_one_out")
    design = np.column_stack([np.ones(20), x])
    bread = np.linalg.inv(design.T @ design)
    theta = bread @ design.T @ loss
    leverage = np.einsum("np,pq,nq->n", design, bread, design)
    influence = (design @ bread) * ((loss - design @ theta) / (1.0 - leverage))[:, None]
    np.testing.assert_allclose(draws["E"], theta[0] - influence[:, 0], rtol=1e-7)
    np.testing.assert_allclose(draws["A"], theta[1] - influence[:, 1], rtol=1e-7)
    spread = influence - influence.mean(0)
    error = np.sqrt(19 / 20 * np.sum(spread**2, axis=0))
    assert draws.standard_errors["E"] == pytest.approx(error[0], rel=1e-6)
    assert draws.covariance[1, 1] == pytest.approx(error[1] ** 2, rel=1e-6)
    assert draws.covariance[0, 1] == pytest.approx(19 / 20 * np.sum(spread[:, 0] * spread[:, 1]))


# --- the same in any company ---------------------------------------------------------------


@pytest.fixture(scope="module")
def fit():
    """A law of two parameters, which compiles quickly, with lanes that take 4 to 40 steps."""
    rng = np.random.default_rng(0)
    params = np.geomspace(1e6, 1e10, 16)
    loss = (8.8e13 / params) ** 0.076 * np.exp(0.02 * rng.standard_t(2, size=16))
    runs = sj.RunTable.from_columns({"params": params, "loss": loss})
    return sj.fit("kaplan_n", runs, starts=STARTS)


@pytest.fixture(scope="module")
def together(fit):
    return replicates(fit, 700)


def test_replicates_are_the_same_one_by_one(fit, together):
    units = sj.Multinomial().units(fit.runs)
    problem = make_problem(fit.law, fit.runs, fit.criterion)
    for k in range(0, 700, 37):
        alone = solve_lanes(
            fit.law, fit.criterion, problem, fit.z[:, None], thresholds=np.array([1e-3]),
            scheme=sj.Multinomial(), units=units, replicate=np.array([k]),
        )  # fmt: skip
        assert_equal(alone, type(together)(*(leaf[..., k : k + 1] for leaf in together)))


@pytest.mark.parametrize("number", [1, 2, 31, 33, 257, 511, 699])
def test_the_first_replicates_of_many_are_those_of_few(fit, together, number):
    few = replicates(fit, number)
    assert_equal(few, type(few)(*(leaf[..., :number] for leaf in together)))


@pytest.mark.parametrize(
    ("width", "length", "workers"), [(16, 5, 1), (16, 4, 3), (32, 7, 2), (8, 2, 2), (64, 3, 1)]
)
def test_no_cut_loses_a_lane_or_its_place(fit, together, monkeypatch, width, length, workers):
    """Blocks of few narrow chunks leave many stragglers, and 700 is a multiple of none."""
    plan = batch.Plan((8, width), width * length)
    monkeypatch.setattr(batch, "plan_blocks", lambda *_: plan)
    monkeypatch.setattr(batch, "_workers", lambda _: workers)
    done = []
    assert_equal(replicates(fit, 700, progress=done.append), together)
    assert sum(done) == 700


def test_lanes_end_converged_and_count_their_own_steps(together):
    assert np.all(together.status == CONVERGED)
    assert together.steps.min() < 12
    assert together.steps.max() > 20


def test_the_number_of_steps_is_bounded_for_every_lane(fit, together):
    few = replicates(fit, 700, max_steps=12)
    assert few.steps.max() == 12
    slow = together.steps > 12
    assert np.all(few.status[slow] == MAX_STEPS)
    np.testing.assert_array_equal(few.value[~slow], together.value[~slow])


@given(
    lanes=st.integers(1, 2_000_000),
    slots=st.integers(1, 200),
    across=st.integers(1, 16),
    rows=st.sampled_from([0, 5, 240, 10_000, 1_000_000]),
    workers=st.integers(1, 200),
    sizes=st.sampled_from([batch.CPU, batch.ACCELERATOR]),
)
def test_plans_cover_all_lanes_within_their_memory(lanes, slots, across, rows, workers, sizes):
    (chunks, width), length = plan_blocks(lanes, slots, across, rows, workers, sizes)
    assert 0 < length <= chunks * width
    assert length % width == 0
    assert rows * width * workers * batch._BYTES_A_WEIGHT <= max(
        batch._BYTES, rows * sizes.widths[0] * workers * batch._BYTES_A_WEIGHT
    )
    blocks = -(-lanes // (length * across))
    # Nobody waits for more than one block beyond the share that a perfect cut would give.
    assert -(-blocks // slots) * length <= -(-lanes // (slots * across)) + length


def test_a_new_number_of_replicates_compiles_nothing_new(fit):
    solve_block: Any = batch._solve_block
    replicates(fit, 1500)
    compiled = solve_block._cache_size()
    for number in (700, 1000, 3000):
        replicates(fit, number)
    assert solve_block._cache_size() == compiled


SAVE_DRAWS = """
import json
import jax
from tests.synthetic import bits
print(json.dumps([len(jax.devices()), bits(0.01, 3, 1100)]))
"""


@pytest.mark.slow
def test_eight_devices_give_the_draws_of_one_bit_for_bit():
    flag = "--xla_force_host_platform_device_count=8"
    count, eight = json.loads(processes.run(SAVE_DRAWS, XLA_FLAGS=flag))
    assert (len(jax.devices()), count) == (1, 8)
    assert eight == bits(0.01, 3, 1100)


# --- replicates that fail ------------------------------------------------------------------


def test_replicates_of_too_few_runs_fail_and_are_counted():
    """Of 4 runs, a resample holds fewer than 2 distinct ones with the probability 4**-3."""
    params = np.geomspace(1e6, 1e10, 4)
    loss = (8.8e13 / params) ** 0.076 * np.exp(0.01 * np.array([1.0, -1.0, 0.5, -0.7]))
    runs = sj.RunTable.from_columns({"params": params, "loss": loss})
    for objective in (sj.Squared(), sj.Squared(reduction="mean")):
        fit = sj.fit("kaplan_n", runs, objective, starts=STARTS)
        for scheme in (sj.Multinomial(), sj.Poisson()):
            too_few = np.sum(counts(scheme, runs, 400) > 0, axis=0) < 2
            assert 0 < np.sum(too_few) < 100
            draws = sj.bootstrap(fit, 400, scheme)
            assert draws.failed == np.sum(too_few)
            assert draws.count == 400 - draws.failed
            assert f"{draws.failed} of 400 refits had fewer rows" in str(draws.summary())
            solution = replicates(fit, 400, scheme)
            np.testing.assert_array_equal(solution.status == NONFINITE, too_few)


def test_if_all_replicates_fail_there_are_no_draws():
    """One group in each replicate, of a single run."""
    runs = sj.RunTable.from_columns(
        {"params": [1e6, 1e9], "loss": [4.0, 3.0], "family": ["a", "b"]}
    )
    fit = sj.fit("kaplan_n", runs, sj.Squared(), starts=STARTS)
    with pytest.raises(sj.errors.FitError, match="none of 2 replicates determines kaplan_n"):
        sj.bootstrap(fit, scheme="leave_one_out")
