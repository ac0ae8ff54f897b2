"""`scaling-jax predict`: what a saved fit says of other scales."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling_jax.cli import saved, sources
from scaling_jax.cli.arguments import INPUTS, InputCommand, numbers
from scaling_jax.cli.cache import use_compilation_cache
from scaling_jax.cli.exits import CommandError
from scaling_jax.cli.help import described, flag
from scaling_jax.cli.terminal import say, show, show_json, working
from scaling_jax.errors import did_you_mean, listing

if TYPE_CHECKING:
    from scaling_jax import Draws, Fit, Prediction

HELP = described(
    "Predict at new scales with a saved fit.",
    [
        "scaling-jax predict fit.json --params 70e9 --tokens 1.4e12",
        "scaling-jax predict fit.json --params 7B,70B --tokens 1.4T",
        "scaling-jax predict fit.json --runs planned.csv --new-run --level 0.8",
        "scaling-jax predict fit.json --params 70B --tokens 1.4T --method posterior",
    ],
    "Every input of the fitted law is an option: --params, --tokens, --compute-flops, whatever "
    "it takes. Values are numbers or sizes (7B, 1.4T, 1e24); several with commas between them "
    "or by repeating the option. Each point is marked as interpolation or extrapolation, with "
    "its distance from the data in decades.",
)

METHODS = ("bootstrap", "laplace", "posterior")

Level = Annotated[
    float, typer.Option(metavar="SHARE", help="Share of the draws that an interval holds.")
]
NewRun = Annotated[
    bool,
    flag("--new-run", help="Interval for one more run, noise included, not for the law."),
]
DrawCount = Annotated[
    int, typer.Option("--draws", min=2, metavar="N", help="Draws behind the intervals.")
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        "--uncertainty",
        metavar="NAME",
        help="How to draw: bootstrap (refits of resampled runs), laplace (normal, quicker) or "
        "posterior (NUTS; knows the law's own error beyond the runs).",
    ),
]
DrawsFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Draws that scaling-jax posterior --output has saved of this fit."
    ),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the draws.")]
Table = Annotated[
    str | None,
    typer.Option("--runs", metavar="RUNS", help="Take the points from a table of this name."),
]
Json = Annotated[bool, flag("--json", help="Print JSON instead of a table.")]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("predict", cls=InputCommand, help=HELP)(command)


def command(
    ctx: typer.Context,
    fit: saved.FitFile,
    level: Level = 0.9,
    new_run: NewRun = False,
    draws: DrawCount = 4000,
    method: Method = "bootstrap",
    draws_from: DrawsFile = None,
    seed: Seed = 0,
    law: saved.LawName = None,
    runs: Table = None,
    columns: sources.Columns = None,
    units: sources.Units = None,
    derive: sources.Derive = None,
    where: sources.Where = None,
    ignore: sources.Ignore = None,
    as_json: Json = False,
) -> None:
    """Predict and print."""
    if not 0.0 < level < 1.0:
        raise CommandError(f"--level is a share between 0 and 1 such as 0.9, not {level:g}")
    if method not in METHODS:
        raise CommandError(f"--method is one of {listing(METHODS)}, not {method}")
    use_compilation_cache(ctx.obj["compilation_cache"])
    found = saved.load(fit, law)
    inputs = inputs_of(found.law, ctx.meta.get(INPUTS, []))
    table = None
    if runs is not None:
        table = sources.read(runs, sources.Reading(columns, units, derive, where, ignore))
    with working("Predicting"):
        drawn = _drawn(found, draws_from, draws=draws, seed=seed, method=method)
        prediction = predict(found, table, inputs, drawn, seed=seed)
    prediction = prediction.new_run if new_run else prediction
    if as_json:
        show_json(describe(prediction, level))
    else:
        show_prediction(prediction, level)


def inputs_of(law: Any, given: list[tuple[str, str]]) -> dict[str, list[float]]:
    """Return the values of each input from the options that were given.

    Raises:
        CommandError: An option is no input of the law, or its value is no number.
    """
    inputs: dict[str, list[float]] = {}
    for option, text in given:
        name = option.removeprefix("--").replace("-", "_")
        if name not in law.input_names:
            known = [f"--{column.replace('_', '-')}" for column in law.input_names]
            hint = did_you_mean(option, [*known, "--level", "--new-run", "--runs"])
            raise CommandError(f"{option} is no option; {law.name} takes {listing(known)}; {hint}")
        inputs.setdefault(name, []).extend(numbers(text, option))
    return inputs


def _drawn(fit: "Fit", path: Path | None, **how: Any) -> "tuple[Draws | Fit, str]":
    """Return the draws of a file, or new ones; where there are none, the fit and the reason."""
    if path is None:
        source, why_alone = saved.drawn(fit, **how)
    else:
        import scaling_jax as sj

        source, why_alone = sj.Draws.load(path, fit), ""
    if getattr(source, "sampler", None) is not None:
        for doubt in source.warnings:
            say(f"warning: {doubt}")
    return source, why_alone


def predict(
    fit: "Fit",
    table: Any,
    inputs: dict[str, list[float]],
    drawn: "tuple[Draws | Fit, str]",
    *,
    seed: int,
) -> "Prediction":
    """Predict from draws, or from the fit alone where it has none.

    Args:
        fit: The fit.
        table: Runs to take the inputs from, if any.
        inputs: Values of the inputs.
        drawn: Draws and an empty text, or a fit and why there are no draws.
        seed: Seed of the noise of a new run.

    Raises:
        PredictionError: The inputs are not those of the law.
    """
    import scaling_jax as sj
    from scaling_jax.errors import PredictionError

    source, why_alone = drawn
    if not why_alone:
        try:
            return sj.predict(source, table, seed=seed, **inputs)
        except PredictionError:
            why_alone = "some draws give no finite prediction"
    prediction = sj.predict(fit, table, seed=seed, **inputs)  # raises where the inputs are wrong
    say(f"warning: no interval, since {why_alone}")
    return prediction


def show_prediction(prediction: "Prediction", level: float) -> None:
    """Print predictions, and what speaks against them so that it is not overlooked."""
    import dataclasses

    from rich.text import Text

    table = dataclasses.replace(prediction.table(level), notes=())
    doubts = [Text(f"WARNING: {doubt}", style="bold red") for doubt in prediction.warnings]
    show(table, *doubts)


def describe(prediction: "Prediction", level: float) -> dict[str, Any]:
    """Return predictions as plain data, one entry a point."""
    several = len(prediction.values) > 1
    low, high = prediction.interval(level) if several else (None, None)
    median = prediction.median
    points = []
    for k in range(len(median)):
        point: dict[str, Any] = {name: values[k] for name, values in prediction.inputs.items()}
        point |= {"prediction": median[k], "support": prediction.kind[k]}
        point["decades"] = prediction.distance[k]
        if low is not None and high is not None:
            point |= {"low": low[k], "high": high[k]}
        points.append(point)
    return {
        "law": prediction.draws.fit.law.label,
        "output": prediction.draws.fit.law.output.column,
        "unit": prediction.draws.fit.law.output.unit,
        "draws": prediction.draws.count,
        "method": prediction.draws.method,
        "new_run": prediction.noisy,
        "level": level if several else None,
        "points": points,
        "warnings": list(prediction.warnings),
    }
