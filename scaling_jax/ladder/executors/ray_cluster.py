"""The groups of a ladder as tasks of a Ray cluster, each begun again where its worker was lost.

    driver   one task a group ──► waits, passes progress on, begins lost groups again
    task     opens ladder and corpus from the ladder's folder, trains the group in there

The folder has to be on a file system that all nodes share, under one path. Nothing but texts and
numbers goes through Ray, so a task depends on the folder and on the versions installed, not on the
driver's memory. The lease of a group's folder keeps a task that was given up from writing beside
its replacement (`scaling_jax.ladder.lease`).
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling_jax.errors import LadderError, ScalingError
from scaling_jax.ladder.corpora.corpus import Corpus
from scaling_jax.ladder.executors.ray_task import Reports, train_group, versions
from scaling_jax.ladder.lease import newest_attempt
from scaling_jax.ladder.running import Site
from scaling_jax.ladder.training_loop import Progress, Watcher, finished

CPUS, GPUS = "SCALING_JAX_RAY_CPUS", "SCALING_JAX_RAY_GPUS"
_MOST_LOSSES = 5  # of workers in a row, without a step gained
_POLL_SECONDS = 0.5
_ANSWER_SECONDS = 5.0  # for a cluster to take a connection
_END_SECONDS = 10.0  # for tasks to be gone, once they are told to
_STORE_BYTES = 100_000_000  # of a cluster of our own; nothing large is sent


def run_on_ray(
    site: Site,
    corpus: Corpus,
    *,
    watch: Watcher,
    checkpoint_seconds: float,
    cpus: float | None = None,
    gpus: float | None = None,
) -> None:
    """Train every group that has not ended, as many at a time as the cluster has room for.

    A cluster that this process is connected to is used, or else the one that ``RAY_ADDRESS`` or
    Ray's own records name, or else one of this machine alone, which ends with the ladder.

    Args:
        site: The ladder in its folder, which all nodes see under the same path.
        corpus: Its corpus; the tasks open their own.
        watch: Told of the progress of every group, in this process.
        checkpoint_seconds: Time between checkpoints.
        cpus: Cores of a group; ``$SCALING_JAX_RAY_CPUS`` by default, or else 1.
        gpus: GPUs of a group; ``$SCALING_JAX_RAY_GPUS`` by default, or else 1 in a cluster that has
            any.

    Raises:
        LadderError: Ray is not installed or not reached, a group failed, or its workers were lost
            over and over.
    """
    ray = _ray()
    numbers = [
        number
        for number, group in enumerate(site.ladder.groups)
        if not finished(group, site.group_folder(group))
    ]
    if not numbers:
        return
    with _cluster(ray) as own:
        share = _share(ray, cpus, gpus)
        if own:
            _check_room(ray, share)
        driver = _Driver(ray, site, numbers, watch, checkpoint_seconds, share)
        try:
            driver.run()
        finally:
            driver.close()


@dataclass
class _Attempts:
    """What the driver knows of a group.

    Attributes:
        attempt: Number of the present attempt.
        losses: Workers lost since a step was gained.
        step: The furthest step reported.
    """

    attempt: int
    losses: int = 0
    step: int = 0


class _Driver:
    """The groups that are not done, and their tasks."""

    def __init__(
        self,
        ray: Any,
        site: Site,
        numbers: list[int],
        watch: Watcher,
        checkpoint_seconds: float,
        share: dict[str, float],
    ):
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.ray, self.site, self.watch = ray, site, watch
        self.checkpoint_seconds, self.share = checkpoint_seconds, share
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.reports = ray.remote(num_cpus=0, scheduling_strategy=here)(Reports).remote()
        # Attempts are counted here, not by Ray, since each has to know its number.
        self.task = ray.remote(max_retries=0, scheduling_strategy="SPREAD", **share)(train_group)
        groups = site.ladder.groups
        self.known = {
            number: _Attempts(newest_attempt(site.group_folder(groups[number])))
            for number in numbers
        }
        self.running = {self._begin(number): number for number in numbers}

    def run(self) -> None:
        """Return when all groups have ended."""
        while self.running:
            done, _ = self.ray.wait(list(self.running), timeout=_POLL_SECONDS)
            self._pass_on()
            for task in done:
                number = self.running.pop(task)
                if not self._ended(number, task):
                    self.running[self._begin(number)] = number
        self._pass_on()

    def close(self) -> None:
        """End what is still running; it goes on from its last checkpoint another time."""
        for task in self.running:
            self.ray.cancel(task, force=True)
        if self.running:
            tasks = list(self.running)
            self.ray.wait(tasks, num_returns=len(tasks), timeout=_END_SECONDS)
        self.ray.kill(self.reports)

    def _begin(self, number: int) -> Any:
        group = self.site.ladder.groups[number]
        order = {
            "folder": str(self.site.folder.absolute()),
            "corpus": _from_anywhere(self.site.ladder.corpus),
            "corpus_digest": self.site.corpus_digest,
            "number": number,
            "digest": group.digest(self.site.corpus_digest),
            "attempt": self.known[number].attempt,
            "checkpoint_seconds": self.checkpoint_seconds,
            "cpus": self.share["num_cpus"],
            "versions": versions(),
        }
        return self.task.options(name=f"ladder {group.label}").remote(order, self.reports)

    def _ended(self, number: int, task: Any) -> bool:
        """Return whether a group has ended, or its worker was lost and it is to begin again."""
        errors = self.ray.exceptions
        try:
            self.ray.get(task)
        except errors.RayTaskError as error:
            if isinstance(error.cause, ScalingError):
                raise error.cause from None
            raise
        except (
            errors.WorkerCrashedError, errors.NodeDiedError, errors.LocalRayletDiedError,
            errors.OutOfMemoryError, errors.ObjectLostError,
        ) as error:  # fmt: skip
            self._count_loss(number, error)
            return False
        except errors.RayError as error:
            raise LadderError(f"Ray cannot run the ladder: {_line(error)}") from error
        return True

    def _count_loss(self, number: int, error: Exception) -> None:
        known, group = self.known[number], self.site.ladder.groups[number]
        known.attempt += 1
        known.losses += 1
        if known.losses > _MOST_LOSSES:
            raise LadderError(
                f"rung {group.label}: {known.losses} workers in a row were lost before a step was "
                f"gained ({_line(error)}); give it more memory or other nodes, and start again"
            ) from error

    def _pass_on(self) -> None:
        """Tell the watcher what the tasks have reported."""
        for number, report in self.ray.get(self.reports.take.remote()):
            progress = Progress(group=self.site.ladder.groups[number], **report)
            known = self.known[number]
            if progress.step > known.step:
                known.step, known.losses = progress.step, 0
            self.watch(progress)


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise LadderError(
            "the executor ray needs Ray, which is not installed: pip install 'scaling-jax[ray]'"
        ) from None
    return ray


@contextmanager
def _cluster(ray: Any) -> Iterator[bool]:
    """Connect to a cluster, and leave it as it was; one of our own, told by True, is ended."""
    if ray.is_initialized():
        yield False
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "warning"}
    address = _address()
    if address:
        ray.init(address=address, **quiet)
    else:
        _start(ray, quiet)
    try:
        yield address is None
    finally:
        ray.shutdown()


def _address() -> str | None:
    """Return the address of the cluster to use, None to start one.

    Ray itself would try for many minutes to reach one that is gone.
    """
    named = os.environ.get("RAY_ADDRESS", "auto")
    if named == "auto":
        record = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")
        found = record.read_text("utf-8").strip() if record.is_file() else ""
        return found if found and _unreachable(found) is None else None
    if named == "local":
        return None
    if (reason := _unreachable(named)) is not None:
        raise LadderError(
            f"no Ray cluster answers at RAY_ADDRESS={named} ({reason}); start it, or unset "
            "RAY_ADDRESS to use this machine alone"
        )
    return named


def _unreachable(address: str) -> str | None:
    """Return why nobody answers at ``[ray://]host:port``, None if somebody does."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), _ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _start(ray: Any, quiet: dict[str, Any]) -> None:
    """Start a cluster of this machine alone, that tells nobody of it."""
    stats = os.environ.get("RAY_USAGE_STATS_ENABLED")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        ray.init(
            address="local", include_dashboard=False, object_store_memory=_STORE_BYTES, **quiet
        )
    except Exception as error:  # Ray raises a bare one where its processes did not start in time
        raise LadderError(
            f"Ray does not start on this machine ({_line(error)}); its logs are in "
            "/tmp/ray/session_latest/logs, and the executor in-process does without it"
        ) from error
    finally:
        if stats is None:
            del os.environ["RAY_USAGE_STATS_ENABLED"]
        else:
            os.environ["RAY_USAGE_STATS_ENABLED"] = stats


def _share(ray: Any, cpus: float | None, gpus: float | None) -> dict[str, float]:
    """Return what a group takes of a node."""
    cpus = _number(CPUS, 1.0) if cpus is None else cpus
    if gpus is None:
        gpus = _number(GPUS, 1.0 if ray.cluster_resources().get("GPU", 0) else 0.0)
    return {"num_cpus": cpus, "num_gpus": gpus}


def _check_room(ray: Any, share: dict[str, float]) -> None:
    """Refuse what this machine will never have; a real cluster may grow, and Ray warns there."""
    have = ray.cluster_resources()
    for kind, name in (("CPU", "num_cpus"), ("GPU", "num_gpus")):
        if share[name] > have.get(kind, 0.0):
            raise LadderError(
                f"a group is to have {share[name]:g} {kind}s, but this machine has "
                f"{have.get(kind, 0.0):g}; set SCALING_JAX_RAY_{kind}S"
            )


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable, "")
    try:
        value = float(text or default)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float("inf"):
        raise LadderError(f"{variable} is {text!r}; give a number from 0, or unset it")
    return value


def _from_anywhere(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a corpus's options with paths that do not depend on where a process was started."""
    if "path" not in spec:
        return spec
    paths = [spec["path"]] if isinstance(spec["path"], str) else spec["path"]
    absolute = [str(Path(path).expanduser().absolute()) for path in paths]
    return {**spec, "path": absolute[0] if isinstance(spec["path"], str) else absolute}


def _line(error: Exception) -> str:
    """Return an error of Ray's, which go over many lines, in one."""
    return " ".join(str(error).split())[:300] or type(error).__name__
