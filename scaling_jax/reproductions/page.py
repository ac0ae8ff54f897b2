"""The page docs/reproductions.md: every check beside the published number, subject by subject."""

import re
from itertools import groupby

from scaling_jax.literature import get as publication
from scaling_jax.reproductions.record import Check
from scaling_jax.reproductions.rounding import difference_text, ours_text, published_text
from scaling_jax.reproductions.running import Outcome, Report, verdict

_HEAD = """\
# Published numbers, computed again

Made by `scaling-jax reproduce --all --output docs/reproductions.md` (`make reproductions`); do not
edit. Every number below was computed by this library from the printed constants, or from the
public data sets named with it. A number counts as reproduced if the difference is within what the
rounding of the printed digits or the published standard error allows. Where it is not, the reason
is given. *Unverified* marks published numbers that were recalled, not read in the source.
"""
_TABLE = (
    "| quantity | published | ours | difference | verdict | printed in |\n|---|---|---|---|---|---|"
)


def markdown(report: Report) -> str:
    """Return the page of a report.

    Example:
        >>> import scaling_jax as sj
        >>> print(markdown(sj.reproductions.Report(())).splitlines()[0])
        # Published numbers, computed again
    """
    parts = [_HEAD, _counts(report)]
    for subject, outcomes in groupby(report.outcomes, key=_subject):
        parts.append(f"## {subject.replace('_', ' ').capitalize()}\n")
        parts += [section(outcome) for outcome in outcomes]
    return "\n".join(parts).rstrip() + "\n"


def section(outcome: Outcome) -> str:
    """Return the part of the page on one reproduction."""
    said = publication(outcome.reproduction.publication)
    arxiv = said.reference.arxiv
    link = f", [arXiv:{arxiv}](https://arxiv.org/abs/{arxiv})" if arxiv else ""
    data = ", ".join(f"`{name}`" for name in outcome.reproduction.data)
    lines = [
        f"### {outcome.name}\n",
        f"`{said.name}`: {said.reference.authors} {said.reference.year or ''}{link}"
        + (f"; data: {data}." if data else "; from the printed constants.")
        + "\n",
    ]
    if outcome.error or outcome.skipped:
        lines.append(f"**{_escaped(outcome.summary)}**\n")
    if outcome.checks:
        lines += [_TABLE, *(row(check) for check in outcome.checks), ""]
    return "\n".join(lines)


def row(check: Check) -> str:
    """Return the line of one check."""
    cells = (
        check.quantity,
        published_text(check),
        ours_text(check),
        difference_text(check),
        verdict(check),
        check.source,
    )
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _counts(report: Report) -> str:
    checks = report.checks
    good = sum(check.reproduced for check in checks)
    unverified = sum(check.unverified for check in checks)
    return (
        f"{len(report.outcomes)} reproductions, {len(checks)} published numbers: {good} "
        f"reproduced, {len(checks) - good} not; {unverified} of them unverified.\n"
    )


def _subject(outcome: Outcome) -> str:
    return publication(outcome.reproduction.publication).subject


def _escaped(text: str) -> str:
    """Return text that a cell of a table shows as it is."""
    return " ".join(text.replace("|", "\\|").replace("*", "\\*").split())


def tally(text: str) -> dict[str, tuple[int, int]]:
    r"""Return (reproduced, all) published numbers of each publication, read from the page.

    Example:
        >>> tally("### x\n\n`chinchilla`: ...\n\n| A | 1 | 1 | 0 | reproduced | Table 3 |\n")
        {'chinchilla': (1, 1)}
    """
    found: dict[str, tuple[int, int]] = {}
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        said = re.search(r"^`(\w+)`: ", part, flags=re.MULTILINE)
        cells = [re.split(r"(?<!\\)\|", line) for line in part.splitlines() if line[:2] == "| "]
        verdicts = [row[5].strip() for row in cells if row[1].strip() != "quantity"]
        if said:
            good, total = found.get(said[1], (0, 0))
            good += sum(verdict.startswith("reproduced") for verdict in verdicts)
            found[said[1]] = (good, total + len(verdicts))
    return found
