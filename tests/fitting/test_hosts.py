"""Several hosts: real processes on this machine, joined by jax.distributed."""

import json
import signal
import time

import numpy as np
import pytest

from scaling_jax.fitting import hosts
from tests import processes
from tests.synthetic import bits

PATIENCE = 5

# Every process prints the fit and draws. One replicate is less than one block a host, 1100 are
# several.
WORK = """
import json, sys
import scaling_jax as sj
address, processes, process, noise = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
sj.connect_hosts(address, processes, process, patience=5, wait=60)
from tests.synthetic import bits
try:
    found = bits(float(noise), 1, 1100, seed=2)
except sj.ScalingError as error:
    print(json.dumps(str(error)))
    raise SystemExit(2)
print(json.dumps(found))
"""


def start(count, noise=("0.01", "0.01"), work=WORK, **environment):
    address = f"127.0.0.1:{processes.free_port()}"
    return [processes.start(work, address, count, k, noise[k], **environment) for k in range(count)]


@pytest.fixture(autouse=True)
def one_host():
    """These tests run in one process, where nothing is exchanged."""
    assert hosts.count() == 1


def test_one_host_has_all_blocks_and_exchanges_nothing():
    assert hosts.share(range(5)) == [0, 1, 2, 3, 4]
    assert hosts.least(7) == 7
    hosts.agree("problem", np.ones(3))
    blocks = [np.ones((2, 3))]
    assert hosts.gather(blocks, 1, (2, 3))[0] is blocks[0]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("blocks", [1, 2, 7, 16])
def test_every_block_is_computed_once_and_comes_back_in_its_place(monkeypatch, count, blocks):
    """The exchange is played by a list; the arithmetic of shares and places is the real one."""
    shares, padded = [], []
    monkeypatch.setattr(hosts.jax, "process_count", lambda: count)
    monkeypatch.setattr(hosts, "_exchange", lambda array: padded.append(array) or np.stack(padded))
    gathered = []
    for process in range(count):
        monkeypatch.setattr(hosts.jax, "process_index", lambda process=process: process)
        shares.append(hosts.share(range(blocks)))
        own = [np.full((2, 3), float(block)) for block in shares[-1]]
        if process == count - 1:
            gathered = hosts.gather(own, blocks, (2, 3))
        elif count > 1:
            monkeypatch.setattr(
                hosts, "_exchange",
                lambda array: padded.append(array) or np.zeros((count, *array.shape)),
            )  # fmt: skip
            hosts.gather(own, blocks, (2, 3))
            monkeypatch.setattr(
                hosts, "_exchange", lambda array: padded.append(array) or np.stack(padded)
            )
    assert sorted(block for share in shares for block in share) == list(range(blocks))
    assert [int(block[0, 0]) for block in gathered] == list(range(blocks))


@pytest.mark.slow
def test_two_processes_give_the_fit_and_draws_of_one_bit_for_bit():
    together = start(2)
    alone = bits(0.01, 1, 1100, seed=2)
    for code, out, err in processes.finish_all(together):
        assert code == 0, err[-3000:]
        assert json.loads(out.splitlines()[-1]) == alone


@pytest.mark.slow
def test_processes_with_other_data_are_told_so():
    for code, out, err in processes.finish_all(start(2, noise=("0.01", "0.02"))):
        assert code == 2, err[-3000:]
        message = json.loads(out.splitlines()[-1])
        assert message.startswith("process 1 has another problem or number of devices than process")


LOST = WORK.replace(
    "try:", 'print("connected", flush=True)\nwhile process == 1:\n    pass\ntry:', 1
)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1], ids=["coordinator", "other"])
def test_a_lost_process_ends_the_other_within_a_minute(lost):
    """Killed before the work, so that the other one waits for it in vain."""
    work = LOST.replace("process == 1", f"process == {lost}")
    both = start(2, work=work)
    for process in both:
        assert process.stdout is not None
        while process.stdout.readline() not in ("connected\n", ""):
            pass
    both[lost].send_signal(signal.SIGKILL)
    begun = time.monotonic()
    code, out, err = processes.finish(both[1 - lost], timeout=60.0)
    processes.finish(both[lost])
    assert code != 0
    assert time.monotonic() - begun < PATIENCE + 25.0
    message = out + err
    assert "another process is gone" in message or "another task died" in message
