"""Training in processes that a test kills: all forked from one, so that importing costs once.

    python -m tests.ladder.killable

reads one ladder a line from stdin, ``{"ladder": ..., "folder": ..., "seconds": ...}``, forks a
process that trains it, and prints its id, ``training`` at its first report, and how it ended.
"""

import json
import os
import sys

import flax.nnx
import grain
import optax
import orbax.checkpoint

import scaling_jax.ladder.executors.in_process
from scaling_jax.ladder import Ladder, run

# Before the fork.
__all__ = ["flax", "grain", "optax", "orbax", "scaling_jax"]


def train(order: dict) -> None:
    """Train a ladder in this process."""
    told = []

    def watch(progress: object) -> None:
        if not told:
            told.append(progress)
            print("training", flush=True)

    ladder = Ladder.of(order["ladder"])
    run(ladder, order["folder"], watch=watch, checkpoint_seconds=order["seconds"])


def main() -> None:
    """Answer lines until there are no more."""
    for line in sys.stdin:
        pid = os.fork()  # nothing was computed here, so there are no threads to lose
        if pid == 0:
            train(json.loads(line))
            os._exit(0)
        print(pid, flush=True)
        print("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
