"""Where the runs come from: a file or a data set, and the options that say how to read it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling_jax.cli.arguments import assignments
from scaling_jax.cli.exits import CommandError
from scaling_jax.cli.terminal import working

if TYPE_CHECKING:
    from scaling_jax.runs import RunTable

DATASET = "dataset:"
_PANEL = "Reading the table"

Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="NAME=HEADER",
        help="A column and the header it has in the file: params=N tokens=D.",
        rich_help_panel=_PANEL,
    ),
]
Units = Annotated[
    list[str] | None,
    typer.Option(
        "--units",
        metavar="NAME=FACTOR",
        help="What a column is multiplied by: params=1e6 for millions.",
        rich_help_panel=_PANEL,
    ),
]
Derive = Annotated[
    list[str] | None,
    typer.Option(
        "--derive",
        metavar="NAME=RULE",
        help="A missing column and how to compute it: tokens=C/6N, or any expression in the "
        "columns. A name alone takes the only rule that applies.",
        rich_help_panel=_PANEL,
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Rows to keep: \"loss < 5 and family == 'pile'\".",
        rich_help_panel=_PANEL,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore", metavar="HEADER", help="A header to leave out.", rich_help_panel=_PANEL
    ),
]


@dataclass(frozen=True)
class Reading:
    """How to read a table, as the options say it."""

    columns: list[str] | None = None
    units: list[str] | None = None
    derive: list[str] | None = None
    where: str | None = None
    ignore: list[str] | None = None


def read(source: str, reading: Reading, *, quiet: bool = False) -> "RunTable":
    """Return the runs of a file, or of a public data set for ``dataset:NAME,option=value``.

    Raises:
        RunTableError: The table cannot be used.
        DatasetError: The data set cannot be had.
        CommandError: An option cannot be used.
    """
    if source.startswith(DATASET):
        return _read_dataset(source, reading)
    import scaling_jax as sj

    with working(f"Reading {source}", quiet=quiet):
        return sj.read_runs(
            source,
            columns=assignments(reading.columns, "--columns", "params=N"),
            units=assignments(reading.units, "--units", "params=1e6"),
            derive=reading.derive or (),
            where=reading.where,
            ignore=reading.ignore or (),
        )


def files_of(source: str) -> tuple[Path, ...]:
    """Return the local file that a source is, if it is one."""
    return () if source.startswith(DATASET) else (Path(source),)


def _read_dataset(source: str, reading: Reading) -> "RunTable":
    from scaling_jax import datasets
    from scaling_jax.runs.derive import requests

    for option, given in {
        "--columns": reading.columns, "--units": reading.units, "--ignore": reading.ignore
    }.items():  # fmt: skip
        if given:
            raise CommandError(
                f"{option} is for files; {source} has the library's own columns and units"
            )
    name, options = dataset_request(source)
    runs = datasets.load(name, **options)
    for column, rule in requests(reading.derive or ()):
        runs = runs.derive(column, rule)
    return runs.where(reading.where) if reading.where else runs


def dataset_request(source: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the options of ``[dataset:]NAME,option=value,...``.

    Raises:
        CommandError: An option is not written as name=value.
    """
    from scaling_jax import datasets

    name, *texts = source.removeprefix(DATASET).split(",")
    given = assignments(texts, source, f"{name},experiment=NAME")
    known = datasets.describe(name).options
    return name, {
        key: _choice(text, known[key].choices) if key in known else text
        for key, text in given.items()
    }


def _choice(text: str, choices: tuple[Any, ...]) -> Any:
    """Return the choice that a text spells; the text itself if it is none."""
    spelled = {str(choice).casefold(): choice for choice in choices}
    return spelled.get(text.casefold(), text)
