"""Learning rates of a run, as shares of the peak at every step, and the phases they imply.

With warm-up, stable rate and decay (Hu et al. 2024, arXiv:2404.06395), runs with different token
budgets share one trunk at the stable rate; each leaves it for a decay of its own. A cosine depends
on the budget from the first step, so each of its runs starts afresh.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling_jax.errors import LadderError, did_you_mean

KINDS = ("wsd", "cosine", "constant")
_COSINE_END = 0.1  # share of the peak at which a cosine ends (arXiv:2203.15556, Appendix B)


@dataclass(frozen=True)
class Schedule:
    """How the learning rate goes over a run.

    Attributes:
        kind: ``"wsd"``, ``"cosine"`` or ``"constant"``.
        warmup_steps: Steps of linear rise from zero; a run that is shorter than four times that
            warms up over a quarter of its steps, unless it shares a trunk.
        decay_share: Last part of a run in which the stable rate falls linearly to zero (wsd).

    Raises:
        LadderError: An unknown kind, or shares and steps that make no schedule.
    """

    kind: str = "wsd"
    warmup_steps: int = 50
    decay_share: float = 0.2

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise LadderError(
                f"schedule {self.kind!r} is unknown; {did_you_mean(self.kind, KINDS)}"
            )
        if self.warmup_steps < 0 or not 0.0 < self.decay_share <= 1.0:
            raise LadderError(
                f"schedule {self.kind}: warmup_steps {self.warmup_steps} and decay_share "
                f"{self.decay_share} must be 0 or more, and within (0, 1]"
            )


@dataclass(frozen=True)
class Phase:
    """Some steps in a row, from the beginning of a run, its trunk's end, or the phase before.

    Attributes:
        first: First step.
        last: The step behind the last one.
        steps: Steps of the run that this phase ends; 0 for a piece of trunk.
        fresh: Whether it starts from new parameters and not from the trunk.
    """

    first: int
    last: int
    steps: int
    fresh: bool

    @property
    def is_trunk(self) -> bool:
        """Whether other phases go on from its end."""
        return self.steps == 0


def phases(schedule: Schedule, budgets: Sequence[int]) -> tuple[Phase, ...]:
    """Return the phases that train runs of these numbers of steps, at the least cost.

    Example:
        >>> [(p.first, p.last, p.steps) for p in phases(Schedule(decay_share=0.25), [400, 800])]
        [(0, 300, 0), (300, 400, 400), (300, 600, 0), (600, 800, 800)]
    """
    budgets = sorted(set(budgets))
    if schedule.kind == "cosine":
        return tuple(Phase(0, steps, steps, fresh=True) for steps in budgets)
    found, reached = [], 0
    for steps in budgets:
        leaves = _leaves_trunk(schedule, steps)
        if leaves > reached:
            found.append(Phase(reached, leaves, 0, fresh=reached == 0))
        found.append(Phase(leaves, steps, steps, fresh=leaves == 0))
        reached = leaves
    return tuple(found)


def shares(schedule: Schedule, phase: Phase) -> np.ndarray:
    """Return the learning rate of each step of a phase as a share of the peak ``[steps]``.

    Example:
        >>> shares(Schedule(warmup_steps=2), Phase(0, 4, 0, fresh=True)).tolist()
        [0.5, 1.0, 1.0, 1.0]
    """
    step = np.arange(phase.first, phase.last, dtype=float)
    if schedule.kind == "cosine":
        warmup = min(schedule.warmup_steps, phase.steps // 4)
        done = np.clip((step + 1 - warmup) / max(phase.steps - warmup, 1), 0.0, 1.0)
        share = _COSINE_END + (1.0 - _COSINE_END) * 0.5 * (1.0 + np.cos(np.pi * done))
    else:
        warmup, share = schedule.warmup_steps, np.ones(len(step))
        if not phase.is_trunk and schedule.kind == "wsd":
            leaves = _leaves_trunk(schedule, phase.steps)
            share = (phase.steps - step) / (phase.steps - leaves)
            share = np.where(step < leaves, 1.0, np.minimum(share, 1.0))
    return share * np.minimum(1.0, (step + 1) / max(warmup, 1))


def _leaves_trunk(schedule: Schedule, steps: int) -> int:
    if schedule.kind == "constant":
        return steps - 1  # the last step is the run's own, so that it has a phase to end in
    return steps - max(1, round(schedule.decay_share * steps))
