"""Laws of experts: refits on the released runs, and what the printed coefficients give."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scaling_jax.datasets import load
from scaling_jax.fitting.fit import Fit, fit
from scaling_jax.laws import get
from scaling_jax.objectives import Squared
from scaling_jax.protocols import mixture_of_experts as choices
from scaling_jax.reproductions.record import Check, reproduction

_LN10 = np.log(10.0)
_STARTS = 32
_ROUTERS = {"s_base": "S-Base", "rl_r": "RL-R", "hash": "Hash"}
_CUTOFFS = {"s_base": 937e9, "rl_r": 85e9, "hash": 83e9}
_ROUNDED_RMSE = {"s_base": 0.021, "rl_r": 0.043, "hash": 0.030}
_TABLE = {"a": 5e-4, "b": 5e-4, "c": 5e-4, "d": 5e-4, "E_start": 5e-4, "E_max": 5e-4}
_REFIT = {"a": 5e-5, "b": 5e-5, "c": 5e-5, "d": 5e-5, "E_start": 5e-5, "E_max": 0.005}
_OTHER_FIT = (
    "the notebook that comes with the runs says that it is no detailed reproduction of the paper's "
    "fit; on these runs the optimum lies elsewhere, by less than two standard errors"
)


def _within_errors(check: Check, error: float) -> Check:
    """Give the reason where a refit differs by more than rounding but not more than chance."""
    if check.reproduced or abs(check.difference) > 2.0 * error:
        return check
    return Check(**{**vars(check), "reason": _OTHER_FIT})


def _routed(router: str) -> tuple[Any, Fit]:
    """Return the runs of one router with the dense ones, and the law fitted to them."""
    runs = load("routed_moe").where("in_published_fit == 1")
    runs = runs.where(f"family == 'Dense' or family == '{router}'")
    return runs, fit("clark_routed", runs, Squared(), starts=_STARTS)


@reproduction(of="clark_routed", data=("routed_moe",))
def clark_refits() -> Iterator[Check]:
    """Fit the law to each router's released runs, as the authors' notebook does."""
    for name, router in _ROUTERS.items():
        runs, found = _routed(router)
        printed = get("clark_routed").published(name)
        refit = get("clark_routed").published(f"{name}_refit")
        for parameter, tolerance in _TABLE.items():
            check = Check(
                f"{parameter}, {router}", printed.values[parameter], found.params[parameter],
                tolerance, source="Table 3",
            )  # fmt: skip
            yield _within_errors(check, found.standard_errors[parameter])
        for parameter, tolerance in _REFIT.items():
            yield Check(
                f"{parameter}, {router}, refit", refit.values[parameter],
                found.params[parameter], tolerance, source="refit on the released runs",
            )  # fmt: skip
        rmse = float(np.sqrt(np.mean(found.residuals**2))) / _LN10
        expected = 0.00298 if name == "hash" else 0.00323
        yield Check(f"RMSE of log10 L, {router}", expected, rmse, 5e-6, source="refit")
        yield from _cutoff(name, router, found)
        predicted = np.asarray(printed(params=runs["params"], experts=runs["experts"]), float)
        rounded = float(np.sqrt(np.mean((predicted - runs["loss"]) ** 2)))
        yield Check(
            f"RMSE of the loss with the printed coefficients, {router}",
            _ROUNDED_RMSE[name], rounded, 5e-4, source="Table 3 on the released runs",
        )  # fmt: skip


def _cutoff(name: str, router: str, found: Fit) -> Iterator[Check]:
    """Compare log10 of the size beyond which experts no longer help."""
    ours, published = np.log10(choices.routing_cutoff(found.params)), np.log10(_CUTOFFS[name])
    order = found.law.free_names
    gradient = np.zeros(len(order))
    gradient[order.index("b")] = -1.0 / found.params["c"]
    gradient[order.index("c")] = found.params["b"] / found.params["c"] ** 2
    error = float(np.sqrt(gradient @ found.covariance["sandwich"] @ gradient))
    check = Check(
        f"log10 of the cutoff size, {router}",
        float(published),
        float(ours),
        0.005,
        source="stated in the text",
    )
    yield _within_errors(check, error)


@reproduction(of="clark_dense", data=("routed_moe",))
def clark_dense() -> Iterator[Check]:
    """Fit the dense law to the five released dense runs."""
    runs = load("routed_moe").where("in_published_fit == 1 and family == 'Dense'")
    found = fit("clark_dense", runs, Squared(), starts=_STARTS)
    printed = get("clark_dense").published("massivetext")
    error = found.standard_errors
    published = printed.values["alpha_N"]
    check = Check("alpha_N", published, found.params["alpha_N"], 5e-4, source="Sec. 4")
    yield _within_errors(check, error["alpha_N"])
    check = Check("N_c", printed.values["N_c"], found.params["N_c"], 5e9, source="Sec. 4")
    yield _within_errors(check, error["N_c"])
    yield Check("alpha_N, refit", 0.0785, found.params["alpha_N"], 5e-5, source="refit")
    yield Check("N_c, refit", 3.69e13, found.params["N_c"], 5e10, source="refit")


@reproduction(of="clark_epc")
def clark_equivalent() -> Iterator[Check]:
    """Compare a small routed model with the dense one that it is said to match."""
    law, theta = get("clark_epc"), get("clark_routed").published("s_base").params
    theta = {name: theta[name] for name in ("a", "b", "c", "E_start", "E_max")}
    dense = float(law(theta, dict(params=5e6, experts=1.0)))
    yield Check("N_eff(5e6, 1)", 5e6, dense, 1e-3, relative=True, source="notebook")
    equal = float(law(theta, dict(params=5e6, experts=128.0)))
    yield Check(
        "N_eff of 5M parameters and 128 experts, S-Base", 55e6, equal, 0.1, relative=True,
        source="stated in the text; below the smallest size of the law",
    )  # fmt: skip


@reproduction(of="krajewski_moe")
def krajewski_gains() -> Iterator[Check]:
    """Compare the compute of the best dense and the best fine-grained model of equal loss."""
    law = get("krajewski_moe")
    routed, dense = law.published("moe").params, get("krajewski_moe", model="dense")
    dense = dense.published("dense").params
    yield Check(
        "dense over routed compute, 1e20 FLOP", 20.0, choices.compute_gain(routed, dense, 1e20),
        2.5, source="stated in the text",
    )  # fmt: skip
    yield Check(
        "dense over routed compute, 1e25 FLOP", 40.0, choices.compute_gain(routed, dense, 1e25),
        5.0, source="stated in the text: more than 40",
        reason="with the printed coefficients and the recalled cost of routing the gain grows by a "
        "quarter in three decades: 32 at 1e25, 40 only beyond 1e28 FLOP",
    )  # fmt: skip
    coarse = sum(
        choices.optimal_fine_grained(routed, compute).granularity == 1.0
        for compute in np.geomspace(1e18, 1e26, 9)
    )
    yield Check("budgets from 1e18 to 1e26 where G = 1 is best", 0.0, float(coarse), 0.5)


_REDUCED = {
    1: (30.3640, -0.1817, 53.9838, -0.1965),
    2: (27.7982, -0.1780, 66.8401, -0.2065),
    4: (24.8462, -0.1731, 87.7022, -0.2192),
    8: (21.8330, -0.1676, 119.9126, -0.2338),
    16: (19.0159, -0.1617, 167.5073, -0.2494),
    32: (16.5424, -0.1557, 234.6726, -0.2652),
}
# The four printed numbers of one expert give E_start = 2.083 each; Table 3 prints 2.0732.
_TABLE_START = 2.083
_TOLERANCES = {"m": 1e-3, "mu": 1.5e-4, "n": 1e-3, "nu": 1.5e-4}


@reproduction(of="joint_moe")
def joint_moe_reduced() -> Iterator[Check]:
    """Reduce the joint law to a Chinchilla law for each number of experts."""
    law = get("joint_moe")
    theta = law.published("joint").params
    for experts, printed in _REDUCED.items():
        for start in (theta["E_start"], _TABLE_START):
            found = choices.chinchilla_of_experts({**theta, "E_start": start}, experts)
            for (name, tolerance), published in zip(_TOLERANCES.items(), printed, strict=True):
                relative = name in "mn"
                check = Check(
                    f"{name}, {experts} experts, E_start {start:g}", published, found[name],
                    tolerance, relative, source="table of reduced laws",
                )  # fmt: skip
                off = start != _TABLE_START and not check.reproduced
                reason = (
                    "the printed table belongs to E_start = 2.083, on which its m, n and nu agree, "
                    "not to the printed 2.0732"
                )
                yield Check(**{**vars(check), "reason": reason if off else ""})
    values = (2.578, 2.559, 2.535, 2.509, 2.481, 2.455)
    for experts, published in zip(_REDUCED, values, strict=True):
        at = dict(active_params=1e9, tokens=2e10, experts=float(experts))
        loss = float(law(theta, at))
        yield Check(f"L(1e9, 2e10), {experts} experts", published, loss, 5e-4, source="computed")


@reproduction(of="efficiency_leverage")
def leverage_points() -> Iterator[Check]:
    """Evaluate the leverage where the publication states it."""
    joint = get("efficiency_leverage").published("joint")
    for ratio, published in ((0.031, 7.24), (0.034, 6.96), (1.0, 0.99)):
        granularity = 1.0 if ratio == 1.0 else 12.0
        at = dict(activation_ratio=ratio, granularity=granularity, compute_flops=1e22)
        ours = float(joint(**at))
        yield Check(f"EL({ratio:g}, {granularity:g}, 1e22)", published, ours, 0.02, source="law")
    best = choices.optimal_granularity(joint.params)
    yield Check(
        "optimal granularity", 12.0, best, 1.0, source="stated in the text: about 12 (8 to 12)"
    )


@reproduction(of="abnar_moe_sparsity")
def abnar_optima() -> Iterator[Check]:
    """Follow the compute-optimal size over sparsity, with compute 6 * (1 - S) * N * D."""
    law = get("abnar_moe_sparsity").published("abnar")
    sizes = np.geomspace(1e8, 1e13, 2001)
    sparsities = np.array([0.0, 0.25, 0.5, 0.75, 0.9, 0.95])
    best = []
    for sparsity in sparsities:
        tokens = 1e20 / (6.0 * (1.0 - sparsity) * sizes)
        loss = np.asarray(law(params=sizes, tokens=tokens, sparsity=np.full(2001, sparsity)))
        best.append(sizes[np.argmin(loss)])
    total, active = np.array(best), np.array(best) * (1.0 - sparsities)
    rising, falling = np.mean(np.diff(total) > 0.0), np.mean(np.diff(active) < 0.0)
    yield Check("share of steps in which the best total size rises", 1.0, float(rising), 0.01)
    yield Check("share of steps in which the best active size falls", 1.0, float(falling), 0.01)


@reproduction(of="sld_moe", data=("routed_moe",))
def sld_moe_held_out() -> Iterator[Check]:
    """Score the evolved laws on the largest models, which their fits did not see."""
    runs = load("routed_moe").where("step == 249000")
    held_out = runs.where(f"params == {float(np.max(runs['params']))}")
    observed = np.asarray(held_out["loss"], float)
    for name, published in (("run_1", 0.894), ("run_3", 0.856)):
        law = get("sld_moe").published(name)
        predicted = np.asarray(law(experts=held_out["experts"], params=held_out["params"]), float)
        left = np.sum((predicted - observed) ** 2)
        score = float(1.0 - left / np.sum((observed - observed.mean()) ** 2))
        yield Check(
            f"R2, {name}", published, score, 0.02, source="best_eval.log; four-digit coefficients"
        )
