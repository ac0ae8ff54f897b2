"""Running reproductions: what each one gave, how long it took, and the table of all."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from scaling_jax.errors import LawError, MissingDataError, did_you_mean
from scaling_jax.literature import get as publication
from scaling_jax.reproductions.record import Check, Reproduction, get, names
from scaling_jax.reproductions.rounding import difference_text, ours_text, published_text
from scaling_jax.tables import Table

_HEADER = ("reproduction", "quantity", "published", "ours", "difference", "verdict")


@dataclass(frozen=True)
class Outcome:
    """What running one reproduction gave.

    Attributes:
        reproduction: The reproduction.
        checks: Its checks, as many as were made.
        seconds: Time it took.
        skipped: Why it could not run, if its data are not here.
        error: What went wrong, if anything did.
    """

    reproduction: Reproduction
    checks: tuple[Check, ...]
    seconds: float
    skipped: str = ""
    error: str = ""

    @property
    def name(self) -> str:
        """Name of the reproduction."""
        return self.reproduction.name

    @property
    def unexpected(self) -> tuple[Check, ...]:
        """The checks that differ without a reason, or are reproduced in spite of one."""
        return tuple(check for check in self.checks if check.reproduced == bool(check.reason))

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong and nothing differs without a reason."""
        return not self.error and not self.unexpected

    @property
    def summary(self) -> str:
        """One line: how many checks reproduce, or why there are none."""
        if self.error:
            return f"failed: {self.error}"
        if self.skipped:
            return f"skipped: {self.skipped}"
        good = sum(check.reproduced for check in self.checks)
        return f"{good} of {len(self.checks)} numbers reproduced, {self.seconds:.1f} s"


@dataclass(frozen=True)
class Report:
    """The outcomes of several reproductions; prints as a table.

    Attributes:
        outcomes: One a reproduction, in the order they ran.
    """

    outcomes: tuple[Outcome, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong and nothing differs without a reason."""
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks."""
        return tuple(check for outcome in self.outcomes for check in outcome.checks)

    @property
    def summary(self) -> str:
        """One line with the number of checks that reproduce and of what did not run."""
        good = sum(check.reproduced for check in self.checks)
        parts = [f"{good} of {len(self.checks)} published numbers reproduced"]
        for what in ("skipped", "error"):
            if count := sum(bool(getattr(outcome, what)) for outcome in self.outcomes):
                parts.append(f"{count} {'skipped' if what == 'skipped' else 'failed'}")
        return ", ".join(parts)

    @property
    def table(self) -> Table:
        """A row a check; what did not run is said in the notes."""
        rows = [
            (
                outcome.name,
                check.quantity,
                published_text(check),
                ours_text(check),
                difference_text(check),
                verdict(check),
            )
            for outcome in self.outcomes
            for check in outcome.checks
        ]
        notes = [
            f"{outcome.name}: {outcome.summary}"
            for outcome in self.outcomes
            if outcome.skipped or outcome.error
        ]
        return Table("", _HEADER, tuple(rows), (*notes, self.summary))

    def __str__(self) -> str:
        return str(self.table)

    __repr__ = __str__

    def to_pandas(self) -> Any:
        """Return the checks as a pandas data frame, numbers unrounded."""
        import pandas as pd

        return pd.DataFrame(self.records())

    def records(self) -> list[dict[str, Any]]:
        """Return the checks as plain data, numbers unrounded."""
        return [
            {
                "reproduction": outcome.name,
                "publication": outcome.reproduction.publication,
                "quantity": check.quantity,
                "published": check.published,
                "ours": check.ours,
                "difference": check.difference,
                "tolerance": check.tolerance,
                "relative": check.relative,
                "reproduced": check.reproduced,
                "reason": check.reason,
                "source": check.source,
                "unverified": check.unverified,
            }
            for outcome in self.outcomes
            for check in outcome.checks
        ]


def verdict(check: Check) -> str:
    """Return what a check shows, in words.

    Example:
        >>> verdict(Check("alpha", published=0.34, ours=0.3402, tolerance=0.005))
        'reproduced'
        >>> verdict(Check("A", 406.4, 482.0, 0.05, reason="digitised data", unverified=True))
        'not reproduced: digitised data (unverified)'
    """
    mark = " (unverified)" if check.unverified else ""
    if check.reproduced:
        stale = f", though a reason against it is given: {check.reason}" if check.reason else ""
        return f"reproduced{stale}{mark}"
    return f"not reproduced: {check.reason or 'no reason found yet'}{mark}"


def run(*chosen: str, done: Callable[[Outcome], None] | None = None) -> Report:
    """Run reproductions: an error in one of them is reported and does not stop the others.

    Args:
        *chosen: Names of reproductions, or of publications for all of theirs; none for all.
        done: Called with each outcome as it is there.

    Raises:
        LawError: There is no such reproduction.

    Example:
        >>> import scaling_jax as sj
        >>> sj.reproductions.run("no_such_number")
        Traceback (most recent call last):
        scaling_jax.errors.LawError: there is no reproduction 'no_such_number'; ...
    """
    outcomes = []
    for reproduction in _selected(chosen):
        outcomes.append(_run(reproduction))
        if done is not None:
            done(outcomes[-1])
    return Report(tuple(outcomes))


def _selected(chosen: Iterable[str]) -> list[Reproduction]:
    everything = [get(name) for name in names()]
    found: dict[str, Reproduction] = {}
    for name in chosen:
        matching = [r for r in everything if name in (r.name, r.publication)]
        if not matching:
            known = [*names(), *sorted({r.publication for r in everything})]
            raise LawError(f"there is no reproduction {name!r}; {did_you_mean(name, known)}")
        found |= {r.name: r for r in matching}
    return list(found.values()) if chosen else sorted(everything, key=_place)


def _place(reproduction: Reproduction) -> tuple[str, str, str]:
    subject = publication(reproduction.publication).subject
    return subject, reproduction.publication, reproduction.name


def _run(reproduction: Reproduction) -> Outcome:
    begun, checks, skipped, error = time.perf_counter(), [], "", ""
    try:
        for check in reproduction.run():
            checks.append(check)
    except MissingDataError as missing:
        skipped = str(missing)
    except Exception as failure:  # whatever one of them raises, the others go on
        error = f"{type(failure).__name__}: {' '.join(str(failure).split())}"
    seconds = time.perf_counter() - begun
    return Outcome(reproduction, tuple(checks), seconds, skipped, error)
