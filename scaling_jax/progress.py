"""A progress bar with a rate, on stderr, for what takes longer than two seconds.

`counting` counts units; `following` shows a share of the work and a line about it. Where stderr is
no terminal (the log of a batch job), a line every ten seconds takes the bar's place.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

_PATIENCE = 2.0  # seconds without a bar
_PAUSE = 10.0  # seconds between lines in a log


@contextlib.contextmanager
def counting(
    what: str, total: int, *, unit: str, always: bool = False
) -> Iterator[Callable[[int], None]]:
    """Yield a function that takes the number of units just done.

    Args:
        what: The label of the bar.
        total: Units to do.
        unit: Their name, for the rate.
        always: Show progress from the beginning, and also where stderr is no terminal.
    """
    begun, done, shown = time.monotonic(), 0, None

    def advance(count: int) -> None:
        nonlocal done, shown
        done = min(done + count, total)
        elapsed = time.monotonic() - begun
        rate = f"{done / max(elapsed, 1e-9):,.0f} {unit}/s"
        if shown is None and (always or (elapsed > _PATIENCE and sys.stderr.isatty())):
            shown = _Bar(what, total) if sys.stderr.isatty() else _Log(what, total)
        if shown is not None:
            shown.show(done, rate, elapsed)

    try:
        yield advance
    finally:
        if shown is not None:
            shown.close()


@contextlib.contextmanager
def following(what: str) -> Iterator[Callable[[float, str], None]]:
    """Yield a function that takes the share of the work that is done, and a line about it.

    The line is shown from the beginning, beside a bar on a terminal, and else every ten seconds.

    Args:
        what: The label.
    """
    begun = time.monotonic()
    shown = _Bar(what, 1.0) if sys.stderr.isatty() else _Log(what, 1.0)

    def tell(share: float, line: str) -> None:
        shown.show(min(share, 1.0), line, time.monotonic() - begun)

    try:
        yield tell
    finally:
        shown.close()


class _Bar:
    """A bar in a terminal, which disappears at the end; a whole total is one of units."""

    def __init__(self, what: str, total: float):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        # What follows a share says itself how long it will take.
        units = isinstance(total, int)
        done = (MofNCompleteColumn(),) if units else (TaskProgressColumn(),)
        left = (TimeRemainingColumn(),) if units else ()
        columns = (TextColumn("{task.description}"), BarColumn(40 if units else 16), *done)
        rate = TextColumn("{task.fields[rate]}")
        console = Console(stderr=True)
        self._bar = Progress(*columns, rate, *left, console=console, transient=True)
        self._bar.start()
        self._task = self._bar.add_task(what, total=total, rate="")

    def show(self, done: float, rate: str, elapsed: float) -> None:
        del elapsed
        self._bar.update(self._task, completed=done, rate=rate)

    def close(self) -> None:
        self._bar.stop()


class _Log:
    """Lines in a file: the first, the last, and one every ten seconds between."""

    def __init__(self, what: str, total: float):
        self._what, self._total, self._last = what, total, -_PAUSE

    def show(self, done: float, rate: str, elapsed: float) -> None:
        if elapsed - self._last >= _PAUSE or done == self._total:
            share = f"{done}/{self._total}" if isinstance(self._total, int) else f"{done:.0%}"
            print(f"{self._what}: {share}, {rate}", file=sys.stderr, flush=True)
            self._last = elapsed

    def close(self) -> None:
        pass
