"""`scaling-jax plot`: one picture of a saved fit."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling_jax.cli import saved
from scaling_jax.cli.cache import use_compilation_cache
from scaling_jax.cli.exits import CommandError
from scaling_jax.cli.help import described
from scaling_jax.cli.outputs import check_output
from scaling_jax.cli.terminal import say, working
from scaling_jax.errors import did_you_mean, listing

if TYPE_CHECKING:
    from scaling_jax import Fit

ENDINGS = (".png", ".svg", ".pdf")
_STARTS = 512


@dataclass(frozen=True)
class Kind:
    """A kind of picture.

    Attributes:
        shows: What it shows, in a few words.
        draw: From a fit and the input to draw along, if one was chosen, to a figure.
        along: Whether that input can be chosen.
    """

    shows: str
    draw: Callable[["Fit", str | None], Any]
    along: bool = False


def _loss(fit: "Fit", along: str | None) -> Any:
    from scaling_jax import reporting

    return reporting.plot_loss_vs_compute(saved.drawn(fit)[0])


def _isoflop(fit: "Fit", along: str | None) -> Any:
    from scaling_jax import reporting

    return reporting.plot_loss_vs_compute(saved.drawn(fit)[0], curves="isoflop")


def _curve(fit: "Fit", along: str | None) -> Any:
    from scaling_jax import reporting

    return reporting.plot_curve(saved.drawn(fit)[0], along)


def _prediction(fit: "Fit", along: str | None) -> Any:
    from scaling_jax import reporting

    return reporting.plot_prediction(saved.drawn(fit)[0], along)


def _residuals(fit: "Fit", along: str | None) -> Any:
    from scaling_jax import reporting

    return reporting.plot_residuals(fit)


def _predicted(fit: "Fit", along: str | None) -> Any:
    from scaling_jax import reporting

    return reporting.plot_predicted_vs_observed(fit)


def _starts(fit: "Fit", along: str | None) -> Any:
    """Draw where the starts end; a saved fit has forgotten them, so it is made again."""
    import scaling_jax as sj
    from scaling_jax import reporting

    again = sj.fit(fit.law, fit.runs, fit.criterion, starts=_STARTS, seed=fit.seed)
    return reporting.plot_starts(again)


KINDS = {
    "loss": Kind("loss against compute, curves of model size or isoFLOP profiles", _loss),
    "isoflop": Kind("loss against model size at fixed compute budgets", _isoflop),
    "curve": Kind("the law against one input (--along)", _curve, along=True),
    "prediction": Kind(
        "predictions against one input (--along), with intervals", _prediction, along=True
    ),
    "residuals": Kind("residuals against every input", _residuals),
    "predicted": Kind("predicted against observed", _predicted),
    "starts": Kind(f"where {_STARTS} starts end (fits again)", _starts),
}

HELP = described(
    "Draw one picture of a saved fit.",
    [
        "scaling-jax plot fit.json --out loss.png",
        "scaling-jax plot fit.json --kind residuals --out residuals.pdf",
        "scaling-jax plot fit.json --kind prediction --along tokens --out tokens.svg",
    ],
    "The kinds are " + "; ".join(f"{name}: {kind.shows}" for name, kind in KINDS.items()) + ".",
)

Out = Annotated[
    Path, typer.Option("--out", metavar="FILE", help="The picture: a .png, .svg or .pdf file.")
]
KindName = Annotated[
    str, typer.Option("--kind", metavar="KIND", help=f"One of {', '.join(KINDS)}.")
]
Along = Annotated[
    str | None,
    typer.Option("--along", metavar="INPUT", help="The input on the horizontal axis."),
]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("plot", help=HELP)(command)


def command(
    ctx: typer.Context,
    fit: saved.FitFile,
    out: Out,
    kind: KindName = "loss",
    along: Along = None,
    law: saved.LawName = None,
) -> None:
    """Draw the picture and write it."""
    if kind not in KINDS:
        raise CommandError(f"there is no kind {kind!r} of picture; {did_you_mean(kind, KINDS)}")
    if along is not None and not KINDS[kind].along:
        takes = listing(name for name in KINDS if KINDS[name].along)
        raise CommandError(f"--along is for {takes}, not for {kind}; leave it out")
    check_output(out, "--out", endings=ENDINGS, inputs=[fit])
    use_compilation_cache(ctx.obj["compilation_cache"])
    with working("Drawing"):
        picture = _encoded(KINDS[kind].draw(saved.load(fit, law), along), out.suffix[1:].lower())
    from scaling_jax.files import write_atomically

    write_atomically(out, picture)
    say(f"wrote {out}")


def _encoded(figure: Any, ending: str) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=ending)
    return stream.getvalue()
