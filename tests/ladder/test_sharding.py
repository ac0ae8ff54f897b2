"""One model on several devices and hosts: the losses are those of one device."""

import json

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from scaling_jax.ladder.sharding import AXIS, Layout, choose_layout
from tests import processes

EIGHT = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}

# Trains a few steps on one device, and on eight with parameters whole and split.
DEVICES = """
import json
import jax, numpy as np
from scaling_jax.ladder.recipe import Recipe
from scaling_jax.ladder.sharding import Layout
from scaling_jax.ladder.training import Optimiser, Trainer, grouped
RECIPE = Recipe(width=32, depth=2, vocab_size=64, context=32, hidden=80, remat=True)
tokens = np.random.default_rng(0).integers(0, 64, (6, 2, 16, 33)).astype(np.int32)
tokens[..., 1::2] = tokens[..., ::2][..., :16]  # every other token can be told
examples = {"tokens": tokens.reshape(-1, 33)[:48]}
rates = np.full((6, 2), 0.01)
def losses(layout):
    trainer = Trainer(RECIPE, Optimiser(weight_decay=0.1), layout)
    state = trainer.init([0, 1])
    state, train = trainer.advance(state, {"tokens": tokens}, rates, 6)
    held = trainer.evaluate(state, trainer.place(grouped(examples, 16)))
    used = sum(leaf.addressable_shards[0].data.nbytes for leaf in jax.tree.leaves(state))
    return [np.asarray(train).tolist(), np.asarray(held).tolist(), used]
devices = jax.devices()
print(json.dumps({
    "one": losses(None),
    "whole": losses(Layout.over(devices)),
    "split": losses(Layout.over(devices, split=True)),
    "devices": len(devices),
}))
"""


@pytest.mark.slow
def test_losses_of_eight_devices_are_those_of_one():
    code, out, err = processes.finish(processes.start(DEVICES, **EIGHT), timeout=300.0)
    assert code == 0, err[-3000:]
    outcome = json.loads(out.splitlines()[-1])
    assert outcome["devices"] == 8
    train, held, used = outcome["one"]
    assert train[-1][0] < train[0][0] - 0.05  # it has learned something
    for name in ("whole", "split"):
        np.testing.assert_allclose(outcome[name][0], train, rtol=1e-5)
        np.testing.assert_allclose(outcome[name][1], held, rtol=1e-5)
    assert outcome["whole"][2] == used
    # All but the optimiser's counters, which are one number a lane, is split by eight.
    assert outcome["split"][2] == pytest.approx(used / 8, rel=1e-3)


@pytest.mark.parametrize(
    ("shape", "spec"),
    [
        ((2, 64, 256), (None, None, AXIS)),  # the longest axis
        ((2, 256, 64), (None, AXIS, None)),
        ((8, 64, 36), (None, AXIS, None)),  # 36 does not divide, and lanes are not split
        ((2, 64, 64), (None, None, AXIS)),
        ((8, 3, 5), ()),
        ((8,), ()),
    ],
)
def test_array_is_split_along_its_longest_axis_that_divides(shape, spec):
    class Eight:  # as a mesh, all that a spec asks for
        size = 8

    layout = Layout(Eight(), split=True)  # type: ignore[arg-type]
    assert layout.spec(shape) == PartitionSpec(*spec)
    assert Layout(Eight()).spec(shape) == PartitionSpec()  # type: ignore[arg-type]


class Device:
    def __init__(self, memory):
        self.memory = memory

    def memory_stats(self):
        return {"bytes_limit": self.memory} if self.memory else None


@pytest.mark.parametrize(
    ("devices", "batch", "params", "expected"),
    [
        (1, 16, 10**9, None),
        (8, 12, 10**9, None),  # a batch that eight devices cannot share
        (8, 16, 10**6, "whole"),
        (8, 16, 10**9, "split"),
    ],
)
def test_layout_follows_from_devices_batch_and_size(monkeypatch, devices, batch, params, expected):
    machine = [Device(16 << 30)] * devices
    monkeypatch.setattr(jax, "devices", lambda: machine)
    monkeypatch.setattr(jax, "local_devices", lambda: machine)
    monkeypatch.setattr(Layout, "over", lambda devices, split: "split" if split else "whole")
    assert choose_layout(batch, params) == expected


# A ladder by one or two processes, stopped half-way and gone on with; a trunk with two decays.
HOSTS = """
import json, sys
import jax
import scaling_jax as sj
address, processes, process, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
if processes > 1:
    sj.connect_hosts(address, processes, process, patience=20, wait=60)
ladder = sj.ladder.Ladder.of({
    "name": "shared",
    "corpus": {"kind": "parity", "tasks": 4, "bits": 8, "parity": 2, "per_task": 8},
    "recipe": {"kind": "perceptron", "tasks": 4, "bits": 8},
    "training": {
        "batch_tokens": 16, "learning_rate": 0.01, "tokens": [640, 1280], "seeds": [0, 1],
        "evaluate_every": 20, "warmup_steps": 4,
    },
    "rungs": [{"width": 8}],
})
def stop(progress):
    if progress.step > 66:  # in the longer run's part of the trunk, beyond the first decay
        raise KeyboardInterrupt
try:
    sj.ladder.run(ladder, folder, watch=stop, checkpoint_seconds=0.0)
except KeyboardInterrupt:
    print("stopped")
runs = sj.ladder.run(ladder, folder)
print(json.dumps({"losses": [float(x) for x in runs["loss"]], "devices": jax.device_count()}))
"""


def start_hosts(count, folder):
    address = f"127.0.0.1:{processes.free_port()}"
    return [processes.start(HOSTS, address, count, k, folder) for k in range(count)]


@pytest.mark.slow
def test_two_hosts_train_the_runs_of_one(tmp_path):
    outcomes = {}
    for count in (1, 2):
        for code, out, err in processes.finish_all(start_hosts(count, tmp_path / str(count))):
            assert code == 0, err[-3000:]
            assert "stopped" in out.splitlines()
            outcomes.setdefault(count, []).append(json.loads(out.splitlines()[-1]))
    assert [outcome["devices"] for outcome in outcomes[2]] == [2, 2]
    (alone,) = outcomes[1]
    for outcome in outcomes[2]:
        np.testing.assert_allclose(outcome["losses"], alone["losses"], rtol=1e-5)
    logs = []
    for count in (1, 2):
        (path,) = (tmp_path / str(count)).glob("groups/*/log.jsonl")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        logs.append([(line["run"], line["step"], line["status"]) for line in lines])
    assert logs[0] == logs[1]  # one writer: no line twice
    assert len(set(logs[1])) == len(logs[1])
