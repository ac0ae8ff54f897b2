"""A progress bar with a rate, on stderr, for what takes longer than two seconds.

Where stderr is no terminal (the log of a batch job), a line every ten seconds takes its place.
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


class _Bar:
    """A bar in a terminal, which disappears at the end."""

    def __init__(self, what: str, total: int):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Left

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        rate = TextColumn("{task.fields[rate]}")
        console = Console(stderr=True)
        self._bar = Progress(*columns, rate, Left(), console=console, transient=True)
        self._bar.start()
        self._task = self._bar.add_task(what, total=total, rate="")

    def show(self, done: int, rate: str, elapsed: float) -> None:
        del elapsed
        self._bar.update(self._task, completed=done, rate=rate)

    def close(self) -> None:
        self._bar.stop()


class _Log:
    """Lines in a file: the first, the last, and one every ten seconds between."""

    def __init__(self, what: str, total: int):
        self._what, self._total, self._last = what, total, -_PAUSE

    def show(self, done: int, rate: str, elapsed: float) -> None:
        if elapsed - self._last >= _PAUSE or done == self._total:
            print(f"{self._what}: {done}/{self._total}, {rate}", file=sys.stderr, flush=True)
            self._last = elapsed

    def close(self) -> None:
        pass
