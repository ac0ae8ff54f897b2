"""Published numbers of emergent abilities."""

from collections.abc import Iterator

import numpy as np

from scaling_jax.datasets import load
from scaling_jax.literature import printed_estimates
from scaling_jax.protocols.emergence import choice_metrics
from scaling_jax.reproductions.record import Check, reproduction
from scaling_jax.runs import RunTable


def _values(publication: str) -> dict[str, float]:
    return printed_estimates(publication)[0]["values"]


@reproduction(of="passuntil_task_law")
def passuntil_deviation() -> Iterator[Check]:
    """Relative deviation of the prediction for the 2.4B code model."""
    printed = _values("passuntil_task_law")
    deviation = abs(printed["predicted_PU"] / printed["measured_PU"] - 1.0)
    yield Check("relative deviation in percent", 0.05, 100.0 * deviation, 5e-3)


@reproduction(of="metric_chain_elusive")
def metric_chain_example() -> Iterator[Check]:
    """A question whose answer has the probability 0.4 is right or wrong, by the other choices."""
    cases = {"spread over the wrong choices": (0.2, 0.2, 0.2), "on one": (0.6, 1e-9, 1e-9)}
    for (name, wrong), accuracy in zip(cases.items(), (1.0, 0.0), strict=True):
        found = choice_metrics(np.log([0.4, *wrong]), 0)
        yield Check(f"accuracy with the rest {name}", accuracy, float(found.accuracy), 0.0)


# Thirds of the questions, as far as tenths give them.
_EASY, _HARD = (1, 2, 3), (8, 9, 10)
_NOT_ON_MMLU = {
    ("mmlu", "easy"): "on MMLU the fall and the second rise both lie below the threshold (the "
    "polynomial of degree 5 has its maximum at x = -0.7 and its minimum at 1.1), so a parabola "
    "opens upwards",
    ("mmlu", "hard"): "below the threshold the hard third of MMLU rises and flattens, in the "
    "authors' own file of thirds too; the questions fall there in no third",
}


@reproduction(of="u_shape_slice_sandwich", data=["u_shaped"])
def u_shapes() -> Iterator[Check]:
    """Models below the thresholds; parabolas of their scores on easy and on hard questions."""
    thresholds = _values("u_shape_slice_sandwich")
    for task in ("mmlu", "arithmetic", "hellaswag", "arc"):
        runs = load("u_shaped", task=task, keep_outliers=False)
        below = runs["compute_flops"] < 10.0 ** (21.0 + thresholds[task])
        agree = float(np.mean(below == (runs["split"] == "train")))
        yield Check(f"share of models on the file's side of the threshold, {task}", 1.0, agree, 0.0)
        for group, tenths, sign in (("easy", _EASY, -1.0), ("hard", _HARD, 1.0)):
            yield Check(
                f"sign of the bend of {group} questions, {task}",
                sign,
                float(np.sign(_bend(runs.where(below), tenths))),
                0.0,
                source="1: up, the U of hard questions; -1: down, the inverted U of easy ones",
                reason=_NOT_ON_MMLU.get((task, group), ""),
            )


def _bend(runs: RunTable, tenths: tuple[int, ...]) -> float:
    """Return the curvature of the TC Brier score in log10 compute."""
    chosen = np.isin(runs["difficulty_group"], tenths)
    x = np.log10(runs["compute_flops"][chosen] / 1e21)
    weights = np.sqrt(runs["questions"][chosen])
    polynomial = np.polynomial.polynomial.polyfit(x, -runs["brier"][chosen], 2, w=weights)
    return float(polynomial[2])
