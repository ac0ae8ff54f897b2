"""Farseer's coordinates: a map to its coefficients and back that keeps their signs."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.laws import Anchor

FARSEER = sj.laws.get("farseer")
LOGS = dict(params=np.log(1.1e9), tokens=np.log(3e10), loss=np.log(0.55))


def anchor_of_farseer() -> Anchor:
    """Return the coordinates in which the law is fitted."""
    assert FARSEER.anchor is not None
    return FARSEER.anchor


def inside(parameter, share):
    """Return the value at a share of the way through the box of starts."""
    low, high = parameter.start
    return low + share * (high - low)


def test_published_coefficients_survive_the_round_trip(float64):
    anchor, theta = anchor_of_farseer(), FARSEER.published("baseline").params
    back = anchor.to_natural(anchor.from_natural(theta, LOGS), LOGS)
    assert set(back) == set(theta)
    for name, value in theta.items():
        assert float(back[name]) == pytest.approx(value, rel=1e-11), name


def test_published_coefficients_lie_in_the_box_of_starts(float64):
    anchor = anchor_of_farseer()
    values = anchor.from_natural(FARSEER.published("baseline").params, LOGS)
    for p in anchor.coordinates:
        assert p.start is not None, p.name
        assert p.start[0] <= float(values[p.name]) <= p.start[1], p.name


@settings(max_examples=50)
@given(
    shares=st.lists(st.floats(0.0, 1.0), min_size=9, max_size=9),
    log_n=st.floats(0.0, 28.0),
    log_d=st.floats(-3.0, 32.0),
    log_l=st.floats(-2.0, 3.0),
)
def test_every_coordinate_gives_coefficients_within_their_bounds(shares, log_n, log_d, log_l):
    anchor, logs = anchor_of_farseer(), dict(params=log_n, tokens=log_d, loss=log_l)
    given_ = {p.name: inside(p, share) for p, share in zip(anchor.coordinates, shares, strict=True)}
    with jax.enable_x64(True):
        theta = anchor.to_natural(given_, logs)
        back = anchor.from_natural(theta, logs)
        at_reference = FARSEER(theta, dict(params=np.exp(log_n), tokens=np.exp(log_d)))
    for p in FARSEER.parameters:
        assert p.bounds[0] < float(theta[p.name]) < p.bounds[1], p.name
    for name, value in given_.items():
        assert float(back[name]) == pytest.approx(value, rel=1e-6), name
    expected = np.exp(log_l) * (given_["floor"] + given_["data"])
    assert float(at_reference) == pytest.approx(expected, rel=1e-7)


def test_slopes_are_logarithmic_derivatives_at_the_reference(float64):
    theta = FARSEER.published("baseline").params
    values = anchor_of_farseer().from_natural(theta, LOGS)

    def log_floor(log_n):
        far = FARSEER(theta, dict(params=np.e**log_n, tokens=1e300))
        return jax.numpy.log(far)

    assert float(jax.grad(log_floor)(LOGS["params"])) == pytest.approx(
        float(values["floor_slope"]), rel=1e-9
    )
    assert float(values["exponent"]) == pytest.approx(
        np.exp(theta["a1"] * 1.1e9 ** theta["alpha"] + theta["b1"]), rel=1e-9
    )


def test_holding_a_parameter_leaves_the_natural_coefficients():
    held = FARSEER.fix(beta=-0.1)
    assert held.anchor is None
    assert "beta" not in held.free_names
