"""Fits recover known parameters, agree with scipy, and say when they should not be believed."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import scaling_jax as sj
from tests.synthetic import STARTS, TRUTH, grid

OBJECTIVES = [
    sj.Huber(1e-3),
    sj.Huber(0.02, scale="natural"),
    sj.Squared(),
    sj.Squared(scale="natural", reduction="mean"),
    sj.StudentT(df=3.0, sigma=0.01),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.describe())
def test_recovers_noise_free_parameters(exact_runs, objective):
    fit = sj.fit("chinchilla", exact_runs, objective, starts=STARTS)
    assert fit.converged
    assert fit.identified
    for name, value in TRUTH.items():
        assert fit.params[name] == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.describe())
def test_no_better_optimum_is_found_by_scipy(noisy_runs, objective):
    """An independent objective in plain NumPy, polished by Nelder-Mead from our optimum."""
    fit = sj.fit("chinchilla", noisy_runs, objective, starts=STARTS)
    n, d, y = (noisy_runs[c] for c in ("params", "tokens", "loss"))

    def plain(x):
        e, a, b = np.exp(x[:3])
        f = e + a / n ** x[3] + b / d ** x[4]
        r = np.log(f / y) if objective.scale == "log" else f - y
        rho = np.asarray(objective.penalty(r))
        return float(rho.mean() if objective.reduction == "mean" else rho.sum())

    p = fit.params
    x = np.array([np.log(p["E"]), np.log(p["A"]), np.log(p["B"]), p["alpha"], p["beta"]])
    assert fit.objective == pytest.approx(plain(x), rel=1e-6)
    polished = scipy.optimize.minimize(
        plain, x, method="Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-9, "fatol": 1e-14}
    )
    assert fit.objective <= polished.fun * (1.0 + 1e-6)


def test_absolute_penalty_agrees_with_linear_programming():
    """log L = alpha (log N_c - log N) is linear, so the least absolute deviation is a program."""
    rng = np.random.default_rng(1)
    params = np.geomspace(1e6, 1e10, 25)
    loss = (8.8e13 / params) ** 0.076 * np.exp(0.02 * rng.standard_t(2, size=25))
    runs = sj.RunTable.from_columns({"params": params, "loss": loss})
    fit = sj.fit("kaplan_n", runs, sj.Absolute(), starts=STARTS)
    design = np.column_stack([np.ones(25), -np.log(params)])
    cost = np.r_[np.zeros(2), np.ones(50)]
    exact = scipy.optimize.linprog(
        cost,
        A_eq=np.hstack([design, np.eye(25), -np.eye(25)]),
        b_eq=np.log(loss),
        bounds=[(None, None)] * 2 + [(0, None)] * 50,
    )
    assert fit.objective == pytest.approx(exact.fun, rel=1e-5)
    assert fit.params["alpha_N"] == pytest.approx(exact.x[1], rel=1e-3)


def test_squared_log_residuals_agree_with_linear_regression():
    rng = np.random.default_rng(2)
    params = np.geomspace(1e6, 1e10, 30)
    loss = (8.8e13 / params) ** 0.076 * np.exp(0.02 * rng.normal(size=30))
    runs = sj.RunTable.from_columns({"params": params, "loss": loss})
    fit = sj.fit("kaplan_n", runs, sj.Squared(), starts=STARTS)
    x, y = np.log(params), np.log(loss)
    line = scipy.stats.linregress(x, y)
    assert fit.params["alpha_N"] == pytest.approx(-line.slope, rel=1e-8)
    # sigma^2 (X'X)^-1 is the textbook standard error.
    assert fit.errors("hessian")["alpha_N"] == pytest.approx(line.stderr, rel=1e-6)
    design = np.column_stack([np.ones(30), x])
    bread = np.linalg.inv(design.T @ design)
    r = y - line.intercept - line.slope * x
    robust = 30 / 28 * bread @ (design.T * r**2) @ design @ bread
    assert fit.standard_errors["alpha_N"] == pytest.approx(np.sqrt(robust[1, 1]), rel=1e-6)


def test_standard_errors_cover_the_truth():
    """Of 60 noisy tables, the 90 % normal interval holds the true exponent in 44 to 60."""
    hits = {"sandwich": 0, "hessian": 0}
    for seed in range(60):
        fit = sj.fit("chinchilla", grid(0.01, seed), sj.Squared(), starts=STARTS)
        for kind in hits:
            error = fit.params["alpha"] - TRUTH["alpha"]
            hits[kind] += abs(error) < 1.645 * fit.errors(kind)["alpha"]
    assert all(44 <= count for count in hits.values()), hits  # 44 has a probability of 0.0002


def test_same_seed_same_result_and_any_seed_same_optimum(noisy_runs, noisy_fit):
    again = sj.fit("chinchilla", noisy_runs, starts=STARTS)
    assert again.params == noisy_fit.params
    other = sj.fit("chinchilla", noisy_runs, starts=STARTS, seed=7)
    assert other.objective == pytest.approx(noisy_fit.objective, rel=1e-9)
    assert other.params["alpha"] == pytest.approx(noisy_fit.params["alpha"], rel=1e-6)


def test_row_order_does_not_matter(noisy_runs, noisy_fit):
    shuffled = noisy_runs.take(np.random.default_rng(0).permutation(len(noisy_runs)))
    fit = sj.fit("chinchilla", shuffled, starts=STARTS)
    assert fit.objective == pytest.approx(noisy_fit.objective, rel=1e-10)


def test_units_of_the_columns_do_not_matter(noisy_runs, noisy_fit):
    """Params in millions and loss in other units change amplitudes by their declared unit."""
    scaled = sj.RunTable.from_columns(
        {
            "params": noisy_runs["params"] * 1e-6,
            "tokens": noisy_runs["tokens"],
            "loss": noisy_runs["loss"] * 0.01,
        }
    )
    fit = sj.fit("chinchilla", scaled, starts=STARTS)
    p, q = noisy_fit.params, fit.params
    assert fit.objective == pytest.approx(noisy_fit.objective, rel=1e-9)
    assert q["alpha"] == pytest.approx(p["alpha"], rel=1e-6)
    assert q["E"] == pytest.approx(0.01 * p["E"], rel=1e-6)
    assert q["A"] == pytest.approx(0.01 * p["A"] * 1e-6 ** p["alpha"], rel=1e-5)


def test_weights_are_copies_of_runs(noisy_runs):
    weights = np.ones(len(noisy_runs))
    weights[:5], weights[5:9] = 2.0, 0.0
    rows = np.repeat(np.arange(len(noisy_runs)), weights.astype(int))
    weighted = sj.fit("chinchilla", noisy_runs, starts=STARTS, weights=weights)
    copied = sj.fit("chinchilla", noisy_runs.take(rows), starts=STARTS)
    assert weighted.objective == pytest.approx(copied.objective, rel=1e-8)
    assert weighted.params["alpha"] == pytest.approx(copied.params["alpha"], rel=1e-5)


def test_sum_and_mean_differ_by_the_number_of_runs(noisy_runs, noisy_fit):
    mean = sj.fit("chinchilla", noisy_runs, sj.Huber(1e-3, reduction="mean"), starts=STARTS)
    assert mean.objective * len(noisy_runs) == pytest.approx(noisy_fit.objective, rel=1e-9)
    assert mean.params["E"] == pytest.approx(noisy_fit.params["E"], rel=1e-6)
    assert mean.standard_errors["E"] == pytest.approx(noisy_fit.standard_errors["E"], rel=1e-4)


def test_fixed_and_tied_parameters_are_held(noisy_runs):
    law = sj.laws.get("chinchilla").fix(E=1.8).tie(beta="alpha")
    fit = sj.fit(law, noisy_runs, starts=STARTS)
    assert tuple(fit.params) == ("A", "B", "alpha")
    free = sj.fit("chinchilla", noisy_runs, starts=STARTS)
    assert fit.objective > free.objective
    expected = 1.8 + fit.params["A"] * 1e9 ** -fit.params["alpha"]
    expected += fit.params["B"] * 1e10 ** -fit.params["alpha"]
    assert fit(params=1e9, tokens=1e10) == pytest.approx(expected, rel=1e-12)


def test_an_optax_optimiser_may_go_first(noisy_runs, noisy_fit):
    import optax

    fit = sj.fit(
        "chinchilla", noisy_runs, starts=STARTS, optimizer=optax.adam(0.05), optimizer_steps=50
    )
    assert fit.objective == pytest.approx(noisy_fit.objective, rel=1e-9)


def test_given_starts_are_used(noisy_runs, noisy_fit):
    near = {name: [value, 0.9 * value] for name, value in noisy_fit.params.items()}
    fit = sj.fit("chinchilla", noisy_runs, starts=near)
    assert fit.starts is not None
    assert len(fit.starts) == 2
    assert fit.objective == pytest.approx(noisy_fit.objective, rel=1e-9)


def test_constant_tokens_are_refused(noisy_runs):
    runs = noisy_runs.with_column("tokens", np.full(len(noisy_runs), 1e10))
    with pytest.raises(sj.errors.FitError, match="all 48 runs of grid have tokens = 1e\\+10"):
        sj.fit("chinchilla", runs, starts=STARTS)


def test_tokens_proportional_to_params_are_not_identified_as_soon_as_exponents_may_swap():
    """At a fixed ratio D / N with tied exponents only A + B * ratio**-alpha is determined."""
    params = np.geomspace(1e7, 1e10, 24)
    loss = 1.8 + 480.0 / params**0.35 + 2100.0 / (20.0 * params) ** 0.35
    runs = sj.RunTable.from_columns({"params": params, "tokens": 20.0 * params, "loss": loss})
    fit = sj.fit(sj.laws.get("chinchilla").tie(beta="alpha"), runs, sj.Squared(), starts=STARTS)
    assert not fit.identified
    assert fit.rank == 3
    assert "not identified" in fit.warnings[0]
    assert all(np.isnan(error) for error in fit.standard_errors.values())
    assert "NO: rank 3 of 4" in str(fit.summary())
    with pytest.raises(sj.errors.FitError, match="not identified"):
        sj.fit(sj.laws.get("chinchilla").tie(beta="alpha"), runs, starts=STARTS, throw=True)


def test_an_irreducible_loss_of_zero_is_reported_at_its_bound():
    params = np.geomspace(1e6, 1e10, 24)
    runs = sj.RunTable.from_columns({"params": params, "loss": (8.8e13 / params) ** 0.076})
    law = sj.Law(
        name="floor",
        function=lambda params, *, E, A, alpha: E + A * params**-alpha,
        inputs=(sj.Variable("params"),),
        output=sj.Variable("loss"),
        parameters=(
            sj.Parameter("E", unit="loss"),
            sj.Parameter("A", unit="loss * params**alpha"),
            sj.Parameter("alpha"),
        ),
    )
    bent = runs.with_column("loss", runs["loss"] * np.exp(-0.01 * np.log(params / 1e8) ** 2))
    fit = sj.fit(law, bent, sj.Squared(), starts=STARTS)
    assert fit.at_bound == ("E",)
    assert any("E is at its bound" in warning for warning in fit.warnings)


@pytest.mark.parametrize("configured", [False, True])
def test_the_callers_configuration_is_neither_needed_nor_changed(noisy_runs, noisy_fit, configured):
    with jax.enable_x64(configured):
        fit = sj.fit("chinchilla", noisy_runs, starts=STARTS)
        assert (jnp.ones(1).dtype == jnp.float64) is configured
    assert fit.params == noisy_fit.params


def test_the_same_shape_compiles_nothing_new(noisy_runs):
    from scaling_jax.fitting.batch import _solve_block

    sj.fit("chinchilla", noisy_runs, starts=STARTS)
    program: Any = _solve_block  # its count of compiled versions is not among the types
    compiled = program._cache_size()
    sj.fit("chinchilla", grid(0.02, seed=9), starts=STARTS, seed=4)
    assert program._cache_size() == compiled


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.take(np.arange(4)), "grid has 4 runs, but chinchilla has 5 free parameters"),
        (lambda r: r.drop("loss"), "loss"),
        (lambda r: r.drop("tokens"), "tokens"),
    ],
)
def test_runs_that_cannot_be_fitted_are_refused(noisy_runs, change, message):
    with pytest.raises(sj.ScalingError, match=message):
        sj.fit("chinchilla", change(noisy_runs), starts=STARTS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"starts": 0}, "starts must be at least 1"),
        ({"starts": {"E": [1.0]}}, "starts lack A, B, alpha and beta"),
        ({"weights": np.ones(3)}, r"weights has shape \(3,\), but grid has 48 runs"),
        ({"weights": -np.ones(48)}, "weights must be finite, not negative"),
    ],
)
def test_bad_arguments_are_refused(noisy_runs, arguments, message):
    with pytest.raises(sj.errors.FitError, match=message):
        sj.fit("chinchilla", noisy_runs, **({"starts": STARTS} | arguments))


def test_summary_says_what_matters(noisy_fit):
    text = str(noisy_fit.summary())
    for part in ("chinchilla: L(N, D) = E + A / N**alpha", "48 from grid", "of 32 starts agree",
                 "rank 5 of 5", "huber (delta 0.001) on the log scale, summed"):  # fmt: skip
        assert part in text
    assert "<table>" in noisy_fit._repr_html_()
