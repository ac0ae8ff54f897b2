"""How far a ladder in a folder is, by its logs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scaling_jax.ladder.group import Group
from scaling_jax.ladder.log import Line
from scaling_jax.ladder.running import Site


@dataclass(frozen=True)
class Status:
    """How far one group of a ladder is.

    Attributes:
        label: Name of the rung.
        runs: Its runs.
        finished: Runs that have ended with a loss.
        diverged: Runs that have ended without one.
        flops: FLOPs that all of it takes.
        loss: Loss of the longest run that has ended, the mean over lanes; None before.
        share: Share of its steps that are done, by the last evaluation.
        batch_tokens: Tokens a step.
        schedule: Kind of its schedule.
    """

    label: str
    runs: int
    finished: int
    diverged: int
    flops: float
    loss: float | None
    share: float
    batch_tokens: int
    schedule: str


def status(folder: str | os.PathLike[str]) -> tuple[Status, ...]:
    """Return how far each group of a ladder is.

    Raises:
        LadderError: The folder holds no ladder.
    """
    site = Site.open(Path(folder))
    return tuple(_status(group, site.lines(group)) for group in site.ladder.groups)


def _status(group: Group, lines: Sequence[Line]) -> Status:
    ended = [line for line in lines if line["status"] != "running"]
    losses: dict[int, list[float]] = {}
    for line in ended:
        if line["loss"] is not None:
            losses.setdefault(line["tokens"], []).append(line["loss"])
    longest = losses[max(losses)] if losses else []
    return Status(
        label=group.label,
        runs=len(group.runs),
        finished=sum(line["status"] == "finished" for line in ended),
        diverged=sum(line["status"] == "diverged" for line in ended),
        flops=group.flops,
        loss=sum(longest) / len(longest) if longest else None,
        share=_steps(group, lines) / group.steps,
        batch_tokens=group.batch_tokens,
        schedule=group.schedule.kind,
    )


def _steps(group: Group, lines: Sequence[Line]) -> int:
    """Return the steps of all phases up to the last line."""
    if not lines:
        return 0
    last = lines[-1]
    step, running = last["step"], last["status"] == "running"
    (of_run,) = (run.steps for run in group.runs if run.name == last["run"])
    done = 0
    for phase in group.phases:
        # What is logged on the trunk goes by the name of the longest run.
        here = phase.steps == of_run or (phase.is_trunk and running)
        if here and phase.first < step <= phase.last:
            return done + step - phase.first
        done += phase.last - phase.first
    return done
