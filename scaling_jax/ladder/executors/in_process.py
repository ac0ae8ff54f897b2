"""The groups of a ladder one after the other, in this process: the default."""

from scaling_jax.ladder.corpora.corpus import Corpus
from scaling_jax.ladder.running import Site
from scaling_jax.ladder.training_loop import Watcher, train


def run_in_process(
    site: Site, corpus: Corpus, *, watch: Watcher, checkpoint_seconds: float
) -> None:
    """Train every group that has not ended, in the order of the file; see `Executor`."""
    for group in site.ladder.groups:
        train(
            group,
            corpus,
            site.group_folder(group),
            watch=watch,
            checkpoint_seconds=checkpoint_seconds,
        )
