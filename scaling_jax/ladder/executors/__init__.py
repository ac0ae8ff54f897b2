"""Where the groups of a ladder are trained: in this process, or as tasks of a Ray cluster."""

from collections.abc import Callable
from typing import Protocol

from scaling_jax.errors import LadderError, did_you_mean
from scaling_jax.ladder.corpora.corpus import Corpus
from scaling_jax.ladder.running import Site
from scaling_jax.ladder.training_loop import Watcher

EXECUTORS = ("in-process", "ray")


class Executor(Protocol):
    """Trains every group of a ladder that has not ended."""

    def __call__(
        self, site: Site, corpus: Corpus, *, watch: Watcher, checkpoint_seconds: float
    ) -> None:
        """Return when all groups have ended.

        Args:
            site: The ladder in its folder.
            corpus: Its corpus, opened.
            watch: Told of the progress of every group, in this process.
            checkpoint_seconds: Time between checkpoints.
        """
        ...


def get_executor(name: str) -> Executor:
    """Return the executor of a name.

    Raises:
        LadderError: There is none, or what it needs is not installed.
    """
    makers: dict[str, Callable[[], Executor]] = {"in-process": _in_process, "ray": _ray}
    if name not in makers:
        raise LadderError(f"executor {name!r} is unknown; {did_you_mean(name, EXECUTORS)}")
    return makers[name]()


def _in_process() -> Executor:
    from scaling_jax.ladder.executors.in_process import run_in_process

    return run_in_process


def _ray() -> Executor:
    from scaling_jax.ladder.executors.ray_cluster import run_on_ray

    return run_on_ray
