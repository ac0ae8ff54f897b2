"""What is shown while a ladder is trained: loss, speed, utilisation, time left."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence

from scaling_jax.ladder.group import Group
from scaling_jax.ladder.product_rate import product_rate
from scaling_jax.ladder.running import Site
from scaling_jax.ladder.training_loop import Progress, Watcher, finished
from scaling_jax.progress import following
from scaling_jax.runs.sizes import format_size

_WINDOW = 60.0  # seconds that speeds are means over


class Meter:
    """A watcher that knows how far a ladder is, how fast it goes, and what is left.

    Speeds are means over the last minute. Tokens a second and the time left go by the clock, with
    evaluations and checkpoints; utilisation by the time of training alone.

    Args:
        groups: The groups of the ladder.
        ended: Those that have ended before.
        rate: FLOP/s that training is measured against; None for none.
        clock: Of seconds.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        *,
        ended: Collection[Group] = (),
        rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._rate, self._clock = rate, clock
        self._done = {group: group.flops if group in ended else 0.0 for group in groups}
        self._total = sum(group.flops for group in groups)
        # Time, and what was done since the entry before.
        self._last: deque[tuple[float, Progress]] = deque()
        self._begun = 0.0

    def __call__(self, progress: Progress) -> None:
        """Take a report; see `Watcher`."""
        group = progress.group
        self._done[group] = group.flops * progress.step / group.steps
        now = self._clock()
        if not self._last:  # what was before it, opening and compiling, is no part of the speed
            self._begun = now - progress.seconds
        self._last.append((now, progress))
        while self._last[-1][0] - self._last[0][0] > _WINDOW:
            self._begun = self._last.popleft()[0]

    @property
    def share(self) -> float:
        """Share of the ladder's FLOPs that are done."""
        return sum(self._done.values()) / self._total

    @property
    def groups_ended(self) -> int:
        """Groups whose last step is done."""
        return sum(done >= group.flops for group, done in self._done.items())

    @property
    def tokens_per_second(self) -> float:
        """Tokens trained on a second, all groups together."""
        return sum(progress.tokens for _, progress in self._last) / self._elapsed

    @property
    def utilisation(self) -> float | None:
        """FLOP/s while training over those of a plain product, or None without that."""
        if self._rate is None:
            return None
        flops = sum(progress.flops for _, progress in self._last)
        return flops / max(sum(progress.seconds for _, progress in self._last), 1e-9) / self._rate

    @property
    def seconds_left(self) -> float:
        """Seconds left if all FLOPs are done as fast as the last ones."""
        left = self._total - sum(self._done.values())
        speed = sum(progress.flops for _, progress in self._last) / self._elapsed
        return left / speed if speed else float("inf")

    @property
    def _elapsed(self) -> float:
        """Seconds that the last reports are about."""
        return max(self._last[-1][0] - self._begun, 1e-9) if self._last else 1e-9

    @property
    def line(self) -> str:
        """All of it in a line."""
        last = self._last[-1][1]
        utilisation = self.utilisation
        parts = [
            f"{last.group.label} loss {last.loss:.4g}",
            f"{format_size(self.tokens_per_second)} tokens/s",
            *([f"{utilisation:.0%} utilised"] if utilisation is not None else []),
            f"{self.groups_ended}/{len(self._done)} groups",
            f"{duration(self.seconds_left)} left",
        ]
        return ", ".join(parts)


@contextlib.contextmanager
def shown(site: Site, *, utilisation: bool = True) -> Iterator[Watcher]:
    """Yield a watcher that shows progress on stderr: a bar, or a line every ten seconds.

    Args:
        site: The ladder in its folder.
        utilisation: Measure this machine first, and training against it.
    """
    groups = site.ladder.groups
    ended = [group for group in groups if finished(group, site.group_folder(group))]
    dtype = getattr(groups[0].recipe, "dtype", "float32")
    meter = Meter(groups, ended=ended, rate=product_rate(dtype) if utilisation else None)
    with following(site.ladder.name) as tell:

        def watch(progress: Progress) -> None:
            meter(progress)
            tell(meter.share, meter.line)

        yield watch


def duration(seconds: float) -> str:
    """Return a time as people say it.

    Example:
        >>> [duration(seconds) for seconds in (4.2, 75.0, 5400.0, 200_000.0, float("inf"))]
        ['4 s', '75 s', '90 min', '56 h', '?']
    """
    if seconds == float("inf"):
        return "?"
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
