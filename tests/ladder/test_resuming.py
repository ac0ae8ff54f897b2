"""A ladder that was stopped, at any moment and by anything, ends as if it had not been."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from scaling_jax.errors import LadderError
from scaling_jax.ladder import Ladder, run, status
from scaling_jax.ladder.checkpoints import Checkpoints, Position
from scaling_jax.ladder.running import Site

ROOT = Path(__file__).resolve().parents[2]
_MEASURED = ("seconds", "flops_per_second")


class Stopped(Exception):
    """What ends the training in the middle of a test."""


def stop_after(reports):
    """Return a watcher that ends the training at its so-many-th report."""
    seen = []

    def watch(progress):
        seen.append(progress)
        if len(seen) > reports:
            raise Stopped

    return watch


def logged(folder):
    """Return the lines of a ladder's logs, without what was measured."""
    lines = []
    site = Site.open(folder)
    for group in site.ladder.groups:
        lines += [
            {key: line[key] for key in line if key not in _MEASURED} for line in site.lines(group)
        ]
    return lines


@pytest.fixture(scope="module")
def ladders(tiny):
    """All schedules, with several phases each; two lanes and the same programs for all."""
    return {
        kind: tiny(schedule=kind, tokens=[2560, 6400], seeds=[0, 1], evaluate_every=24)
        for kind in ("wsd", "cosine")
    }


@pytest.fixture(scope="module")
def uninterrupted(ladders, tmp_path_factory):
    """The lines of each ladder that nobody stopped."""
    found = {}
    for kind, ladder in ladders.items():
        folder = tmp_path_factory.mktemp(kind)
        run(ladder, folder)
        found[kind] = logged(folder)
    return found


@pytest.mark.parametrize("kind", ["wsd", "cosine"])
def test_stopped_at_every_report_it_ends_with_the_same_lines(
    ladders, uninterrupted, tmp_path, kind
):
    """Checkpoints at every report: within trunk and branch, at the ends of phases, at the end."""
    for _ in range(40):
        try:
            run(ladders[kind], tmp_path, watch=stop_after(1), checkpoint_seconds=0.0)
            break
        except Stopped:
            continue
    assert logged(tmp_path) == uninterrupted[kind]  # losses to the bit


@pytest.mark.parametrize("reports", [2, 5, 7])
def test_with_few_checkpoints_it_repeats_steps_and_ends_the_same(
    ladders, uninterrupted, tmp_path, reports
):
    """Without any but the last, all is trained again: lines that are there are not doubled."""
    with pytest.raises(Stopped):
        run(ladders["wsd"], tmp_path, watch=stop_after(reports), checkpoint_seconds=1e9)
    before = logged(tmp_path)
    assert before == uninterrupted["wsd"][: len(before)]
    run(ladders["wsd"], tmp_path)
    assert logged(tmp_path) == uninterrupted["wsd"]


def test_a_trunk_and_its_decays_are_the_runs_trained_alone(
    tiny, uninterrupted, tmp_path, final_losses
):
    ends = {line["run"]: line for line in uninterrupted["wsd"] if line["status"] == "finished"}
    for tokens in (2560, 6400):
        alone = tiny(tokens=[tokens], seeds=[0, 1])
        run(alone, tmp_path / str(tokens))
        found = final_losses(tmp_path / str(tokens))
        assert found == {name: ends[name]["loss"] for name in found}
        assert len(found) == 2


def test_what_has_ended_is_left_alone(ladders, tmp_path):
    table = run(ladders["wsd"], tmp_path)
    (log,) = tmp_path.glob("groups/*/log.jsonl")
    before = log.stat().st_mtime_ns

    def never(progress):
        raise AssertionError("trained again")

    again = run(ladders["wsd"], tmp_path, watch=never)
    assert log.stat().st_mtime_ns == before
    np.testing.assert_array_equal(again["loss"], table["loss"])


def test_more_runs_train_only_what_is_new(ladders, tiny, tmp_path):
    run(ladders["wsd"], tmp_path)
    both = tiny({"width": 16}, {"width": 16, "seeds": [5, 6]}, **ladders["wsd"].training)
    trained = set()
    run(both, tmp_path, watch=lambda progress: trained.add(progress.group))
    assert trained == {both.groups[1]}


def test_a_run_that_diverges_is_recorded_and_its_neighbour_ends(tiny, tmp_path):
    """The rate of a thousand keeps every number finite, and the loss at thousands of nats."""
    table = run(tiny(learning_rate=[0.01, 1000.0], tokens=[2560, 6400]), tmp_path)
    lines = [line for line in logged(tmp_path) if line["status"] != "running"]
    ended = {line["run"]: line["status"] for line in lines}
    assert ended == {
        "w16-d1-wsd-b64-lr0.01-t2.56k-s0": "finished",
        "w16-d1-wsd-b64-lr1000-t2.56k-s0": "diverged",
        "w16-d1-wsd-b64-lr0.01-t6.4k-s0": "finished",
        "w16-d1-wsd-b64-lr1000-t6.4k-s0": "diverged",
    }
    assert all((line["loss"] is None) == (line["status"] == "diverged") for line in lines)
    assert set(table["learning_rate"]) == {0.01}
    (found,) = status(tmp_path)
    assert (found.finished, found.diverged, found.share) == (2, 2, 1.0)
    beside = run(tiny(learning_rate=[0.01, 0.02], tokens=[2560, 6400]), tmp_path / "other")
    np.testing.assert_array_equal(table["loss"], beside.where("learning_rate == 0.01")["loss"])


def test_a_full_disk_under_the_log_keeps_the_lines_before(
    ladders, uninterrupted, tmp_path, monkeypatch
):
    count = 0
    real = os.fsync

    def full(descriptor):
        nonlocal count
        if "log.jsonl" in os.readlink(f"/proc/self/fd/{descriptor}"):
            count += 1
            if count == 4:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr("scaling_jax.ladder.log.os.fsync", full)
    with pytest.raises(LadderError, match=r"cannot write .*log\.jsonl: No space left on device"):
        run(ladders["wsd"], tmp_path)
    monkeypatch.undo()
    assert logged(tmp_path) == uninterrupted["wsd"][:3]
    run(ladders["wsd"], tmp_path)
    assert logged(tmp_path) == uninterrupted["wsd"]


def test_a_full_disk_under_a_checkpoint_keeps_the_one_before(
    ladders, uninterrupted, tmp_path, monkeypatch
):
    import orbax.checkpoint as ocp

    real, saves = ocp.CheckpointManager.save, []

    def full(self, *arguments, **more):
        saves.append(arguments)
        if len(saves) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, *arguments, **more)

    monkeypatch.setattr(ocp.CheckpointManager, "save", full)
    with pytest.raises(LadderError, match="cannot write a checkpoint to .*no space left on dev"):
        run(ladders["wsd"], tmp_path, checkpoint_seconds=0.0)
    monkeypatch.undo()
    (kept,) = tmp_path.glob("groups/*/checkpoints")
    assert "3" in os.listdir(kept)
    run(ladders["wsd"], tmp_path)
    assert logged(tmp_path) == uninterrupted["wsd"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for two checkpoints."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip("this user mounts nothing")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_in_truth(ladders, uninterrupted, small_disk, capfd):
    with pytest.raises(LadderError, match="no space left on device.*; the last one is kept: free"):
        run(ladders["wsd"], small_disk, checkpoint_seconds=0.0)
    assert capfd.readouterr().err == ""  # none of the tracebacks of Orbax's threads
    before = logged(small_disk)
    assert before
    assert before == uninterrupted["wsd"][: len(before)]
    remount = ["mount", "-o", "remount,size=20m", str(small_disk)]
    subprocess.run(remount, check=True)
    run(ladders["wsd"], small_disk, checkpoint_seconds=0.0)
    assert logged(small_disk) == uninterrupted["wsd"]


ARRAYS = {"state": {"x": np.arange(4.0)}}


def save(folder, numbers, identity="a"):
    checkpoints = Checkpoints(folder, identity)
    for number in numbers:
        checkpoints.save(number, Position(0, number, 1.0, 0.0, [-1], [-1]), ARRAYS)
    checkpoints.close()


def restore(folder, identity="a"):
    checkpoints = Checkpoints(folder, identity)
    try:
        return checkpoints.restore(lambda position: ARRAYS)
    finally:
        checkpoints.close()


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    assert restore(tmp_path / "none") is None
    save(tmp_path / "kept", [1, 2, 3])
    found = restore(tmp_path / "kept")
    assert found is not None
    number, position, arrays = found
    assert (number, position) == (3, Position(0, 3, 1.0, 0.0, [-1], [-1]))
    np.testing.assert_array_equal(arrays["state"]["x"], ARRAYS["state"]["x"])
    assert {"2", "3"} <= set(os.listdir(tmp_path / "kept"))


def test_a_damaged_checkpoint_says_how_to_go_on(tmp_path):
    folder = tmp_path / "kept"
    save(folder, [1, 2])
    for file in (folder / "2").rglob("*"):
        if file.is_file() and file.name not in ("commit_success.txt", "_CHECKPOINT_METADATA"):
            file.write_bytes(b"x")
    with pytest.raises(LadderError, match=rf"checkpoint 2 in .* is damaged .*{folder / '2'} to go"):
        restore(folder)
    save(folder.with_name("other"), [1], identity="b")
    with pytest.raises(LadderError, match="is of other runs; move it away"):
        restore(folder.with_name("other"))


def test_a_corpus_that_cannot_be_read_is_said_and_nothing_is_lost(tiny, tmp_path, corpus_folder):
    ladder = tiny(tokens=[2560, 6400], seeds=[0, 1], evaluate_every=24)
    run(ladder, tmp_path / "runs")
    before = logged(tmp_path / "runs")
    (tmp_path / "moved").mkdir()
    gone = Ladder.of(
        {
            "name": ladder.name, "recipe": ladder.recipe, "training": ladder.training,
            "corpus": ladder.corpus | {"path": str(tmp_path / "moved" / "gone")},
            "rungs": list(ladder.rungs),
        }
    )  # fmt: skip
    with pytest.raises(LadderError, match="gone is not there: give a file or a folder of text"):
        run(gone, tmp_path / "runs")
    assert logged(tmp_path / "runs") == before


@pytest.fixture
def killable():
    """A process that trains ladders in processes of their own; see `tests.ladder.killable`."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.ladder.killable"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert server.stdin is not None
    yield server
    server.stdin.close()
    assert server.stdout is not None
    server.stdout.close()
    server.wait(timeout=60)


def train_and_kill(server, order, seconds):
    """Kill the training some seconds after its first report, and return how it ended."""
    server.stdin.write(json.dumps(order) + "\n")
    server.stdin.flush()
    pid = 0
    for line in server.stdout:
        if line == "training\n":
            time.sleep(seconds)
            os.kill(pid, signal.SIGKILL)
        elif line.startswith("ended"):
            return int(line.split()[1])
        else:
            pid = int(line)
    raise AssertionError("the server has ended")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_kill_9_at_five_random_moments(tiny, tmp_path, killable):
    """Nearly all the time goes into checkpoints and the log here, so that is where it is killed."""
    ladder = tiny(tokens=[19200, 38400], seeds=[0, 1], evaluate_every=8)
    document = {
        "name": ladder.name, "corpus": ladder.corpus, "recipe": ladder.recipe,
        "training": ladder.training, "rungs": list(ladder.rungs),
    }  # fmt: skip
    folder = tmp_path / "runs"
    for _ in range(5):
        order = {"ladder": document, "folder": str(folder), "seconds": 0.0}
        code = train_and_kill(killable, order, random.uniform(0.0, 0.2))
        assert code == -signal.SIGKILL, "ended before it was killed: give it more steps"
    run(ladder, folder)
    run(ladder, tmp_path / "whole")
    lines, whole = logged(folder), logged(tmp_path / "whole")
    for one, other in zip(lines, whole, strict=True):  # none lost, none doubled
        assert one | {"loss": 0, "train_loss": 0} == other | {"loss": 0, "train_loss": 0}
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-6)
    assert not list(folder.glob("groups/*/checkpoints/*tmp*"))
