"""Which column a header stands for: what the user says first, known spellings second."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from scaling_jax.errors import RunTableError, did_you_mean, listing
from scaling_jax.runs.columns import CANONICAL, LABEL, suggested, tidied


@dataclass(frozen=True)
class Assigned:
    """A header and the column it becomes.

    Attributes:
        name: Name of the column in the run table.
        header: The header in the source.
        required: Whether a cell that cannot be used is an error; the columns nobody asked for
            may have gaps and are then left out.
    """

    name: str
    header: str
    required: bool

    @property
    def shown(self) -> str:
        """The column as messages call it."""
        return self.name if self.name == self.header else f"{self.name} (header {self.header!r})"


def assign(
    source: str,
    headers: Collection[str],
    columns: Mapping[str, str],
    ignore: Collection[str] = (),
) -> tuple[list[Assigned], dict[str, str]]:
    """Decide the column of every header.

    Args:
        source: File name for messages.
        headers: The headers of the source.
        columns: Column name -> header, as the user says.
        ignore: Headers to leave out.

    Returns:
        The assignments in the order of the headers, and the reason for each header left out.

    Raises:
        RunTableError: An unknown header, or two headers that mean one column.

    Example:
        >>> assigned, _ = assign("runs.csv", ["N", "Training FLOP", "note"], {"params": "N"})
        >>> [column.name for column in assigned]
        ['params', 'compute_flops', 'note']
    """
    columns = _tidied(columns)
    ignore = [tidied(header) for header in ignore]
    _check_explicit(source, headers, columns)
    _check_ignored(source, headers, ignore)
    free = [header for header in headers if header not in {*columns.values(), *ignore}]
    claims = _claims(source, free, columns)
    left_out = dict.fromkeys(ignore, "it was named in ignore")
    assigned = []
    for header in headers:
        given = [name for name, chosen in columns.items() if chosen == header]
        assigned += [Assigned(name, header, required=True) for name in given]
        if given or header in ignore:
            continue
        name = claims.get(header, header)
        if name in columns:
            left_out[header] = f"its name was given to the header {columns[name]!r}"
        else:
            assigned.append(Assigned(name, header, required=name in CANONICAL))
    return assigned, left_out


def _tidied(columns: Mapping[str, str]) -> dict[str, str]:
    for name, header in columns.items():
        if not (isinstance(name, str) and isinstance(header, str) and name.strip()):
            raise RunTableError(
                f"columns maps names to headers, both text, not {name!r} to {header!r}"
            )
    return {tidied(name): tidied(header) for name, header in columns.items()}


def _check_explicit(source: str, headers: Collection[str], columns: Mapping[str, str]) -> None:
    for name, header in columns.items():
        if header in headers:
            continue
        if name in headers and header in CANONICAL:
            raise RunTableError(
                f"{source} has no header {header!r}; columns goes from the library's name to "
                f'yours, so write columns={{"{header}": "{name}"}}'
            )
        raise RunTableError(
            f"{source} has no header {header!r} for {name}; {did_you_mean(header, headers)}"
        )


def _check_ignored(source: str, headers: Collection[str], ignore: Collection[str]) -> None:
    for header in ignore:
        if header not in headers:
            hint = did_you_mean(header, headers)
            raise RunTableError(f"{source} has no header {header!r} to ignore; {hint}")


def _claims(source: str, free: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return the canonical name that each header may take, refusing two headers for one."""
    wanted: dict[str, list[str]] = {}
    for header in free:
        name = suggested(header)
        if name is not None and name not in columns:
            wanted.setdefault(name, []).append(header)
    for name, claimants in wanted.items():
        if len(claimants) == 1:
            continue
        if CANONICAL[name].kind == LABEL:
            # A label enters no formula: the exact spelling wins, else each keeps its own name.
            wanted[name] = [name] if name in claimants else []
            continue
        choice = name if name in claimants else claimants[0]
        raise RunTableError(
            f"{source}: the headers {listing(map(repr, claimants))} could "
            f"{'both' if len(claimants) == 2 else 'all'} be {name}; say "
            f'which one is: columns={{"{name}": "{choice}"}}, or --columns {name}={choice}'
        )
    return {header: name for name, claimants in wanted.items() for header in claimants}
