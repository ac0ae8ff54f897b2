"""Laws of precision: the optima, critical sizes and values that the printed coefficients give."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scaling_jax.laws import get
from scaling_jax.protocols import precision as choices
from scaling_jax.reproductions.record import Check, reproduction

_TEXT = "stated in the text"


@reproduction(of="precision_training")
def compute_optimal_precision() -> Iterator[Check]:
    """Find the precision that maximises f(P)/P, with and without the offsets."""
    theta = get("precision_training").published("kumar").params
    plain = {name: value for name, value in theta.items() if not name.startswith("n_")}
    best = choices.optimal_bits(theta)
    yield Check("optimal bits", 7.5, best, 0.5, source="stated in the text: 7 to 8 bits")
    yield Check("optimal bits with offsets", 7.0, best, 0.05, source="computed")
    without = choices.optimal_bits(plain)
    yield Check("optimal bits without offsets", 3.5, without, 0.05, source="computed")
    found = [choices.optimal_allocation(theta, compute) for compute in (1e18, 1e24)]
    spread = abs(found[0].bits - found[1].bits)
    yield Check("change of the optimal bits over compute", 0.0, spread, 1e-9, source=_TEXT)
    grid = np.linspace(5.0, 12.0, 71)
    losses = [choices.optimal_allocation(theta, 1e20, bits=float(bits)).loss for bits in grid]
    least = float(grid[np.argmin(losses)])
    yield Check("bits of least loss at 1e20 FLOP", 7.0, least, 0.051, source="computed")
    shares = {"a": {4: 0.33, 6: 0.73, 8: 0.89}, "w": {3: 0.56, 4: 0.70, 8: 0.93}}
    shares["kv"] = {4: 0.83, 6: 0.98}
    for part, printed in shares.items():
        alone = {f"{letter}_{part}": theta[f"{letter}_{part}"] for letter in ("gamma", "n")}
        for bits, published in printed.items():
            ours = float(choices.effective_share(alone, bits))
            yield Check(f"effective share, {part}, {bits} bits", published, ours, 0.006)


@reproduction(of="quartet")
def quartet_values() -> Iterator[Check]:
    """Evaluate the baseline, the speed-ups and the errors of quantised Gaussian numbers."""
    baseline = get("quartet").published("bf16")
    loss = float(baseline(params=2e8, tokens=5e9))
    yield Check("L(2e8, 5e9)", 2.8817, loss, 5e-5, source="computed")
    speeds = {"FP4:FP8": (2.0, 1.0, 1.2), "FP8:FP4": (1.0, 2.0, 1.5), "FP4:FP4": (2.0, 2.0, 2.0)}
    for name, (forward, backward, training) in speeds.items():
        mean = 1.0 / (1.0 / 3.0 / forward + 2.0 / 3.0 / backward)
        yield Check(f"speed-up of training, {name}", training, mean, 0.05, source=_TEXT)
    errors = (0.3634, 0.1188, 0.03744, 0.01154, 0.003495, 0.001040, 3.044e-4, 8.78e-5)
    for bits, published in enumerate(errors, 1):
        ours = _gaussian_error(bits)
        yield Check(
            f"error of a uniform grid, {bits} bits", published, ours, 2e-3, relative=True,
            source="notebooks/mse_fitting.ipynb",
        )  # fmt: skip


def _gaussian_error(bits: int) -> float:
    """Return the mean squared error of a normal number on the best symmetric uniform grid."""
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    def error(step: float) -> float:
        levels = step * (np.arange(2**bits) - 0.5 * (2**bits - 1))
        edges = np.concatenate([[-np.inf], 0.5 * (levels[1:] + levels[:-1]), [np.inf]])
        chance = np.diff(norm.cdf(edges))
        first = -np.diff(norm.pdf(edges))  # integral of x over each cell
        return float(1.0 - 2.0 * np.sum(levels * first) + np.sum(levels**2 * chance))

    widest = 8.0 / 2**bits
    found: Any = minimize_scalar(error, bounds=(0.2 * widest, 1.5 * widest), method="bounded",
                            options={"xatol": 1e-10})  # fmt: skip
    return float(found.fun)


@reproduction(of="qat_scaling")
def qat_errors() -> Iterator[Check]:
    """Evaluate the added loss at the largest model, and split it into weights and activations."""
    law = get("qat_scaling")
    at = dict(params=594e6, tokens=1e11, group_size=128.0)
    both, weights, activations = (
        float(law.published(name)(**at)) for name in ("w4a4", "w4a16", "w16a4")
    )
    yield Check("delta, W4A4, 594M, 100B, G 128", 0.057, both, 5e-4, source="computed")
    yield Check(
        "delta of weights and activations apart over both", 1.0, (weights + activations) / both,
        0.1, source="stated: about equal",
    )  # fmt: skip
    slope = {
        name: np.log(float(law.published(name)(**{**at, "tokens": 2e11})) / value)
        for name, value in (("w4a16", weights), ("w16a4", activations))
    }
    faster = float(slope["w4a16"] > slope["w16a4"])
    yield Check("weight error grows faster with data (1: yes)", 1.0, faster, 0.5, source=_TEXT)


@reproduction(of="low_bit_undertrained")
def low_bit_point() -> Iterator[Check]:
    """Evaluate the recalled coefficients at the point that tells their units."""
    gptq = get("low_bit_undertrained").published("gptq")
    added = float(gptq(params=1e9, tokens=1e11, post_bits=4.0))
    yield Check("delta, 1e9, 1e11, 4 bits", 0.046, added, 5e-4, source="law", unverified=True)


@reproduction(of="fp_quant_training")
def floating_point_optima() -> Iterator[Check]:
    """Compute the critical data sizes, the layouts and the best bits for a budget."""
    theta = get("fp_quant_training").published("capybara").params
    formats = {"BF16": (8, 7, 1729.5, 1730), "FP8": (4, 3, 27.33, 27), "FP4": (2, 1, 0.393, 0.4)}
    for name, (exponent, mantissa, exact, printed) in formats.items():
        ours = float(choices.critical_tokens(theta, 1e9, exponent, mantissa, 128.0)) / 1e12
        digit = {"BF16": 0.05, "FP8": 0.005, "FP4": 5e-4}[name]
        yield Check(f"critical tokens in 1e12, 1B, {name}, B = 128", exact, ours, digit)
        unit = {"BF16": 5.0, "FP8": 0.5, "FP4": 0.05}[name]
        yield Check(f"critical tokens in 1e12, 1B, {name}", printed, ours, unit, source=_TEXT)
    for bits, layout in ((4, (2, 1)), (8, (4, 3)), (16, (8, 7))):
        best = choices.optimal_layout(theta, bits)
        yield Check(f"exponent bits of {bits}", layout[0], best.exponent, 0.5, source=_TEXT)
        yield Check(f"mantissa bits of {bits}", layout[1], best.mantissa, 0.5, source=_TEXT)
    ends = choices.bits_for_budget(theta, np.array([1e21, 1e31]))
    yield Check("best bits at 1e21 FLOP", 4.0, float(ends[0]), 0.5, source=_TEXT)
    yield Check("best bits at 1e31 FLOP", 8.0, float(ends[1]), 0.5, source=_TEXT)


@reproduction(of="precision_ptq")
def quantisation_after_training() -> Iterator[Check]:
    """Solve for the data beyond which training hurts, and check it is where the loss turns."""
    training = get("precision_training").published("kumar").params
    after = get("precision_ptq").published("gptq").params
    turning = float(choices.harmful_tokens(training, after, 2e8, 3.0))
    tokens = turning * np.geomspace(0.5, 2.0, 401)
    damage = np.asarray(
        get("precision_ptq").published("gptq")(params=2e8, tokens=tokens, post_bits=3.0), float
    )
    loss = training["B"] * tokens ** -training["beta"] + damage
    least = float(tokens[np.argmin(loss)] / turning)
    yield Check(
        "tokens of least loss over those of the equation", 1.0, least, 0.01, source="optimum"
    )
