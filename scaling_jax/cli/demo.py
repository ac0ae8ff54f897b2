"""`scaling-jax demo`: the main job from end to end, on a table that ships with the library."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling_jax.cli import saved
from scaling_jax.cli.cache import use_compilation_cache
from scaling_jax.cli.help import described
from scaling_jax.cli.outputs import check_output
from scaling_jax.cli.terminal import say, show, working

if TYPE_CHECKING:
    from rich.text import Text

    from scaling_jax import Fit, Prediction, RunTable
    from scaling_jax.reporting import Illustration, Section
    from scaling_jax.tables import Table


@dataclass(frozen=True)
class Showcase:
    """An embedded table and what to show with it.

    Attributes:
        title: What the table is, in one line.
        dataset: Name of the data set; embedded, so that no network is needed.
        law: Name of the law.
        group: Label column; each of its groups is fitted on its own.
        published: Published estimate of the law to compare each group's fit with.
        train: Runs that the law is fitted to before it predicts the others.
        held_out: Those others.
    """

    title: str
    dataset: str
    law: str
    group: str
    published: dict[str, str]
    train: str
    held_out: str


SHOWCASE = Showcase(
    title="ParScale: loss of models run as P parallel streams, on two corpora",
    dataset="parscale",
    law="parscale",
    group="family",
    published={"stack_v2_python": "stack", "pile": "pile"},
    train="streams <= 4",
    held_out="streams == 8",
)


@dataclass(frozen=True)
class Shown:
    """One group of the showcase: the fit of all its runs, and the prediction of those held out."""

    name: str
    fit: "Fit"
    prediction: "Prediction"
    observed: "RunTable"


HELP = described(
    "Fit a published table that ships with the library, predict, and write a report.",
    ["scaling-jax demo", "scaling-jax demo --out demo.html"],
    "Fits the loss of ParScale models on two corpora, compares the coefficients with the "
    "published ones, then fits only the models with up to 4 parallel streams and predicts those "
    "with 8. Needs no network.",
)

Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the report.")]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("demo", help=HELP)(command)


def command(ctx: typer.Context, out: Out = Path("report.html")) -> None:
    """Run the showcase."""
    check_output(out, "--out", endings=(".html", ".htm"))
    use_compilation_cache(ctx.obj["compilation_cache"])
    groups = run(SHOWCASE)
    write_report(out, SHOWCASE, groups, ctx.obj["command"])
    from rich.text import Text

    title = Text(SHOWCASE.title, style="bold")
    fits = [part for group in groups for part in (_heading(group), group.fit.summary())]
    predictions = [held_out(SHOWCASE, group) for group in groups]
    show(title, *fits, comparison(SHOWCASE, groups), *predictions)
    say(f"wrote {out}")


def _heading(group: Shown) -> "Text":
    from rich.text import Text

    return Text(f"{SHOWCASE.group}: {group.name}", style="bold cyan")


def run(showcase: Showcase) -> list[Shown]:
    """Fit every group of the showcase and predict its held-out runs."""
    import scaling_jax as sj

    runs = sj.datasets.load(showcase.dataset)
    objective = sj.Huber(delta=1e-3, scale="log")
    shown = []
    for name, group in runs.group(showcase.group).items():
        with working(f"Fitting {showcase.law} to {len(group)} runs of {name}"):
            fit = sj.fit(showcase.law, group, objective)
            train, observed = group.where(showcase.train), group.where(showcase.held_out)
            draws = sj.bootstrap(sj.fit(showcase.law, train, objective))
            shown.append(Shown(name, fit, sj.predict(draws, observed), observed))
    return shown


def write_report(out: Path, showcase: Showcase, groups: list[Shown], command: str) -> None:
    """Write one report: the first group in full, then the others and what was held out."""
    from scaling_jax import reporting

    first, *others = groups
    with working("Drawing the report"):
        held_out_runs = reporting.Section(
            f"Held out: {showcase.held_out}",
            f"The law was fitted again to the runs with {showcase.train} alone. Its predictions "
            "of the others, with the intervals of a new run:",
            [held_out(showcase, group) for group in groups],
            [_predicted_and_true(group) for group in groups],
        )
        reporting.write_report(
            out,
            saved.drawn(first.fit)[0],
            title=f"{showcase.title}: {first.name}",
            sections=[
                *(_section(showcase, group) for group in others),
                reporting.Section(
                    "Against the publication", "", [comparison(showcase, groups)]
                ),
                held_out_runs,
            ],
            command=command,
        )  # fmt: skip


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
