"""`scaling-jax demo`: the main job from end to end, on a table that ships with the library."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling_jax.cli import saved, showcases
from scaling_jax.cli.cache import use_compilation_cache
from scaling_jax.cli.help import described
from scaling_jax.cli.outputs import check_output
from scaling_jax.cli.showcases import SHOWCASES, Showcase, Shown
from scaling_jax.cli.terminal import say, show, working

if TYPE_CHECKING:
    from rich.text import Text

    from scaling_jax.reporting import Illustration, Section
    from scaling_jax.tables import Table


HELP = described(
    "Fit runs that ship with the library, predict the largest ones, and write a report.",
    ["scaling-jax demo", "scaling-jax demo --table parscale --out demo.html"],
    "The ladder: the law is fitted to transformers of five widths, trained here on the text of "
    "Python's standard library, and predicts those of the sixth. ParScale: the law is fitted to "
    "models with up to 4 parallel streams, compared with the published coefficients, and predicts "
    "those with 8. Needs no network.",
)

Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the report.")]
Of = Annotated[
    str,
    typer.Option(
        "--table", metavar="NAME", help="What to show: ladder or parscale.", show_default=True
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("demo", help=HELP)(command)


def command(ctx: typer.Context, table: Of = "ladder", out: Out = Path("report.html")) -> None:
    """Run a showcase."""
    if table not in SHOWCASES:
        raise typer.BadParameter(
            f"{table!r} is none of {', '.join(SHOWCASES)}", param_hint="--table"
        )
    check_output(out, "--out", endings=(".html", ".htm"))
    use_compilation_cache(ctx.obj["compilation_cache"])
    showcase = SHOWCASES[table]
    groups = showcases.run(showcase)
    write_report(out, showcase, groups, ctx.obj["command"])
    from rich.text import Text

    title = Text(showcase.title, style="bold")
    fits = [part for group in groups for part in (_heading(showcase, group), group.fit.summary())]
    published = [comparison(showcase, groups)] if showcase.published else []
    predictions = [held_out(showcase, group) for group in groups]
    show(title, *fits, *published, *predictions)
    say(f"wrote {out}")


def _heading(showcase: Showcase, group: Shown) -> "Text":
    from rich.text import Text

    return Text(f"{showcase.group}: {group.name}", style="bold cyan")


def write_report(out: Path, showcase: Showcase, groups: list[Shown], command: str) -> None:
    """Write one report: the first group in full, then the others and what was held out."""
    from scaling_jax import reporting

    first, *others = groups
    with working("Drawing the report"):
        held_out_runs = reporting.Section(
            f"Held out: {showcase.held_out}",
            f"The law was fitted again to the runs with {showcase.train} alone. Its predictions "
            f"of the others, with the intervals of a new run. {showcase.why}".strip(),
            [held_out(showcase, group) for group in groups],
            [_predicted_and_true(group) for group in groups],
        )
        reporting.write_report(
            out,
            saved.drawn(first.fit)[0],
            title=f"{showcase.title}: {first.name}",
            sections=[
                *(_section(showcase, group) for group in others),
                *(
                    [
                        reporting.Section(
                            "Against the publication", "", [comparison(showcase, groups)]
                        )
                    ]
                    if showcase.published
                    else []
                ),
                held_out_runs,
            ],
            command=command,
        )


def _section(showcase: Showcase, group: Shown) -> "Section":
    from scaling_jax import reporting

    pictures = {
        "The runs (points) and the fitted law (lines).": reporting.plot_loss_vs_compute(
            saved.drawn(group.fit)[0]
        ),
        "Residuals against each scale.": reporting.plot_residuals(group.fit),
    }
    return reporting.Section(
        f"{showcase.group}: {group.name}",
        "The same law and objective, fitted on its own.",
        [group.fit.summary()],
        [reporting.Illustration(figure, caption) for caption, figure in pictures.items()],
    )


def _predicted_and_true(group: Shown) -> "Illustration":
    from scaling_jax import reporting

    figure = reporting.plot_prediction(group.prediction.new_run, truth=group.observed)
    return reporting.Illustration(figure, f"{group.name}: predicted and true values.")


def comparison(showcase: Showcase, groups: list[Shown]) -> "Table":
    """Return each group's coefficients beside the published ones."""
    from scaling_jax import laws
    from scaling_jax.tables import Table

    law = laws.get(showcase.law)
    rows = []
    for group in groups:
        published = law.published(showcase.published[group.name]).params
        for name in law.free_names:
            value, other = group.fit.params[name], published[name]
            rows.append((group.name, name, value, other, f"{value / other - 1.0:+.3%}"))
    return Table(
        "The coefficients and those that were published",
        (showcase.group, "parameter", "fitted", "published", "difference"),
        tuple(rows),
    )


def held_out(showcase: Showcase, group: Shown) -> "Table":
    """Return the predictions of the runs that the second fit has not seen."""
    from scaling_jax.runs import format_size
    from scaling_jax.tables import Table

    law = group.fit.law
    truth = group.observed[law.output.column]
    predicted = group.prediction.median
    low, high = group.prediction.new_run.interval(0.9)
    rows = [
        (
            *(format_size(float(group.observed[name][k])) for name in law.input_names),
            *(float(column[k]) for column in (truth, predicted, low, high)),
            f"{predicted[k] / truth[k] - 1.0:+.2%}",
        )
        for k in range(len(truth))
    ]
    hits = int(((low <= truth) & (truth <= high)).sum())
    return Table(
        f"{group.name}: fitted to {showcase.train}, predicting {showcase.held_out}",
        (*law.input_names, "observed", "predicted", "5%", "95%", "error"),
        tuple(rows),
        ("", f"{hits} of {len(truth)} lie in the 90% interval of a new run"),
    )
