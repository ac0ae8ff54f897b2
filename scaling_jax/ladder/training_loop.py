"""One group trained to its end: phases, evaluations, log, checkpoints, and going on after a kill.

Everything that determines a loss is a function of the group and the corpus, so a group that is
killed and started again repeats the steps since its last checkpoint and ends with the same losses.
"""

import contextlib
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.fitting import hosts
from scaling_jax.ladder.checkpoints import Checkpoints, Position
from scaling_jax.ladder.corpora.corpus import Corpus
from scaling_jax.ladder.group import Group, Run
from scaling_jax.ladder.lease import Lease
from scaling_jax.ladder.log import RunLog, read_lines
from scaling_jax.ladder.schedules import Phase, shares
from scaling_jax.ladder.sharding import choose_layout
from scaling_jax.ladder.training import Batches, State, Trainer, grouped

_STEPS_A_CALL = 16  # of one call of the compiled program
_BYTES_A_CALL = 64 << 20  # but no more batches than this
_CHECK_SECONDS = 1.0  # between two looks at whether this attempt is still wanted
# Clipping and norms keep a run finite at any learning rate; one that ends this many times above
# what it knew before its first step has diverged all the same.
_DIVERGED = 2.0


@dataclass(frozen=True)
class Progress:
    """How far a group is, for whoever watches.

    Attributes:
        group: The group.
        step: Steps done, of all phases.
        loss: Mean training loss of the last steps, over the lanes that have not diverged.
        flops: FLOPs done since the last report.
        tokens: Tokens trained on since the last report.
        seconds: Time since the last report.
    """

    group: Group
    step: int
    loss: float
    flops: float
    tokens: int
    seconds: float


Watcher = Callable[[Progress], None]


def finished(group: Group, folder: Path) -> bool:
    """Return whether the log holds the end of every run of a group."""
    ended = {line["run"] for line in read_lines(log_path(folder)) if line["status"] != "running"}
    return all(run.name in ended for run in group.runs)


def log_path(folder: Path) -> Path:
    """Return where a group's log is."""
    return folder / "log.jsonl"


def train(
    group: Group,
    corpus: Corpus,
    folder: Path,
    *,
    watch: Watcher = lambda progress: None,
    checkpoint_seconds: float = 60.0,
    attempt: int | None = None,
    patience: float = 0.0,
) -> None:
    """Train all runs of a group, from its last checkpoint if there is one.

    Args:
        group: What to train.
        corpus: On what.
        folder: Of this group alone; the log and the checkpoints go there.
        watch: Called every few steps.
        checkpoint_seconds: Time between checkpoints.
        attempt: Number of the attempt; an older one that still runs gives way to it.
        patience: Seconds to wait for that, or for any other process that trains the group.

    Raises:
        LadderError: The log or a checkpoint cannot be read or written, another process trains the
            group, or a newer attempt has been made.
    """
    hosts.agree("ladder or corpus", group.digest(corpus.digest))
    if hosts.least(int(finished(group, folder))):
        return
    writes = jax.process_index() == 0  # of several hosts one; checkpoints are written by all
    with contextlib.ExitStack() as stack:
        lease = log = None
        if writes:
            lease = stack.enter_context(Lease(folder, attempt=attempt, patience=patience))
            log = stack.enter_context(contextlib.closing(RunLog(log_path(folder))))
        checkpoints = Checkpoints(folder / "checkpoints", group.digest(corpus.digest))
        try:
            _Training(group, corpus, lease, log, checkpoints, watch, checkpoint_seconds).run()
        finally:
            checkpoints.close()


class _Training:
    """The state of `train` between two calls of the compiled program."""

    def __init__(
        self,
        group: Group,
        corpus: Corpus,
        lease: Lease | None,
        log: RunLog | None,
        checkpoints: Checkpoints,
        watch: Watcher,
        checkpoint_seconds: float,
    ):
        self.group, self.corpus, self.log, self.watch = group, corpus, log, watch
        self.lease = lease
        self.checkpoints, self.checkpoint_seconds = checkpoints, checkpoint_seconds
        params = group.recipe.params_total * len(group.lanes)
        self.trainer = Trainer(group.recipe, group.optimiser, choose_layout(group.batch, params))
        self.examples = self.trainer.place(grouped(corpus.validation(), group.batch))
        self.seeds = [lane.seed for lane in group.lanes]
        self.peaks = np.array([lane.learning_rate for lane in group.lanes])
        self.saved_at = time.monotonic()
        self.number = 0
        self.compiled = False

    def run(self) -> None:
        untouched = [-1] * len(self.group.lanes)
        self.position = Position(0, 0, 0.0, 0.0, untouched, untouched)
        self.state: State | None = None
        self.trunk: State | None = None
        untrained = self.trainer.evaluate(self.trainer.init(self.seeds), self.examples)
        self.worst = _DIVERGED * np.asarray(untrained, float)
        if found := self.checkpoints.restore(self._structure):
            self.number, self.position, arrays = found
            self.state, self.trunk = arrays["state"], arrays.get("trunk")
        for number, phase in enumerate(self.group.phases):
            if number < self.position.phase:
                continue
            if number > self.position.phase or self.state is None:
                self._enter(number, phase)
            self._train_phase(phase)
        self._save()

    def _structure(self, position: Position) -> Any:
        """Return the shapes of a checkpoint's arrays."""
        lanes = self.trainer.structure(len(self.seeds))
        phase = self.group.phases[position.phase]
        return (
            {"state": lanes} if phase.is_trunk or phase.fresh else {"state": lanes, "trunk": lanes}
        )

    def _enter(self, number: int, phase: Phase) -> None:
        """Begin a phase: from new parameters or from the trunk's end."""
        at, lanes = self.position, len(self.seeds)
        if phase.fresh:
            self.state = self.trainer.init(self.seeds)
            self.position = Position(number, 0, 0.0, 0.0, [-1] * lanes, [-1] * lanes)
            return
        trunk_ended = self.group.phases[number - 1].is_trunk
        if trunk_ended:
            self.trunk = self.state
            at = Position(number, 0, 0.0, at.seconds, [], list(at.diverged))
        assert self.trunk is not None
        self.state = jax.tree.map(jnp.copy, self.trunk)
        self.position = Position(
            number, phase.first, at.trunk_seconds, at.trunk_seconds,
            list(at.trunk_diverged), list(at.trunk_diverged),
        )  # fmt: skip

    def _train_phase(self, phase: Phase) -> None:
        share = shares(self.group.schedule, phase)
        batches = self._batches(self.position.step, phase.last)
        while self.position.step < phase.last:
            first = self.position.step
            last = self._stop(phase)
            rates = share[first - phase.first : last - phase.first, None] * self.peaks
            losses = self._advance(batches, rates)
            for step in range(first + 1, last + 1):
                if step == last and self._evaluates(phase, step):
                    self._evaluate(phase, losses[-1], rates[-1])
            due = time.monotonic() - self.saved_at > self.checkpoint_seconds
            if hosts.least(int(due)):
                self._save()

    def _stop(self, phase: Phase) -> int:
        """Return where the next call of the program ends."""
        step, every = self.position.step, self.group.evaluate_every
        last = min(phase.last, step + self._most_steps)
        return min(last, (step // every + 1) * every) if every else last

    @property
    def _most_steps(self) -> int:
        example = sum(v.nbytes // (v.shape[0] * v.shape[1]) for v in self.examples.values())
        step = example * self.group.batch * len(self.seeds)
        return int(max(1, min(_STEPS_A_CALL, _BYTES_A_CALL // max(step, 1))))

    def _batches(self, first: int, last: int) -> Iterator[Batches]:
        """Yield the batches ``[lanes, examples, ...]`` of the steps."""
        order = sorted(set(self.seeds))
        streams = [
            self.corpus.batches(seed=seed, batch=self.group.batch, first=first, last=last)
            for seed in order
        ]
        lanes = [order.index(seed) for seed in self.seeds]
        for batches in zip(*streams, strict=True):
            yield {name: np.stack([batches[k][name] for k in lanes]) for name in batches[0]}

    def _advance(self, batches: Iterator[Batches], rates: np.ndarray) -> np.ndarray:
        """Do as many steps as there are rates; return their losses ``[steps, lanes]``."""
        begun, steps, most = time.monotonic(), len(rates), self._most_steps
        taken = [next(batches) for _ in range(steps)]
        taken += [taken[-1]] * (
            most - steps
        )  # not trained on: they make the shape that is compiled
        stacked = {name: np.stack([batch[name] for batch in taken]) for name in taken[0]}
        assert self.state is not None
        padded = np.pad(rates, ((0, most - steps), (0, 0)))
        if not self.compiled:  # which is no time of training: it would be counted as the runs'
            compiling = time.monotonic()
            self.state, _ = self.trainer.advance(self.state, stacked, padded, 0)
            self.compiled = True
            begun += time.monotonic() - compiling
        self.state, all_losses = self.trainer.advance(self.state, stacked, padded, steps)
        losses = np.asarray(all_losses)[:steps]
        self._note_divergence(losses)
        seconds = time.monotonic() - begun
        self.position.step += steps
        self.position.seconds += seconds
        self._tell(losses, steps, seconds)
        if self.lease:
            self.lease.check(every=_CHECK_SECONDS)
        return losses

    def _note_divergence(self, losses: np.ndarray) -> None:
        for lane, values in enumerate(losses.T):
            bad = np.flatnonzero(~np.isfinite(values))
            if len(bad):
                self._note(lane, self.position.step + int(bad[0]))

    def _note(self, lane: int, step: int) -> None:
        if self.position.diverged[lane] < 0:
            self.position.diverged[lane] = step

    def _tell(self, losses: np.ndarray, steps: int, seconds: float) -> None:
        group, at = self.group, self.position
        before = sum(phase.last - phase.first for phase in group.phases[: at.phase])
        finite = losses[np.isfinite(losses)]
        tokens = steps * group.batch_tokens * len(group.lanes)
        self.watch(
            Progress(
                group=group,
                step=before + at.step - group.phases[at.phase].first,
                loss=float(finite.mean()) if finite.size else float("nan"),
                flops=tokens * group.recipe.flops_per_token(),
                tokens=tokens,
                seconds=seconds,
            )
        )

    def _evaluates(self, phase: Phase, step: int) -> bool:
        """Return whether a step is evaluated: a run's last, and some on the way of the longest."""
        if step == phase.last and not phase.is_trunk:
            return True
        longest = phase.is_trunk or phase.fresh or phase.steps == max(self.group.budgets)
        return bool(self.group.evaluate_every) and step % self.group.evaluate_every == 0 and longest

    def _evaluate(self, phase: Phase, train_loss: np.ndarray, rates: np.ndarray) -> None:
        """Log a line for each lane: the trunk's belong to the longest run that comes of it."""
        assert self.state is not None
        losses = np.asarray(self.trainer.evaluate(self.state, self.examples), float)
        if self.log is None or self.lease is None:
            return
        self.lease.check()
        steps = phase.steps or max(self.group.budgets)
        ended = self.position.step == phase.last and not phase.is_trunk
        for lane, value in enumerate(self.group.lanes):
            run = self.group.run(value, steps)
            if ended and not losses[lane] <= self.worst[lane]:
                self._note(lane, self.position.step)
            diverged = self.position.diverged[lane] >= 0 or not np.isfinite(losses[lane])
            self.log.append(
                {
                    "run": run.name,
                    "step": self.position.step,
                    "tokens": self.position.step * self.group.batch_tokens,
                    "loss": None if diverged else float(losses[lane]),
                    "train_loss": None if diverged else float(train_loss[lane]),
                    "learning_rate": float(rates[lane]),
                    "status": "running" if not ended else "diverged" if diverged else "finished",
                }
                | self._cost(run, lane)
            )

    def _cost(self, run: Run, lane: int) -> dict[str, Any]:
        """Return what it took so far, and where; a lane's share of the time of all lanes."""
        seconds = self.position.seconds / len(self.group.lanes)
        flops = self.position.step * self.group.batch_tokens * self.group.recipe.flops_per_token()
        return {
            "diverged_at": self.position.diverged[lane]
            if self.position.diverged[lane] >= 0
            else None,
            "seconds": round(seconds, 4),
            "lanes": len(self.group.lanes),
            "flops_per_second": float(f"{flops / max(seconds, 1e-9):.4g}"),
            "device": jax.devices()[0].device_kind,
            "versions": f"python {platform.python_version()}, jax {jax.__version__}",
        }

    def _save(self) -> None:
        arrays = {"state": self.state}
        phase = self.group.phases[self.position.phase]
        if not phase.is_trunk and not phase.fresh:
            arrays["trunk"] = self.trunk
        self.number += 1
        if self.lease:
            self.lease.check()
        self.checkpoints.save(self.number, self.position, arrays)
        self.saved_at = time.monotonic()
