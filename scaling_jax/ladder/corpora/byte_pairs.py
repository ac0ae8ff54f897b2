"""Byte-pair encoding, trained here on the text for training alone."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scaling_jax.errors import LadderError
from scaling_jax.files import write_atomically
from scaling_jax.ladder.corpora.documents import SEPARATOR, Document

_SMALLEST = 257  # every byte and the separator
_LARGEST = 2**16  # tokens are kept in 16 bits
_SLICE_BYTES = 4 << 20  # texts encoded at once, by all cores
_REMEMBERED = 2**20  # words: ten times as fast as the default of 10,000 on source text


class BytePairs:
    """Byte pairs merged in the order in which they were most frequent; the separator comes last.

    Args:
        vocabulary: Number of each token's piece, in the letters that stand for bytes.
        merges: Pairs of pieces, first those merged first.
        folder: Where the tokens of whole streams are kept; None: nowhere.
    """

    unit = "tokens"

    def __init__(
        self,
        vocabulary: dict[str, int],
        merges: Sequence[Sequence[str]],
        folder: Path | None = None,
    ):
        pieces = sorted(vocabulary, key=lambda piece: vocabulary[piece])
        byte_of = {letter: byte for byte, letter in enumerate(byte_letters())}
        self._pieces = [bytes(byte_of[letter] for letter in piece) for piece in pieces]
        self._tokenizer = _untrained(vocabulary, [(left, right) for left, right in merges])
        self._folder = folder
        self.separator = len(pieces)
        self.vocab_size = len(pieces) + 1
        self.identity = "bpe " + json.dumps([pieces, [list(pair) for pair in merges]])

    def encode(self, text: bytes) -> np.ndarray:
        """Return the tokens ``[tokens]`` of a UTF-8 text as uint16."""
        return np.array(self._tokenizer.encode(text.decode()).ids, np.uint16)

    def decode(self, tokens: np.ndarray) -> bytes:
        """Return the text of tokens ``[tokens]``; a separator is the byte 0."""
        pieces = [*self._pieces, bytes([SEPARATOR])]
        return b"".join(pieces[token] for token in np.asarray(tokens).tolist())

    def stream(self, documents: Sequence[Document]) -> np.ndarray:
        """Return the tokens ``[tokens]`` as uint16, with separators around each document."""
        if self._folder is None:
            return self._encoded(documents)
        name = _digest(documents, self.identity)[:16]
        path = self._folder / f"tokens-{name}.npy"
        if not path.exists():
            _keep(path, _npy(self._encoded(documents)))
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise LadderError(f"{path} is damaged ({error}): delete it, it is made anew") from None

    def _encoded(self, documents: Sequence[Document]) -> np.ndarray:
        separator = np.array([self.separator], np.uint16)
        parts = [separator]
        for texts in _slices(documents):
            for encoding in self._tokenizer.encode_batch_fast(texts):
                parts += [np.array(encoding.ids, np.uint16), separator]
        return np.concatenate(parts)


def checked_size(vocab_size: Any) -> int:
    """Return the size of a vocabulary if there can be one of that size.

    Raises:
        LadderError: It is no whole number, or out of range.
    """
    if isinstance(vocab_size, int) and _SMALLEST <= vocab_size <= _LARGEST:
        return vocab_size
    raise LadderError(
        f"vocab_size of the tokenizer bpe must be a whole number from {_SMALLEST} (256 bytes and "
        f"the separator) to {_LARGEST}, not {vocab_size!r}"
    )


def trained(documents: Sequence[Document], vocab_size: int, folder: Path | None) -> BytePairs:
    """Return the byte pairs of some documents, from `folder` if they were trained there before.

    The tokenizer is kept as ``bpe-SIZE-DIGEST.json`` in the format of the `tokenizers` package.

    Args:
        documents: The text to count pairs in.
        vocab_size: Tokens, separator included; a small text may give fewer.
        folder: Where the tokenizer is kept; None: nowhere.

    Raises:
        LadderError: The package `tokenizers` is missing, or a kept tokenizer is damaged.
    """
    path = None
    if folder is not None:
        path = folder / f"bpe-{vocab_size}-{_digest(documents, '')[:16]}.json"
    if path is not None and path.exists():
        text = path.read_text("utf-8")
    else:
        text = _train(documents, vocab_size)
        if path is not None:
            _keep(path, text.encode())
    try:
        model = json.loads(text)["model"]
        return BytePairs(model["vocab"], model["merges"], folder)
    except (ValueError, KeyError, TypeError):
        raise LadderError(
            f"{path} is not a tokenizer of this library: delete it, it is trained anew"
        ) from None


def byte_letters() -> list[str]:
    """Return the 256 letters that stand for the bytes, as in GPT-2: printable ones for themselves.

    >>> byte_letters()[ord("a")], byte_letters()[ord(" ")]
    ('a', 'Ġ')
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    stand_in = {byte: chr(0x100 + place) for place, byte in enumerate(others)}
    return [stand_in.get(byte, chr(byte)) for byte in range(256)]


def _untrained(vocabulary: dict[str, int] | None = None, merges: Any = None) -> Any:
    try:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    except ImportError:
        raise LadderError(
            "the tokenizer bpe needs the package tokenizers: pip install 'scaling-jax[bpe]'"
        ) from None
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, cache_capacity=_REMEMBERED))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _train(documents: Sequence[Document], vocab_size: int) -> str:
    tokenizer = _untrained()
    from tokenizers import trainers

    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,  # the separator is no piece of text
        initial_alphabet=byte_letters(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((document.text.decode() for document in documents), trainer)
    return tokenizer.to_str(pretty=True)


def _slices(documents: Sequence[Document]) -> list[list[str]]:
    """Return the texts in lists of about equal size, for what is in memory at once."""
    slices: list[list[str]] = []
    room = 0
    for document in documents:
        if room <= 0:
            slices.append([])
            room = _SLICE_BYTES
        slices[-1].append(document.text.decode())
        room -= len(document.text)
    return slices


def _digest(documents: Sequence[Document], identity: str) -> str:
    digest = hashlib.sha256(identity.encode())
    for document in documents:
        digest.update(len(document.text).to_bytes(8, "little") + document.text)
    return digest.hexdigest()


def _npy(array: np.ndarray) -> bytes:
    import io

    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
