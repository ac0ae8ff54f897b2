"""`scaling-jax datasets`: the public tables that the library knows."""

from typing import Annotated, Any

import typer

from scaling_jax.cli.help import described, flag
from scaling_jax.cli.laws import NamesGroup
from scaling_jax.cli.sources import DATASET, dataset_request
from scaling_jax.cli.terminal import say, show, show_json

app = typer.Typer(
    cls=NamesGroup,
    invoke_without_command=True,
    help=described(
        "List the public tables of training runs, show or fetch one of them.",
        ["scaling-jax datasets", "scaling-jax datasets show epoch_chinchilla"],
        "Every command that reads runs takes dataset:NAME in place of a file, and "
        "dataset:NAME,option=value where the table offers choices.",
    ),
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set's name.")]
Json = Annotated[bool, flag("--json", help="Print JSON instead of text.")]


@app.callback()
def datasets(ctx: typer.Context) -> None:
    """List the data sets where no command is given."""
    if ctx.invoked_subcommand is None:
        list_datasets()


@app.command(
    "list",
    help=described("List the data sets.", ["scaling-jax datasets list"]),
)
def list_datasets(as_json: Json = False) -> None:
    """Print every data set in a line or two."""
    from scaling_jax import datasets
    from scaling_jax.tables import Table

    known = datasets.list()
    if as_json:
        show_json([_plain(dataset) for dataset in known])
        return
    rows = tuple((d.name, d.rows, d.paper, d.title) for d in known)
    show(Table("", ("name", "rows", "paper", "what it holds"), rows))


@app.command(
    "show",
    help=described(
        "Show a data set: source, licence, columns, options, known problems, published fits.",
        ["scaling-jax datasets show epoch_chinchilla"],
    ),
)
def show_dataset(name: Name, as_json: Json = False) -> None:
    """Print what is known of one data set; nothing is fetched."""
    from rich.text import Text

    from scaling_jax import datasets

    dataset = datasets.describe(name.removeprefix(DATASET))
    if as_json:
        show_json(_plain(dataset))
    else:
        show(Text(str(dataset)))


@app.command(
    "fetch",
    help=described(
        "Fetch a data set into the cache, so that it can be used without a network.",
        [
            "scaling-jax datasets fetch epoch_chinchilla",
            "scaling-jax datasets fetch misfitting,table=finished",
        ],
    ),
)
def fetch_dataset(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A data set's name, with ,option=value if it has.")
    ],
) -> None:
    """Load one data set, which fetches and checks its files."""
    from scaling_jax import datasets

    name, options = dataset_request(name)
    runs = datasets.load(name, **options)
    say(f"{name}: {len(runs)} runs with {', '.join(runs.columns)}")


def _plain(dataset: Any) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(dataset)
