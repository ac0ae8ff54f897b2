"""`scaling-jax reproduce`: published numbers computed again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling_jax.cli.cache import use_compilation_cache
from scaling_jax.cli.exits import CommandError
from scaling_jax.cli.help import described, flag
from scaling_jax.cli.outputs import check_output
from scaling_jax.cli.terminal import say, show, show_json, working

if TYPE_CHECKING:
    from scaling_jax.reproductions import Report, Reproduction

FAILED = 1

HELP = described(
    "Compute published numbers again, and list them beside ours.",
    [
        "scaling-jax reproduce",
        "scaling-jax reproduce chinchilla",
        "scaling-jax reproduce --all --output reproductions.md",
    ],
    "Without a name it lists what can be reproduced. The exit code is 1 if something fails, or "
    "differs from what is published without a known reason.",
)

Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="A reproduction, or a publication for all of its."),
]
All = Annotated[bool, flag("--all", help="Run every reproduction; takes some minutes.")]
Json = Annotated[bool, flag("--json", help="Print JSON instead of a table.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Write a .md file instead of printing a table."),
]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("reproduce", help=HELP)(command)


def command(
    ctx: typer.Context,
    name: Name = None,
    everything: All = False,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Run reproductions and print or write what they gave."""
    if name is not None and everything:
        raise CommandError(f"give {name} or --all, not both")
    check_output(output, "--output", endings=(".md",))
    if name is None and not everything:
        if output is not None:
            raise CommandError("--output is for results; name a reproduction, or give --all")
        _list(as_json)
        return
    use_compilation_cache(ctx.obj["compilation_cache"])
    report = _run([] if name is None else [name])
    if output is not None:
        _write(output, report)
    elif as_json:
        show_json(
            {"checks": report.records(), "reproductions": [_facts(o) for o in report.outcomes]}
        )
    else:
        show(report.table)
    if not report.ok:
        raise typer.Exit(FAILED)


def _run(names: list[str]) -> "Report":
    from scaling_jax import reproductions

    def announce(outcome: Any) -> None:
        say(f"{outcome.name}: {outcome.summary}")
        for check in outcome.unexpected:
            say(f"{outcome.name}: {check.quantity}: {reproductions.verdict(check)}")

    with working("Computing published numbers again"):
        return reproductions.run(*names, done=announce)


def _write(path: Path, report: "Report") -> None:
    from scaling_jax.files import write_atomically
    from scaling_jax.reproductions.page import markdown

    write_atomically(path, markdown(report))
    say(f"wrote {path}: {report.summary}")


def _list(as_json: bool) -> None:
    from scaling_jax import reproductions
    from scaling_jax.tables import Table

    known = [reproductions.get(name) for name in reproductions.names()]
    if as_json:
        show_json([_described(reproduction) for reproduction in known])
        return
    rows = tuple((r.name, r.publication, ", ".join(r.data)) for r in known)
    show(Table("", ("reproduction", "publication", "data"), rows))


def _described(reproduction: "Reproduction") -> dict[str, Any]:
    return {
        "name": reproduction.name,
        "publication": reproduction.publication,
        "data": list(reproduction.data),
    }


def _facts(outcome: Any) -> dict[str, Any]:
    return _described(outcome.reproduction) | {
        "seconds": outcome.seconds,
        "skipped": outcome.skipped,
        "error": outcome.error,
    }
