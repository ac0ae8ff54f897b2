"""z, u and theta are consistent for every law, held parameters included."""

import dataclasses

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.fitting.coordinates import Coordinates, constrain, start_box, unconstrain

LAWS = [law.name for law in sj.laws.list()]
BY_ROW = [law.name for law in sj.laws.list() if not law.along]  # the others: test_curves.py


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def logs_of(law, seed=0):
    """Reference scales a few decades apart, as logarithms."""
    rng = np.random.default_rng(seed)
    names = (*law.input_names, law.output.column)
    scales = {name: float(rng.uniform(2.0, 22.0)) for name in names}
    return scales | {law.output.column: float(np.log(2.5))}


def random_z(law, lanes=5, seed=0):
    low, high = Coordinates(law).box()
    return np.random.default_rng(seed).uniform(low[:, None], high[:, None], (len(low), lanes))


@pytest.mark.parametrize("name", LAWS)
def test_round_trip_through_natural_parameters(name):
    law = sj.laws.get(name)
    coordinates, logs, z = Coordinates(law), logs_of(law), random_z(law)
    back = coordinates.from_natural(coordinates.to_natural(z, logs), logs)
    np.testing.assert_allclose(back, z, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", LAWS)
def test_every_point_of_the_box_is_inside_the_bounds(name):
    law = sj.laws.get(name)
    theta = Coordinates(law).to_natural(random_z(law, 200), logs_of(law))
    for p in law.free:
        assert np.all(np.asarray(theta[p.name]) > p.bounds[0]), p.name
        assert np.all(np.asarray(theta[p.name]) < p.bounds[1]), p.name


@pytest.mark.parametrize("name", BY_ROW)
def test_reduced_and_natural_evaluation_agree(name):
    """The law in reduced units is the law: the premise of fitting scale-free."""
    law = sj.laws.get(name)
    coordinates, logs, z = Coordinates(law), logs_of(law), random_z(law)
    inputs = {n: np.exp(logs[n] + 0.7) for n in law.input_names}
    natural = law(coordinates.to_natural(z, logs), inputs)
    reduced_columns = () if law.anchor else law.unit_columns
    reduced = {n: v * np.exp(-logs[n]) if n in reduced_columns else v for n, v in inputs.items()}
    u = dict(zip((p.name for p in law.parameters), coordinates.to_reduced(z, logs), strict=True))
    scale = np.exp(logs[law.output.column]) if law.output.column in reduced_columns else 1.0
    every = dataclasses.replace(law, fixed=(), tied=())  # u holds the held ones too, reduced
    np.testing.assert_allclose(scale * every(u, reduced), natural, rtol=1e-9)


@pytest.mark.parametrize(
    "held",
    [
        sj.laws.get("chinchilla").fix(E=1.7),
        sj.laws.get("chinchilla").fix(A=400.0, alpha=0.3),
        sj.laws.get("chinchilla").fix(A=400.0),
        sj.laws.get("chinchilla").tie(beta="alpha"),
        sj.laws.get("chinchilla").tie(B="A", beta="alpha"),
        sj.laws.get("chinchilla").fix(alpha=0.3).tie(beta="alpha"),
    ],
    ids=lambda law: f"fixed {dict(law.fixed)} tied {dict(law.tied)}",
)
def test_held_parameters_have_their_values_in_reduced_units(held):
    coordinates, logs, z = Coordinates(held), logs_of(held), random_z(held)
    base = sj.laws.get("chinchilla")
    u = dict(zip((p.name for p in base.parameters), coordinates.to_reduced(z, logs), strict=True))
    natural = base.rescaled(u, logs)
    expected = held.complete(coordinates.to_natural(z, logs))
    for p in base.parameters:
        np.testing.assert_allclose(natural[p.name], expected[p.name], rtol=1e-10, err_msg=p.name)
    for name, value in held.fixed:
        np.testing.assert_allclose(natural[name], value, rtol=1e-10)
    for name, other in held.tied:
        np.testing.assert_allclose(natural[name], natural[other], rtol=1e-10)


@pytest.mark.parametrize(
    "bounds", [(0, np.inf), (-np.inf, 0), (-np.inf, np.inf), (0.01, 2), (1, np.inf)]
)
def test_constraints_invert(bounds):
    parameter = sj.Parameter("p", bounds=bounds)
    z = np.linspace(-5.0, 5.0, 11)
    values = np.asarray(constrain(parameter, z))
    assert np.all((values > bounds[0]) & (values < bounds[1]))
    np.testing.assert_allclose(unconstrain(parameter, values), z, atol=1e-9)


def test_default_boxes_follow_the_unit():
    assert start_box(sj.Parameter("A", unit="loss * params**alpha"), "loss") == (0.01, 1.0)
    assert start_box(sj.Parameter("N_c", unit="params * loss**(1/alpha)"), "loss") == (0.1, 10.0)
    assert start_box(sj.Parameter("alpha"), "loss") == (0.05, 1.5)
    low, high = start_box(sj.Parameter("b", bounds=(-np.inf, 0.0)), "loss")
    assert low < high < 0.0


def test_at_bound_names_the_parameter_that_vanished():
    law = sj.laws.get("chinchilla")
    z = np.zeros(5)
    assert Coordinates(law).at_bound(z) == ()
    z[0] = -30.0
    assert Coordinates(law).at_bound(z) == ("E",)
