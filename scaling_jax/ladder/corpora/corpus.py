"""What a ladder trains on: the protocol of corpora, and how one is opened."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np

Batch = dict[str, np.ndarray]  # the leading axis counts examples


@runtime_checkable
class Corpus(Protocol):
    """Examples for training and for validation, determined by a digest.

    Attributes:
        name: A word for tables.
        digest: SHA-256 of everything that determines the examples.
        unit: What a token is: "bytes", "tokens", "examples".
        vocab_size: Number of different tokens; 0 where there are none.
    """

    name: str
    digest: str
    unit: str
    vocab_size: int

    def batches(self, *, seed: int, batch: int, first: int, last: int) -> Iterator[Batch]:
        """Yield the batches of the steps first..last-1.

        A batch is a function of (seed, batch, step) alone, so a run resumes at its exact batch.

        Args:
            seed: Of the order in which examples come.
            batch: Examples a step.
            first: The first step.
            last: The step behind the last one.
        """
        ...

    def validation(self) -> Batch:
        """Return the examples that every run is evaluated on."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return provenance as JSON: sizes of the parts, versions, what was left out."""
        ...


def open_corpus(spec: dict[str, Any], *, context: int) -> Corpus:
    """Open the corpus that a ladder file describes.

    Args:
        spec: ``kind`` ("stdlib", "text", ...) and the options of that kind.
        context: Tokens predicted in an example.

    Raises:
        LadderError: The kind or an option is unknown, or the corpus cannot be used.
    """
    from scaling_jax.ladder.corpora.stdlib import open_stdlib

    options = {key: value for key, value in spec.items() if key not in ("kind", "tokenizer")}
    return open_stdlib(context=context, **options)
