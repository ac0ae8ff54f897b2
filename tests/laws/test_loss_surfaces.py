"""Loss surfaces: limits, special cases, and the equations that they solve."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj

pytestmark = pytest.mark.usefixtures("float64")

N, D = np.geomspace(1e7, 1e12, 7), np.geomspace(1e13, 1e8, 7)


def law(name, **options):
    return sj.laws.get(name, **options)


@pytest.mark.parametrize("name", ["chinchilla_epoch", "gemstones_nd"])
def test_the_form_of_chinchilla_under_other_names(name):
    theta = law("chinchilla").published("epoch").params
    inputs = dict(params=N, tokens=D)
    np.testing.assert_array_equal(law(name)(theta, inputs), law("chinchilla")(theta, inputs))
    assert law(name).published().keys() != law("chinchilla").published().keys()


def test_pearce_song_is_chinchilla_of_the_total_parameters():
    theta = law("pearce_song").published("epoch").params
    total = N + theta["gamma"] * N ** (1 / 3)
    inner = {name: value for name, value in theta.items() if name != "gamma"}
    np.testing.assert_allclose(
        law("pearce_song")(theta, dict(params_no_embed=N, tokens=D)),
        law("chinchilla")(inner, dict(params=total, tokens=D)),
        rtol=1e-12,
    )


def test_busbridge_is_skaling_with_its_own_letter():
    theta = law("busbridge_supervised").published("c4").params
    renamed = {"k" if n == "gamma" else n: value for n, value in theta.items()}
    inputs = dict(params=N, tokens=D)
    np.testing.assert_allclose(
        law("busbridge_supervised")(theta, inputs), law("skaling")(renamed, inputs), rtol=1e-12
    )


def test_logarithms_of_amplitudes_are_the_amplitudes_of_skaling():
    found = law("xlstm_lnd").published("transformer")
    t = found.params
    amplitudes = dict(E=np.exp(t["e"]), A=np.exp(t["a"]), B=np.exp(t["b"]), k=t["gamma"])
    theta = amplitudes | {name: t[name] for name in ("alpha", "beta")}
    np.testing.assert_allclose(
        found(params=N, tokens=D), law("skaling")(theta, dict(params=N, tokens=D)), rtol=1e-10
    )


@pytest.mark.parametrize("name", ["xlstm_lnd", "hitchhiker_protocol"])
def test_fits_of_log_amplitudes_move_in_shares_and_come_back(name):
    estimate = next(e for e in law(name).published().values() if not e.missing)
    anchor, logs = estimate.law.anchor, dict(params=20.0, tokens=24.0, loss=1.0)
    assert anchor is not None
    there = anchor.from_natural(estimate.params, logs)
    back = anchor.to_natural(there, logs)
    assert back == pytest.approx(estimate.params, rel=1e-12)
    # At the centre of the data the shares alone say what the loss is.
    outer = there.get("gamma", 1.0)
    shares = there["floor"] + (there["size"] + there["data"]) ** outer
    centre = dict(params=np.exp(20.0), tokens=np.exp(24.0))
    assert float(estimate(**centre)) == pytest.approx(float(shares) * np.exp(1.0), rel=1e-10)


def test_three_components_are_orthonormal_and_tie_the_five_coefficients():
    from scaling_jax.laws.loss_surfaces import _PCA3

    matrix = np.array(_PCA3)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-6)
    five = matrix @ np.array([4.6, 5.6, 6.4])
    theta = {n: x for n, x in zip(["a", "b", "e", "alpha", "beta"], five.tolist(), strict=True)}
    np.testing.assert_allclose(
        law("chinchilla_pca3")(dict(u=4.6, v=5.6, w=6.4), dict(params=N, tokens=D)),
        law("hitchhiker_protocol")(theta, dict(params=N, tokens=D)),
        rtol=1e-12,
    )


def test_rosenfeld_goes_from_its_asymptote_to_random_guessing():
    imagenet = law("rosenfeld").published("imagenet")
    t = imagenet.params
    guess = imagenet(data_fraction=1e-12, model_fraction=1e-12)
    assert float(guess) == pytest.approx(t["eps0"], rel=1e-3)
    least = imagenet(data_fraction=1e12, model_fraction=1e12)
    expected = t["eps0"] * t["c_inf"] / np.hypot(t["c_inf"], t["eta"])
    assert float(least) == pytest.approx(expected, rel=1e-6)


def test_rosenfeld_predicts_losses_of_language_models():
    ptb = law("rosenfeld").published("ptb")
    assert ptb.law.output.column == "loss"
    assert ptb.law is law("rosenfeld", output="loss")


def test_practical_data_constrained_lies_between_floor_and_uninformed_loss():
    theta = dict(E=1.7, L0=11.0, a=40.0, alpha=0.34, b=100.0, beta=0.3, c=1.0, gamma=0.2, delta=0.4)
    found = law("practical_data_constrained")
    none = found(theta, dict(params=1e9, unique_tokens=1e-30, tokens=1e9))
    assert float(none) == pytest.approx(11.0, rel=1e-9)
    # With little left of h it is Chinchilla with amplitudes (L0 - E) a and (L0 - E) b.
    plenty = dict(params=1e14, unique_tokens=1e40, tokens=1e16)
    h = 40.0 * 1e14**-0.34 + 100.0 * 1e16**-0.3 + 1e14**0.2 * 1e40**-0.4
    expected = 1.7 + 9.3 * h / (1.0 + h)
    assert float(found(theta, plenty)) == pytest.approx(expected, rel=1e-12)


def test_shannon_scaling_is_its_formula_for_strong_and_weak_signals():
    theta = dict(a=0.05, alpha=0.05, b=1.0, beta=0.3, c=1e-6, gamma=0.3, d=1e-4, delta=0.35, e=2.0)
    for b in (1e-3, 1.0, 1e6):
        signal = b * D**0.3 / (1e-6 * (D * N) ** 0.3 + 1e-4 * D**0.35 + 2.0)
        expected = 1.0 / (0.05 * N**0.05 * np.log1p(signal) / np.log(2.0))
        inputs = dict(params=N, tokens=D)
        np.testing.assert_allclose(law("shannon_scaling")({**theta, "b": b}, inputs), expected)
    weak = law("shannon_scaling").log({**theta, "b": 1e-200}, dict(params=N, tokens=D))
    assert np.all(np.isfinite(weak))


def test_kaplan_ns_is_a_sum_of_its_limits():
    kaplan = law("kaplan_ns").published("kaplan")
    t = kaplan.params
    size = kaplan.law(t, dict(params=1e9, min_steps=np.inf))
    steps = kaplan.law(t, dict(params=np.inf, min_steps=1e5))
    assert float(size) == pytest.approx((t["N_c"] / 1e9) ** t["alpha_N"], rel=1e-12)
    assert float(steps) == pytest.approx((t["S_c"] / 1e5) ** t["alpha_S"], rel=1e-12)
    both = kaplan(params=1e9, min_steps=1e5)
    assert float(both) == pytest.approx(float(size + steps), rel=1e-12)


SU = dict(N_c=1.5e14, alpha_N=0.076, S_c=2.6e3, alpha_S=0.67, B_star=1.7e8, alpha_B=0.205)


def su_steps():
    rng = np.random.default_rng(0)
    ranges = dict(params=(1e5, 1e13), step=(1e2, 1e8), batch_tokens=(1e3, 1e9))
    return {n: np.exp(rng.uniform(np.log(a), np.log(b), 200)) for n, (a, b) in ranges.items()}


def test_su_mystery_solves_its_equation():
    inputs = su_steps()
    loss = np.asarray(law("su_mystery")(SU, inputs))
    critical = SU["B_star"] / loss ** (1 / SU["alpha_B"])
    least = inputs["step"] / (1.0 + critical / inputs["batch_tokens"])
    size = (SU["N_c"] / inputs["params"]) ** SU["alpha_N"]
    np.testing.assert_allclose(loss, size + (SU["S_c"] / least) ** SU["alpha_S"], rtol=1e-10)


def test_su_mystery_with_a_large_batch_is_kaplans_law_of_steps():
    inputs = su_steps() | {"batch_tokens": 1e30}
    theta = {name: SU[name] for name in ("N_c", "alpha_N", "S_c", "alpha_S")}
    np.testing.assert_allclose(
        law("su_mystery")(SU, inputs),
        law("kaplan_ns")(theta, dict(params=inputs["params"], min_steps=inputs["step"])),
        rtol=1e-10,
    )


def test_su_mystery_has_the_gradient_of_the_implicit_function():
    point = dict(params=1e8, step=1e4, batch_tokens=1e5)

    def loss(values):
        return law("su_mystery").log(SU, {n: jnp.exp(v) for n, v in values.items()})

    logs = {name: np.log(value) for name, value in point.items()}
    slopes = jax.grad(loss)(logs)
    for name, slope in slopes.items():
        up, down = ({**logs, name: logs[name] + s * 1e-5} for s in (1, -1))
        assert float(slope) == pytest.approx(float(loss(up) - loss(down)) / 2e-5, rel=1e-6)
