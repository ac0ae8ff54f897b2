"""`scaling-jax posterior`: from a table of runs to draws of a law's parameters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling_jax.cli import fit as fitting
from scaling_jax.cli import sources
from scaling_jax.cli.arguments import AssignmentCommand
from scaling_jax.cli.cache import use_compilation_cache
from scaling_jax.cli.exits import STRICT
from scaling_jax.cli.help import described, flag
from scaling_jax.cli.outputs import check_distinct, check_output
from scaling_jax.cli.own_law import choose_law
from scaling_jax.cli.own_law import files_of as files_of_law
from scaling_jax.cli.terminal import say, show, show_json, working

if TYPE_CHECKING:
    from scaling_jax import Draws

_MODEL, _SAMPLER, _RESULT = "The model", "The sampler", "The result"
_LEVEL = 0.9

HELP = described(
    "Sample the posterior of a law's parameters given a table of runs.",
    [
        "scaling-jax posterior runs.csv --law chinchilla --columns params=N tokens=D",
        "scaling-jax posterior dataset:epoch_chinchilla --law chinchilla \\\n"
        "    --likelihood student_t --priors literature --json",
        "scaling-jax posterior runs.csv --law chinchilla --output draws.npz \\\n"
        "    --save-fit fit.json",
        "scaling-jax posterior runs.csv --law chinchilla --groups family \\\n"
        "    --varying E --varying A",
    ],
    "RUNS is read as by scaling-jax fit. Prints the parameters, how the chains went, and what "
    "speaks against them. With --output and --save-fit, scaling-jax predict fit.json --draws-from "
    "draws.npz predicts from these draws.",
)

LikelihoodName = Annotated[
    str,
    typer.Option(
        "--likelihood",
        metavar="NAME",
        help="How runs scatter: student_t, lognormal, normal, huber, outliers, repeats, binomial "
        "or beta_binomial.",
        rich_help_panel=_MODEL,
    ),
]
PriorName = Annotated[
    str,
    typer.Option(
        "--priors",
        metavar="NAME",
        help="weak (scale-free, from the law's declaration) or literature (published values, "
        "widened).",
        rich_help_panel=_MODEL,
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        "--groups",
        metavar="COLUMN",
        help="Runs of one label share a law; the laws of all groups scatter around a common one.",
        rich_help_panel=_MODEL,
    ),
]
Varying = Annotated[
    list[str] | None,
    typer.Option(
        "--varying",
        metavar="PARAMETER",
        help="A parameter that differs between groups; repeat it. All by default.",
        rich_help_panel=_MODEL,
    ),
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="NAME",
        help="nuts, or laplace: in a moment, around the mode, resampled by importance.",
        rich_help_panel=_SAMPLER,
    ),
]
Chains = Annotated[
    int,
    typer.Option(min=1, metavar="N", help="Chains, side by side.", rich_help_panel=_SAMPLER),
]
DrawCount = Annotated[
    int,
    typer.Option(
        "--draws", min=4, metavar="N", help="Draws of each chain.", rich_help_panel=_SAMPLER
    ),
]
Warmup = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Transitions of each chain that adapt the sampler and are thrown away.",
        rich_help_panel=_SAMPLER,
    ),
]
TargetAccept = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="Mean acceptance; nearer to 1 takes smaller steps and diverges less.",
        rich_help_panel=_SAMPLER,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "--out", metavar="FILE", help="Save the draws: draws.npz.",
        rich_help_panel=_RESULT,
    ),
]  # fmt: skip
SaveFit = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Save the optimum that the chains start at, with the runs: fit.json.",
        rich_help_panel=_RESULT,
    ),
]
Strict = Annotated[
    bool,
    flag(
        "--strict",
        help="Exit with code 1 if transitions diverged, chains disagree or draws are too few.",
        rich_help_panel=_RESULT,
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("posterior", cls=AssignmentCommand, help=HELP)(command)


def command(
    ctx: typer.Context,
    runs: fitting.Runs,
    law: fitting.LawName,
    option: fitting.Options = None,
    fix: fitting.Fix = None,
    tie: fitting.Tie = None,
    likelihood: LikelihoodName = "student_t",
    priors: PriorName = "weak",
    groups: Groups = None,
    varying: Varying = None,
    method: Method = "nuts",
    chains: Chains = 4,
    draws: DrawCount = 1000,
    warmup: Warmup = 1000,
    target_accept: TargetAccept = 0.9,
    columns: sources.Columns = None,
    units: sources.Units = None,
    derive: sources.Derive = None,
    where: sources.Where = None,
    ignore: sources.Ignore = None,
    seed: fitting.Seed = 0,
    output: Output = None,
    save_fit: SaveFit = None,
    strict: Strict = False,
    quiet: fitting.Quiet = False,
    as_json: fitting.Json = False,
) -> None:
    """Sample and print, save the draws."""
    read_files = (*sources.files_of(runs), *files_of_law(law))
    check_output(output, "--output", inputs=read_files)
    check_output(save_fit, "--save-fit", inputs=read_files)
    check_distinct({"--output": output, "--save-fit": save_fit})
    use_compilation_cache(ctx.obj["compilation_cache"])
    chosen = choose_law(law, option, fix, tie)
    reading = sources.Reading(columns, units, derive, where, ignore)
    table = sources.read(runs, reading, quiet=quiet)
    import scaling_jax as sj

    with working(f"Sampling {chosen.label} given {len(table)} runs", quiet=quiet):
        found = sj.posterior(
            chosen, table,
            likelihood=likelihood, priors=priors, groups=groups, varying=varying, method=method,
            chains=chains, draws=draws, warmup=warmup, target_accept=target_accept, seed=seed,
        )  # fmt: skip
    if save_fit is not None:
        found.fit.save(save_fit)
    if output is not None:
        found.save(output)
    if as_json:
        show_json(describe(found, likelihood, priors))
    elif not quiet:
        show_draws(found)
    for path in (output, save_fit):
        if path is not None and not quiet:
            say(f"wrote {path}")
    if strict and found.sampler is not None and not found.sampler.converged:
        say("not to be trusted: see the warnings (--strict)")
        raise typer.Exit(STRICT)


def show_draws(draws: "Draws") -> None:
    """Print the parameters, the chains' diagnostics, the groups and the warnings."""
    chains = [draws.sampler.table()] if draws.sampler is not None else []
    groups = [draws.groups.table()] if draws.groups is not None else []
    show(*chains, *groups, draws.summary(_LEVEL))


def describe(draws: "Draws", likelihood: str, priors: str) -> dict[str, Any]:
    """Return draws as plain data: summaries, diagnostics, warnings."""
    fit, sampler = draws.fit, draws.sampler
    document: dict[str, Any] = {
        "law": fit.law.label,
        "formula": fit.law.formula,
        "likelihood": likelihood,
        "priors": priors,
        "method": draws.method,
        "runs": len(fit.runs),
        "source": fit.runs.source,
        "held": dict(fit.law.fixed) | dict(fit.law.tied),
        "draws": draws.count,
        "level": _LEVEL,
        "params": _summary(draws.params),
        "noise": _summary(getattr(draws.noise, "noise", {})),
        "error_per_decade": draws.discrepancy.median if draws.discrepancy else None,
    }
    if sampler is not None:
        rhat, bulk, tail = sampler.rhat, sampler.ess_bulk, sampler.ess_tail
        document |= {
            "chains": len(sampler.log_density),
            "divergences": int(sampler.diverging.sum()),
            "diagnostics": {
                name: {"rhat": rhat[name], "ess_bulk": bulk[name], "ess_tail": tail[name]}
                for name in sampler.names
            },
        }
    return document | {"warnings": list(draws.warnings)}


def _summary(params: Any) -> dict[str, dict[str, float]]:
    import numpy as np

    tails = [(1.0 - _LEVEL) / 2.0, 0.5, (1.0 + _LEVEL) / 2.0]
    found = {}
    for name, values in params.items():
        low, median, high = np.quantile(values, tails)
        sd = float(np.std(values, ddof=1))
        found[name] = {"median": median, "sd": sd, "low": low, "high": high}
    return found
