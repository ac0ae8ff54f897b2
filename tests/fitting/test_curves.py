"""Fits of laws over whole runs: tables of several runs, bootstrap by run, predictions, saving."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import PredictionError, RunTableError
from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.fitting.problem import make_problem
from scaling_jax.fitting.solver import row_residual
from scaling_jax.laws import lr_schedules
from scaling_jax.laws.curves import arguments_of_rows

PEAK, WARM = 3e-4, 200
ANNEALING = dict(L0=2.5, A=0.6, alpha=0.45, C=0.5)
MULTI = dict(L0=3.0, A=0.5, alpha=0.5, B=360.0, C=2.0, beta=0.58, gamma=0.64)
SCHEDULES = {
    "cosine": lambda s: lr_schedules.cosine(s, peak=PEAK, end=3e-5, total_steps=4000),
    "constant": lambda s: lr_schedules.constant(s, peak=PEAK),
    "wsd": lambda s: lr_schedules.wsd(s, peak=PEAK, decay_start_step=2500, total_steps=4000),
    "late": lambda s: lr_schedules.wsd(s, peak=PEAK, decay_start_step=3300, total_steps=3900),
}


def table(name: str, theta: dict[str, float], noise: float = 0.0) -> sj.RunTable:
    """Return runs of different lengths, rows in no order."""
    rng, parts = np.random.default_rng(0), []
    with jax.enable_x64(True):
        for k, (label, schedule) in enumerate(SCHEDULES.items()):
            step = np.arange(300.0, 3900.0 - 400.0 * k, 300.0)
            rate = np.asarray(schedule(step))
            inputs = dict(step=step, learning_rate=rate, warmup_steps=float(WARM))
            loss = np.asarray(sj.laws.get(name)(theta, inputs))
            loss = loss * np.exp(noise * rng.normal(size=len(step)))
            run = np.full(len(step), label)
            parts.append(dict(run=run, step=step, learning_rate=rate, loss=loss))
    columns = {n: np.concatenate([part[n] for part in parts]) for n in parts[0]}
    columns["warmup_steps"] = np.full(len(columns["step"]), float(WARM))
    order = rng.permutation(len(columns["step"]))
    return sj.RunTable.from_columns({n: x[order] for n, x in columns.items()}, source="curves")


@pytest.fixture(scope="module")
def noisy() -> sj.Fit:
    runs = table("annealing_momentum_law", ANNEALING, noise=1e-3)
    return sj.fit("annealing_momentum_law", runs, sj.Squared(), starts=32)


def test_recovers_the_coefficients_of_annealing():
    fit = sj.fit("annealing_momentum_law", table("annealing_momentum_law", ANNEALING), starts=32)
    assert fit.converged
    assert fit.identified
    assert fit.params == pytest.approx(ANNEALING, rel=1e-5)


def test_recovers_the_coefficients_of_the_multi_power_law():
    runs = table("multi_power_law", MULTI)
    fit = sj.fit("multi_power_law", runs, sj.Squared(), starts=32)
    assert fit.objective < 1e-14
    assert fit.params == pytest.approx(MULTI, rel=1e-2)  # nearly interchangeable ones


def test_the_fit_predicts_its_own_rows_run_by_run(noisy):
    residuals = np.log(noisy.predicted) - np.log(noisy.runs["loss"])
    np.testing.assert_allclose(residuals, noisy.residuals, atol=1e-12)
    np.testing.assert_allclose(sj.predict(noisy, noisy.runs).median, noisy.predicted, rtol=1e-12)


def test_standard_errors_are_those_of_the_bootstrap(noisy):
    draws = sj.bootstrap(noisy, 400, "multinomial", progress=False)
    for name, error in noisy.errors("hessian").items():
        assert draws.standard_errors[name] == pytest.approx(error, rel=0.35)


def test_bootstrap_of_whole_runs(noisy):
    draws = sj.bootstrap(noisy, 64, sj.Blocks(by="run"), progress=False)
    assert draws.count + draws.failed == 64
    assert np.std(draws["alpha"]) > 0.0


def test_predicts_a_schedule_that_was_not_run(noisy):
    step = np.arange(200.0, 10001.0, 200.0)
    rate = np.asarray(SCHEDULES["cosine"](0.4 * step))
    draws = sj.laplace(noisy, draws=50)
    prediction = sj.predict(draws, step=step, learning_rate=rate, warmup_steps=float(WARM))
    low, high = prediction.interval(0.9)
    with jax.enable_x64(True):
        inputs = dict(step=step, learning_rate=rate, warmup_steps=float(WARM))
        truth = np.asarray(sj.laws.get("annealing_momentum_law")(ANNEALING, inputs))
    assert prediction.values.shape == (50, len(step))
    np.testing.assert_allclose(prediction.median, truth, rtol=3e-3)
    assert np.all(low < high)
    assert prediction.kind[-1] == "extrapolation"  # a larger area than any run's
    assert prediction.kind[10] == "interpolation"


def test_a_rate_of_zero_may_be_predicted_and_unsorted_steps_may_not(noisy):
    end = sj.predict(noisy, step=[300, 4000], learning_rate=[3e-4, 0.0], warmup_steps=200)
    assert np.all(np.isfinite(end.median))
    with pytest.raises(PredictionError, match="in the order of step"):
        sj.predict(noisy, step=[4000, 300], learning_rate=[3e-4, 1e-4], warmup_steps=200)


def test_a_saved_fit_is_the_fit(noisy, tmp_path):
    noisy.save(tmp_path / "fit.json")
    loaded = sj.Fit.load(tmp_path / "fit.json")
    np.testing.assert_allclose(loaded.predicted, noisy.predicted, rtol=1e-14)
    assert loaded.law == noisy.law


def test_rows_of_weight_zero_give_the_schedule_where_no_loss_is_known():
    """A jump between two recorded points is exact if the step before it is in the table."""
    step = np.array([500.0, 1000.0, 1999.0, 2000.0, 3000.0])
    rate = np.array([PEAK, PEAK, PEAK, 3e-5, 3e-5])
    made = dict(step=step, learning_rate=rate, warmup_steps=np.full(5, 200.0))
    with jax.enable_x64(True):
        loss = np.asarray(sj.laws.get("annealing_momentum_law")(ANNEALING, made))
    weight = np.array([1.0, 1.0, 0.0, 1.0, 1.0])
    runs = sj.RunTable.from_columns(made | dict(loss=np.where(weight, loss, 9.0), weight=weight))
    fit = sj.fit("annealing_momentum_law", runs, sj.Squared(), starts=dict.fromkeys(ANNEALING, 0.5))
    with jax.enable_x64(True):
        again = np.asarray(sj.laws.get("annealing_momentum_law")(fit.params, made))
    np.testing.assert_allclose(again[weight > 0], loss[weight > 0], rtol=1e-5)


def test_two_points_of_a_run_at_one_step_are_refused():
    runs = sj.RunTable.from_columns(
        dict(step=[100.0, 100.0], learning_rate=[1e-3] * 2, warmup_steps=[0.0] * 2, loss=[3.0] * 2),
        source="mine.csv",
    )
    with pytest.raises(RunTableError, match="step 100 stands also in .* tell the runs apart"):
        arguments_of_rows(sj.laws.get("annealing_momentum_law"), runs)


@pytest.mark.parametrize(("name", "theta"), [("annealing_momentum_law", ANNEALING),
                                              ("multi_power_law", MULTI)])  # fmt: skip
def test_residuals_of_reduced_rows_are_those_of_the_law(name, theta):
    """Rows are reduced quantities: the residual at the true coefficients is zero."""
    law, objective = sj.laws.get(name), sj.Squared()
    problem = make_problem(law, table(name, theta), objective)
    coordinates = Coordinates(law)
    with jax.enable_x64(True):
        z = coordinates.from_natural({n: np.array(x) for n, x in theta.items()}, problem.logs)
        u = coordinates.to_reduced(z, problem.logs)
        residual = row_residual(law, objective, problem.logs)
        found = jax.vmap(lambda row: residual(u, row))(problem.rows)
    np.testing.assert_allclose(found, 0.0, atol=1e-9)
