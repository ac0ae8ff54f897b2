"""From text to tokens: the bytes themselves, or pairs of them merged."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from scaling_jax.ladder.corpora.documents import SEPARATOR, Document


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

    def stream(self, documents: Sequence[Document]) -> np.ndarray:
        """Return the tokens ``[tokens]`` of the documents with separators around each."""
        ...


class Bytes:
    """Every byte is a token; documents are separated by the byte 0."""

    unit = "bytes"
    vocab_size = 256
    identity = "bytes"

    def stream(self, documents: Sequence[Document]) -> np.ndarray:
        """Return the tokens ``[tokens]`` as uint8, with separators around each document."""
        separator = bytes([SEPARATOR])
        texts = [document.text for document in documents]
        return np.frombuffer(separator.join([b"", *texts, b""]), np.uint8)
