"""What is printed where: results on stdout, everything about them on stderr."""

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from scaling_jax.cli import interrupts

PROGRAM = "scaling-jax"
_WIDTH_OF_A_FILE = 100  # columns of output that no terminal wraps


class PipeClosed(Exception):
    """The reader of stdout went away, as `head` does."""


def say(text: str) -> None:
    """Print one line about the work to stderr."""
    with contextlib.suppress(BrokenPipeError, ValueError):
        print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)


def show(*things: Any) -> None:
    """Print tables and text to stdout, in colour on a terminal, a blank line between them."""
    console = _console()
    for k, thing in enumerate(things):
        if k:
            console.print()
        console.print(thing)


def show_json(document: Any) -> None:
    """Print a document as JSON; a number that JSON lacks becomes null."""
    print(json.dumps(_plain(document), indent=2, allow_nan=False))


@contextlib.contextmanager
def working(what: str, *, quiet: bool = False) -> Iterator[None]:
    """Show what runs, and for how long already, on a terminal; hear of an interrupt at its end."""
    with _spinner(what, quiet):
        yield
    interrupts.check()


@contextlib.contextmanager
def _spinner(what: str, quiet: bool) -> Iterator[None]:
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(what, total=None)
        yield


def _console() -> Any:
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> NoReturn:
            raise PipeClosed

    terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Output(highlight=False, width=None if terminal else _WIDTH_OF_A_FILE)


def _plain(value: Any) -> Any:
    import numpy as np

    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
