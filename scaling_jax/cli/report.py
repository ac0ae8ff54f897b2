"""`scaling-jax report`: a saved fit as one HTML file with pictures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from scaling_jax.cli import saved
from scaling_jax.cli.arguments import INPUTS, InputCommand
from scaling_jax.cli.cache import use_compilation_cache
from scaling_jax.cli.help import described
from scaling_jax.cli.outputs import check_output
from scaling_jax.cli.predict import inputs_of
from scaling_jax.cli.terminal import say, working

HELP = described(
    "Write a report of a saved fit: tables and pictures in one HTML file.",
    [
        "scaling-jax report fit.json --out report.html",
        "scaling-jax report fit.json --params 7B,70B --tokens 1.4T",
    ],
    "Inputs of the law, given as for predict, add predictions to the report.",
)

Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the report.")]
Title = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Title of the report; the law by default.")
]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("report", cls=InputCommand, help=HELP)(command)


def command(
    ctx: typer.Context,
    fit: saved.FitFile,
    out: Out = Path("report.html"),
    title: Title = None,
    law: saved.LawName = None,
) -> None:
    """Write the report."""
    check_output(out, "--out", endings=(".html", ".htm"), inputs=[fit])
    use_compilation_cache(ctx.obj["compilation_cache"])
    import scaling_jax as sj

    source, _ = saved.drawn(saved.load(fit, law))
    found = source if isinstance(source, sj.Fit) else source.fit
    inputs: dict[str, Any] = inputs_of(found.law, ctx.meta.get(INPUTS, []))
    with working("Drawing the report"):
        prediction = sj.predict(source, **inputs) if inputs else None
        sj.reporting.write_report(out, source, prediction, title=title)
    say(f"wrote {out}")
