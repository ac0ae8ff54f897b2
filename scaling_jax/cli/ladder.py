"""`scaling-jax ladder`: train small models, and make a table of their runs."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling_jax.cli import interrupts
from scaling_jax.cli.cache import use_compilation_cache
from scaling_jax.cli.exits import Interrupted
from scaling_jax.cli.help import described, flag
from scaling_jax.cli.outputs import check_output
from scaling_jax.cli.terminal import PROGRAM, say, show, show_json, working

if TYPE_CHECKING:
    from scaling_jax.ladder import Group, Ladder
    from scaling_jax.runs import RunTable
    from scaling_jax.tables import Table

_UTILISED = 0.5  # share of a product's speed that training is expected to reach
_SHOWN = ("run", "params", "tokens", "loss", "step")  # of an exported table, in a terminal

app = typer.Typer(
    no_args_is_help=True,
    help=described(
        "Train a ladder of small models whose runs calibrate the laws.",
        [
            "scaling-jax ladder show ladder.toml",
            "scaling-jax ladder run ladder.toml --folder runs",
            "scaling-jax ladder export runs --out runs.csv",
        ],
        "A ladder file says which models to train on what: sizes, token budgets, learning rates, "
        "seeds. Runs of one size share a trunk and train side by side; what was stopped goes on "
        "where it was.",
    ),
)

File = Annotated[Path, typer.Argument(metavar="LADDER.toml", help="The ladder's file.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the ladder was started.")]
Json = Annotated[bool, flag("--json", help="Print JSON instead of a table.")]


@app.command(
    "run",
    help=described(
        "Train all runs of a ladder that have not ended.",
        [
            "scaling-jax ladder run ladder.toml",
            "scaling-jax ladder run ladder.toml --folder runs --checkpoint-seconds 600",
            "scaling-jax ladder run ladder.toml --executor ray",
        ],
        "Every evaluation is logged at once, and checkpoints are kept, so the same command goes "
        "on after any end, and gives the same losses.",
    ),
)
def run_ladder(
    ctx: typer.Context,
    file: File,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where logs and checkpoints go; by default beside the file, named as the ladder.",
        ),
    ] = None,
    executor: Annotated[
        str, typer.Option(metavar="NAME", help="in-process, or ray for a cluster.")
    ] = "in-process",
    checkpoint_seconds: Annotated[
        float, typer.Option(min=0.0, metavar="S", help="Time between two checkpoints.")
    ] = 60.0,
    quiet: Annotated[bool, flag("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Train, with progress on stderr, and print what came of it."""
    use_compilation_cache(ctx.obj["compilation_cache"])
    from scaling_jax.ladder import Ladder

    ladder = Ladder.read(file)
    folder = folder or default_folder(file, ladder.name)
    try:
        with interrupts.terminable():
            _train(ladder, folder, executor, checkpoint_seconds, quiet)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; what was logged is kept, and it goes on with: {ctx.obj['command']}"
        ) from None
    if not quiet:
        show(status_table(folder))
        say(f"its table: {PROGRAM} ladder export {shlex.quote(str(folder))} --out runs.csv")


@app.command(
    "status",
    help=described(
        "Show how far a ladder is; it may be running.",
        ["scaling-jax ladder status runs", "scaling-jax ladder status runs --json"],
    ),
)
def show_status(folder: Folder, as_json: Json = False) -> None:
    """Print one line a group of runs."""
    if not as_json:
        show(status_table(folder))
        return
    import dataclasses

    from scaling_jax.ladder import status

    show_json([dataclasses.asdict(group) for group in status(folder)])


@app.command(
    "export",
    help=described(
        "Make a table of the runs that have ended, to fit laws to.",
        [
            "scaling-jax ladder export runs --out runs.csv",
            "scaling-jax ladder export runs --curves --out curves.parquet",
        ],
        "The table is for scaling-jax fit and posterior. Each row says what it was made with: "
        "recipe, corpus, seed, versions, device, time. Diverged runs are left out: they have no "
        "loss.",
    ),
)
def export_runs(
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the table: runs.csv or runs.parquet."),
    ] = None,
    curves: Annotated[
        bool, flag("--curves", help="One row an evaluation instead of one row a run.")
    ] = False,
) -> None:
    """Write the table, or print it."""
    check_output(out, "--out", endings=(".csv", ".parquet"))
    from scaling_jax.ladder import export

    runs = export(folder, curves=curves)
    if out is None:
        show(_table_of(runs, curves))
        return
    if out.suffix.lower() == ".csv":
        runs.to_csv(out)
    else:
        runs.to_parquet(out)
    say(f"wrote {len(runs)} {'evaluations' if curves else 'runs'} to {out}")


@app.command(
    "propose",
    help=described(
        "Make a ladder file of proposed runs.",
        ["scaling-jax ladder propose wanted.csv --like ladder.toml --out next.toml"],
        "PROPOSED is a table with params (or params_no_embed) and tokens, and if wanted "
        "learning_rate, batch_tokens, schedule, seed, repeats. The nearest shapes are taken, and "
        "all else from the other ladder.",
    ),
)
def propose_ladder(
    proposed: Annotated[str, typer.Argument(metavar="PROPOSED", help="A table of runs.")],
    like: Annotated[
        Path, typer.Option("--like", metavar="LADDER.toml", help="What else to go by.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the ladder: next.toml.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the ladder; NAME_next if not given.")
    ] = None,
) -> None:
    """Print proposed beside realised, and write the file."""
    check_output(out, "--out", endings=(".toml",), inputs=(proposed, like))
    from scaling_jax.files import write_atomically
    from scaling_jax.ladder import Ladder, propose
    from scaling_jax.runs import read_runs

    proposal = propose(read_runs(proposed), Ladder.read(like), name=name)
    show(proposal.table)
    if out is not None:
        write_atomically(out, proposal.ladder.to_toml())
        say(f"wrote {out}")


@app.command(
    "show",
    help=described(
        "Show what a ladder would train, and what that takes.",
        ["scaling-jax ladder show ladder.toml"],
        "FLOPs are of the plan in which runs of one size share a trunk, and of training each run "
        "alone; times go by the speed of a matrix product on this machine.",
    ),
)
def show_ladder(file: File) -> None:
    """Print one line a group of runs."""
    from scaling_jax.ladder import Ladder
    from scaling_jax.ladder.product_rate import product_rate

    ladder = Ladder.read(file)
    with working("Measuring this machine"):
        rate = product_rate(getattr(ladder.groups[0].recipe, "dtype", "float32"))
    show(plan_table(ladder, rate))


def default_folder(file: Path, name: str) -> Path:
    """Return the folder beside a file, with the ladder's name as far as it can name a folder."""
    plain = "".join(letter if letter.isalnum() or letter in "_+-." else "-" for letter in name)
    return file.parent / (plain.lstrip(".") or "ladder")


def status_table(folder: Path) -> "Table":
    """Return how far each group of a ladder is."""
    from scaling_jax.ladder import status
    from scaling_jax.tables import Table

    groups = status(folder)
    rows = tuple(
        (
            group.label, group.schedule, group.batch_tokens, group.runs, group.finished,
            group.diverged, f"{group.share:.0%}", group.loss,
        )
        for group in groups
    )  # fmt: skip
    header = (
        "rung", "schedule", "batch_tokens", "runs", "finished", "diverged", "done", "loss"
    )  # fmt: skip
    total = sum(group.flops for group in groups)
    done = sum(group.flops * group.share for group in groups)
    ended = sum(group.finished + group.diverged for group in groups)
    note = (
        f"{ended} of {sum(group.runs for group in groups)} runs have ended; "
        f"{done / total:.0%} of {total:.3g} FLOPs are done"
    )
    return Table("", header, rows, (note, "loss: of the longest run that has ended"))


def plan_table(ladder: "Ladder", rate: float) -> "Table":
    """Return what a ladder takes, at a speed of matrix products in FLOP/s."""
    from scaling_jax.ladder.display import duration
    from scaling_jax.tables import Table

    def seconds(flops: float) -> str:
        return duration(flops / (_UTILISED * rate))

    rows = []
    for name, groups in _rungs(ladder).items():
        recipe, runs = groups[0].recipe, [run for group in groups for run in group.runs]
        flops = sum(group.flops for group in groups)
        rows.append((
            name, recipe.params_total, recipe.params_no_embed, len(runs),
            _range([run.tokens for run in runs]), sum(group.steps for group in groups),
            f"{flops:.3g}", f"{sum(run.compute_flops for run in runs):.3g}", seconds(flops),
        ))  # fmt: skip
    header = (
        "rung", "params", "no embed", "runs", "tokens", "steps", "FLOPs", "one by one", "time",
    )  # fmt: skip
    total = sum(group.flops for group in ladder.groups)
    alone = sum(run.compute_flops for run in ladder.runs)
    notes = (
        f"{len(ladder.runs)} runs take {total:.3g} FLOPs, trained one by one {alone:.3g}",
        f"time: at half the speed that a matrix product has on this machine now "
        f"({rate / 1e9:.3g} GFLOP/s), {seconds(total)} in all",
    )
    return Table(f"ladder {ladder.name}", header, tuple(rows), notes)


def _rungs(ladder: "Ladder") -> "dict[str, list[Group]]":
    """Return the groups of each rung, by what tells it from the others."""
    groups = ladder.groups
    several = {
        "schedule": len({group.schedule.kind for group in groups}) > 1,
        "batch": len({group.batch_tokens for group in groups}) > 1,
    }
    found: dict[str, list[Group]] = {}
    for group in groups:
        name = group.label
        name += f" {group.schedule.kind}" if several["schedule"] else ""
        name += f" batch {group.batch_tokens}" if several["batch"] else ""
        found.setdefault(name, []).append(group)
    return found


def _train(
    ladder: "Ladder", folder: Path, executor: str, checkpoint_seconds: float, quiet: bool
) -> None:
    from scaling_jax.ladder.display import shown
    from scaling_jax.ladder.executors import get_executor
    from scaling_jax.ladder.running import start

    train = get_executor(executor)
    with working("Opening the corpus", quiet=quiet):
        site, corpus = start(ladder, folder)
    if quiet:
        train(site, corpus, watch=_listening, checkpoint_seconds=checkpoint_seconds)
        return
    with shown(site, utilisation=executor == "in-process") as tell:

        def watch(progress: Any) -> None:
            _listening(progress)
            tell(progress)

        train(site, corpus, watch=watch, checkpoint_seconds=checkpoint_seconds)
    interrupts.check()


def _listening(progress: Any) -> None:
    """Stop where an interrupt was not heard."""
    del progress
    interrupts.check()


def _table_of(runs: "RunTable", curves: bool) -> "Table":
    from scaling_jax.tables import Table

    names = [name for name in _SHOWN if curves or name != "step"]
    columns = [runs[name].tolist() for name in names]
    note = f"{len(runs)} rows with {', '.join(runs.columns)}; --out writes them all"
    return Table("", tuple(names), tuple(zip(*columns, strict=True)), (note,))


def _range(counts: list[int]) -> str:
    from scaling_jax.runs.sizes import format_size

    low, high = format_size(min(counts)), format_size(max(counts))
    return low if low == high else f"{low} to {high}"
