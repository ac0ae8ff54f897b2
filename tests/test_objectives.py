"""Penalties: derivatives against automatic ones, limits, the bound that makes steps safe."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.objectives import PENALTIES, Objective, from_name

OBJECTIVES = [
    sj.Squared(),
    sj.Absolute(),
    sj.Huber(delta=0.02),
    sj.StudentT(df=3.0, sigma=0.05),
]
THRESHOLDS = [None, 1e-3, 0.3]


@pytest.fixture
def residuals():
    """Residuals of many sizes and both signs; none falls on a kink."""
    rng = np.random.default_rng(0)
    return rng.choice([-1.0, 1.0], 400) * 10.0 ** rng.uniform(-5, 1, 400)


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
def test_stated_derivatives_are_the_derivatives(objective, threshold, residuals):
    with jax.enable_x64(True):
        r = jnp.asarray(residuals)

        def penalty(r):
            return objective.penalty(r, threshold)

        psi = objective.weight(r, threshold) * r
        np.testing.assert_allclose(psi, jax.vmap(jax.grad(penalty))(r), rtol=1e-10)
        second = jax.vmap(jax.grad(jax.grad(penalty)))(r)
        np.testing.assert_allclose(objective.curvature(r, threshold), second, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
def test_the_own_threshold_is_the_default(objective, residuals):
    if isinstance(objective, sj.Absolute):
        pytest.skip("its threshold smooths the kink and is no part of the penalty")
    with jax.enable_x64(True):
        for function in (objective.penalty, objective.weight, objective.curvature):
            np.testing.assert_array_equal(
                function(jnp.asarray(residuals)),
                function(jnp.asarray(residuals), objective.threshold),
            )


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
@given(
    here=st.floats(-3, 3, allow_subnormal=False),
    there=st.floats(-3, 3, allow_subnormal=False),
    threshold=st.sampled_from([1e-3, 0.1, 1.0]),
)
def test_the_reweighted_square_lies_above_the_penalty(objective, here, there, threshold):
    """rho(s) <= rho(r) + weight(r) / 2 * (s**2 - r**2): why reweighted steps always descend."""
    with jax.enable_x64(True):
        penalty = [float(objective.penalty(jnp.asarray(x), threshold)) for x in (here, there)]
        weight = float(objective.weight(jnp.asarray(here), threshold))
    bound = penalty[0] + 0.5 * weight * (there**2 - here**2)
    assert penalty[1] <= bound + 1e-9 * (1.0 + abs(bound))


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
def test_penalties_are_even_zero_at_zero_and_grow(objective, residuals):
    with jax.enable_x64(True):
        r = jnp.sort(jnp.abs(jnp.asarray(residuals)))
        assert float(objective.penalty(jnp.asarray(0.0))) == 0.0
        np.testing.assert_array_equal(objective.penalty(r), objective.penalty(-r))
        assert np.all(np.diff(objective.penalty(r)) > 0.0)


def test_limits(residuals):
    """A wide Huber and a Student-t of many df are least squares, a narrow Huber is absolute."""
    with jax.enable_x64(True):
        r = jnp.asarray(residuals)
        squares, sizes = np.asarray(r) ** 2 / 2.0, np.abs(np.asarray(r))
        np.testing.assert_allclose(sj.Huber(delta=1e3).penalty(r), squares, rtol=1e-12)
        np.testing.assert_allclose(sj.Huber(delta=1e-12).penalty(r) / 1e-12, sizes, rtol=1e-6)
        sigma = 0.5
        many = sj.StudentT(df=1e9, sigma=sigma).penalty(r)
        np.testing.assert_allclose(many, squares / sigma**2, rtol=1e-5)
        np.testing.assert_allclose(sj.Absolute().penalty(r, 1e-9), sizes, rtol=1e-3)


def test_student_t_is_the_density_up_to_a_constant(residuals):
    from scipy import stats

    rho = np.asarray(sj.StudentT(df=3.0, sigma=0.05).penalty(np.asarray(residuals)))
    density = -stats.t.logpdf(residuals, df=3.0, scale=0.05)
    np.testing.assert_allclose(rho - rho[0], density - density[0], rtol=1e-4, atol=1e-4)


def test_residuals_and_reduction():
    prediction, observed = np.array([2.0, 3.0, 5.0]), np.array([1.0, 3.0, 4.0])
    natural = sj.Squared(scale="natural")
    np.testing.assert_allclose(natural.residual(prediction, observed), [1.0, 0.0, 1.0])
    logarithmic = sj.Squared(scale="log").residual(prediction, observed)
    np.testing.assert_allclose(logarithmic, np.log([2.0, 1.0, 1.25]), rtol=1e-6)
    weights = np.array([1.0, 7.0, 3.0])
    assert float(natural.value(np.array([1.0, 0.0, 2.0]), weights)) == pytest.approx(6.5)
    mean = sj.Squared(scale="natural", reduction="mean")
    assert float(mean.value(np.array([1.0, 0.0, 2.0]), weights)) == pytest.approx(6.5 / 11.0)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
def test_names_make_the_objective_again(objective):
    settings = {name: getattr(objective, name) for name in objective.settings}
    assert from_name(objective.name, scale="log", reduction="sum", **settings) == objective
    assert objective.name in PENALTIES


def test_description_names_every_choice():
    text = sj.StudentT(df=3.0, sigma=0.05, scale="natural", reduction="mean").describe()
    assert text == "student_t (df 3, sigma 0.05) on the natural scale, averaged"
    assert sj.Squared().describe() == "squared on the log scale, summed"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sj.Huber(delta=0.0), "delta of the huber penalty must be positive, not 0.0"),
        (lambda: sj.Huber(delta=-1.0), "delta of the huber penalty must be positive"),
        (lambda: sj.Huber(delta=float("nan")), "must be positive, not nan"),
        (lambda: sj.Huber(delta=float("inf")), "must be positive, not inf"),
        (lambda: sj.StudentT(df=0.0), "df of the student_t penalty must be positive"),
        (lambda: sj.StudentT(sigma=-0.1), "sigma of the student_t penalty must be positive"),
        (lambda: sj.Squared(scale="logarithm"), "'logarithm' is unknown; use 'log' or 'natural'"),
        (lambda: sj.Squared(reduction="median"), "'median' is unknown; use 'sum' or 'mean'"),
        (lambda: from_name("hubber"), "there is no objective 'hubber'; did you mean huber"),
        (lambda: from_name("huber", dleta=1.0), "huber has no setting 'dleta'; did you mean delta"),
        (lambda: from_name("squared", delta=1.0), "squared has no setting 'delta'"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(sj.errors.FitError, match=message):
        make()


@pytest.mark.parametrize("method", ["penalty", "weight", "curvature"])
def test_the_base_is_not_a_penalty(method):
    with pytest.raises(TypeError, match="use one of Squared"):
        getattr(Objective(), method)(jnp.zeros(1))
