"""A group: runs of one shape that train in one program, and the runs themselves."""

import dataclasses
import hashlib
import json
import math
import re
from dataclasses import dataclass
from functools import cached_property

from scaling_jax.errors import LadderError
from scaling_jax.ladder.model import Trainable
from scaling_jax.ladder.schedules import Phase, Schedule, phases
from scaling_jax.ladder.training import Optimiser

_PLAIN = re.compile(r"\w[\w.+-]*", re.ASCII)


@dataclass(frozen=True)
class Lane:
    """What tells the runs of a group that train side by side.

    Attributes:
        seed: Of the parameters and of the order of the examples.
        learning_rate: Peak of the schedule.

    Raises:
        LadderError: A seed that is none, or a rate that is not above zero.
    """

    seed: int
    learning_rate: float

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise LadderError(f"seed {self.seed} is not within 0 and 4294967295, where seeds are")
        if not 0.0 < self.learning_rate < math.inf:
            raise LadderError(f"learning_rate is {self.learning_rate:g}; give a number above 0")


@dataclass(frozen=True)
class Run:
    """One model trained to one budget.

    Attributes:
        name: Unique in a ladder, and the same whenever it is trained.
        group: The group it trains in.
        lane: Its place there.
        steps: Optimiser steps.
    """

    name: str
    group: "Group"
    lane: Lane
    steps: int

    @property
    def tokens(self) -> int:
        """Training tokens."""
        return self.steps * self.group.batch_tokens

    @property
    def compute_flops(self) -> float:
        """Training FLOPs from the recipe's own count, as if it had been trained alone."""
        return self.tokens * self.group.recipe.flops_per_token()


@dataclass(frozen=True)
class Group:
    """Runs that differ in seed, learning rate and budget only.

    Attributes:
        label: Name of the rung, for people.
        recipe: What is trained.
        optimiser: How.
        schedule: Of the learning rate.
        batch: Examples a step.
        lanes: Seeds and learning rates.
        budgets: Steps of each run of a lane, rising.
        evaluate_every: Steps between evaluations on the way; 0 for none but the last.

    Raises:
        LadderError: Budgets that are no runs.
    """

    label: str
    recipe: Trainable
    optimiser: Optimiser
    schedule: Schedule
    batch: int
    lanes: tuple[Lane, ...]
    budgets: tuple[int, ...]
    evaluate_every: int = 0

    def __post_init__(self) -> None:
        if not _PLAIN.fullmatch(self.label):
            raise LadderError(
                f"the label {self.label!r} is to name a folder; use letters, digits, and . _ + -"
            )
        if not self.budgets or min(self.budgets) < 2 or self.batch < 1:
            raise LadderError(
                f"rung {self.label}: {self.batch} examples a step make budgets of "
                f"{list(self.budgets)} steps; a run needs 2 steps of 1 example or more: raise "
                "tokens or change batch_tokens"
            )

    @property
    def batch_tokens(self) -> int:
        """Tokens a step."""
        return self.batch * self.recipe.tokens_per_example

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """What is trained, in this order."""
        return phases(self.schedule, self.budgets)

    @property
    def steps(self) -> int:
        """Steps of all phases, trunk and decays."""
        return sum(phase.last - phase.first for phase in self.phases)

    @property
    def flops(self) -> float:
        """FLOPs that training all its runs takes, the shared trunk once."""
        return self.steps * self.batch_tokens * len(self.lanes) * self.recipe.flops_per_token()

    def run(self, lane: Lane, steps: int) -> Run:
        """Return the run of a lane with that many steps."""
        tokens = _short(steps * self.batch_tokens)
        name = (
            f"{self.label}-{self.schedule.kind}-b{_short(self.batch_tokens)}"
            f"-lr{lane.learning_rate:g}-t{tokens}-s{lane.seed}"
        )
        return Run(name, self, lane, steps)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs."""
        return tuple(self.run(lane, steps) for steps in self.budgets for lane in self.lanes)

    def digest(self, corpus: str) -> str:
        """Return a digest of everything that determines the losses, with the corpus's digest."""
        facts = [type(self.recipe).__name__, dataclasses.asdict(self), corpus]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _short(count: float) -> str:
    """Return a count with three digits: ``2.05k``, ``8M``."""
    for unit, symbol in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.3g}{symbol}"
    return f"{count:g}"
