"""Benchmark scores in two steps: from scale to a loss, and from the loss to the score."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scaling_jax.errors import FitError
from scaling_jax.fitting.fit import Fit, fit
from scaling_jax.laws import Law, get, resolve
from scaling_jax.objectives import Huber, Objective, Squared
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

IDEAL_LOSS = 1e-3  # of the point that every task's curve ends in; zero has no logarithm


@dataclass(frozen=True, eq=False)
class TwoStep:
    """A score predicted through a loss; called with the inputs of the first step.

    Attributes:
        first: A fit or a published estimate that predicts the loss.
        second: A fit or a published estimate of the score, with that loss as its one input.

    Example:
        >>> import scaling_jax as sj
        >>> steps = ("ladder_step1_task_loss", "ladder_step2_sigmoid")
        >>> ladder = TwoStep(*(sj.laws.get(step).published("hellaswag") for step in steps))
        >>> round(float(ladder(params=13202396160, tokens=5000088518656)), 3)
        0.853
    """

    first: Any
    second: Any
    between: str = field(init=False)

    def __post_init__(self) -> None:
        first, second = self.first.law, self.second.law
        if second.input_names != (first.output.column,):
            raise FitError(
                f"{first.name} predicts {first.output.column}, but {second.name} takes "
                f"{', '.join(second.input_names)}; chain laws that fit together"
            )
        object.__setattr__(self, "between", first.output.column)

    def loss(self, **inputs: Any) -> Any:
        """Return what the first step predicts."""
        return self.first(**inputs)

    def __call__(self, **inputs: Any) -> Any:
        """Return the score that the loss of the first step leads to."""
        return self.second(**{self.between: self.first(**inputs)})


def fit_two_steps(
    first: str | Law,
    second: str | Law,
    first_runs: RunTable,
    second_runs: RunTable,
    *,
    first_objective: Objective | None = None,
    second_objective: Objective | None = None,
    starts: int = 256,
    seed: int = 0,
) -> TwoStep:
    """Fit a loss law and a score law, each to its own runs, and chain them.

    Args:
        first: Law of the loss.
        second: Law of the score, with that loss as its one input.
        first_runs: Runs with the loss, as small as wanted.
        second_runs: Runs or checkpoints with loss and score.
        first_objective: By default squared residuals of the loss.
        second_objective: By default squared residuals of the score.
        starts: How many starts each fit takes.
        seed: Seed of the starts.
    """
    squared = Squared(scale="natural")
    return TwoStep(
        fit(resolve(first), first_runs, first_objective or squared, starts=starts, seed=seed),
        fit(resolve(second), second_runs, second_objective or squared, starts=starts, seed=seed),
    )


# The task ladder


@protocol("ladder_step2_sigmoid")
def task_ladder(
    finals: RunTable,
    checkpoints: RunTable,
    *,
    first: str | Law = "ladder_step1_task_loss",
    ideal: bool = True,
    starts: int = 256,
    seed: int = 0,
) -> TwoStep:
    """Fit the ladder of small models that predicts the accuracy of a large one on a task.

    Args:
        finals: One row a run: params, tokens and bits_per_byte of the task (the mean of the last
            five evaluations); compute_flops for the variant ``first="ladder_flops_step1"``.
        checkpoints: Intermediate checkpoints with bits_per_byte and accuracy, see `smoothed`.
        first: Law of the first step.
        ideal: Add the point of a perfect model, no loss and an accuracy of one.
        starts: How many starts each fit takes.
        seed: Seed of the starts.

    Reference:
        Bhagia et al. (2024), arXiv:2412.04403, sections 3.1 to 3.3.
    """
    loss, accuracy = checkpoints["bits_per_byte"], checkpoints["accuracy"]
    if ideal:
        loss, accuracy = np.append(loss, IDEAL_LOSS), np.append(accuracy, 1.0)
    points = RunTable.from_columns(
        {"bits_per_byte": loss, "accuracy": accuracy}, source=checkpoints.source
    )
    return fit_two_steps(
        first,
        "ladder_step2_sigmoid",
        finals,
        points,
        first_objective=Huber(1e-3, scale="log"),
        starts=starts,
        seed=seed,
    )


@protocol("ladder_single_step")
def single_step(runs: RunTable, *, starts: int = 256, seed: int = 0) -> Fit:
    """Fit the accuracy of the ladder's runs directly from params and tokens.

    Reference:
        Bhagia et al. (2024), arXiv:2412.04403, section 6.
    """
    law = get("ladder_single_step")
    return fit(law, runs, Squared(scale="natural"), starts=starts, seed=seed)


def smoothed(
    loss: ArrayLike, accuracy: ArrayLike, *, window: int = 5, skip: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Return a run's checkpoints without its first ones, as moving averages.

    Args:
        loss: Loss of the checkpoints of one run, in order of training ``[checkpoints]``.
        accuracy: Their accuracy ``[checkpoints]``.
        window: Checkpoints in an average.
        skip: Share of the checkpoints that is dropped at the start.

    Returns:
        Averages of loss and accuracy ``[checkpoints left - window + 1]``.

    Example:
        >>> loss, accuracy = smoothed(range(8), range(8), window=2, skip=0.2)
        >>> loss.tolist()
        [2.5, 3.5, 4.5, 5.5, 6.5]
    """
    columns = [np.asarray(column, np.float64) for column in (loss, accuracy)]
    if columns[0].shape != columns[1].shape or columns[0].ndim != 1:
        raise FitError("loss and accuracy must be the checkpoints of one run, equally many")
    kept = [column[int(np.ceil(skip * len(column))) :] for column in columns]
    if len(kept[0]) < window:
        raise FitError(
            f"{len(kept[0])} checkpoints are left for averages of {window}; make window smaller"
        )
    weights = np.full(window, 1.0 / window)
    return np.convolve(kept[0], weights, "valid"), np.convolve(kept[1], weights, "valid")


# Llama 3


@protocol("llama3_two_step")
def llama3_forecast(
    scaling_models: RunTable,
    models: RunTable,
    *,
    starts: int = 256,
    seed: int = 0,
) -> TwoStep:
    """Fit a benchmark's loss to compute, and its accuracy to that loss.

    Args:
        scaling_models: Compute-optimal small models with compute_flops and answer_loss, the
            negative log-likelihood of the correct answers a character.
        models: Those and older, larger models with answer_loss and accuracy.
        starts: How many starts each fit takes.
        seed: Seed of the starts.

    Reference:
        Llama Team (2024), arXiv:2407.21783, section 3.2.1.
    """
    first, second = (get("llama3_two_step", step=step) for step in ("answer_loss", "accuracy"))
    return fit_two_steps(first, second, scaling_models, models, starts=starts, seed=seed)


# A common scale of models of all families


@protocol("owen_bigbench")
def scaled_loss(
    params: ArrayLike, tokens: ArrayLike, *, estimate: str | Callable[..., Any] = "hoffmann"
) -> np.ndarray:
    """Return minus log10 of the loss that the Chinchilla law leaves above the irreducible one.

    Args:
        params: Parameters ``[models]``.
        tokens: Training tokens ``[models]``.
        estimate: Name of a published estimate of the law, or one of your own.

    Example:
        >>> round(float(scaled_loss(70e9, 1.4e12)), 3)
        0.608
    """
    found: Any = get("chinchilla").published(estimate) if isinstance(estimate, str) else estimate
    theta = {**found.params, "E": 0.0}
    inputs = {"params": np.asarray(params, np.float64), "tokens": np.asarray(tokens, np.float64)}
    return -np.log10(np.asarray(found.law(theta, inputs), np.float64))
