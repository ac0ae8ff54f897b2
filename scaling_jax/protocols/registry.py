"""The registry of protocols."""

from collections.abc import Callable
from typing import Any, TypeVar

from scaling_jax.errors import LawError, did_you_mean
from scaling_jax.literature import get as publication

F = TypeVar("F", bound=Callable[..., Any])

_PROTOCOLS: dict[str, Callable[..., Any]] = {}


def protocol(name: str) -> Callable[[F], F]:
    """Register a function as the protocol of the publication called `name`.

    Raises:
        LawError: There is no such publication, or it has a protocol already.
    """

    def register(function: F) -> F:
        publication(name)
        # A module that is imported twice (doctests do) registers the same function again.
        known = _PROTOCOLS.get(name, function)
        if (known.__module__, known.__qualname__) != (function.__module__, function.__qualname__):
            raise LawError(f"{name} has a protocol already; register one function a publication")
        _PROTOCOLS[name] = function
        return function

    return register


def get(name: str) -> Callable[..., Any]:
    """Return the function that carries out the protocol of a publication.

    Raises:
        LawError: There is no such protocol.
    """
    if name not in _PROTOCOLS:
        raise LawError(f"there is no protocol {name!r}; {did_you_mean(name, names())}")
    return _PROTOCOLS[name]


def names() -> list[str]:
    """Return the names of all protocols, sorted."""
    return sorted(_PROTOCOLS)
