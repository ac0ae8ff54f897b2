"""Reading `publications/*.toml`: a section is cut out of its file before it is parsed.

The files hold half a megabyte of text, and parsing them all would cost as much as a fit.
"""

import functools
import importlib.resources
import re
import tomllib
from typing import Any

from scaling_jax.errors import LawError, did_you_mean
from scaling_jax.literature.publication import Claim, Publication, Reference

_SECTION = re.compile(r"^\[(\w+)\]$", re.MULTILINE)
_REFERENCE = ("title", "authors", "year", "arxiv", "where")


def get(name: str) -> Publication:
    """Return the publication called `name`.

    Raises:
        LawError: There is no such publication.

    Example:
        >>> import scaling_jax as sj
        >>> sj.literature.get("farseer").reference.year
        2025
    """
    if name not in _sections():
        raise LawError(f"there is no publication {name!r}; {did_you_mean(name, names())}")
    return _publication(name)


def names(subject: str | None = None) -> list[str]:
    """Return the names of all publications, or of one subject's in the order of its file."""
    if subject is None:
        return sorted(_sections())
    return [name for name, (home, _) in _sections().items() if home == subject]


def subjects() -> list[str]:
    """Return the names of the subjects, sorted."""
    return sorted({subject for subject, _ in _sections().values()})


def printed_estimates(name: str) -> list[dict[str, Any]]:
    """Return the coefficient tables of a publication as they stand in the file."""
    return _parsed(name).get("estimates", []) if name in _sections() else []


@functools.cache
def _publication(name: str) -> Publication:
    subject, _ = _sections()[name]
    entry = dict(_parsed(name))
    entry.pop("estimates", None)
    claims = tuple(Claim(**claim) for claim in entry.pop("claims", ()))
    reference = Reference(**{key: entry.pop(key) for key in _REFERENCE if key in entry})
    return Publication(name, subject, reference, claims=claims, **entry)


@functools.cache
def _parsed(name: str) -> dict[str, Any]:
    subject, text = _sections()[name]
    try:
        return tomllib.loads(text)[name]
    except tomllib.TOMLDecodeError as error:
        raise LawError(f"{subject}.toml, {name}: not valid TOML: {error}") from None


@functools.cache
def _sections() -> dict[str, tuple[str, str]]:
    """Return the subject and the text of every section."""
    found: dict[str, tuple[str, str]] = {}
    folder = importlib.resources.files("scaling_jax.literature") / "publications"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        subject, text = file.name.removesuffix(".toml"), file.read_text("utf-8")
        starts = [(match[1], match.start()) for match in _SECTION.finditer(text)]
        ends = [start for _, start in starts[1:]] + [len(text)]
        for (name, start), end in zip(starts, ends, strict=True):
            if name in found:
                raise LawError(f"{name} has two sections, in {found[name][0]} and {subject}.toml")
            found[name] = (subject, text[start:end])
    return found
