"""A corpus of text: cleaned, without copies, split, as windows of tokens."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from scaling_jax.errors import LadderError, listing
from scaling_jax.ladder.corpora.documents import Document, Found, clean, sizes
from scaling_jax.ladder.corpora.duplicates import unique
from scaling_jax.ladder.corpora.split import split
from scaling_jax.ladder.corpora.tokenizer import Tokenizer
from scaling_jax.ladder.corpora.windows import Windows, batches

_FORMAT = "scaling_jax text corpus 1"  # to change whenever the same text gives other examples


class TokenCorpus:
    """Windows of tokens for training and for validation; see `Corpus`."""

    def __init__(
        self,
        name: str,
        tokenizer: Tokenizer,
        training: Windows,
        validation: np.ndarray,
        description: dict[str, Any],
    ):
        self.name, self.unit, self.vocab_size = name, tokenizer.unit, tokenizer.vocab_size
        self.digest: str = description["digest"]
        self.tokenizer = tokenizer
        self._training, self._validation, self._description = training, validation, description

    def batches(
        self, *, seed: int, batch: int, first: int, last: int
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yield ``{"tokens": int32 [batch, context + 1]}`` for the steps first..last-1."""
        steps = batches(self._training, seed=seed, batch=batch, first=first, last=last)
        return ({"tokens": tokens} for tokens in steps)

    def validation(self) -> dict[str, np.ndarray]:
        """Return ``{"tokens": int32 [examples, context + 1]}``, the same for every run."""
        return {"tokens": self._validation}

    def describe(self) -> dict[str, Any]:
        """Return what the corpus was made from, as JSON: sizes, versions, what was left out."""
        return self._description


def token_corpus(
    name: str,
    documents: Iterable[Found],
    *,
    tokenizer: Callable[[Sequence[Document]], Tokenizer],
    context: int,
    validation_share: float,
    validation_tokens: int,
    provenance: dict[str, Any],
) -> TokenCorpus:
    """Make a corpus of documents: clean, leave out copies, split, and cut into windows.

    Args:
        name: Of the corpus.
        documents: As they were found.
        tokenizer: Returns the tokenizer when given the training documents.
        context: Tokens predicted in an example.
        validation_share: Bytes for validation as a share of all.
        validation_tokens: Tokens predicted in all of the validation examples, at most.
        provenance: What else `TokenCorpus.describe` shall say.

    Raises:
        LadderError: No text is left, or too little for one window of training or validation.
    """
    _check(context, validation_share, validation_tokens)
    cleaned = clean(documents)
    kept, copies = unique(cleaned.documents)
    removed = sizes(document for document in cleaned.documents if document.name in copies)
    left_out = {**cleaned.left_out, "copies": removed}
    training, held_out = split(kept, validation_share)
    parts = {"training": training, "validation": held_out}
    _check_parts(name, parts, left_out)
    words = tokenizer(training)
    streams = {part: words.stream(texts) for part, texts in parts.items()}
    windows = {part: _windows(name, part, tokens, context) for part, tokens in streams.items()}
    description = {
        "name": name,
        "digest": _digest(parts, words, context, validation_tokens),
        **provenance,
        "unit": words.unit,
        "vocab_size": words.vocab_size,
        "context": context,
        **{
            part: sizes(texts) | {"tokens": len(streams[part]), "windows": len(windows[part])}
            for part, texts in parts.items()
        },
        "left_out": left_out,
    }
    examples = windows["validation"].spread(max(1, validation_tokens // context))
    examples.flags.writeable = False
    description["validation"]["examples"] = len(examples)
    return TokenCorpus(name, words, windows["training"], examples, description)


def _check(context: int, validation_share: float, validation_tokens: int) -> None:
    for key, value in (("context", context), ("validation_tokens", validation_tokens)):
        if not isinstance(value, int) or value < 1:
            raise LadderError(f"{key} of a corpus must be a whole number from 1, not {value!r}")
    if not isinstance(validation_share, float) or not 0 < validation_share <= 0.5:
        raise LadderError(
            "validation_share of a corpus must be above 0 and at most 0.5, not "
            f"{validation_share!r}"
        )


def _check_parts(name: str, parts: dict[str, list[Document]], left_out: dict[str, Any]) -> None:
    found = sizes(parts["training"] + parts["validation"])
    if not parts["validation"]:
        reasons = [f"{count['documents']} {reason}" for reason, count in left_out.items()]
        raise LadderError(
            f"corpus {name}: {found['documents']} documents of text are left ({listing(reasons)} "
            "were left out), but one for training and one for validation are needed: give more text"
        )


def _windows(name: str, part: str, tokens: np.ndarray, context: int) -> Windows:
    windows = Windows(tokens, context)
    if len(windows) == 0:
        raise LadderError(
            f"corpus {name}: the {part} part has {len(tokens)} tokens, too few for one window of "
            f"{context + 1}: give more text or a smaller context"
        )
    return windows


def _digest(
    parts: dict[str, list[Document]], tokenizer: Tokenizer, context: int, validation_tokens: int
) -> str:
    """Return the SHA-256 of everything that determines the examples."""
    head = [_FORMAT, tokenizer.identity, context, validation_tokens]
    digest = hashlib.sha256(json.dumps(head).encode())
    for part, documents in parts.items():
        for document in documents:
            digest.update(json.dumps([part, document.name, len(document.text)]).encode())
            digest.update(document.text)
    return digest.hexdigest()
