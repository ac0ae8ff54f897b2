"""Ladders on a Ray cluster: a real one of two nodes, and what is checked around it."""

import json
import os
import sys

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LadderError
from scaling_jax.ladder.executors import get_executor, ray_cluster, ray_task
from scaling_jax.ladder.running import start
from tests import processes

LADDER = sj.ladder.Ladder.of(
    {
        "name": "tiny",
        "corpus": {"kind": "parity", "tasks": 4, "bits": 8, "parity": 2, "per_task": 8},
        "recipe": {"kind": "perceptron", "tasks": 4, "bits": 8},
        "training": {"batch_tokens": 8, "learning_rate": 0.01, "tokens": 64, "seeds": [0, 1]},
        "rungs": [{"width": 4}],
    }
)
WORK = "import sys; from pathlib import Path; from tests.ladder.executors import on_two_nodes; " + (
    "on_two_nodes.main(Path(sys.argv[1]))"
)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    pytest.importorskip("ray")
    # One thread for XLA, as in the tasks: sums over more threads are rounded in another order.
    process = processes.start(WORK, tmp_path_factory.mktemp("ladders"), NPROC="1")
    code, out, err = processes.finish(process, timeout=400.0)
    assert code == 0, err[-4000:]
    return json.loads(out.splitlines()[-1])


@pytest.mark.slow
class TestOneOfTwoNodesKilled:
    def test_was_killed_half_way_and_one_group_began_again(self, outcome):
        assert outcome["ended_before_the_kill"] == []
        assert sorted(outcome["attempts"]) == [0, 1]

    def test_losses_are_those_of_this_process(self, outcome):
        for label, here in outcome["here"].items():
            there = outcome["there"][label]
            losses = [[line[2] for line in sorted(lines)] for lines in (here, there)]
            assert np.min(losses) > 1e-3  # so that a relative tolerance says something
            np.testing.assert_allclose(*losses, rtol=1e-6)

    def test_no_line_of_the_log_is_lost_or_doubled(self, outcome):
        for label, here in outcome["here"].items():
            keys = [[(*line[:2], line[3]) for line in outcome[k][label]] for k in ("here", "there")]
            assert keys[0] == keys[1]
            assert len(set(keys[0])) == len(here)

    def test_driver_saw_both_groups_to_their_end(self, outcome):
        assert outcome["reached"] == outcome["steps"]

    def test_error_of_a_task_comes_back_as_the_librarys_own(self, outcome):
        assert outcome["error"].startswith("the corpus ")
        assert outcome["error"].endswith("is not there: give a file or a folder of text")

    def test_driver_left_the_cluster(self, outcome):
        assert not outcome["left_connected"]


class Handle:
    """Plays the handle of an actor: ``handle.tell.remote(...)``."""

    def __init__(self):
        self.actor = ray_task.Reports()
        self.tell = self
        self.remote = self.actor.tell


@pytest.fixture
def site(tmp_path):
    return start(LADDER, tmp_path / "ladder")[0]


def order(site, **changes):
    (group,) = site.ladder.groups
    known = {
        "folder": str(site.folder),
        "corpus": site.ladder.corpus,
        "corpus_digest": site.corpus_digest,
        "number": 0,
        "digest": group.digest(site.corpus_digest),
        "attempt": 0,
        "checkpoint_seconds": 60.0,
        "cpus": 1.0,
        "versions": ray_task.versions(),
    }
    return known | changes


def test_task_trains_its_group_and_reports_all_of_it(site, monkeypatch):
    monkeypatch.setenv("NPROC", "1")  # so that it is set back
    handle = Handle()
    ray_task.train_group(order(site), handle)
    (group,) = site.ladder.groups
    assert len(site.lines(group)) == 2
    reports = [report for _, report in handle.actor.take()]
    assert sum(report["tokens"] for report in reports) == group.steps * group.batch_tokens * 2
    assert reports[-1]["step"] == group.steps
    assert handle.actor.take() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": "/nowhere"}, "does not see /nowhere; put the ladder's folder"),
        ({"digest": "0"}, "was changed while it ran; start it again"),
        ({"number": 7}, "was changed while it ran; start it again"),
        ({"versions": {"scaling_jax": "0", "jax": "0"}}, "the driver 0; install the same"),
    ],
    ids=["folder", "group", "number", "versions"],
)
def test_task_refuses_what_is_not_the_drivers(site, monkeypatch, changes, message):
    monkeypatch.setenv("NPROC", "1")
    with pytest.raises(LadderError, match=message):
        ray_task.train_group(order(site, **changes), Handle())


def test_task_refuses_another_corpus(site, monkeypatch):
    monkeypatch.setenv("NPROC", "1")
    other = {**site.ladder.corpus, "seed": 5}
    with pytest.raises(LadderError, match="is not the one that the ladder was started with"):
        ray_task.train_group(order(site, corpus=other), Handle())


def test_workers_lost_over_and_over_end_the_ladder_unless_steps_are_gained(site):
    driver = object.__new__(ray_cluster._Driver)
    driver.site, driver.known = site, {0: ray_cluster._Attempts(3)}
    for attempt in range(4, 9):
        driver._count_loss(0, RuntimeError("gone"))
        assert driver.known[0].attempt == attempt
    with pytest.raises(LadderError, match=r"rung w4: 6 workers in a row were lost .*\(gone\)"):
        driver._count_loss(0, RuntimeError("gone"))


def test_without_ray_says_how_to_get_it(site, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    train = get_executor("ray")
    with pytest.raises(LadderError, match=r"pip install 'scaling-jax\[ray\]'"):
        train(site, site.open_corpus(), watch=lambda progress: None, checkpoint_seconds=60.0)


def test_cluster_that_does_not_answer_is_an_error_if_it_was_named(monkeypatch, tmp_path):
    """Here nothing does: tests have no network."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(LadderError, match=r"no Ray cluster answers at RAY_ADDRESS=127.0.0.1:1 \("):
        ray_cluster._address()
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert ray_cluster._address() is None
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    assert ray_cluster._address() is None


@pytest.mark.parametrize("text", ["two", "-1", "inf", "nan"])
def test_share_of_a_node_has_to_be_a_number(monkeypatch, text):
    monkeypatch.setenv(ray_cluster.CPUS, text)
    with pytest.raises(LadderError, match=f"SCALING_JAX_RAY_CPUS is '{text}'; give a number"):
        ray_cluster._share(None, None, 0.0)


def test_paths_of_a_corpus_do_not_depend_on_where_a_task_starts():
    absolute = ray_cluster._from_anywhere({"kind": "text", "path": "texts"})
    assert absolute == {"kind": "text", "path": os.path.abspath("texts")}
    several = ray_cluster._from_anywhere({"kind": "text", "path": ["a", "/b"]})
    assert several["path"] == [os.path.abspath("a"), "/b"]
    assert ray_cluster._from_anywhere({"kind": "stdlib"}) == {"kind": "stdlib"}
