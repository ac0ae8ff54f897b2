"""What is particular to the laws of hyperparameters."""

import itertools

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.fitting.coordinates import Coordinates

pytestmark = pytest.mark.usefixtures("float64")


def published(name, estimate, **options):
    return sj.laws.get(name, **options).published(estimate)


def test_batches_printed_in_sequences_are_tokens():
    assert float(published("porian_bs", "rounded")(params=108e6)) == pytest.approx(160 * 2048)
    found = float(published("power_lines_bopt", "slimpajama")(tokens=1e10))
    assert found == pytest.approx(0.0306 * 1e10**0.383 * 2048)
    joint = published("diloco_bs", "joint", replicas="joint")
    expected = 0.00709 * 1e9**0.4695 * 4**0.3399 * 2048
    assert float(joint(params=1e9, replicas=4.0)) == pytest.approx(expected)


def test_forms_around_a_reference_size_become_powers():
    rounded = published("porian_lr", "rounded")
    for params in (2.5e7, 108e6, 1e9):
        expected = 0.0047 * (params / 108e6) ** -0.333333
        assert float(rounded(params=params)) == pytest.approx(expected)


def test_two_readings_of_deepseek_are_one_law():
    for name in ("deepseek_lr", "deepseek_bs"):
        assert published(name, "near_optimal").params == published(name, "repository").params


def test_step_law_for_a_7b_model():
    rate = float(published("step_law_lr", "published")(params=7e9, tokens=1.4e12))
    assert rate == pytest.approx(9.17e-4, abs=5e-7)
    mean = published("step_law_lr", "bootstrap_mean")
    assert mean.params["c_lr"] == pytest.approx(1.79734, abs=1e-5)
    with pytest.raises(LawError, match="bootstrap_errors of step_law_lr does not give"):
        published("step_law_lr", "bootstrap_errors")(params=1e9, tokens=1e11)


def test_kaplans_rule_ends_at_ten_billion():
    law = published("kaplan_lr", "published")
    assert float(law(params=1.2e10)) > 0.0 > float(law(params=1.25e10))


def test_a_prefactor_without_a_unit_is_not_evaluated():
    with pytest.raises(LawError, match="joint of bjorck_lr does not give C"):
        published("bjorck_lr", "joint")(params=1e9, tokens=1e11)
    horizon = sj.laws.get("bjorck_lr", scope="one_model").fix(beta=0.32)
    short, long = horizon(dict(B=1.0), dict(tokens=np.array([1e10, 2e10])))
    assert float(long / short) == pytest.approx(2**-0.32)


def test_weight_decay_gives_the_optimal_timescale():
    decay = published("power_lines_tau", "slimpajama", output="weight_decay")
    point = dict(batch_tokens=5e5, learning_rate=0.016, tokens=1.22e10, params=6.1e8)
    tau = 5e5 / (0.016 * float(decay(**point)) * 1.22e10)
    timescale = published("power_lines_tau", "slimpajama")
    assert tau == pytest.approx(float(timescale(tokens_per_param=20.0)), rel=1e-12)


# The quadratic polynomial in four logarithms

COLUMNS = {"learning_rate": "lr", "batch_tokens": "bsz", "tokens": "D", "params": "N"}
POINT = dict(learning_rate=2e-3, batch_tokens=3e5, tokens=2e10, params=4e8)


@pytest.fixture
def polynomial():
    law = sj.laws.get("sld_lr_bsz")
    rng = np.random.default_rng(0)
    return law, {p.name: rng.normal(0.0, 0.01) for p in law.parameters}


def test_polynomial_has_fifteen_coefficients_and_is_a_quadratic_form(polynomial):
    law, theta = polynomial
    assert len(theta) == 15
    x = {letter: np.log(POINT[column]) for column, letter in COLUMNS.items()}
    expected = theta["theta_0"] + sum(theta[f"theta_{a}"] * x[a] for a in x)
    for a, b in itertools.combinations_with_replacement(x, 2):
        expected += theta[f"theta_{a}_{b}"] * x[a] * x[b]
    assert float(law.log(theta, POINT)) == pytest.approx(expected, rel=1e-12)


def test_polynomial_moves_its_origin_to_the_centre_of_the_data_and_back(polynomial):
    law, theta = polynomial
    logs = {column: np.log(value) for column, value in POINT.items()} | {"loss": np.log(2.5)}
    centred = law.anchor.from_natural(theta, logs)
    # At the centre the polynomial is its constant, and its slopes are the linear coefficients.
    assert float(law.log(theta, POINT)) == pytest.approx(centred["theta_0"] + np.log(2.5))
    slope = jax.grad(lambda x: law.log(theta, POINT | {"tokens": jax.numpy.exp(x)}))
    assert float(slope(np.log(2e10))) == pytest.approx(centred["theta_D"], rel=1e-9)
    back = law.anchor.to_natural(centred, logs)
    for name, value in theta.items():
        assert float(back[name]) == pytest.approx(value, rel=1e-9, abs=1e-12)
    coordinates = Coordinates(law)
    natural = coordinates.to_natural(coordinates.from_natural(theta, logs), logs)
    assert float(natural["theta_lr"]) == pytest.approx(theta["theta_lr"], rel=1e-9, abs=1e-12)
