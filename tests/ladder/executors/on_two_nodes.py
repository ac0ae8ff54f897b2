"""Ladders on a real Ray cluster of two nodes, for test_ray_cluster: in a process of its own.

    python -m tests.ladder.executors.on_two_nodes FOLDER

trains a ladder in this process and on the cluster, where one node is killed on the way, and prints
what came of it as JSON.
"""

import json
import os
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import scaling_jax as sj
from scaling_jax.errors import LadderError
from scaling_jax.ladder.executors.ray_cluster import run_on_ray
from scaling_jax.ladder.running import Site, start
from scaling_jax.ladder.training_loop import Progress, finished

# Two groups, one for each node, that take some seconds; short intervals, to lose little.
LADDER = sj.ladder.Ladder.of(
    {
        "name": "two groups",
        "corpus": {"kind": "parity", "tasks": 32, "bits": 20, "parity": 3, "per_task": 16},
        "recipe": {"kind": "perceptron", "tasks": 32, "bits": 20},
        "training": {
            "batch_tokens": 256, "learning_rate": 0.01, "tokens": [384_000, 768_000],
            "seeds": [0, 1], "warmup_steps": 10, "evaluate_every": 250,
        },
        "rungs": [{"width": 128}, {"width": 144}],
    }
)  # fmt: skip
CHECKPOINT_SECONDS = 0.4


class Killer(threading.Thread):
    """Kills a node as soon as every group has a checkpoint.

    Attributes:
        ended: Groups that had ended by then; None if there was nothing to kill.
    """

    def __init__(self, cluster: Any, node: Any, site: Any):
        super().__init__(daemon=True)
        self.cluster, self.node, self.site = cluster, node, site
        self.ended: list[str] | None = None

    def run(self) -> None:
        groups = self.site.ladder.groups
        folders = [self.site.group_folder(group) / "checkpoints" for group in groups]
        while not all(any(path.name.isdigit() for path in f.glob("*")) for f in folders):
            time.sleep(0.02)
        self.ended = [g.label for g in groups if finished(g, self.site.group_folder(g))]
        self.cluster.remove_node(self.node, allow_graceful=False)


def lines_of(site: Any) -> dict[str, list[tuple[str, int, float | None, str]]]:
    """Return what the logs of the groups say, but for times, in order."""
    return {
        group.label: [
            (line["run"], line["step"], line["loss"], line["status"]) for line in site.lines(group)
        ]
        for group in site.ladder.groups
    }


def attempts(site: Any) -> list[int]:
    """Return how often each group was begun again."""
    files = [site.group_folder(group) / "attempt" for group in site.ladder.groups]
    return [int(file.read_text()) if file.exists() else 0 for file in files]


def error_of_a_task(folder: Path) -> str:
    """Return the error of a ladder whose corpus is gone before the tasks open it."""
    text = folder / "text.txt"
    text.write_text("\n".join(f"Line {k}, squared {k * k}." for k in range(2000)))
    ladder = sj.ladder.Ladder.of(
        {
            "name": "gone",
            "corpus": {"kind": "text", "path": str(text)},
            "recipe": {"depth": 1, "context": 16},
            "training": {"batch_tokens": 64, "learning_rate": 0.01, "tokens": 640},
            "rungs": [{"width": 16}],
        }
    )
    site, corpus = start(ladder, folder / "gone")
    text.unlink()
    try:
        run_on_ray(site, corpus, watch=lambda progress: None, checkpoint_seconds=60.0)
    except LadderError as error:
        return str(error)
    return "no error"


def main(folder: Path) -> None:
    """Print the logs of both executors, and what happened on the way."""
    sj.ladder.run(LADDER, folder / "here")
    site, corpus = start(LADDER, folder / "there")
    warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)  # of Ray, at once followed by exec
    from ray.cluster_utils import Cluster

    os.environ["RAY_worker_niceness"] = "0"  # by default, workers wait for everything else
    small: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    node = cluster.add_node(**small)
    os.environ["RAY_ADDRESS"] = str(cluster.address)
    killer = Killer(cluster, node, site)
    killer.start()
    reached: dict[str, int] = {}

    def watch(progress: Progress) -> None:
        label = progress.group.label
        reached[label] = max(progress.step, reached.get(label, 0))

    run_on_ray(site, corpus, watch=watch, checkpoint_seconds=CHECKPOINT_SECONDS)
    killer.join(60.0)
    message = error_of_a_task(folder)
    import ray

    print(
        json.dumps(
            {
                "here": lines_of(Site.open(folder / "here")),
                "there": lines_of(site),
                "ended_before_the_kill": killer.ended,
                "reached": reached,
                "attempts": attempts(site),
                "steps": {group.label: group.steps for group in LADDER.groups},
                "error": message,
                "left_connected": ray.is_initialized(),
            }
        )
    )
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
