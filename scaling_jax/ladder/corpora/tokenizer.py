"""From text to tokens: the bytes themselves, or byte pairs merged as often as the text suggests."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from scaling_jax.errors import LadderError, did_you_mean
from scaling_jax.ladder.corpora.documents import SEPARATOR, Document

TOKENIZERS = ("bytes", "bpe")


class Tokenizer(Protocol):
    """What a corpus asks of a tokenizer."""

    @property
    def unit(self) -> str:
        """What a token is."""
        ...

    @property
    def vocab_size(self) -> int:
        """Number of different tokens, the separator of documents included."""
        ...

    @property
    def identity(self) -> str:
        """Text that determines the tokens of every text."""
        ...

    def encode(self, text: bytes) -> np.ndarray:
        """Return the tokens ``[tokens]`` of a text."""
        ...

    def decode(self, tokens: np.ndarray) -> bytes:
        """Return the text of tokens ``[tokens]``; a separator is the byte 0."""
        ...

    def stream(self, documents: Sequence[Document]) -> np.ndarray:
        """Return the tokens ``[tokens]`` of documents with separators around each."""
        ...


class Bytes:
    """Every byte is a token; documents are separated by the byte 0.

    >>> Bytes().encode(b"ab").tolist(), Bytes().decode(np.array([97, 98]))
    ([97, 98], b'ab')
    """

    unit = "bytes"
    vocab_size = 256
    identity = "bytes"

    def encode(self, text: bytes) -> np.ndarray:
        """Return the tokens ``[tokens]`` of a text as uint8."""
        return np.frombuffer(text, np.uint8)

    def decode(self, tokens: np.ndarray) -> bytes:
        """Return the text of tokens ``[tokens]``."""
        return np.asarray(tokens).astype(np.uint8).tobytes()

    def stream(self, documents: Sequence[Document]) -> np.ndarray:
        """Return the tokens ``[tokens]`` as uint8, with separators around each document."""
        separator = bytes([SEPARATOR])
        texts = [document.text for document in documents]
        return self.encode(separator.join([b"", *texts, b""]))


def tokenizer_maker(
    kind: str, vocab_size: int | None, folder: Path | None
) -> Callable[[Sequence[Document]], Tokenizer]:
    """Return a function that makes the tokenizer when given the documents for training.

    Args:
        kind: "bytes" or "bpe".
        vocab_size: Tokens of a "bpe", separator included.
        folder: Where a trained tokenizer and the tokens it made are kept; None: nowhere.

    Raises:
        LadderError: The kind is unknown, or the size is not one that it can have.
    """
    if kind == "bytes":
        if vocab_size not in (None, Bytes.vocab_size):
            raise LadderError(
                f"the tokenizer bytes has {Bytes.vocab_size} tokens, not {vocab_size!r}: leave "
                'vocab_size out, or set tokenizer = "bpe"'
            )
        return lambda _: Bytes()
    if kind == "bpe":
        from scaling_jax.ladder.corpora.byte_pairs import checked_size, trained

        size = checked_size(vocab_size)
        return lambda documents: trained(documents, size, folder)
    raise LadderError(f"unknown tokenizer {kind!r}: {did_you_mean(kind, TOKENIZERS)}")
