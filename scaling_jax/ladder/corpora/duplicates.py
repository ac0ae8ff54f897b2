"""Documents that occur again elsewhere, whole or for the larger part.

A document is the set of its shingles, the strings of 32 bytes that begin at each of its bytes.
Of these, every document keeps the same pseudo-random sixteenth: those with a small hash. The share
of a document's shingles that occur in another one is estimated from this sample without bias, also
where the two differ much in length (FracMinHash, Irber et al. 2022, doi:10.1101/2022.01.11.475838;
MinHash, Broder 1997, estimates Jaccard's similarity only). Longest first, each document is compared
with those already kept.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from scaling_jax.ladder.corpora.documents import Document

CONTAINED = 0.5  # share of a document's shingles in one longer document that makes it a copy
_DOUBLINGS = 5  # shingles of 2**5 bytes: about one line of code
_SAMPLE = 16  # one shingle in so many is kept
_POSTINGS = 16  # kept documents remembered a shingle: more than this share boilerplate only
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def unique(documents: Sequence[Document]) -> tuple[list[Document], dict[str, str]]:
    """Leave out copies: the same bytes, or half the shingles in a longer document that stays.

    Args:
        documents: In any order; the result does not depend on it.

    Returns:
        The documents that stay, by name, and for each that does not the name of its original.
    """
    ordered = sorted(documents, key=lambda document: (-len(document.text), document.name))
    copies: dict[str, str] = {}
    first: dict[bytes, str] = {}
    different = []
    for document in ordered:
        original = first.setdefault(hashlib.sha256(document.text).digest(), document.name)
        if original == document.name:
            different.append(document)
        else:
            copies[document.name] = original
    for copy, original in _contained([shingles(document.text) for document in different]):
        copies[different[copy].name] = different[original].name
    kept = [document for document in documents if document.name not in copies]
    return sorted(kept, key=lambda document: document.name), dict(sorted(copies.items()))


def shingles(text: bytes) -> np.ndarray:
    """Return the hashes ``[sampled]`` of a text's sampled shingles, sorted, each once.

    Polynomial hashes of all strings of length 2n follow from those of length n; a last mixing
    (splitmix64) spreads them evenly over the 64 bits.
    """
    hashes = np.frombuffer(text, np.uint8).astype(np.uint64) + np.uint64(1)
    factor, length = _GOLDEN.reshape(1), 1
    for _ in range(_DOUBLINGS):
        if len(hashes) <= length:
            break  # a short text has shorter shingles
        hashes = hashes[:-length] * factor + hashes[length:]
        factor, length = factor * factor, 2 * length
    hashes = mixed(hashes)
    return np.unique(hashes[hashes < np.uint64(2**64 // _SAMPLE)])


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Return pseudo-random 64-bit numbers, a bijection of those given (splitmix64's finaliser)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _contained(samples: list[np.ndarray]) -> list[tuple[int, int]]:
    """Return the pairs (copy, original) of documents that are given longest first."""
    if not samples:
        return []
    _, shingle, count = np.unique(np.concatenate(samples), return_inverse=True, return_counts=True)
    shared = np.where(count > 1, np.cumsum(count > 1) - 1, -1)[shingle]
    parts = np.split(shared, np.cumsum([len(sample) for sample in samples])[:-1])
    postings = np.full((int((count > 1).sum()), _POSTINGS), -1, np.int32)
    filled = np.zeros(len(postings), np.int32)
    pairs = []
    for document, (sample, part) in enumerate(zip(samples, parts, strict=True)):
        own = part[part >= 0]
        found = postings[own]
        others, shares = np.unique(found[found >= 0], return_counts=True)
        best = int(np.argmax(shares)) if len(shares) else -1
        if best >= 0 and shares[best] >= CONTAINED * len(sample):
            pairs.append((document, int(others[best])))
            continue
        own = own[filled[own] < _POSTINGS]
        postings[own, filled[own]] = document
        filled[own] += 1
    return pairs
