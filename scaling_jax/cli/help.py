"""Help texts: what a command does, then examples that can be copied; and options without value."""

from collections.abc import Sequence
from typing import Any

import typer

_VERBATIM = "\b"  # tells typer to keep the line breaks of a paragraph


def described(summary: str, examples: Sequence[str], *more: str) -> str:
    """Return the help text of a command.

    Args:
        summary: What it does: one sentence, used in lists of commands as well.
        examples: Command lines, broken at 76 characters.
        *more: Paragraphs between the two.
    """
    block = "\n".join([_VERBATIM, "Examples:", *(_indented(example) for example in examples)])
    return "\n\n".join([summary, *more, block]).replace("[", r"\[")


def flag(*spellings: str, help: str, **more: Any) -> Any:
    """Return an option that takes no value, and is shown without the name of a type."""
    return typer.Option(*spellings, help=help, metavar="", **more)


def _indented(example: str) -> str:
    return "\n".join(f"  {line}" for line in example.splitlines())
