"""What to say of a column that is not in a run table: why, and how to supply it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scaling_jax.errors import RunTableError, did_you_mean, listing
from scaling_jax.runs.checks import keeping
from scaling_jax.runs.derive import rules_for

if TYPE_CHECKING:
    from scaling_jax.runs.table import RunTable


def absent(runs: RunTable, name: str) -> str:
    """Return the sentence for a column that is not there."""
    reason = dict(runs.left_out).get(name)
    if reason is None:
        return f"{runs.source} has no column {name!r}; {did_you_mean(name, runs.columns)}"
    return (
        f"{runs.source}: the column {name!r} was left out because {reason}; keep only the rows "
        f"that have it by reading with {keeping(name)}"
    )


def require(runs: RunTable, names: Sequence[str], for_: str) -> None:
    """Refuse a table that lacks numbers in one of the columns; see `RunTable.require`."""
    left_out = dict(runs.left_out)
    for name in names:
        if name in runs.codes:
            raise RunTableError(
                f"{for_} needs numbers in {name}, but {runs.source} has text there, such as "
                f"{str(runs[name][0])!r}; correct the column, or map another one to {name}"
            )
        if name in left_out and name not in runs.numbers:
            raise RunTableError(f"{for_} needs {name}, but {absent(runs, name)}")
    missing = [name for name in names if name not in runs.numbers]
    if missing:
        raise RunTableError(
            f"{for_} needs {listing(missing)}, which {runs.source} lacks; it has "
            f"{listing(runs.columns)}; {_remedy(runs, missing)}"
        )


def _remedy(runs: RunTable, missing: Sequence[str]) -> str:
    name = missing[0]
    remedy = (
        f'say which header it is with columns={{"{name}": "<header>"}} or --columns {name}=<header>'
    )
    requests = [
        f"'{rule.target} = {rule.name}'"
        for target in missing
        for rule in rules_for(target)
        if not rule.settings and all(need in runs.numbers for need in rule.needs)
    ]
    return remedy + (f", or derive it with derive=[{' or '.join(requests)}]" if requests else "")
