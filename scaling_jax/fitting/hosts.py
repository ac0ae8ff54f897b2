"""Several hosts: each takes its share of the blocks, and all gather the results at the end.

Lanes never talk to each other, so hosts need no collective until the work is done. JAX knows the
hosts once every process has called `jax.distributed.initialize`; a single process is one host.
"""

from collections.abc import Sequence
from typing import TypeVar

import jax
import numpy as np

from scaling_jax.fitting.solver import Solution

T = TypeVar("T")


def share(blocks: Sequence[T]) -> list[T]:
    """Return the blocks that this process computes: every k-th."""
    return list(blocks[jax.process_index() :: jax.process_count()])


def gather(own: list[Solution], all_blocks: Sequence[int]) -> list[Solution]:
    """Return every process's blocks in their order, on every process.

    Raises:
        RuntimeError: Another process is gone (raised by JAX's coordination service).
    """
    count = jax.process_count()
    if count == 1:
        return own
    from jax.experimental import multihost_utils

    most = -(-len(all_blocks) // count)
    like = own[0] if own else None
    if like is None:
        raise ValueError(f"{len(all_blocks)} blocks are too few for {count} processes")
    padded = own + [like] * (most - len(own))
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *padded)
    gathered = multihost_utils.process_allgather(stacked)  # [processes, blocks of one, ...]
    return [
        jax.tree.map(lambda leaf, k=k: np.asarray(leaf[k % count, k // count]), gathered)
        for k in range(len(all_blocks))
    ]
