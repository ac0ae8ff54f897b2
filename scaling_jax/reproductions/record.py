"""A reproduction and its checks."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scaling_jax.errors import LawError, did_you_mean
from scaling_jax.literature import get as publication


@dataclass(frozen=True)
class Check:
    """A published number beside ours.

    Attributes:
        quantity: What it is, with the case: ``"alpha, 240 runs"``.
        published: The number as printed.
        ours: The number computed here.
        tolerance: Largest difference that counts as reproduced: what rounding of the printed
            digits, or the published standard error, allows.
        relative: Whether the tolerance is relative to the published number.
        source: Where it is printed: table, equation, file.
        reason: Why it does not reproduce; given only where that is known, and tested.
        unverified: Whether the published number was recalled, not read.
    """

    quantity: str
    published: float
    ours: float
    tolerance: float
    relative: bool = False
    source: str = ""
    reason: str = ""
    unverified: bool = False

    @property
    def difference(self) -> float:
        """Ours minus published."""
        return self.ours - self.published

    @property
    def reproduced(self) -> bool:
        """Whether the difference is within the tolerance."""
        scale = abs(self.published) if self.relative else 1.0
        return math.isfinite(self.ours) and abs(self.difference) <= self.tolerance * scale


@dataclass(frozen=True)
class Reproduction:
    """The checks of one publication on one source of numbers.

    Attributes:
        name: Identifier.
        publication: Name of the publication.
        data: Names of the data sets it reads; empty if the printed constants suffice.
        run: Function that computes the checks.
    """

    name: str
    publication: str
    data: tuple[str, ...]
    run: Callable[[], Iterable[Check]]


_REPRODUCTIONS: dict[str, Reproduction] = {}


def reproduction(
    of: str, *, data: Iterable[str] = (), name: str | None = None
) -> Callable[[Callable[[], Iterable[Check]]], Reproduction]:
    """Register a function that yields checks as a reproduction of the publication `of`.

    Args:
        of: Name of the publication.
        data: Names of the data sets that the function reads.
        name: Identifier; by default the function's name.

    Raises:
        LawError: There is no such publication, or the name is taken.
    """

    def register(function: Callable[[], Iterable[Check]]) -> Reproduction:
        publication(of)
        made = Reproduction(name or function.__name__, of, tuple(data), function)
        known = _REPRODUCTIONS.get(made.name, made).run
        if (known.__module__, known.__qualname__) != (function.__module__, function.__qualname__):
            raise LawError(f"there are two reproductions {made.name!r}; rename one")
        _REPRODUCTIONS[made.name] = made
        return made

    return register


def get(name: str) -> Reproduction:
    """Return the reproduction called `name`.

    Raises:
        LawError: There is no such reproduction.
    """
    if name not in _REPRODUCTIONS:
        raise LawError(f"there is no reproduction {name!r}; {did_you_mean(name, names())}")
    return _REPRODUCTIONS[name]


def names() -> list[str]:
    """Return the names of all reproductions, sorted."""
    return sorted(_REPRODUCTIONS)
