"""The root of the command line: every command, and the flags that belong to none."""

from typing import Annotated

import typer

from scaling_jax.cli import (
    datasets,
    demo,
    fit,
    ladder,
    laws,
    plot,
    posterior,
    predict,
    report,
    reproduce,
)
from scaling_jax.cli.exits import Application
from scaling_jax.cli.help import described, flag
from scaling_jax.cli.terminal import PROGRAM

app = typer.Typer(
    name=PROGRAM,
    cls=Application,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=described(
        "Fit neural scaling laws to training runs, and predict with them.",
        [
            "scaling-jax demo",
            "scaling-jax laws show chinchilla",
            "scaling-jax fit runs.csv --law chinchilla --columns params=N tokens=D \\\n"
            "    --out fit.json --report report.html",
            "scaling-jax predict fit.json --params 70B --tokens 1.4T",
        ],
        "A run table has a row for every training run: its size, its data, its loss. Start with "
        "the demo, then fit your own table.",
    ),
)


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[bool, flag("--version", help="Print the version and exit.")] = False,
    no_compilation_cache: Annotated[
        bool,
        flag("--no-compilation-cache", help="Do not keep compiled programs on disk."),
    ] = False,
    debug: Annotated[bool, flag("--debug", help="Show a traceback where a command fails.")] = False,
) -> None:
    """Answer what needs no command, and hand the flags down."""
    del debug  # `Application` has read it: it must be known before anything can fail
    ctx.ensure_object(dict)["compilation_cache"] = not no_compilation_cache
    if version:
        from scaling_jax import __version__

        typer.echo(f"{PROGRAM} {__version__}")
    elif ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


app.add_typer(laws.app, name="laws")
app.add_typer(datasets.app, name="datasets")
fit.add_to(app)
posterior.add_to(app)
predict.add_to(app)
plot.add_to(app)
report.add_to(app)
app.add_typer(ladder.app, name="ladder")
reproduce.add_to(app)
demo.add_to(app)
