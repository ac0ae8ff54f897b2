"""The bias of isoFLOP parabolas, computed again: simulated surfaces and the Llama 3 points."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from scaling_jax.datasets import load
from scaling_jax.fitting.fit import fit
from scaling_jax.laws import get
from scaling_jax.literature import printed_estimates
from scaling_jax.objectives import Squared
from scaling_jax.protocols.approach2_bias import (
    extrapolated_tokens,
    optimal_params,
    parabola_vertex,
    symmetric_grid,
    vertex_shift,
)
from scaling_jax.protocols.variable_projection import variable_projection
from scaling_jax.reproductions.record import Check, reproduction

_FACTORS = (2.0, 4.0, 8.0, 16.0)
_BUDGETS = 10.0 ** np.arange(17, 22)
_TARGET = 1e24
_LLAMA_3 = 3.8e25
_PERCENT = 5e-3  # two decimals are printed
_THIRD = -np.log10(3.0)  # the grid's centre at a third of the best size
_OFFSETS = {
    "d_error_centred": np.zeros(5),
    "d_error_offset": np.full(5, _THIRD),
    "d_error_drift": np.linspace(0.0, _THIRD, 5),
}


def _entry(name: str) -> dict[str, Any]:
    (entry,) = (e for e in printed_estimates("approach2_bias") if e["name"] == name)
    return entry


@reproduction(of="approach2_bias")
def parabola_bias() -> Iterator[Check]:
    """Errors of extrapolated tokens on three surfaces, three kinds of grid and four widths."""
    surfaces = ("symmetric", "chinchilla", "asymmetric")
    for table, offset in _OFFSETS.items():
        for surface in surfaces:
            theta = _entry(surface)["values"]
            for factor, error in zip(_FACTORS, _entry(table)["facts"][surface], strict=True):
                quantity = f"{table}, {surface}, x{factor:g}, percent"
                ours = _token_error(theta, factor, offset)
                yield Check(quantity, error, ours, _PERCENT, source="results table")
    for surface, shift in (("chinchilla", 0.022735), ("asymmetric", 0.114166), ("symmetric", 0.0)):
        theta = _entry(surface)["values"]
        with jax.enable_x64(True):
            ours = float(vertex_shift(theta["alpha"], theta["beta"], symmetric_grid(16.0)))
        yield Check(f"shift of the vertex, {surface}, x16, decades", shift, ours, 5e-7)
    best = optimal_params(_entry("chinchilla")["values"], _TARGET)
    tokens = float(_TARGET / 6.0 / best)
    yield Check("D* at 1e24 FLOP, chinchilla", 4.04e12, tokens, 5e9, source="simulation section")


def _token_error(theta: dict[str, float], factor: float, offset: np.ndarray) -> float:
    """Return the error in percent of the tokens extrapolated from five budgets."""
    with jax.enable_x64(True):
        vertex = parabola_vertex(theta, _BUDGETS, symmetric_grid(factor), offset)
        tokens, _ = extrapolated_tokens(_BUDGETS, vertex, _TARGET)
        true = _TARGET / 6.0 / optimal_params(theta, _TARGET)
        return 100.0 * float(tokens / true - 1.0)


@reproduction(of="approach2_bias", data=("open_athena_isoflops",))
def llama_3_allocation() -> Iterator[Check]:
    """What parabolas and the fitted surface prescribe at the compute of Llama 3, and the loss."""
    runs = load("open_athena_isoflops", experiment="llama_3__raw_loss")
    budgets, vertices = np.unique(runs["compute_flops"]), []
    for budget in budgets:
        here = runs.where(runs["compute_flops"] == budget)
        curvature, slope, _ = np.polyfit(np.log10(here["params"]), here["loss"], 2)
        vertices.append(10.0 ** (-slope / (2.0 * curvature)))
    with jax.enable_x64(True):
        tokens, b = (float(x) for x in extrapolated_tokens(budgets, np.array(vertices), _LLAMA_3))
    where = "exp11/compute_allocation_errors.txt"
    printed = _entry("llama_3_approach2")["values"]
    yield Check("exponent a, approach 2", printed["a"], 1.0 - b, 5e-5, source=where)
    yield Check("exponent b, approach 2", printed["b"], b, 5e-5, source=where)
    yield Check("D* at 3.8e25 FLOP, approach 2", 16.1e12, tokens, 0.05e12, source=where)
    theta = get("chinchilla").published("llama3").params
    with jax.enable_x64(True):
        best = float(_LLAMA_3 / 6.0 / optimal_params(theta, _LLAMA_3))
    yield Check("D* at 3.8e25 FLOP, surface", 10.2e12, best, 0.05e12, source=where)
    yield Check("excess of approach 2, percent", 58.0, 100.0 * (tokens / best - 1.0), 0.5)
    surfaces = {  # the printed range, 6.3 to 6.5
        "variable projection": (6.3, variable_projection(runs).params),
        "squared log residuals": (6.5, fit("chinchilla", runs, Squared(), starts=64).params),
    }
    for name, (percent, theta) in surfaces.items():
        lost = 100.0 * _deadweight(theta, tokens)
        yield Check(f"deadweight compute, percent, {name}", percent, lost, 0.05, source=where)


def _deadweight(theta: dict[str, float], tokens: float) -> float:
    """Return the share of compute that an optimal model of the same loss would save."""
    alpha, beta = theta["alpha"], theta["beta"]
    params = _LLAMA_3 / 6.0 / tokens
    excess = theta["A"] * params**-alpha + theta["B"] * tokens**-beta
    with jax.enable_x64(True):
        best = float(optimal_params(theta, _LLAMA_3))
    least = theta["A"] * best**-alpha + theta["B"] * (_LLAMA_3 / 6.0 / best) ** -beta
    # On the frontier the excess falls as compute to this power.
    return 1.0 - (excess / least) ** (-(alpha + beta) / (alpha * beta))
