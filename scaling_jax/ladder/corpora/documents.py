"""Documents of a text corpus, and the one way in which their bytes are cleaned."""

import codecs
from collections.abc import Iterable
from typing import NamedTuple

SEPARATOR = 0  # the byte between documents; cleaned text does not contain it


class Document(NamedTuple):
    """A piece of text under a name that is the same on every machine.

    Attributes:
        name: Path relative to the corpus, with forward slashes; part ``#n`` of a file that was cut.
        text: UTF-8 bytes.
    """

    name: str
    text: bytes


class Found(NamedTuple):
    """A document as it was found: its text is None where it could not be decoded.

    Attributes:
        name: See `Document`.
        text: UTF-8 bytes, or None.
        size: Bytes before decoding.
    """

    name: str
    text: bytes | None
    size: int


class Cleaned(NamedTuple):
    """Documents in the order of their names, and how much was left out for which reason."""

    documents: list[Document]
    left_out: dict[str, dict[str, int]]


def decoded(raw: bytes, encoding: str = "utf-8") -> bytes | None:
    r"""Return bytes as UTF-8 with plain line ends and no byte-order mark; None if they are no text.

    >>> decoded(b"one\r\ntwo")
    b'one\ntwo'
    >>> decoded(b"caf\xe9") is None
    True
    """
    try:
        text = raw.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    return normal(text)


def normal(text: str) -> bytes | None:
    """Return a text as UTF-8 with plain line ends and no byte-order mark; None if it has none."""
    text = text.removeprefix(codecs.BOM_UTF8.decode())
    try:
        return text.replace("\r\n", "\n").replace("\r", "\n").encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as JSON can hold
        return None


def clean(documents: Iterable[Found]) -> Cleaned:
    """Leave out what is no text, has the byte that separates documents, or is blank."""
    kept: list[Document] = []
    left_out = {"undecodable": _none(), "null_bytes": _none(), "blank": _none()}
    for name, text, size in sorted(documents, key=lambda found: found.name):
        if text is None:
            reason = "undecodable"
        elif SEPARATOR in text:
            reason = "null_bytes"
        elif not text.strip():
            reason = "blank"
        else:
            kept.append(Document(name, text))
            continue
        left_out[reason]["documents"] += 1
        left_out[reason]["bytes"] += size
    return Cleaned(kept, left_out)


def sizes(documents: Iterable[Document]) -> dict[str, int]:
    """Return the number of documents and of their bytes."""
    lengths = [len(document.text) for document in documents]
    return {"documents": len(lengths), "bytes": sum(lengths)}


def _none() -> dict[str, int]:
    return {"documents": 0, "bytes": 0}
