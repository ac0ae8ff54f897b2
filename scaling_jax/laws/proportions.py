"""Columns of proportions: what the laws over mixtures share.

A mixture of k domains is k ordinary columns, so that a CSV with one column a domain fits as it
is. The members of a mixing law's family are chosen by the number of domains, columns
``proportion_1`` to ``proportion_k``, or by the names of the columns.
"""

import operator
from collections.abc import Sequence

from scaling_jax.errors import LawError
from scaling_jax.laws.parts import REAL_LINE, Parameter, Variable

Domains = int | Sequence[str]
_MOST_DOMAINS = 200  # the columns are separate inputs, and a compiled program names each one


def proportion_columns(
    name: str, domains: Domains, *, symbol: str = "r", fewest: int = 2
) -> tuple[Variable, ...]:
    """Return the proportions that a mixing law takes, one variable a domain.

    Args:
        name: Name of the law, for messages.
        domains: Number of domains, or the names of their columns.
        symbol: Letter of a proportion in the formula.
        fewest: Smallest number of domains that makes sense.

    Raises:
        LawError: Too few or too many domains, or a name that occurs twice.

    Example:
        >>> [v.column for v in proportion_columns("data_mixing_law", 2)]
        ['proportion_1', 'proportion_2']
        >>> [v.symbol for v in proportion_columns("data_mixing_law", ("web", "code"))]
        ['r1', 'r2']
    """
    columns = _columns(name, domains)
    if not fewest <= len(columns) <= _MOST_DOMAINS:
        raise LawError(
            f"{name} mixes {fewest} to {_MOST_DOMAINS} domains, not {len(columns)}; give their "
            "number or the names of their columns"
        )
    if len(set(columns)) < len(columns):
        raise LawError(f"{name}: a column stands twice in domains={columns}; name each one once")
    return tuple(
        Variable(
            column,
            f"{symbol}{k}",
            f"proportion of domain {k} among the training tokens",
            "fraction",
            usual=(0.0, 1.0),
            bounds=(0.0, 1.0),
        )
        for k, column in enumerate(columns, 1)
    )


def per_domain(letter: str, count: int, meaning: str, **settings) -> tuple[Parameter, ...]:
    """Return one parameter a domain: ``t1``, ``t2``, ... for the letter ``t``.

    Args:
        letter: Letter of the formula.
        count: Number of domains.
        meaning: What it is, without the domain.
        **settings: Unit, bounds and start, as of `Parameter`; any real number by default.
    """
    settings = {"bounds": REAL_LINE, **settings}
    return tuple(Parameter(f"{letter}{k}", f"{meaning} {k}", **settings) for k in _numbers(count))


def numbered(values, letter: str, count: int) -> list:
    """Return the values of the parameters that `per_domain` made, in order."""
    return [values[f"{letter}{k}"] for k in _numbers(count)]


def _numbers(count: int) -> range:
    return range(1, count + 1)


def _columns(name: str, domains: Domains) -> tuple[str, ...]:
    if isinstance(domains, tuple | list) and all(isinstance(d, str) and d for d in domains):
        return tuple(domains)
    try:
        count = -1 if isinstance(domains, bool) else operator.index(domains)  # type: ignore[arg-type]
    except TypeError:
        count = -1
    if count < 0:
        raise LawError(
            f"{name} takes domains= a whole number or a tuple of column names, not {domains!r}"
        )
    return tuple(f"proportion_{k}" for k in _numbers(count))
