"""What runs in a worker of a Ray cluster: one group, from the ladder's folder; no Ray in here."""

import os
import socket
import time
from pathlib import Path
from typing import Any

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.corpus import Corpus, open_corpus
from scaling_jax.ladder.group import Group
from scaling_jax.ladder.running import Site
from scaling_jax.ladder.training_loop import Progress, train

Report = dict[str, Any]  # a Progress without its group
_REPORT_SECONDS = 0.5
# For a worker that was given up to let go of its group, which takes it one call of the program, or
# for a file server to notice that its machine is gone (90 s with NFS 4).
_PATIENCE_SECONDS = 300.0


class Reports:
    """What the tasks tell the driver, until it asks; an actor beside the driver."""

    def __init__(self):
        self._held: list[tuple[int, Report]] = []

    def tell(self, number: int, report: Report) -> None:
        """Keep a report on the group of that number."""
        self._held.append((number, report))

    def take(self) -> list[tuple[int, Report]]:
        """Return the reports since the last call."""
        held, self._held = self._held, []
        return held


def versions() -> dict[str, str]:
    """Return what has to be the same in driver and tasks for losses to be the same."""
    import jax

    from scaling_jax import __version__

    return {"scaling_jax": __version__, "jax": jax.__version__}


def train_group(order: dict[str, Any], reports: Any) -> None:
    """Train one group in this process.

    Args:
        order: Folder of the ladder, options and digest of the corpus, number and digest of the
            group, attempt, seconds between checkpoints, cores, versions.
        reports: Handle of the driver's `Reports`.

    Raises:
        LadderError: The folder, corpus or versions here are not the driver's, or as `train`.
    """
    # Read when JAX first computes: cores that XLA's threads take, else all of the machine's.
    os.environ.setdefault("NPROC", str(max(1, round(order["cpus"]))))
    site = _site(order)
    group = _group(site, order)
    reporter = _Reporter(order["number"], reports)
    train(
        group,
        _corpus(site, order),
        site.group_folder(group),
        watch=reporter.add,
        checkpoint_seconds=order["checkpoint_seconds"],
        attempt=order["attempt"],
        patience=_PATIENCE_SECONDS,
    )
    reporter.send()


class _Reporter:
    """Sums up progress, so that a group of tiny steps does not flood the driver."""

    def __init__(self, number: int, reports: Any):
        self._number, self._reports = number, reports
        self._sum: Report = {}
        self._sent = time.monotonic()

    def add(self, progress: Progress) -> None:
        report = {name: value for name, value in vars(progress).items() if name != "group"}
        for name in ("flops", "tokens", "seconds"):
            report[name] += self._sum.get(name, 0)
        self._sum = report
        if time.monotonic() - self._sent > _REPORT_SECONDS:
            self.send()

    def send(self) -> None:
        if self._sum:
            self._reports.tell.remote(self._number, self._sum)
        self._sum, self._sent = {}, time.monotonic()


def _site(order: dict[str, Any]) -> Site:
    here = socket.gethostname()
    for name, version in versions().items():
        if version != order["versions"][name]:
            raise LadderError(
                f"node {here} has {name} {version}, the driver {order['versions'][name]}; install "
                "the same on all nodes"
            )
    folder = Path(order["folder"])
    if not (folder / "ladder.toml").is_file():
        raise LadderError(
            f"node {here} does not see {folder}; put the ladder's folder on a file system that all "
            "nodes of the cluster share, under one path"
        )
    return Site.open(folder)


def _group(site: Site, order: dict[str, Any]) -> Group:
    groups = site.ladder.groups
    if order["number"] < len(groups):
        group = groups[order["number"]]
        if group.digest(order["corpus_digest"]) == order["digest"]:
            return group
    raise LadderError(f"the ladder in {site.folder} was changed while it ran; start it again")


def _corpus(site: Site, order: dict[str, Any]) -> Corpus:
    corpus = open_corpus(order["corpus"], context=site.ladder.context, folder=site.folder)
    if corpus.digest != order["corpus_digest"]:
        raise LadderError(
            f"the corpus {corpus.name} on node {socket.gethostname()} is not the one that the "
            "ladder was started with; give all nodes the same files"
        )
    return corpus
