"""`scaling-jax laws`: the atlas in the terminal."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scaling_jax.cli.help import described, flag
from scaling_jax.cli.own_law import choose_law
from scaling_jax.cli.terminal import show, show_json

if TYPE_CHECKING:
    from scaling_jax.laws import Law
    from scaling_jax.laws.estimates import Estimate

_UNVERIFIED = "unverified"


class NamesGroup(TyperGroup):
    """A group in which anything but a command is a name to show: ``laws chinchilla``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; see `typer.core.TyperGroup.resolve_command`."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=NamesGroup,
    invoke_without_command=True,
    help=described(
        "List the scaling laws, or show one of them.",
        ["scaling-jax laws", "scaling-jax laws show chinchilla"],
    ),
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A law's name, or path.py:name.")]
Option = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="Choose a member of a family."),
]
Json = Annotated[bool, flag("--json", help="Print JSON instead of tables.")]


@app.callback()
def laws(ctx: typer.Context) -> None:
    """List the laws where no command is given."""
    if ctx.invoked_subcommand is None:
        list_laws()


@app.command(
    "list",
    help=described(
        "List the laws: name, formula, columns they need, reference.",
        ["scaling-jax laws list", "scaling-jax laws list --json"],
    ),
)
def list_laws(as_json: Json = False) -> None:
    """Print every law."""
    from scaling_jax import laws

    if as_json:
        show_json([describe(law) for law in laws.list()])
    else:
        show(_grid([(law.name, _entry(law)) for law in laws.list()]))


@app.command(
    "show",
    help=described(
        "Show a law: formula, inputs, parameters, pitfalls, published estimates, citation.",
        [
            "scaling-jax laws show chinchilla",
            "scaling-jax laws show bnsl --option breaks=2",
            "scaling-jax laws show my_laws.py:my_law",
        ],
    ),
)
def show_law(name: Name, option: Option = None, as_json: Json = False) -> None:
    """Print one law."""
    law = choose_law(name, option)
    if as_json:
        show_json(describe(law) | {"published": [_published(e) for e in law.published().values()]})
        return
    parts = [_heading(law), _inputs(law), _parameters(law), _remarks(law), _estimates(law)]
    show(*(part for part in parts if part is not None))


def describe(law: "Law") -> dict[str, Any]:
    """Return what is known of a law as plain data."""
    return {
        "name": law.name,
        "options": dict(law.options),
        "formula": law.formula,
        "predicts": law.publication.predicts,
        "inputs": [
            {"column": v.column, "symbol": v.symbol, "unit": v.unit, "meaning": v.meaning}
            for v in law.inputs
        ],
        "output": {"column": law.output.column, "unit": law.output.unit},
        "parameters": [
            {"name": p.name, "constraint": p.constraint, "unit": p.unit, "meaning": p.meaning}
            for p in law.parameters
        ],
        "reference": str(law.reference),
        "fitting": law.publication.fitting,
        "optimum": law.publication.optimum,
        "notes": law.publication.notes,
        "limits": law.publication.limits,
        "verified": law.verified,
        "doubt": law.publication.doubt,
    }


def _published(estimate: "Estimate") -> dict[str, Any]:
    return {
        "name": estimate.name,
        "values": dict(estimate.values),
        "units": estimate.units,
        "params": estimate.params,
        "standard_errors": dict(estimate.standard_errors),
        "ranges": {name: list(span) for name, span in estimate.ranges.items()},
        "context": estimate.context,
        "where": estimate.where,
        "link": estimate.link,
        "verified": estimate.verified,
        "notes": estimate.notes,
    }


def _entry(law: "Law") -> Any:
    from rich.text import Text

    columns = f"{', '.join(law.input_names)} -> {law.output.column}"
    source = " ".join(part for part in (_short(law), "" if law.verified else _UNVERIFIED) if part)
    return Text.assemble(law.formula, "\n", (f"{columns}   {source}", "dim"))


def _short(law: "Law") -> str:
    reference = law.reference
    year = f"({reference.year})" if reference.year else ""
    arxiv = f"arXiv:{reference.arxiv}" if reference.arxiv else ""
    return " ".join(part for part in (reference.authors, year, arxiv) if part)


def _heading(law: "Law") -> Any:
    facts = {
        "formula": law.formula,
        "predicts": law.publication.predicts,
        "reference": str(law.reference) + ("" if law.verified else f" ({_UNVERIFIED})"),
    }
    if law.options:
        options = ", ".join(f"{name}={value}" for name, value in law.options)
        facts["options"] = f"{options} (change one with --option name=value)"
    return _titled(law.label, _grid([(name, text) for name, text in facts.items() if text]))


def _inputs(law: "Law") -> Any:
    from scaling_jax.tables import Table

    rows = [
        (v.symbol, v.column, v.constraint, v.unit, v.meaning) for v in (*law.inputs, law.output)
    ]
    return Table(
        "Inputs and, last, the output", ("symbol", "column", "values", "unit", "meaning"),
        tuple(rows),
    )  # fmt: skip


def _parameters(law: "Law") -> Any:
    from scaling_jax.tables import Table

    rows = [(p.name, p.constraint, "" if p.dimensionless else p.unit, p.meaning)
            for p in law.parameters]  # fmt: skip
    return Table("Parameters", ("name", "values", "unit", "meaning"), tuple(rows))


def _remarks(law: "Law") -> Any:
    said = law.publication
    remarks = {
        "how it was fitted": said.fitting,
        "optimum": said.optimum,
        "notes": said.notes,
        "pitfalls": said.limits,
        "doubt": said.doubt,
    }
    found = [(name, text) for name, text in remarks.items() if text]
    return _grid(found) if found else None


def _estimates(law: "Law") -> Any:
    from rich.text import Text

    published = law.published()
    if not published:
        return None
    entries = []
    for name, estimate in published.items():
        mark = (f"  {_UNVERIFIED}", "bold yellow") if estimate.verified == "recalled" else ""
        place = ", ".join(part for part in (estimate.where, estimate.link) if part)
        remarks = "\n".join(part for part in (estimate.context, place, estimate.notes) if part)
        entries.append((name, Text.assemble(_numbers(estimate), mark, "\n", (remarks, "dim"))))
    return _titled("Published estimates, as printed", _grid(entries))


def _numbers(estimate: "Estimate") -> str:
    errors = estimate.standard_errors
    parts = [
        f"{name} {value:.10g}" + (f" +- {errors[name]:g}" if name in errors else "")
        for name, value in estimate.values.items()
    ]
    parts += [f"{name} {low:g} .. {high:g}" for name, (low, high) in estimate.ranges.items()]
    return ", ".join(parts) + (f"   ({estimate.units})" if estimate.units else "")


def _grid(entries: list[tuple[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, body in entries:
        grid.add_row(Text(name), Text(body) if isinstance(body, str) else body)
    return grid


def _titled(title: str, body: Any) -> Any:
    from rich.console import Group
    from rich.text import Text

    return Group(Text(title, style="bold"), body)
