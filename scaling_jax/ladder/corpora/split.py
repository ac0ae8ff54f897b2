"""Which documents are for validation: decided by their names, not by chance or order."""

import hashlib
from collections.abc import Sequence

from scaling_jax.ladder.corpora.documents import Document

_OVERSHOOT = 1.1  # validation is at most this many shares: a longer document is for training


def split(documents: Sequence[Document], share: float) -> tuple[list[Document], list[Document]]:
    """Return the documents for training and those for validation, each by name.

    Documents are taken for validation in the order of the SHA-256 of their names, until they make
    up `share` of all bytes. One so long that it would take the part past 1.1 shares is
    passed over; where that leaves nothing, the shortest document is taken.

    Args:
        documents: In any order, under different names; the result does not depend on the order.
        share: Bytes for validation as a share of all.
    """
    wanted = share * sum(len(document.text) for document in documents)
    chosen: set[str] = set()
    taken = 0
    for document in sorted(documents, key=_order):
        if taken < wanted and taken + len(document.text) <= _OVERSHOOT * wanted:
            chosen.add(document.name)
            taken += len(document.text)
    if not chosen and len(documents) > 1:
        chosen = {min(documents, key=lambda document: (len(document.text), _order(document))).name}
    ordered = sorted(documents, key=lambda document: document.name)
    training = [document for document in ordered if document.name not in chosen]
    return training, [document for document in ordered if document.name in chosen]


def _order(document: Document) -> bytes:
    return hashlib.sha256(document.name.encode()).digest()
