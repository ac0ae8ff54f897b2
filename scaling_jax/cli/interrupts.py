"""Ctrl-C that is not lost.

Python raises KeyboardInterrupt wherever it happens to be, and inside a callback of the compiler
or of the garbage collector it is printed and forgotten. So it is remembered as well, and every
long piece of work asks, when it is done, whether there was one.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

# Exit codes: 128 and the number of the signal.
INTERRUPTED, TERMINATED = 130, 143

_seen = 0  # number of the signal


def listen() -> None:
    """Remember interrupts from now on; in the main thread of a process of our own."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not under nohup
        signal.signal(signal.SIGINT, _remember)


def _remember(signum: int, frame: FrameType | None) -> None:
    global _seen
    if _seen:  # asked twice: the first was lost, or its answer takes too long
        leave_at_once()
    _seen = signum
    raise KeyboardInterrupt


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Answer SIGTERM as an interrupt in here, where there is something to say about going on."""
    try:
        before = signal.signal(signal.SIGTERM, _remember)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code() -> int:
    """Return the exit code of an interrupted process."""
    return TERMINATED if _seen == signal.SIGTERM else INTERRUPTED


def check() -> None:
    """Raise KeyboardInterrupt if there was an interrupt that nobody heard."""
    if _seen:
        raise KeyboardInterrupt


def leave_at_once() -> NoReturn:
    """End the process without waiting for the computation that was interrupted.

    Python cannot stop a running XLA program, and shutting down beneath one crashes.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(exit_code())
