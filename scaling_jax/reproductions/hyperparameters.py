"""Hyperparameters: Step Law on its grid, and arithmetic of the printed laws."""

import math
from collections.abc import Iterator

import numpy as np

from scaling_jax.datasets import load
from scaling_jax.fitting.fit import fit
from scaling_jax.laws import get
from scaling_jax.literature import printed_estimates
from scaling_jax.objectives import Squared
from scaling_jax.protocols.hyperparameters import ladder_run, near_optimal_runs, nearest_excess
from scaling_jax.reproductions.evaluating import coefficients, value_of
from scaling_jax.reproductions.record import Check, reproduction
from scaling_jax.runs import RunTable

_FEW = (
    "the published law is the mean of the authors' 1000 bootstrap fits, to runs that include "
    "models of 59M to 120M parameters; the public dense grid starts at 215M, and least squares on "
    "it gives other coefficients"
)


@reproduction(of="step_law_lr", data=["steplaw_dense"])
def step_law_gap() -> Iterator[Check]:
    """How far above the best of its sweep the run nearest to the law is, for 17 sizes and data."""
    runs = load("steplaw_dense")
    gaps = 1e3 * nearest_excess(runs, _step_law_optimum(runs))
    where = "from dense_lr_bs_loss.csv, relative to the group's minimum"
    yield Check("sweeps", 17, len(gaps), 0, source=where)
    yield Check("mean gap, per mille", 0.96, float(np.mean(gaps)), 5e-3, source=where)
    yield Check("largest gap, per mille", 3.1, float(np.max(gaps)), 0.05, source=where)
    yield Check("mean gap, per mille, as published", 0.94, float(np.mean(gaps)), 0.025,
                source="abstract, which grid point stands for the law is not said")  # fmt: skip


def _step_law_optimum(runs: RunTable) -> dict[str, np.ndarray]:
    rate = get("step_law_lr").published("published")
    batch = get("step_law_bs").published("published")
    return {
        "learning_rate": np.asarray(rate(params=runs["params"], tokens=runs["tokens"])),
        "batch_tokens": np.asarray(batch(tokens=runs["tokens"])),
    }


@reproduction(of="step_law_lr", data=["steplaw_dense"])
def step_law_refit() -> Iterator[Check]:
    """Least squares on the near-optimal runs of the public grid gives other coefficients."""
    runs = near_optimal_runs(load("steplaw_dense"))
    yield Check("runs within 0.25% of the best", 129, len(runs), 0, source="entry's refit")
    ours = fit("step_law_lr", runs, Squared(scale="log"), starts=64).params
    ours |= fit("step_law_bs", runs, Squared(scale="log"), starts=64).params
    refit = {"c_lr": (77.7, 0.05), "a_N": (-0.766, 5e-4), "a_D": (0.197, 5e-4),
             "c_b": (0.2085, 5e-5), "b_D": (0.6125, 5e-5)}  # fmt: skip
    for name, (value, digits) in refit.items():
        yield Check(f"{name}, least squares on the public grid", value, ours[name], digits,
                    source="entry's refit")  # fmt: skip
    printed = coefficients("step_law_lr", "published") | coefficients("step_law_bs", "published")
    errors = coefficients("step_law_lr", "bootstrap_errors")
    errors |= coefficients("step_law_bs", "bootstrap_errors")
    for name, value in printed.items():
        error = errors.get(f"sd_{name}") or value * errors[f"sd_ln_{name}"]
        yield Check(f"{name}, least squares beside the published law", value, ours[name], error,
                    source="Eq. 1; bootstrap standard deviation", reason=_FEW)  # fmt: skip


@reproduction(of="step_law_lr")
def step_law_constants() -> Iterator[Check]:
    """The printed law is the mean of the released bootstrap fits; what it gives for a 7B model."""
    for law, names in (("step_law_lr", ("c_lr", "a_N", "a_D")), ("step_law_bs", ("c_b", "b_D"))):
        printed, mean = (coefficients(law, name) for name in ("published", "bootstrap_mean"))
        for name in names:
            digits = 0.01 if name.startswith("c_") else 1e-3  # printed digits, cut or rounded
            yield Check(f"{name}, mean of 1000 bootstrap fits", printed[name], mean[name], digits,
                        source="Eq. 1; 1004_fitted_lr_bs_scaling_model_parameters.csv")  # fmt: skip
            if f"ln_{name}" in mean:
                yield Check(f"{name} from its logarithm", mean[name],
                            math.exp(mean[f"ln_{name}"]), 5e-6)  # fmt: skip
    rate = value_of("step_law_lr", "published", params=7e9, tokens=1.4e12)
    batch = value_of("step_law_bs", "published", tokens=1.4e12)
    yield Check("learning rate of 7B and 1.4T tokens", 9.17e-4, rate, 5e-7, source="computed")
    yield Check("batch of 1.4T tokens", 5.00e6, batch, 5e3, source="computed")
    c = coefficients("step_law_lr", "published") | coefficients("step_law_bs", "published")
    yield Check("exponent of lr in C at N, D ~ C**0.5", -0.203, (c["a_N"] + c["a_D"]) / 2, 5e-4)
    yield Check("exponent of the batch in C", 0.286, c["b_D"] / 2, 6e-4)


@reproduction(of="deepseek_lr")
def deepseek_hyperparameters() -> Iterator[Check]:
    """Learning rate and batch at 1e20 FLOP; two readings of the constants."""
    rate = value_of("deepseek_lr", "repository", compute_flops=1e20)
    batch = value_of("deepseek_bs", "repository", compute_flops=1e20)
    yield Check("learning rate at 1e20 FLOP", 9.86e-4, rate, 5e-7, source="Eq. 1")
    yield Check("batch at 1e20 FLOP", 1.017e6, batch, 5e2, source="Eq. 1")
    for law, ours in (("deepseek_lr", rate), ("deepseek_bs", batch)):
        other = value_of(law, "near_optimal", compute_flops=1e20)
        yield Check(f"{law} at 1e20 FLOP, the other reading", other, ours, 1e-12, relative=True)


@reproduction(of="porian_lr")
def porian_forms() -> Iterator[Check]:
    """The printed and the rounded power laws agree at 108M parameters."""
    rate = value_of("porian_lr", "step_law_table", params=108e6)
    yield Check("3.7*N**-0.36 at 108M", 4.75e-3, rate, 1.5e-5, source="Step Law Table 1")
    for name in ("rounded", "rounded_for_training"):
        ours = value_of("porian_lr", name, params=108e6)
        yield Check(f"learning rate at 108M, {name}", 4.7e-3, ours, 1e-5, source="plotting.py")
        sequences = value_of("porian_bs", name, params=108e6) / 2048
        yield Check(f"sequences at 108M, {name}", 160, sequences, 0.1, source="plotting.py")
    batch = value_of("porian_bs", "step_law_table", params=108e6)
    reason = "a slip of half a percent: 0.7576*(108e6)**0.703 is 3.365e5 tokens, 164.3 sequences"
    yield Check("0.7576*N**0.703 at 108M, tokens", 3.38e5, batch, 5e2, source="computed",
                reason=reason)  # fmt: skip
    yield Check("the same in sequences", 165, batch / 2048, 0.5, source="computed", reason=reason)


@reproduction(of="kaplan_lr")
def kaplan_zero() -> Iterator[Check]:
    """Where the rule of thumb reaches zero."""
    c = coefficients("kaplan_lr", "published")
    zero = -c["c0"] / c["c1"]
    yield Check("ln N at a learning rate of zero", 23.2, zero, 0.05, source="Eq. D.1")
    yield Check("N at a learning rate of zero", 1.2e10, math.exp(zero), 5e8, source="Eq. D.1")


@reproduction(of="bjorck_lr")
def bjorck_units() -> Iterator[Check]:
    """No unit of N and D gives a plausible rate but trillions."""
    law = coefficients("bjorck_lr", "joint", scope="joint")
    facts = {e["name"]: e.get("facts", {}) for e in printed_estimates("bjorck_lr")}
    amplitude = facts["joint"]["C"]
    readings = {"raw counts": (1.0, 3e-11, 5e-12), "billions": (1e9, 3e-6, 5e-7),
                "trillions": (1e12, 1.3e-4, 5e-6)}  # fmt: skip
    for name, (unit, published, digits) in readings.items():
        ours = amplitude * (1e9 / unit) ** -law["alpha"] * (1e11 / unit) ** -law["beta"]
        yield Check(f"learning rate of 1B and 100B tokens, in {name}", published, ours, digits,
                    source="Step Law Table 1")  # fmt: skip


@reproduction(of="ling_moe_lr_bs")
def ling_at_1e21() -> Iterator[Check]:
    """Learning rate and batch at 1e21 FLOP."""
    for output, published, digits in (
        ("learning_rate", 7.1e-4, 5e-6),
        ("batch_tokens", 3.1e6, 5e4),
    ):
        ours = value_of("ling_moe_lr_bs", "published", {"output": output}, compute_flops=1e21)
        yield Check(f"{output} at 1e21 FLOP", published, ours, digits, source="Eq. 3")


@reproduction(of="power_lines_tau")
def power_lines_at_610m() -> Iterator[Check]:
    """The timescale at 20 tokens per parameter, and the weight decay that gives it."""
    tau = value_of("power_lines_tau", "slimpajama", tokens_per_param=20.0)
    yield Check("tau at 20 TPP", 0.2236, tau, 5e-5, source="Eq. 5")
    yield Check("tau at 20 TPP beside the measured one", 0.21, tau, 0.015, source="about 0.21")
    decay = value_of("power_lines_tau", "slimpajama", {"output": "weight_decay"}, params=610e6,
                     tokens=12.2e9, batch_tokens=252 * 2048.0, learning_rate=0.016)  # fmt: skip
    tau_again = 252 * 2048.0 / (0.016 * decay * 12.2e9)
    yield Check("tau of the optimal weight decay", tau, tau_again, 1e-9, relative=True)


@reproduction(of="power_lines_bopt")
def power_lines_batches() -> Iterator[Check]:
    """Optimal batches that the paper's constants give."""
    sequences = value_of("power_lines_bopt", "slimpajama", tokens=12.2e9) / 2048
    yield Check("sequences at 12.2B tokens", 223, sequences, 0.5, source="Fig. 1 middle")
    batch = value_of("power_lines_bopt", "slimpajama", tokens=40e9)
    yield Check("tokens in a batch at 40B", 0.721e6, batch, 5e2, source="Fig. 1 middle")


@reproduction(of="diloco_bs")
def diloco_batches() -> Iterator[Check]:
    """The joint law at one replica beside Data-Parallel."""
    joint = value_of("diloco_bs", "joint", params=1e9, replicas=1.0) / 2048
    alone = value_of("diloco_bs", "data_parallel", params=1e9) / 2048
    yield Check("sequences at 1B, joint law, M = 1", 119, joint, 0.5, source="Table 10")
    yield Check("sequences at 1B, Data-Parallel", 76, alone, 0.5, source="Table 9")


@reproduction(of="olmo_core_ladder_hparams")
def olmo_defaults() -> Iterator[Check]:
    """The defaults at the reference size."""
    c, run = _ladder_values(), ladder_run(108e6)
    yield Check("batch, tokens", c["batch_ref_tokens"], run.batch_tokens, 0, source="defaults")
    yield Check("learning rate", 0.5 * c["lr_ref_before_half"], run.learning_rate, 1e-9)
    yield Check("tokens per parameter", c["tokens_per_param"], run.tokens / 108e6, 1e-9)
    larger = ladder_run(8 * 108e6)
    exponent = math.log(larger.batch_tokens / run.batch_tokens) / math.log(8)
    yield Check("exponent of the batch", c["batch_exp"], exponent, 1e-4, source="defaults")


def _ladder_values() -> dict[str, float]:
    (entry,) = printed_estimates("olmo_core_ladder_hparams")
    return entry["values"]
