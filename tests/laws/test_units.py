"""A law in other units with converted parameters is the same law, and wrong units are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.laws import registry

decades = st.floats(-6.0, 6.0, allow_nan=False)


@settings(max_examples=15)
@given(data=st.data())
def test_is_covariant_under_any_change_of_units(case, data):
    law, logs = case.law, {}
    for column in (*law.input_names, law.output.column):
        reduced = column in law.unit_columns
        logs[column] = np.log(10.0) * data.draw(decades, label=column) if reduced else 0.0
    inputs = case.inputs(16)
    with jax.enable_x64(True):
        reduced = np.asarray(law(case.theta, inputs))
        raw_inputs = {name: value * np.exp(logs[name]) for name, value in inputs.items()}
        raw = np.asarray(law(law.rescaled(case.theta, logs), raw_inputs))
    np.testing.assert_allclose(raw, reduced * np.exp(logs[law.output.column]), rtol=1e-9)


def test_every_column_but_the_exceptions_is_absorbed_by_units(case):
    exceptions = {
        "farseer": {"tokens", "loss"},  # the exponent of D varies with N; offsets are logarithms
        "parscale": {"streams"},  # one stream is one stream
    }
    columns = {*case.law.input_names, case.law.output.column}
    assert columns - set(case.law.unit_columns) == exceptions.get(case.law.name, set())


def test_an_amplitude_is_its_contribution_at_the_reference_scale(float64):
    law = sj.laws.get("chinchilla")
    theta = law.published("epoch").params
    logs = dict(params=np.log(1e9), tokens=np.log(2e10), loss=np.log(2.5))
    units = law.log_units(theta, logs)
    contribution = theta["A"] / 1e9 ** theta["alpha"] / 2.5
    assert theta["A"] * np.exp(-units["A"]) == pytest.approx(contribution, rel=1e-12)


def test_rescaling_keeps_float64_outside_of_jax():
    law = sj.laws.get("chinchilla")
    theta = dict(E=2.0, A=0.3, B=0.4, alpha=0.3, beta=0.4)
    logs = dict(params=np.log(1e6), tokens=np.log(1e9), loss=0.0)
    assert float(law.rescaled(theta, logs)["A"]) == pytest.approx(0.3 * 1e6**0.3, rel=1e-14)


def declared(unit_a, unit_e="loss", returns="natural"):
    def function(params, *, E, A, alpha):
        value = E + A * params**-alpha
        return jnp.log(value) if returns == "log" else value

    return sj.law(
        name="declared",
        formula="L = E + A / N**alpha",
        parameters=[
            sj.Parameter("E", unit=unit_e),
            sj.Parameter("A", unit=unit_a),
            sj.Parameter("alpha"),
        ],
        returns=returns,
    )(function)


@pytest.fixture(autouse=True)
def clean_registry():
    yield
    registry._LAWS.pop("declared", None)


@pytest.mark.parametrize("returns", ["natural", "log"])
def test_true_units_are_accepted(returns):
    assert declared("loss * params**alpha", returns=returns).unit_columns == ("params", "loss")


@pytest.mark.parametrize(
    ("unit_a", "unit_e", "column"),
    [
        ("loss / params**alpha", "loss", "params"),
        ("loss * params", "loss", "params"),
        ("loss * params**(2*alpha)", "loss", "params"),
        ("params**alpha", "loss", "loss"),
        ("loss * params**alpha", "1", "loss"),
    ],
)
def test_wrong_units_are_refused_by_the_column(unit_a, unit_e, column):
    with pytest.raises(LawError, match=f"declared: with {column} measured in another unit"):
        declared(unit_a, unit_e)
