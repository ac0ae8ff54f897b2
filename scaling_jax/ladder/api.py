"""Running a ladder, from its file to its table."""

import os
from pathlib import Path

from scaling_jax.ladder.executors import get_executor
from scaling_jax.ladder.export import export as export_site
from scaling_jax.ladder.ladder import Ladder
from scaling_jax.ladder.running import Site, start
from scaling_jax.ladder.training_loop import Watcher
from scaling_jax.runs import RunTable


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
