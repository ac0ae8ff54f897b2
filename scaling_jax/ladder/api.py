"""Running a ladder, from its file to its table."""

import os
from dataclasses import dataclass
from pathlib import Path

from scaling_jax.ladder.executors import get_executor
from scaling_jax.ladder.export import export as export_site
from scaling_jax.ladder.ladder import Ladder
from scaling_jax.ladder.running import Site, start
from scaling_jax.ladder.training_loop import Watcher
from scaling_jax.runs import RunTable


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
    """

    label: str
    runs: int
    finished: int
    diverged: int
    flops: float
    loss: float | None


def run(
    ladder: Ladder | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    executor: str = "in-process",
    watch: Watcher = lambda progress: None,
    checkpoint_seconds: float = 60.0,
) -> RunTable:
    """Train all runs of a ladder that have not ended, and return the table of those that have.

    Args:
        ladder: A `Ladder`, or its file.
        folder: Where logs and checkpoints go; one that was stopped half-way is gone on with.
        executor: ``"in-process"`` or ``"ray"``.
        watch: Told of progress every few steps.
        checkpoint_seconds: Time between checkpoints.

    Raises:
        LadderError: The file, corpus, log or a checkpoint cannot be used.
    """
    ladder = ladder if isinstance(ladder, Ladder) else Ladder.read(ladder)
    train = get_executor(executor)
    site, corpus = start(ladder, folder)
    train(site, corpus, watch=watch, checkpoint_seconds=checkpoint_seconds)
    return export_site(site)


def export(folder: str | os.PathLike[str], *, curves: bool = False) -> RunTable:
    """Return the table of a ladder that has ended or is still running.

    Args:
        folder: Where it was started.
        curves: One row an evaluation instead of one row a run.

    Raises:
        LadderError: The folder holds no ladder, or no run of it has ended.
    """
    return export_site(Site.open(Path(folder)), curves=curves)


def status(folder: str | os.PathLike[str]) -> tuple[Status, ...]:
    """Return how far each group of a ladder is.

    Raises:
        LadderError: The folder holds no ladder.
    """
    site = Site.open(Path(folder))
    found = []
    for group in site.ladder.groups:
        ended = [line for line in site.lines(group) if line["status"] != "running"]
        losses = {line["tokens"]: [] for line in ended if line["loss"] is not None}
        for line in ended:
            if line["loss"] is not None:
                losses[line["tokens"]].append(line["loss"])
        longest = losses[max(losses)] if losses else []
        found.append(
            Status(
                label=group.label,
                runs=len(group.runs),
                finished=sum(line["status"] == "finished" for line in ended),
                diverged=sum(line["status"] == "diverged" for line in ended),
                flops=group.flops,
                loss=sum(longest) / len(longest) if longest else None,
            )
        )
    return tuple(found)
