"""Numbers that the publications state about their own laws."""

import jax
import numpy as np
import pytest

import scaling_jax as sj

pytestmark = pytest.mark.usefixtures("float64")


def get(name, estimate):
    return sj.laws.get(name).published(estimate)


def compute_optimal(estimate, compute):
    """Return N and D/N at the least loss with 6*N*D = compute, by search on a fine grid."""
    n = np.geomspace(1e6, compute / 6.0 / 1e6, 400_001)
    best = int(np.argmin(estimate(params=n, tokens=compute / (6.0 * n))))
    assert 0 < best < len(n) - 1
    return n[best], compute / 6.0 / n[best] ** 2


@pytest.mark.parametrize(
    ("name", "column", "ratio"), [("kaplan_n", "params", 0.949), ("kaplan_d", "tokens", 0.936)]
)
def test_kaplan_each_doubling(name, column, ratio):
    kaplan = get(name, "kaplan")
    exponent = -list(kaplan.values.values())[0]
    doubled = float(kaplan(**{column: 2e9}) / kaplan(**{column: 1e9}))
    assert doubled == pytest.approx(2.0**exponent, rel=1e-12)
    assert doubled == pytest.approx(ratio, abs=5e-4)


@pytest.mark.parametrize("n", [1e7, 1e9])
def test_kaplan_overfitting_depends_on_a_single_ratio(n):
    kaplan = get("kaplan_nd", "kaplan")
    p, d = kaplan.params, 5e3 * n**0.74  # Eq. 4.4: overfitting stays near the seed noise of 0.02
    overfitting = float(kaplan(params=n, tokens=d)) / (p["N_c"] / n) ** p["alpha_N"] - 1.0
    ratio = (n / p["N_c"]) ** (p["alpha_N"] / p["alpha_D"]) * p["D_c"] / d
    assert overfitting == pytest.approx((1.0 + ratio) ** p["alpha_D"] - 1.0, rel=1e-9)
    assert overfitting == pytest.approx(0.02, abs=0.003)


@pytest.mark.parametrize(
    ("estimate", "n_opt", "ratio"),
    [("hoffmann_tex", 4.04e10, 58.9), ("hoffmann", 3.22e10, 92.7), ("epoch", 7.23e10, 18.4)],
)
def test_chinchilla_compute_optimum_at_the_flops_of_chinchilla(estimate, n_opt, ratio):
    chinchilla = get("chinchilla", estimate)
    found = compute_optimal(chinchilla, 5.76e23)  # 18.34; 18.4 with the constants of Table 1
    assert found == (pytest.approx(n_opt, rel=2e-3), pytest.approx(ratio, rel=5e-3))
    p = chinchilla.params
    g = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    closed = g * (5.76e23 / 6.0) ** (p["beta"] / (p["alpha"] + p["beta"]))
    assert found[0] == pytest.approx(closed, rel=1e-4)


def test_rounding_beta_biases_the_data_term():
    beta = get("chinchilla", "hoffmann_tex").params["beta"]
    assert 1e11 ** (beta - 0.28) - 1.0 == pytest.approx(0.13, abs=0.005)


def test_farseer_values():
    farseer = get("farseer", "baseline")
    loss = farseer(params=[1e8, 1e9, 6.4e9, 2.5e10], tokens=[1e9, 2e10, 1e11, 1e12])
    np.testing.assert_allclose(loss, [0.7156, 0.5272, 0.4464, 0.3797], atol=5e-5)


@pytest.mark.parametrize(
    ("compute", "n_opt", "ratio"),
    [(1e18, 5.1e7, 64), (1e19, 3.1e8, 17.3), (1e20, 1.24e9, 10.8), (1e21, 3.9e9, 10.9)],
)
def test_farseer_interior_minima(compute, n_opt, ratio):
    n = np.geomspace(1e7, 4e10, 100_001)
    loss = np.asarray(get("farseer", "baseline")(params=n, tokens=compute / (6.0 * n)))
    inner = np.flatnonzero((loss[1:-1] < loss[:-2]) & (loss[1:-1] < loss[2:])) + 1
    assert n[inner] == pytest.approx([n_opt], rel=2e-2)
    assert compute / 6.0 / n[inner] ** 2 == pytest.approx([ratio], rel=2e-2)


def test_farseer_has_no_interior_minimum_at_large_compute():
    n = np.geomspace(1e7, 4e11, 100_001)
    loss = np.asarray(get("farseer", "baseline")(params=n, tokens=1e23 / (6.0 * n)))
    assert np.all(np.diff(loss) < 0.0)


@pytest.mark.parametrize(
    ("n", "m", "predicted", "observed", "error"),
    [(1439795200, 640, 2.5198, 2.5021, 0.0071), (6889410560, 20, 2.4427, 2.4250, 0.0073)],
)
def test_gadre_predictions_of_overtrained_runs(n, m, predicted, observed, error):
    gadre = get("gadre_overtraining", "redpajama")
    loss = float(gadre(compute_flops=6.0 * n * n * m, tokens_per_param=m))
    assert loss == pytest.approx(predicted, abs=1e-4)  # the coefficients are rounded, too
    assert loss / observed - 1.0 == pytest.approx(error, abs=5e-5)


def test_gadre_optimal_multiplier_does_not_depend_on_compute():
    gadre = get("gadre_overtraining", "c4")
    p, m = gadre.params, np.geomspace(0.1, 1e3, 100_001)
    for compute in (1e18, 1e24):
        best = m[np.argmin(gadre(compute_flops=compute, tokens_per_param=m))]
        assert best == pytest.approx((p["b"] / p["a"]) ** (1 / (2 * p["eta"])), rel=1e-3)


def test_gadre_is_chinchilla_with_equal_exponents():
    gadre = get("gadre_overtraining", "refinedweb")
    p, six = gadre.params, 6.0 ** gadre.params["eta"]
    n, d = np.geomspace(1e7, 1e11, 9), np.geomspace(1e12, 1e9, 9)
    chinchilla = sj.laws.get("chinchilla").tie(beta="alpha")
    theta = dict(E=p["E"], A=p["a"] / six, B=p["b"] / six, alpha=2 * p["eta"])
    np.testing.assert_allclose(
        gadre(compute_flops=6 * n * d, tokens_per_param=d / n),
        chinchilla(theta, dict(params=n, tokens=d)),
        rtol=1e-12,
    )


def test_skaling_with_coupling_one_is_chinchilla():
    chinchilla = get("chinchilla", "epoch")
    n, d = np.geomspace(1e6, 1e12, 9), np.geomspace(1e13, 1e8, 9)
    held = sj.laws.get("skaling").fix(k=1.0)
    np.testing.assert_allclose(
        held(chinchilla.params, dict(params=n, tokens=d)),
        chinchilla(params=n, tokens=d),
        rtol=1e-12,
    )


def test_bnsl_without_breaks_is_a_power_law_plus_constant():
    x = np.geomspace(1.0, 1e12, 9)
    law = sj.laws.get("bnsl", breaks=0, x="params")
    value = law(dict(a=1.7, b=400.0, c0=0.3), dict(params=x))
    np.testing.assert_allclose(value, 1.7 + 400.0 * x**-0.3, rtol=1e-12)


def test_bnsl_segments_are_power_laws_with_the_summed_exponents():
    figure = get("bnsl", "figure_1")
    p = figure.params

    def slope(x):
        def log_excess(log_x):
            value = figure.law(p, dict(tokens=jax.numpy.exp(log_x)))
            return jax.numpy.log(value - p["a"])

        return float(jax.grad(log_excess)(np.log(x)))

    assert slope(1e-3) == pytest.approx(-p["c0"], abs=1e-3)
    assert slope(1e22) == pytest.approx(-(p["c0"] + p["c1"] + p["c2"] + p["c3"]), abs=1e-3)


def test_parscale_streams_act_as_parameters():
    pile = get("parscale", "pile")
    factor = pile.params["k"] * np.log(8.0) + 1.0
    assert float(pile(params=1e9, streams=8)) == pytest.approx(
        float(pile(params=1e9 * factor, streams=1)), rel=1e-12
    )


@pytest.mark.parametrize(
    ("estimate", "losses", "r2", "objective"),
    [("stack", "stack_loss", 0.9978, 3.677e-5), ("pile", "pile_loss", 0.9987, 1.814e-5)],
)
def test_parscale_reproduces_the_published_losses(estimate, losses, r2, objective, catalogue):
    published = catalogue["parscale"]["data"]["values"]
    n, observed = np.array(published["N"], float), np.array(published[losses])
    streams = np.repeat(np.array(published["P"], float)[:, None], n.shape[1], axis=1)
    predicted = np.asarray(get("parscale", estimate)(params=n, streams=streams))
    spread = np.sum((observed - observed.mean()) ** 2)
    assert 1.0 - np.sum((predicted - observed) ** 2) / spread == pytest.approx(r2, abs=1e-4)
    residuals = np.abs(np.log(predicted / observed))
    huber = np.where(residuals < 1e-3, residuals**2 / 2, 1e-3 * (residuals - 5e-4))
    assert np.sum(huber) == pytest.approx(objective, rel=1e-3)
