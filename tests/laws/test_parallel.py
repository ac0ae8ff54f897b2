"""What is particular to the laws of parallel computation."""

import numpy as np
import pytest

import scaling_jax as sj

pytestmark = pytest.mark.usefixtures("float64")
POINT = dict(params=np.array([1e8, 1e9, 1e10]), replicas=np.array([1.0, 2.0, 8.0]))


def parametric(form, theta, point=None):
    return np.asarray(sj.laws.get("diloco_parametric", form=form)(theta, point or POINT))


def test_one_stream_is_an_ordinary_model_and_streams_are_parameters():
    law, theta = sj.laws.get("parscale"), sj.laws.get("parscale").published("stack").params
    one = float(law(theta, dict(params=1e9, streams=1.0)))
    assert one == pytest.approx(theta["E"] + (theta["A"] / 1e9) ** theta["alpha"])
    equivalent = 1e9 * (theta["k"] * np.log(8.0) + 1.0)
    eight = float(law(theta, dict(params=1e9, streams=8.0)))
    assert eight == pytest.approx(float(law(theta, dict(params=equivalent, streams=1.0))))


def test_forms_contain_one_another():
    theta = dict(A=20.0, alpha=-0.1, beta=0.01)
    np.testing.assert_allclose(
        parametric("2", theta | dict(C=0.0)), parametric("1", theta), rtol=1e-12
    )
    flat = dict(A=20.0, alpha=-0.1, beta=0.0, C=1.5)
    np.testing.assert_allclose(parametric("3", flat), parametric("2", flat), rtol=1e-12)
    separate = parametric("4", dict(A=20.0, alpha=-0.1, B=0.3, beta=0.0, C=1.2))
    np.testing.assert_allclose(separate, parametric("2", flat), rtol=1e-12)


def test_limits_of_infinite_size():
    far = dict(params=np.full(2, np.inf), replicas=np.array([1.0, 8.0]))
    theta = dict(A=20.0, alpha=-0.1, beta=0.002, C=1.5)
    for form in ("2", "3"):
        np.testing.assert_array_equal(parametric(form, theta, far), 1.5)
    loss = sj.laws.get("diloco_loss").published("m8").params
    assert float(sj.laws.get("diloco_loss")(loss, dict(params=np.inf))) == 0.0


def test_exponent_of_form_three_grows_with_the_replicas():
    theta = dict(A=20.0, alpha=-0.1, beta=0.005, C=0.0)
    two, eight = (
        parametric("3", theta, dict(params=np.array([1e9, 1e10]), replicas=np.full(2, m)))
        for m in (2.0, 8.0)
    )
    assert np.log10(two[0] / two[1]) == pytest.approx(0.09)
    assert np.log10(eight[0] / eight[1]) == pytest.approx(0.06)


def test_the_joint_law_and_local_sgd():
    joint = sj.laws.get("diloco_loss_joint").published("joint")
    expected = 19.226 * 1e9**-0.0985 * 4**0.0116
    assert float(joint(params=1e9, replicas=4.0)) == pytest.approx(expected)
    law = sj.laws.get("local_sgd")
    assert float(law(dict(N_c=1e13, alpha_N=0.08), dict(params=1e13))) == pytest.approx(1.0)
    assert not law.verified
