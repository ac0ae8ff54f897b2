"""Multitask sparse parity: many unrelated tasks whose frequencies fall as a power.

    task i ~ i**-(1 + alpha) ; label = parity of the bits in the task's own subset

Control bits say which task an example belongs to. A network learns the tasks in the order of their
frequency, which gives its mean loss an exponent: the quantization model.

Reference: Michaud, Liu, Girit, Tegmark (2023), arXiv:2303.13506, Sec. 3.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.options import check_exponent, check_whole
from scaling_jax.ladder.corpora.streams import digest_of, stream

_FORMAT = "scaling_jax parity 1"  # to change whenever the same options give other examples
_SUBSETS, _VALIDATION = 1, 2  # steps of batch 0, which no run has


def frequencies(tasks: int, alpha: float) -> np.ndarray:
    """Return the shares of the tasks ``[tasks]``, from the commonest to the rarest.

    >>> frequencies(2, 1.0).round(6).tolist()
    [0.8, 0.2]
    """
    powers = np.arange(1.0, tasks + 1.0) ** -(1.0 + alpha)
    return powers / powers.sum()


class ParityCorpus:
    """Examples of many parity tasks; see `Corpus`. Made by `open_parity`.

    Attributes:
        subsets: Bits whose parity each task asks for ``[tasks, parity]``; no two tasks have the
            same ones.
    """

    name, unit, vocab_size = "parity", "examples", 0

    def __init__(
        self, *, tasks: int, bits: int, parity: int, alpha: float, per_task: int, seed: int
    ):
        self.tasks, self.bits, self.per_task = tasks, bits, per_task
        self._options = {
            "tasks": tasks,
            "bits": bits,
            "parity": parity,
            "alpha": alpha,
            "per_task": per_task,
            "seed": seed,
        }
        self.digest = digest_of({"format": _FORMAT, **self._options})
        self.frequencies = frequencies(tasks, alpha)
        self._cumulative = np.cumsum(self.frequencies)
        self.subsets = distinct_subsets(stream(self.digest, step=_SUBSETS), tasks, bits, parity)

    def batches(
        self, *, seed: int, batch: int, first: int, last: int
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yield ``{"task": int32 [batch], "bits": int8 [batch, bits], "label": int8 [batch]}``."""
        for step in range(first, last):
            numbers = stream(self.digest, seed=seed, batch=batch, step=step)
            task = np.searchsorted(self._cumulative, numbers.random(batch), side="right")
            yield self._examples(numbers, np.minimum(task, self.tasks - 1))

    def _examples(self, numbers: np.random.Generator, task: np.ndarray) -> dict[str, np.ndarray]:
        count = len(task)
        packed = np.frombuffer(numbers.bytes(count * -(-self.bits // 8)), np.uint8)
        bits = np.unpackbits(packed.reshape(count, -1), axis=1, count=self.bits).astype(np.int8)
        chosen = np.take_along_axis(bits, self.subsets[task], axis=1)
        label = np.bitwise_xor.reduce(chosen, axis=1)
        return {"task": task.astype(np.int32), "bits": bits, "label": label}

    def validation(self) -> dict[str, np.ndarray]:
        """Return `per_task` examples of each task, with a ``weight`` that holds its frequency.

        Weights average to one, so the mean of weighted losses is the mean over the distribution
        of tasks, without the scatter of drawing rare ones.
        """
        task = np.repeat(np.arange(self.tasks), self.per_task)
        examples = self._examples(stream(self.digest, step=_VALIDATION), task)
        weight = (self.tasks * self.frequencies[task]).astype(np.float32)
        return {**examples, "weight": weight}

    def describe(self) -> dict[str, Any]:
        """Return the options, and what follows from them."""
        return {
            "name": self.name,
            "digest": self.digest,
            "unit": self.unit,
            **self._options,
            "validation": {"examples": self.tasks * self.per_task, "weights": "exact frequencies"},
        }


def distinct_subsets(
    numbers: np.random.Generator, tasks: int, bits: int, parity: int
) -> np.ndarray:
    """Return `tasks` different subsets of `parity` out of `bits` places ``[tasks, parity]``."""
    found: dict[tuple[int, ...], None] = {}
    while len(found) < tasks:
        found[tuple(sorted(numbers.permutation(bits)[:parity].tolist()))] = None
    return np.array(list(found))


def open_parity(
    *,
    tasks: int = 256,
    bits: int = 32,
    parity: int = 2,
    alpha: float = 0.5,
    per_task: int = 128,
    seed: int = 0,
    context: int = 1,
) -> ParityCorpus:
    """Return the corpus of multitask sparse parity.

    Args:
        tasks: Number of tasks, each with a control bit.
        bits: Task bits (n).
        parity: Bits whose parity a task asks for (k).
        alpha: Exponent: task i has a share proportional to i**-(1 + alpha).
        per_task: Examples of each task for validation.
        seed: Of the subsets.
        context: Not used: an example is a single token.

    Raises:
        LadderError: An option is out of its range, or there are fewer subsets than tasks.

    Example:
        >>> corpus = open_parity(tasks=10, bits=8)
        >>> next(corpus.batches(seed=0, batch=4, first=0, last=1))["bits"].shape
        (4, 8)
    """
    options = {
        "tasks": tasks,
        "bits": bits,
        "parity": parity,
        "alpha": alpha,
        "per_task": per_task,
        "seed": seed,
    }
    check_whole(
        "parity", {key: 0 if key == "seed" else 1 for key in options if key != "alpha"}, options
    )
    check_exponent("parity", alpha)
    if tasks > math.comb(bits, parity):
        raise LadderError(
            f"{tasks} parity tasks need as many subsets, but {bits} bits have only "
            f"{math.comb(bits, parity)} of {parity}; give more bits or fewer tasks"
        )
    return ParityCorpus(**options)
