"""What a ladder trains on: the protocol of corpora, and how one is opened."""

import importlib
import inspect
import os
from collections.abc import Iterator, Mapping
from inspect import Parameter
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from scaling_jax.errors import LadderError, did_you_mean

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


# Each kind is opened by the function open_KIND(*, context, ...) of the module KIND; what else it
# takes are the options of that kind.
KINDS = ("parity", "stdlib", "teacher", "text")
_FOLDER = "folder"  # not for a ladder file to say


def open_corpus(
    spec: dict[str, Any], *, context: int, folder: str | os.PathLike[str] | None = None
) -> Corpus:
    """Open the corpus that a ladder file describes.

    >>> open_corpus({"kind": "stdlb"}, context=128)
    Traceback (most recent call last):
    scaling_jax.errors.LadderError: unknown kind of corpus 'stdlb': did you mean stdlib?

    Args:
        spec: ``kind`` ("stdlib", "text", "teacher", "parity") and the options of that kind.
        context: Tokens predicted in an example.
        folder: Where a trained tokenizer is kept, as a ladder's own folder; None: nowhere.

    Raises:
        LadderError: The kind or an option is unknown or missing, or the corpus cannot be used.
    """
    if spec.get("kind") not in KINDS:
        kind = spec.get("kind")
        raise LadderError(f"unknown kind of corpus {kind!r}: {did_you_mean(str(kind), KINDS)}")
    module = importlib.import_module(f"scaling_jax.ladder.corpora.{spec['kind']}")
    opener = getattr(module, f"open_{spec['kind']}")
    options = {key: value for key, value in spec.items() if key != "kind"}
    known = inspect.signature(opener).parameters
    _check_options(spec["kind"], options, known)
    if _FOLDER in known and folder is not None:
        options[_FOLDER] = Path(folder)
    return opener(context=context, **options)


def _check_options(kind: str, options: dict[str, Any], known: Mapping[str, Parameter]) -> None:
    names = [name for name in known if name not in ("context", _FOLDER)]
    for key in options:
        if key not in names:
            raise LadderError(
                f"the corpus {kind} has no option {key!r}: {did_you_mean(key, names)}"
            )
    for name in names:
        if known[name].default is Parameter.empty and name not in options:
            raise LadderError(f"the corpus {kind} needs the option {name!r}")
