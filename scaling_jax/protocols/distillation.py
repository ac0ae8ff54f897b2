"""Distillation: what a student reaches with a teacher, against training on labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling_jax.errors import LawError
from scaling_jax.laws import get
from scaling_jax.protocols.registry import protocol

Theta = Mapping[str, float]
_TEACHERS = 400  # losses tried for the best teacher
_SHORTEST, _LONGEST = 1e8, 1e16  # tokens between which a crossover is looked for


def _published(name: str) -> Theta:
    """Return the complete published coefficients of one of the publication's two laws."""
    estimates = get(name).published().values()
    return next(e.params for e in estimates if not e.missing)


def supervised_loss(params: Any, tokens: Any, supervised: Theta | None = None) -> np.ndarray:
    """Return the loss of training on labels, by `busbridge_supervised`, in float64.

    Example:
        >>> round(float(supervised_loss(1e9, 2e10)), 3)
        2.375
    """
    c = supervised or _published("busbridge_supervised")
    of_size = c["A"] * np.asarray(params, np.float64) ** -c["alpha"]
    of_data = c["B"] * np.asarray(tokens, np.float64) ** -c["beta"]
    return c["E"] + (of_size + of_data) ** c["gamma"]


@protocol("distillation_scaling")
def student_loss(
    params: Any,
    tokens: Any,
    teacher_loss: Any,
    *,
    distilled: Theta | None = None,
    supervised: Theta | None = None,
) -> np.ndarray:
    """Return the loss of a student of a teacher; the loss on labels is found from its size.

    Args:
        params: Student's non-embedding parameters ``[...]``.
        tokens: Distillation tokens ``[...]``.
        teacher_loss: Teacher's cross-entropy, in nats a token ``[...]``.
        distilled: Coefficients of `distillation_scaling`; the published ones by default.
        supervised: Coefficients of `busbridge_supervised`; the published ones by default.

    Example:
        >>> student_loss(1e9, 2e10, [1.8, 2.0, 2.2]).round(3).tolist()
        [2.255, 2.277, 2.317]

    Reference: Busbridge et al. (2025), arXiv:2502.08606.
    """
    c = distilled or _published("distillation_scaling")
    teacher = np.asarray(teacher_loss, np.float64)
    labels = supervised_loss(params, tokens, supervised)
    of_size = c["A"] * np.asarray(params, np.float64) ** -c["alpha"]
    of_data = c["B"] * np.asarray(tokens, np.float64) ** -c["beta"]
    beyond = np.logaddexp(0.0, (np.log(teacher) - np.log(labels) - np.log(c["d1"])) / c["f1"])
    gap = np.exp(-c["c0"] * np.log(teacher) - c["c1"] * c["f1"] * beyond)
    return teacher + gap * (of_size + of_data) ** c["gamma"]


def best_teacher(params: float, tokens: float, low: float = 1.3, high: float = 4.0) -> float:
    """Return the teacher's loss with which a student ends lowest.

    Args:
        params: Student's non-embedding parameters.
        tokens: Distillation tokens.
        low: Lowest loss of a teacher that is tried.
        high: Highest.

    Example:
        >>> best_teacher(1e9, 2e10) < 2.0
        True
    """
    teachers = np.linspace(low, high, _TEACHERS)
    return float(teachers[np.argmin(student_loss(params, tokens, teachers))])


def crossover_tokens(params: float, teacher_loss: float) -> float:
    """Return the tokens beyond which training on labels beats distillation.

    The teacher exists already, and both students see the same tokens.

    Args:
        params: Student's non-embedding parameters.
        teacher_loss: Teacher's cross-entropy, in nats a token.

    Raises:
        LawError: One of the two is better at every amount of data.

    Example:
        >>> crossover_tokens(3e8, 2.0) < crossover_tokens(1e9, 2.0)
        True
    """
    low, high = np.log(_SHORTEST), np.log(_LONGEST)

    def advantage(log_tokens: float) -> float:
        tokens = np.exp(log_tokens)
        return float(student_loss(params, tokens, teacher_loss) - supervised_loss(params, tokens))

    # A teacher that is worse than its student never helps: start where distillation is ahead.
    grid = np.linspace(low, high, 400)
    ahead = np.array([advantage(x) for x in grid]) < 0.0
    if not ahead.any() or ahead[-1]:
        better = "distillation" if ahead.any() else "training on labels"
        raise LawError(
            f"{better} is better for {params:g} parameters and a teacher of loss "
            f"{teacher_loss:g} up to {_LONGEST:g} tokens; there is no crossover"
        )
    last = int(np.flatnonzero(ahead)[-1])
    from scipy.optimize import brentq

    return float(np.exp(brentq(advantage, grid[last], grid[last + 1], xtol=1e-12)))  # type: ignore[arg-type]
