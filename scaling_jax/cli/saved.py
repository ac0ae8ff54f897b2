"""A saved fit, and the option that says where its law is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling_jax.cli.exits import CommandError
from scaling_jax.cli.own_law import choose_law

if TYPE_CHECKING:
    from scaling_jax import Draws, Fit

_CHAINS = 4

FitFile = Annotated[
    Path, typer.Argument(metavar="FIT", help="A fit that scaling-jax fit --out has saved.")
]
LawName = Annotated[
    str | None,
    typer.Option("--law", metavar="PATH.PY:NAME", help="Where to find a law of your own."),
]


def load(path: Path, law: str | None = None) -> "Fit":
    """Return a saved fit.

    Raises:
        ArtifactError: The file is absent, damaged, of another version, or not a fit.
        CommandError: `law` cannot be had, or is not the law of the fit.
    """
    import scaling_jax as sj

    if law is None:
        return sj.Fit.load(path)
    chosen = choose_law(law)
    # A registered law is found by its name with the options the fit was made with.
    fit = sj.Fit.load(path, None if chosen.name in sj.laws.names() else chosen)
    if fit.law.name != chosen.name:
        raise CommandError(f"{path} fits the law {fit.law.name}, not {chosen.name}; correct --law")
    return fit


def drawn(
    fit: "Fit", *, draws: int = 4000, seed: int = 0, method: str = "bootstrap"
) -> "tuple[Draws | Fit, str]":
    """Return draws of a fit; where it has none, the fit itself and the reason.

    Refitting resampled runs is nearly as quick as a normal approximation, and holds where that
    is poor: few runs, coefficients that cannot be told apart. A posterior needs no identified
    fit: its priors speak where the runs do not.
    """
    import numpy as np

    import scaling_jax as sj

    if method == "posterior":
        likelihood = sj.likelihoods.StudentT(scale=fit.criterion.scale)
        each = -(-draws // _CHAINS)
        return sj.posterior(
            fit.law, fit.runs, likelihood=likelihood, chains=_CHAINS, draws=each, seed=seed
        ), ""
    if not fit.identified:
        return fit, "the fit is not identified: other parameters describe the runs as well"
    if not np.all(np.isfinite(fit.z_covariance["sandwich"])):
        return fit, "there are no more runs than parameters"
    if method == "laplace":
        return sj.laplace(fit, draws=draws, seed=seed), ""
    return sj.bootstrap(fit, draws, seed=seed), ""
