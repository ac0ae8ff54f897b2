"""A progress bar with a rate, on stderr, for what takes longer than two seconds."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

_PATIENCE = 2.0  # seconds without a bar


@contextlib.contextmanager
def counting(
    what: str, total: int, *, unit: str, always: bool = False
) -> Iterator[Callable[[int], None]]:
    """Yield a function that takes the number of units just done.

    Args:
        what: The label of the bar.
        total: Units to do.
        unit: Their name, for the rate.
        always: Show the bar from the beginning and without a terminal.
    """
    begun, done, bar = time.monotonic(), 0, None

    def advance(count: int) -> None:
        nonlocal done, bar
        done += count
        elapsed = time.monotonic() - begun
        if bar is None and (always or (elapsed > _PATIENCE and sys.stderr.isatty())):
            bar = _bar()
            bar.start()
            bar.add_task(what, total=total, rate="")
        if bar is not None:
            rate = f"{done / max(elapsed, 1e-9):,.0f} {unit}/s"
            bar.update(bar.task_ids[0], completed=min(done, total), rate=rate)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def _bar():
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    rate = TextColumn("{task.fields[rate]}")
    return Progress(*columns, rate, Left(), console=Console(stderr=True), transient=True)
