"""One writer a group: those that want the same folder, and one that was given up."""

import os
import signal
import threading

import pytest

from scaling_jax.errors import LadderError
from scaling_jax.ladder.lease import Lease, newest_attempt
from tests import processes

HOLD = """
import sys, time
from pathlib import Path
from scaling_jax.ladder.lease import Lease
with Lease(Path(sys.argv[1])) as lease:
    print("held", flush=True)
    while True:
        lease.check()
        time.sleep(0.01)
"""


def hold_until_given_up(folder, held, messages):
    """Play a worker; locks are of files that were opened, so a thread is as good as a process."""
    try:
        with Lease(folder) as lease:
            held.set()
            while True:
                lease.check()
    except LadderError as error:
        messages.append(str(error))


def test_second_one_is_told_who_the_first_is(tmp_path):
    with Lease(tmp_path), pytest.raises(LadderError, match=f"trained by process {os.getpid()} on "):
        Lease(tmp_path).__enter__()
    with Lease(tmp_path):
        pass


def test_older_attempt_gives_way_to_a_newer_one(tmp_path):
    held, messages = threading.Event(), []
    old = threading.Thread(target=hold_until_given_up, args=(tmp_path, held, messages))
    old.start()
    assert held.wait(30.0)
    with Lease(tmp_path, attempt=1, patience=30.0):
        old.join()
        assert newest_attempt(tmp_path) == 1
    assert "attempt 0 at" in messages[0]
    assert "was given up for attempt 1" in messages[0]


def test_attempt_that_comes_too_late_gives_way(tmp_path):
    with Lease(tmp_path, attempt=2):
        pass
    with pytest.raises(LadderError, match=r"attempt 1 at .* was given up for attempt 2"):
        Lease(tmp_path, attempt=1).__enter__()
    with Lease(tmp_path):  # whoever does not count goes on with the newest number
        assert newest_attempt(tmp_path) == 2


def test_look_at_the_number_is_taken_now_and_then(tmp_path):
    with Lease(tmp_path, attempt=1) as lease:
        (tmp_path / "attempt").write_text("2\n")
        lease.check(every=3600.0)
        with pytest.raises(LadderError, match="given up"):
            lease.check()


def test_damaged_number_is_an_error_with_a_remedy(tmp_path):
    (tmp_path / "attempt").write_text("two")
    with pytest.raises(LadderError, match="remove it, and start again"):
        newest_attempt(tmp_path)


@pytest.mark.slow
def test_process_that_hangs_keeps_others_out_until_it_is_killed(tmp_path):
    """One that hangs cannot be told from one that is just about to write."""
    process = processes.start(HOLD, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(LadderError, match=f"trained by process {process.pid} on "):
        Lease(tmp_path, attempt=1, patience=0.3).__enter__()
    process.send_signal(signal.SIGKILL)
    with Lease(tmp_path, attempt=1, patience=30.0):
        process.communicate()
