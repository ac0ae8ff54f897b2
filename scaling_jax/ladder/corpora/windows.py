"""Windows of a stream of tokens: every one once an epoch, in an order that a seed determines.

Step s of a run takes the windows s * batch .. (s + 1) * batch - 1 of the epochs' orders put one
behind the other. An order is the ranking of pseudo-random numbers made from (seed, epoch, window),
so any step is found without the ones before it, on every version of every library.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from scaling_jax.ladder.corpora.duplicates import mixed

_BLOCK_STEPS = 64  # steps fetched at once: Grain's cost is one an element
_BLOCK_BYTES = 4 << 20  # but no more than this
_AHEAD = 4  # blocks made ahead of the consumer
_REMEMBERED_BYTES = 64 << 20
_STRIDE = np.uint64(0x9E3779B97F4A7C15)  # splitmix64's step


class Windows:
    """Non-overlapping windows of ``context + 1`` tokens, each sharing one with the next.

    Args:
        tokens: The stream ``[tokens]``, of any integer type; may be mapped from a file.
        context: Tokens predicted in a window.
    """

    def __init__(self, tokens: np.ndarray, context: int):
        self._tokens, self._context = tokens, context
        self._offsets = np.arange(context + 1)
        # Orders of the epochs in use; a run that is read in short pieces asks for its own again.
        remembered = max(2, _REMEMBERED_BYTES // (4 * len(self) + 1))
        self.order = lru_cache(remembered)(lambda seed, epoch: order(len(self), seed, epoch))

    def __len__(self) -> int:
        """Return the number of windows; tokens behind the last one are not used."""
        return max(0, (len(self._tokens) - 1) // self._context)

    def take(self, windows: np.ndarray) -> np.ndarray:
        """Return the tokens ``[..., context + 1]`` of the windows with these numbers, as int32."""
        at = windows[..., None].astype(np.int64) * self._context + self._offsets
        return self._tokens[at].astype(np.int32)

    def spread(self, count: int) -> np.ndarray:
        """Return ``[count, context + 1]`` windows at even distances, all if there are fewer."""
        count = min(count, len(self))
        return self.take(np.arange(count) * len(self) // max(count, 1))


def order(windows: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order ``[windows]`` in which an epoch takes the windows.

    >>> order(5, seed=0, epoch=0).tolist() == order(5, seed=0, epoch=1).tolist()
    False
    >>> sorted(order(5, seed=0, epoch=0).tolist())
    [0, 1, 2, 3, 4]
    """
    key = np.array([seed], np.uint64)
    for word in (0, epoch):  # two rounds: seeds that differ by one give unrelated orders
        key = mixed((key + np.uint64(1)) * _STRIDE + np.uint64(word))
    ranks = mixed(key + np.arange(windows, dtype=np.uint64) * _STRIDE)
    return np.argsort(ranks, kind="stable").astype(np.uint32)


def batches(
    windows: Windows, *, seed: int, batch: int, first: int, last: int
) -> Iterator[np.ndarray]:
    """Yield the windows ``[batch, context + 1]`` of the steps first..last-1, made ahead.

    Args:
        windows: What to take from; at least one.
        seed: Of the order, from 0 to 2**64 - 1.
        batch: Windows a step.
        first: The first step.
        last: The step behind the last one.
    """
    import grain

    if first >= last:
        return
    source: Any = _Blocks(windows, seed, batch, first, last)
    ahead = grain.ReadOptions(num_threads=1, prefetch_buffer_size=_AHEAD)
    blocks = iter(grain.MapDataset.source(source).to_iter_dataset(ahead))
    try:
        for block in blocks:
            yield from block
    finally:
        blocks.close()


class _Blocks:
    """Random access to the steps of a run, some at a time, as Grain reads them."""

    def __init__(self, windows: Windows, seed: int, batch: int, first: int, last: int):
        self._windows, self._batch, self._first, self._last = windows, batch, first, last
        step_bytes = windows.take(np.zeros(1, np.int64)).nbytes * batch
        self._steps = max(1, min(_BLOCK_STEPS, _BLOCK_BYTES // step_bytes))
        self._order = lru_cache(2)(lambda epoch: windows.order(seed, epoch))

    def __len__(self) -> int:
        return -(-(self._last - self._first) // self._steps)

    def __getitem__(self, block: int) -> np.ndarray:
        begin = self._first + block * self._steps
        steps = min(self._steps, self._last - begin)
        at = np.arange(begin * self._batch, (begin + steps) * self._batch)
        epochs, places = np.divmod(at, len(self._windows))
        taken = np.concatenate(
            [self._order(int(epoch))[places[epochs == epoch]] for epoch in np.unique(epochs)]
        )
        return self._windows.take(taken.reshape(steps, self._batch))
