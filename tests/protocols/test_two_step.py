"""The task ladder and its relatives: a loss from scale, a score from the loss."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.protocols import get
from scaling_jax.protocols.two_step import (
    TwoStep,
    fit_two_steps,
    llama3_forecast,
    scaled_loss,
    single_step,
    smoothed,
    task_ladder,
)

SIZES = np.array([190e6, 370e6, 760e6, 1.3e9])
STEP_1 = {"E": 0.45, "A": 38.0, "B": 100.0, "alpha": 0.226, "beta": 0.236}
STEP_2 = {"a": -0.74, "L0": 0.62, "k": 4.8, "b": 0.99}


def table(**columns):
    return sj.RunTable.from_columns(columns)


@pytest.fixture(scope="module")
def finals():
    params, ratio = (x.ravel() for x in np.meshgrid(SIZES, [20.0, 40.0, 100.0, 200.0]))
    tokens = ratio * params
    terms = (38.0 / params**0.226, 100.0 / tokens**0.236)
    return table(params=params, tokens=tokens, bits_per_byte=0.45 + sum(terms))


@pytest.fixture(scope="module")
def checkpoints():
    loss = np.linspace(0.7, 2.0, 60)
    accuracy = -0.74 / (1.0 + np.exp(-4.8 * (loss - 0.62))) + 0.99
    return table(bits_per_byte=loss, accuracy=accuracy)


def test_registered():
    assert get("ladder_step2_sigmoid") is task_ladder
    assert get("ladder_single_step") is single_step
    assert get("llama3_two_step") is llama3_forecast
    assert get("owen_bigbench") is scaled_loss


def test_the_ladder_finds_both_steps_and_chains_them(finals, checkpoints):
    ladder = task_ladder(finals, checkpoints, ideal=False, starts=64)
    for step, truth in ((ladder.first, STEP_1), (ladder.second, STEP_2)):
        for name, value in truth.items():
            assert step.params[name] == pytest.approx(value, rel=1e-3), name
    large = {"params": 13e9, "tokens": 5e12}
    loss = 0.45 + 38.0 / 13e9**0.226 + 100.0 / 5e12**0.236
    assert float(ladder.loss(**large)) == pytest.approx(loss, rel=1e-5)
    accuracy = -0.74 / (1.0 + np.exp(-4.8 * (loss - 0.62))) + 0.99
    assert float(ladder(**large)) == pytest.approx(accuracy, rel=1e-4)


def test_the_ideal_point_pulls_the_upper_end_to_one(finals, checkpoints):
    """The sigmoid of the checkpoints ends in 0.95 at no loss; one more point says 1."""
    with_point = task_ladder(finals, checkpoints, starts=64).second
    without = task_ladder(finals, checkpoints, ideal=False, starts=64).second
    at_zero = [float(step(bits_per_byte=1e-3)) for step in (without, with_point)]
    assert at_zero[0] < at_zero[1] <= 1.0


def test_published_coefficients_chain():
    steps = [
        sj.laws.get(name).published("mmlu")
        for name in ("ladder_step1_task_loss", "ladder_step2_sigmoid")
    ]
    ladder = TwoStep(*steps)
    assert ladder.between == "bits_per_byte"
    # 13B-5T in the authors' figure tables: loss 0.7502, accuracy 0.5127
    large = {"params": 13202396160, "tokens": 5000088518656}
    assert float(ladder.loss(**large)) == pytest.approx(0.7502, abs=1e-4)
    assert float(ladder(**large)) == pytest.approx(0.5127, abs=2e-4)


def test_laws_that_do_not_fit_together_are_refused():
    first = sj.laws.get("ladder_step1_task_loss").published("mmlu")
    second = sj.laws.get("gadre_downstream").published("c4_17_task")
    with pytest.raises(FitError, match="predicts bits_per_byte, but gadre_downstream takes loss"):
        TwoStep(first, second)


def test_llama_3_forecast_recovers_its_line_and_curve():
    compute = np.geomspace(1e19, 1e22, 12)
    loss = 4.0 - 0.14 * np.log10(compute)
    models = np.concatenate([loss, np.linspace(0.5, 0.9, 8)])
    accuracy = 0.25 + 0.7 / (1.0 + np.exp(9.0 * (models - 0.85)))
    forecast = llama3_forecast(
        table(compute_flops=compute, answer_loss=loss),
        table(answer_loss=models, accuracy=accuracy),
        starts=64,
    )
    at = 4.0 - 0.14 * np.log10(3.8e25)
    assert float(forecast.loss(compute_flops=3.8e25)) == pytest.approx(at, rel=1e-6)
    expected = 0.25 + 0.7 / (1.0 + np.exp(9.0 * (at - 0.85)))
    assert float(forecast(compute_flops=3.8e25)) == pytest.approx(expected, rel=1e-4)


def test_the_chained_law_is_the_two_steps():
    """One law of the family does what the two others do one after the other."""
    theta = {"c0": 4.0, "c1": -0.14, "lo": 0.25, "hi": 0.95, "k": 9.0, "x0": 0.85}
    compute = np.geomspace(1e19, 1e26, 5)
    members = {
        step: sj.laws.get("llama3_two_step", step=step)
        for step in ("answer_loss", "accuracy", "chained")
    }

    def at(step, column, values):
        law = members[step]
        return law({n: theta[n] for n in law.free_names}, {column: values})

    through = at("accuracy", "answer_loss", at("answer_loss", "compute_flops", compute))
    np.testing.assert_allclose(through, at("chained", "compute_flops", compute), rtol=1e-5)


def test_single_step_recovers_noise_free_accuracies(finals):
    logit = 120.0 / finals["params"] ** 0.3 + 300.0 / finals["tokens"] ** 0.25 - 1.0
    accuracy = 0.95 - 0.7 / (1.0 + np.exp(-logit))
    fit = single_step(table(params=finals["params"], tokens=finals["tokens"], accuracy=accuracy))
    np.testing.assert_allclose(fit.predicted, accuracy, atol=1e-5)


def test_error_from_loss_goes_through_the_same_door(finals):
    loss = np.linspace(2.5, 5.0, 10)
    errors = table(loss=loss, error=0.85 - 2.2 * np.exp(-0.72 * loss))
    compute = 6.0 * finals["params"] * finals["tokens"]
    ratio = finals["tokens"] / finals["params"]
    surface = sj.laws.get("gadre_overtraining")
    theta = {"E": 1.8, "a": 90.0, "b": 200.0, "eta": 0.13}
    runs = table(
        compute_flops=compute,
        tokens_per_param=ratio,
        loss=np.asarray(surface(theta, dict(compute_flops=compute, tokens_per_param=ratio))),
    )
    steps = fit_two_steps("gadre_overtraining", "gadre_error_from_loss", runs, errors, starts=16)
    target = {"compute_flops": 1e22, "tokens_per_param": 20.0}
    expected = 0.85 - 2.2 * np.exp(-0.72 * float(surface(theta, target)))
    assert float(steps(**target)) == pytest.approx(expected, abs=1e-4)


def test_smoothing_drops_the_start_and_averages():
    loss, accuracy = smoothed(np.arange(20.0), np.arange(20.0) ** 2)
    assert len(loss) == 20 - 2 - 4
    assert loss[0] == pytest.approx(np.mean([2, 3, 4, 5, 6]))
    assert accuracy[-1] == pytest.approx(np.mean(np.arange(15, 20) ** 2))
    with pytest.raises(FitError, match="3 checkpoints are left for averages of 5"):
        smoothed(np.arange(4.0), np.arange(4.0))
    with pytest.raises(FitError, match="equally many"):
        smoothed(np.arange(4.0), np.arange(5.0))


def test_scaled_loss_is_minus_the_logarithm_of_the_reducible_loss():
    chinchilla = sj.laws.get("chinchilla").published("hoffmann")
    loss = float(chinchilla(params=1e9, tokens=2e10))
    expected = -np.log10(loss - chinchilla.params["E"])
    assert float(scaled_loss(1e9, 2e10)) == pytest.approx(expected, abs=1e-5)
    assert scaled_loss(1e10, 2e11) > scaled_loss(1e9, 2e10)
    epoch = sj.laws.get("chinchilla").published("epoch")
    assert float(scaled_loss(1e9, 2e10, estimate=epoch)) == scaled_loss(1e9, 2e10, estimate="epoch")
