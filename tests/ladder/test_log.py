"""The log of a group: whatever moment it was cut off at, no line is lost or doubled."""

import errno
import json
import os

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from scaling_jax.errors import LadderError
from scaling_jax.ladder.log import RunLog, read_lines


def line(step, run="a", status="running", **more):
    return {"run": run, "step": step, "status": status, "loss": 1.0 / (step + 1)} | more


LINES = [line(k, run=run) for k in range(4) for run in "ab"] + [line(4, status="finished")]
WHOLE = "".join(json.dumps(each) + "\n" for each in LINES).encode()


def append_all(path, lines):
    log = RunLog(path)
    new = [log.append(each) for each in lines]
    log.close()
    return new


@settings(max_examples=40)  # each appends to a disk that is waited for
@given(cut=st.integers(0, len(WHOLE)), resumed_from=st.integers(0, len(LINES)))
def test_a_log_torn_at_any_byte_goes_on_as_if_it_had_not_been(tmp_path_factory, cut, resumed_from):
    """A run resumes at a checkpoint that is never ahead of the log."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    path.write_bytes(WHOLE[:cut])
    kept = WHOLE[:cut].count(b"\n")
    assert read_lines(path) == LINES[:kept]
    append_all(path, LINES[min(resumed_from, kept) :])
    assert path.read_bytes() == WHOLE


def test_a_line_that_is_there_is_not_written_again(tmp_path):
    path = tmp_path / "group" / "log.jsonl"
    assert append_all(path, LINES) == [True] * len(LINES)
    assert append_all(path, [line(2) | {"seconds": 5.0}, line(5)]) == [False, True]
    assert read_lines(path) == [*LINES, line(5)]


def test_an_end_at_the_step_of_an_evaluation_is_a_line_of_its_own(tmp_path):
    assert append_all(tmp_path / "log.jsonl", [line(8), line(8, status="finished")]) == [True] * 2


def test_no_log_is_an_empty_one(tmp_path):
    assert read_lines(tmp_path / "log.jsonl") == []


@pytest.mark.parametrize("damage", ["{}", "[1]", '"text"', "x", '{"run": "a", "step": 1'])
def test_a_damaged_line_within_is_named(tmp_path, damage):
    path = tmp_path / "log.jsonl"
    path.write_text(f"{json.dumps(LINES[0])}\n{damage}\n{json.dumps(LINES[1])}\n")
    for use in (read_lines, RunLog):
        with pytest.raises(LadderError, match=r"log\.jsonl, line 2: not a line of a ladder's log"):
            use(path)


def test_a_folder_in_place_of_the_log_is_named(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    for use in (read_lines, RunLog):
        with pytest.raises(LadderError, match=r"cannot read .*log\.jsonl: Is a directory"):
            use(tmp_path / "log.jsonl")


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "groups").write_text("")
    with pytest.raises(LadderError, match=r"cannot write .*log\.jsonl"):
        RunLog(tmp_path / "groups" / "log.jsonl")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_keeps_what_was_written(tmp_path, monkeypatch):
    """The disk fills in the middle of a line."""
    path = tmp_path / "log.jsonl"
    append_all(path, LINES[:3])
    log = RunLog(path)
    whole, file = path.read_bytes(), log._file

    class Full:
        """A disk with room for ten bytes more."""

        def __getattr__(self, name):
            return getattr(file, name)

        def write(self, data):
            if file.tell() > len(whole):
                with open("/dev/full", "wb", buffering=0) as full:
                    return full.write(data)
            return file.write(data[:10])

    monkeypatch.setattr(log, "_file", Full())
    with pytest.raises(LadderError, match="No space left on device; what was logged before"):
        log.append(LINES[3])
    assert path.read_bytes() == whole
    monkeypatch.undo()
    assert log.append(LINES[3])  # there is room again
    log.close()
    assert read_lines(path) == LINES[:4]


def test_a_disk_that_fails_late_keeps_what_was_written(tmp_path, monkeypatch):
    path = tmp_path / "log.jsonl"
    append_all(path, LINES[:3])
    log = RunLog(path)

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("scaling_jax.ladder.log.os.fsync", fail)
    with pytest.raises(LadderError, match="No space left on device"):
        log.append(LINES[3])
    log.close()
    assert read_lines(path) == LINES[:3]
