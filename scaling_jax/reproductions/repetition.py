"""Repeated data, computed again: the C4 runs of Muennighoff et al. and Kim et al.'s asymptotes."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.datasets import load
from scaling_jax.fitting.fit import Fit, fit
from scaling_jax.laws import Law, get
from scaling_jax.objectives import Huber
from scaling_jax.protocols.repetition import (
    compute_optimal,
    data_efficiency,
    optimal_params_for,
    repeated_data_plan,
)
from scaling_jax.reproductions.record import Check, reproduction
from scaling_jax.runs import RunTable

_NOTEBOOK = "datablations, utils/parametric_fit.ipynb"
_README = "datablations, README"
_HUBER = Huber(1e-3, scale="log", reduction="sum")
_PRINTED = 5e-9  # half a unit of the last digit of objectives printed to nine decimals
_DECAYS = ("R_D_star", "R_N_star")


def _published_runs() -> RunTable:
    return load("datablations", table="all_runs").where("in_published_fit == 1")


def _predicted(law: Law, theta: Mapping[str, float], runs: RunTable) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(law(theta, {name: runs[name] for name in law.input_names}))


def _r_squared(predicted: np.ndarray, runs: RunTable) -> float:
    observed = np.asarray(runs["loss"])
    spread = np.sum((observed - observed.mean()) ** 2)
    return float(1.0 - np.sum((predicted - observed) ** 2) / spread)


def _objective(predicted: np.ndarray, runs: RunTable) -> float:
    with jax.enable_x64(True):
        residuals = np.log(predicted) - np.log(np.asarray(runs["loss"]))
        return float(np.sum(np.asarray(_HUBER.penalty(residuals))))


@reproduction(of="data_constrained", data=("datablations",))
def repeated_data_fit() -> Iterator[Check]:
    """R2 and objective of the printed coefficients, and the fit of the two decay constants."""
    runs, law = _published_runs(), get("data_constrained")
    printed = law.published("c4").params
    predicted = _predicted(law, printed, runs)
    cells = f"{_NOTEBOOK}, cells 29-37"
    yield Check("R2, 182 runs", 0.7722, _r_squared(predicted, runs), 5e-5, source=cells)
    objective = _objective(predicted, runs)
    yield Check("sum of Huber losses, 182 runs", 0.0158259, objective, 1e-7, source=cells)
    base = get("data_constrained_c4_base")
    plain = _predicted(base, base.published("c4_tied").params, runs)
    yield Check("R2 without decay", 0.4452, _r_squared(plain, runs), 5e-5, source=cells)
    yield from _decay_constants(runs, law, printed)


def _decay_constants(runs: RunTable, law: Law, printed: Mapping[str, float]) -> Iterator[Check]:
    near = _optimum_near(runs, law, printed)
    for name in _DECAYS:
        yield Check(
            f"{name}, optimum near the printed one", printed[name], near[name], 2e-3,
            relative=True, source=f"{_NOTEBOOK}, cell 30",
        )  # fmt: skip
    held = law.fix(**{n: x for n, x in printed.items() if n not in _DECAYS})
    lowest = fit(held, runs, _HUBER, starts=32)
    reason = (
        "the printed constants are a local optimum: 95.4 and 1.71 have a lower sum of the same "
        "Huber losses, 0.015805 against 0.015826"
    )
    for name in _DECAYS:
        yield Check(
            f"{name}, lowest optimum", printed[name], lowest.params[name], 2e-3,
            relative=True, source=f"{_NOTEBOOK}, cell 30", reason=reason,
        )  # fmt: skip


def _optimum_near(runs: RunTable, law: Law, printed: Mapping[str, float]) -> dict[str, float]:
    """Return the decay constants of the local optimum; the engine's stages would leave it."""
    from scipy.optimize import minimize

    with jax.enable_x64(True):
        inputs = {name: jnp.asarray(runs[name]) for name in law.input_names}
        observed = jnp.log(jnp.asarray(runs["loss"]))

        @jax.jit
        def objective(logs: jax.Array) -> jax.Array:
            decays = dict(zip(_DECAYS, jnp.exp(logs), strict=True))
            residuals = law.log({**printed, **decays}, inputs) - observed
            return 1e3 * jnp.sum(_HUBER.penalty(residuals))

        start = np.log([printed[name] for name in _DECAYS])
        options = {"xatol": 1e-7, "fatol": 1e-12, "initial_simplex": start + 0.01 * np.eye(3, 2)}
        found: Any = minimize(objective, start, method="Nelder-Mead", options=options)
    return dict(zip(_DECAYS, np.exp(found.x).tolist(), strict=True))


@reproduction(of="data_constrained")
def repeated_data_plans() -> Iterator[Check]:
    """The allocation of the README, and the law at the two trained models."""
    plan = repeated_data_plan(1e22, 25e9, search="published")
    grid = f"{_README}, 1e22 FLOP and 25e9 unique tokens"
    yield Check("parameters", 7.02236474e9, plan.params, 5.0, source=grid)
    yield Check("tokens", 2.37336955e11, plan.tokens, 500.0, source=grid)
    yield Check("epochs", 9.4935, plan.epochs, 5e-5, source=grid)
    yield Check("loss", 2.2221, plan.loss, 5e-5, source=grid)
    estimate = get("data_constrained").published("c4")
    points = {
        "L(6.34e9, 242e9, 25e9)": (2.2256440889984477, 6.34e9, 242e9),
        "L(8.67e9, 178e9, 25e9)": (2.2269634075087867, 8.67e9, 178e9),
    }
    with jax.enable_x64(True):
        for quantity, (published, params, tokens) in points.items():
            ours = float(estimate(params=params, tokens=tokens, unique_tokens=25e9))
            yield Check(quantity, published, ours, 1e-12, source=_README)
    plan = repeated_data_plan(9.3e21, 25e9)
    yield Check(
        "parameters saved at 9.3e21 FLOP", 0.27, 1.0 - plan.params / plan.base_params, 0.005,
        source="section 5",
        reason="27 % is the ratio of the two trained models, 6.34e9 and 8.67e9 parameters; the "
        "law's own optima on this isoFLOP line are 6.82e9 and 8.89e9",
    )  # fmt: skip
    yield Check("parameters saved by the trained model", 0.27, 1.0 - 6.34 / 8.67, 0.005,
                source="section 5")  # fmt: skip


@reproduction(of="data_constrained", data=("datablations",))
def repeated_data_runs() -> Iterator[Check]:
    """What the measured losses say of repetition."""
    runs = load("datablations", table="all_runs")
    largest = dict(zip(runs["run"], np.asarray(runs["loss"]), strict=True))
    excess = 100.0 * (largest["8b7178b44b"] / largest["8b7178b178b"] - 1.0)
    yield Check(
        "excess loss of 8.7B at 4 epochs, percent", 0.5, excess, 0.05,
        source="section 4",
        reason="the final losses in the notebook, 2.3512 and 2.3367, are 0.6 % apart",
    )  # fmt: skip
    scarce = runs.where("unique_tokens == 1e8")
    best = int(np.argmin(scarce["loss"]))
    yield Check("epochs of the lowest loss on 1e8 tokens", 60.0,
                float(scarce["tokens"][best]) / 1e8, 5.0, source="Figure 3")  # fmt: skip
    yield Check("its parameters over those of the smallest model", 20.0,
                float(scarce["params"][best]) / 7.1e6, 1.0, source="Figure 3")  # fmt: skip


@reproduction(of="data_constrained_geometric", data=("datablations",))
def geometric_decay() -> Iterator[Check]:
    """R2 and objective of the geometric decay in its two spellings."""
    runs, law = _published_runs(), get("data_constrained_geometric")
    for name in ("c4", "c4_exponential"):
        predicted = _predicted(law, law.published(name).params, runs)
        source = f"{_NOTEBOOK}, cells 48-51"
        yield Check(f"R2, {name}", 0.7988, _r_squared(predicted, runs), 1e-4, source=source)
        objective = _objective(predicted, runs)
        yield Check(f"sum of Huber losses, {name}", 0.015477441, objective, _PRINTED,
                    source=source)  # fmt: skip


@reproduction(of="data_constrained_one_sided", data=("datablations",))
def one_sided_decay() -> Iterator[Check]:
    """R2 of decay of data or of parameters only, and the constant of the latter."""
    runs = _published_runs()
    published = {"data_only": 0.7354, "parameters_only": 0.4488}
    for name, r_squared in published.items():
        estimate = get("data_constrained_one_sided").published(name)
        predicted = _predicted(estimate.law, estimate.params, runs)
        yield Check(f"R2, {name}", r_squared, _r_squared(predicted, runs), 5e-5,
                    source=f"{_NOTEBOOK}, cells 36-37")  # fmt: skip
    for name, decay in (("data_only", "R_D_star"), ("parameters_only", "R_N_star")):
        estimate = get("data_constrained_one_sided").published(name)
        found = _with_frozen_base(estimate.law, estimate.params, decay, runs)
        stuck = (
            "the optimiser stopped far off: 0.742 halves the sum of Huber losses, to 0.0159, and "
            "explains the runs almost as well as both decays together"
        )
        yield Check(
            f"{decay}, {name}", estimate.params[decay], found.params[decay], 1e-3,
            relative=True, source=f"{_NOTEBOOK}, cells 42-45",
            reason=stuck if decay == "R_N_star" else "",
        )  # fmt: skip


def _with_frozen_base(law: Law, theta: Mapping[str, float], decay: str, runs: RunTable) -> Fit:
    held = law.fix(**{n: x for n, x in theta.items() if n != decay})
    return fit(held, runs, _HUBER, starts=32)


@reproduction(of="data_constrained_exponent_decay", data=("datablations",))
def exponent_decay() -> Iterator[Check]:
    """R2 of decaying exponents on the 182 runs."""
    runs, law = _published_runs(), get("data_constrained_exponent_decay")
    predicted = _predicted(law, law.published("c4_all").params, runs)
    yield Check("R2, 182 runs", 0.5110, _r_squared(predicted, runs), 5e-5,
                source=f"{_NOTEBOOK}, cell 35")  # fmt: skip


@reproduction(of="data_constrained_c4_base")
def base_optima() -> Iterator[Check]:
    """Compute-optimal sizes of the four base laws."""
    published = {
        "c4_tied": (6.9962e10, 1.37217e12),
        "c4_untied": (9.9030e10, 9.694e11),
        "own_runs_tied": (3.4889e10, 2.7516e12),
        "massiveweb": (4.1716e10, 2.3013e12),
    }
    source = f"{_NOTEBOOK}, cells 8-18, 5.76e23 FLOP"
    other = (
        "cell 18 computes it from alpha = 0.336 and beta = 0.283, not from the 0.34 and 0.28 of "
        "the printed set, with which the size is 22 % smaller"
    )
    # What cell 18 has in place of the printed set.
    of_cell_18 = {"A": 406.4, "B": 410.7, "alpha": 0.336, "beta": 0.283}
    with jax.enable_x64(True):
        for name, printed in published.items():
            theta = get("data_constrained_c4_base").published(name).params
            reason = other if name == "massiveweb" else ""
            yield from _optimum_checks(name, printed, theta, source, reason)
        name = "massiveweb with the constants of cell 18"
        yield from _optimum_checks(name, published["massiveweb"], of_cell_18, source)
        theta = get("data_constrained_c4_base").published("c4_tied").params
        sizes = {100e6: 5098651.77, 400e6: 20394607.06, 1.5e9: 76479776.48}
        for tokens, params in sizes.items():
            ours = float(optimal_params_for(theta, tokens))
            yield Check(f"parameters for {tokens:g} tokens", params, ours, 5e-7, True,
                        f"{_NOTEBOOK}, cell 20")  # fmt: skip


def _optimum_checks(
    name: str, printed: tuple[float, float], theta: Mapping[str, float], source: str, reason=""
) -> Iterator[Check]:
    found = compute_optimal(theta, 5.76e23)
    for quantity, published, ours in zip(("parameters", "tokens"), printed, found, strict=True):
        yield Check(
            f"{quantity}, {name}", published, float(ours), 2e-4,
            relative=True, source=source, reason=reason,
        )  # fmt: skip


@reproduction(of="infinite_compute_data")
def infinite_compute_efficiencies() -> Iterator[Check]:
    """Data efficiencies that follow from the losses at 200M tokens and the common E and alpha.

    The amplitudes are only plotted: those that give the printed losses at 200M tokens are taken,
    with E and alpha in the middle of their printed ranges. The tolerance is what the ranges allow.
    """
    ranges: Mapping[str, Any] = get("infinite_compute_data").published("recipes").ranges
    corners = [(a, e) for a in ranges["alpha"] for e in ranges["E"]]
    middle = (float(np.mean(ranges["alpha"])), float(np.mean(ranges["E"])))
    standard, best_size = 3.75, _best_actual_model()
    for quantity, published, loss in (
        ("regularised asymptote", 2.29, 3.43),
        ("best single model, 1.4B", 2.09, best_size),
        ("joint asymptote", 5.17, 3.17),
    ):
        ours = _efficiency(standard, loss, *middle)
        allowed = max(abs(_efficiency(standard, loss, *corner) - ours) for corner in corners)
        yield Check(f"data efficiency of the {quantity}", published, ours, allowed,
                    source="sections 3-5")  # fmt: skip


def _efficiency(baseline: float, recipe: float, alpha: float, floor: float) -> float:
    """Return the data efficiency of a recipe from two losses at the same 200M tokens."""
    tokens = 2e8
    laws = [
        {"A": (loss - floor) * tokens**alpha, "alpha": alpha, "E": floor}
        for loss in (baseline, recipe)
    ]
    with jax.enable_x64(True):
        return float(data_efficiency(*laws, unique_tokens=tokens))


def _best_actual_model() -> float:
    law = get("infinite_compute_parameters")
    return float(law.published("regularised_200m")(params=1.4e9))
