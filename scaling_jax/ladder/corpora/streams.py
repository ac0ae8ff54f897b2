"""Pseudo-random numbers by counter: any step of any run is drawn without the ones before it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def digest_of(spec: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a description, whatever the order of its entries.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(dict(spec), sort_keys=True).encode()).hexdigest()


def stream(digest: str, *, seed: int = 0, batch: int = 0, step: int = 0) -> np.random.Generator:
    """Return the generator of one step: Philox, keyed by a corpus, at a counter of its own.

    The lowest word of the counter is left to the numbers of the step, the others hold
    (step, batch, seed), so no two steps ever share a number.

    Args:
        digest: Of the corpus, hexadecimal.
        seed: Of the run, from 0 to 2**64 - 1.
        batch: Examples a step.
        step: The step.

    Reference: Salmon et al. (2011), Parallel random numbers: as easy as 1, 2, 3.
    """
    key = np.frombuffer(bytes.fromhex(digest)[:16], "<u8")
    counter = np.array([0, step, batch, seed], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
