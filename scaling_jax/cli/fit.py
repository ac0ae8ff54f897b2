"""`scaling-jax fit`: from a table of runs to a fitted law."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling_jax.cli import sources
from scaling_jax.cli.arguments import AssignmentCommand
from scaling_jax.cli.cache import use_compilation_cache
from scaling_jax.cli.exits import STRICT
from scaling_jax.cli.help import described, flag
from scaling_jax.cli.outputs import check_distinct, check_output
from scaling_jax.cli.own_law import choose_law
from scaling_jax.cli.own_law import files_of as files_of_law
from scaling_jax.cli.saved import drawn
from scaling_jax.cli.terminal import say, show, show_json, working

if TYPE_CHECKING:
    from scaling_jax import Fit
    from scaling_jax.objectives import Objective

_LAW, _OBJECTIVE, _RESULT = "The law", "The objective", "The result"

HELP = described(
    "Fit a law to a table of runs.",
    [
        "scaling-jax fit runs.csv --law chinchilla --columns params=N tokens=D \\\n"
        "    --out fit.json",
        'scaling-jax fit runs.csv --law chinchilla --where "loss < 5" \\\n'
        "    --units params=1e6 tokens=1e9 --derive compute_flops=6ND",
        "scaling-jax fit dataset:epoch_chinchilla --law chinchilla \\\n"
        "    --objective huber --delta 1e-3 --report report.html",
        "scaling-jax fit runs.csv --law my_laws.py:my_law --fix E=1.69",
    ],
    "RUNS is a CSV, TSV, JSON-lines or Parquet file, or dataset:NAME. Headers such as N, D or "
    "'Training FLOP' are understood; --columns names any others. Prints the coefficients and what "
    "speaks for and against them.",
)

Runs = Annotated[str, typer.Argument(metavar="RUNS", help="A file, or dataset:NAME.")]
LawName = Annotated[
    str,
    typer.Option(
        "--law",
        metavar="LAW",
        help="A law's name (scaling-jax laws lists them), or path.py:name for your own, in a "
        "Python file that is then run.",
        rich_help_panel=_LAW,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="Choose a member of a family of laws: breaks=2.",
        rich_help_panel=_LAW,
    ),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        "--fix", metavar="NAME=VALUE", help="Hold a parameter: E=1.69.", rich_help_panel=_LAW
    ),
]
Tie = Annotated[
    list[str] | None,
    typer.Option(
        "--tie",
        metavar="NAME=NAME",
        help="Make a parameter equal to another: beta=alpha.",
        rich_help_panel=_LAW,
    ),
]
ObjectiveName = Annotated[
    str,
    typer.Option(
        "--objective",
        metavar="NAME",
        help="huber, squared, absolute or student_t.",
        rich_help_panel=_OBJECTIVE,
    ),
]
Delta = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help="Where huber turns linear; 0.001 if not given.",
        rich_help_panel=_OBJECTIVE,
    ),
]
Df = Annotated[
    float | None,
    typer.Option(metavar="X", help="Degrees of freedom of student_t.", rich_help_panel=_OBJECTIVE),
]
Sigma = Annotated[
    float | None, typer.Option(metavar="X", help="Scale of student_t.", rich_help_panel=_OBJECTIVE)
]
Scale = Annotated[
    str,
    typer.Option(
        metavar="SCALE", help="Scale of the residuals: log or natural.", rich_help_panel=_OBJECTIVE
    ),
]
Reduction = Annotated[
    str,
    typer.Option(metavar="HOW", help="sum or mean over the runs.", rich_help_panel=_OBJECTIVE),
]
Starts = Annotated[
    int, typer.Option(min=1, metavar="N", help="Number of starts, all fitted at once.")
]
Seed = Annotated[
    int, typer.Option(min=0, metavar="N", help="Seed; the same seed gives the same result.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Save the fit: fit.json.", rich_help_panel=_RESULT),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write a report with pictures: report.html.",
        rich_help_panel=_RESULT,
    ),
]
Strict = Annotated[
    bool,
    flag(
        "--strict",
        help="Exit with code 1 unless the fit has converged and is identified.",
        rich_help_panel=_RESULT,
    ),
]
Quiet = Annotated[bool, flag("--quiet", "-q", help="Print nothing.", rich_help_panel=_RESULT)]
Json = Annotated[
    bool, flag("--json", help="Print JSON instead of a table.", rich_help_panel=_RESULT)
]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("fit", cls=AssignmentCommand, help=HELP)(command)


def command(
    ctx: typer.Context,
    runs: Runs,
    law: LawName,
    option: Options = None,
    fix: Fix = None,
    tie: Tie = None,
    objective: ObjectiveName = "huber",
    delta: Delta = None,
    df: Df = None,
    sigma: Sigma = None,
    scale: Scale = "log",
    reduction: Reduction = "sum",
    columns: sources.Columns = None,
    units: sources.Units = None,
    derive: sources.Derive = None,
    where: sources.Where = None,
    ignore: sources.Ignore = None,
    starts: Starts = 512,
    seed: Seed = 0,
    out: Out = None,
    report: Report = None,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit a law and print, save and report the result."""
    read_files = (*sources.files_of(runs), *files_of_law(law))
    check_output(out, "--out", inputs=read_files)
    check_output(report, "--report", inputs=read_files, endings=(".html", ".htm"))
    check_distinct({"--out": out, "--report": report})
    use_compilation_cache(ctx.obj["compilation_cache"])
    chosen = choose_law(law, option, fix, tie)
    criterion = choose_objective(
        objective, scale=scale, reduction=reduction, delta=delta, df=df, sigma=sigma
    )
    reading = sources.Reading(columns, units, derive, where, ignore)
    table = sources.read(runs, reading, quiet=quiet)
    result = fit_quietly(chosen, table, criterion, starts=starts, seed=seed, quiet=quiet)
    _write(result, out, report, quiet, made_by=ctx.obj["command"])
    if as_json:
        show_json(describe(result))
    elif not quiet:
        show(result.summary())
    for path in (report, out):
        if path is not None and not quiet:
            say(f"wrote {path}")
    if strict and not (result.converged and result.identified):
        say("not to be trusted: see the warnings (--strict)")
        raise typer.Exit(STRICT)


def choose_objective(name: str, **settings: Any) -> "Objective":
    """Return the objective of the options that were given.

    Raises:
        FitError: No such objective, or a setting that it does not have.
    """
    from scaling_jax import objectives

    given = {setting: value for setting, value in settings.items() if value is not None}
    return objectives.from_name(name, **given)


def fit_quietly(law: Any, table: Any, objective: "Objective", *, quiet: bool, **how: Any) -> "Fit":
    """Fit while a terminal shows what is going on."""
    import scaling_jax as sj

    what = f"Fitting {law.label} to {len(table)} runs from {how.get('starts', 512)} starts"
    with working(what, quiet=quiet):
        return sj.fit(law, table, objective, **how)


def describe(fit: "Fit") -> dict[str, Any]:
    """Return a fit as plain data."""
    return {
        "law": fit.law.label,
        "formula": fit.law.formula,
        "params": fit.params,
        "standard_errors": fit.standard_errors,
        "held": dict(fit.law.fixed) | dict(fit.law.tied),
        "objective": fit.objective,
        "criterion": fit.criterion.describe(),
        "runs": len(fit.runs),
        "source": fit.runs.source,
        "converged": fit.converged,
        "status": fit.status,
        "identified": fit.identified,
        "rank": fit.rank,
        "condition_number": fit.condition_number,
        "at_bound": list(fit.at_bound),
        "agreement": fit.agreement,
        "r_squared": fit.r_squared,
        "seed": fit.seed,
        "warnings": list(fit.warnings),
    }


def _write(fit: "Fit", out: Path | None, report: Path | None, quiet: bool, made_by: str) -> None:
    """Write what was asked for; the report first, since making it can fail."""
    if report is not None:
        from scaling_jax.reporting import write_report

        with working("Drawing the report", quiet=quiet):
            write_report(report, drawn(fit)[0], command=made_by)
    if out is not None:
        fit.save(out)
