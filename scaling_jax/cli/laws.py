"""`scaling-jax laws`: the atlas in the terminal."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scaling_jax.cli.exits import CommandError
from scaling_jax.cli.help import described, flag
from scaling_jax.cli.own_law import choose_law, is_file
from scaling_jax.cli.terminal import show, show_json
from scaling_jax.errors import LawError, did_you_mean

if TYPE_CHECKING:
    from scaling_jax.literature import Publication


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
        "List the scaling laws, protocols and findings, or show one of them.",
        [
            "scaling-jax laws",
            "scaling-jax laws list --search 'mixture experts'",
            "scaling-jax laws show chinchilla",
        ],
    ),
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A law, protocol or finding, or path.py:name.")
]
Option = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="Choose a member of a family."),
]
Subject = Annotated[
    str | None,
    typer.Option("--subject", metavar="SUBJECT", help="Only this subject, with formulas."),
]
Search = Annotated[
    str | None,
    typer.Option("--search", metavar="WORDS", help="Only what mentions all of these words."),
]
Json = Annotated[bool, flag("--json", help="Print JSON instead of text.")]


@app.callback()
def laws(ctx: typer.Context) -> None:
    """List the laws where no command is given."""
    if ctx.invoked_subcommand is None:
        list_laws()


@app.command(
    "list",
    help=described(
        "List all by subject; with --subject or --search also formula, columns and reference.",
        [
            "scaling-jax laws list",
            "scaling-jax laws list --subject precision",
            "scaling-jax laws list --search 'batch size'",
        ],
    ),
)
def list_laws(subject: Subject = None, search: Search = None, as_json: Json = False) -> None:
    """Print every publication, or those asked for."""
    from scaling_jax.cli import atlas_views as views

    found = _selected(subject, search)
    if as_json:
        show_json([views.described(said) for said in found])
    elif subject is None and search is None:
        show(*views.by_subject(found))
    else:
        show(*views.entries(found))


@app.command(
    "show",
    help=described(
        "Show one: formula, inputs, parameters, pitfalls, claims, published numbers, citation.",
        [
            "scaling-jax laws show chinchilla",
            "scaling-jax laws show bnsl --option breaks=2",
            "scaling-jax laws show pass_at_k_unbiased",
            "scaling-jax laws show my_laws.py:my_law",
        ],
    ),
)
def show_law(name: Name, option: Option = None, as_json: Json = False) -> None:
    """Print one law, protocol or finding."""
    from scaling_jax import laws
    from scaling_jax.cli import atlas_views as views

    if is_file(name) or name in laws.names():
        law = choose_law(name, option)
        if as_json:
            show_json(views.described_law(law))
        else:
            show(*views.law_parts(law))
        return
    said = _publication(name)
    if option:
        raise CommandError(f"{name} is no family; leave out --option")
    if as_json:
        show_json(views.described(said))
    else:
        show(*views.publication_parts(said))


def _selected(subject: str | None, search: str | None) -> "list[Publication]":
    from scaling_jax import literature

    known = literature.subjects()
    if subject is not None and subject not in known:
        raise CommandError(f"there is no subject {subject!r}; {did_you_mean(subject, known)}")
    subjects = known if subject is None else [subject]
    found = [literature.get(name) for each in subjects for name in literature.names(each)]
    if search is None:
        return found
    words = search.lower().split()
    found = [said for said in found if all(word in _text(said) for word in words)]
    if not found:
        raise CommandError(f"nothing mentions {search!r}; try fewer or other words")
    return found


def _text(said: "Publication") -> str:
    """Return what is searched, in lower case; underscores are blanks as well."""
    where = said.reference
    parts = [said.name, said.name.replace("_", " "), where.title, where.authors, where.arxiv,
             said.predicts, said.formula, said.notes, said.limits,
             *(claim.text for claim in said.claims)]  # fmt: skip
    return "\n".join(parts).lower()


def _publication(name: str) -> "Publication":
    from scaling_jax import literature

    if name not in literature.names():
        hint = did_you_mean(name, literature.names())
        raise LawError(f"there is no law, protocol or finding {name!r}; {hint}")
    return literature.get(name)
