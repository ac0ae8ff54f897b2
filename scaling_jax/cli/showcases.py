"""What the demo shows: tables that ship with the library, and what is held out of each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaling_jax import Draws, Fit, Prediction, RunTable
    from scaling_jax.objectives import Objective


@dataclass(frozen=True)
class Showcase:
    """An embedded table and what to show with it.

    Attributes:
        title: What the table is, in one line.
        dataset: Name of the data set; embedded, so that no network is needed.
        law: Name of the law.
        keep: Runs that the law is about.
        why: Why the others are left out; empty if there are none.
        group: Label column; each of its groups is fitted on its own.
        published: Published estimate of the law to compare each group's fit with, if any.
        train: Runs that the law is fitted to before it predicts the others.
        held_out: Those others.
        method: Where the intervals come from: ``"posterior"`` or ``"bootstrap"``.
    """

    title: str
    dataset: str
    law: str
    keep: str
    why: str
    group: str
    published: dict[str, str]
    train: str
    held_out: str
    method: str


SHOWCASES = {
    "ladder": Showcase(
        title="The library's own ladder: transformers of six widths on Python's standard library",
        dataset="stdlib_ladder",
        law="chinchilla",
        keep="tokens > 9e5",
        why="Budgets below 1M tokens are fewer than 250 steps, 40 of them warm-up; no law of "
        "trained models is about them.",
        group="family",
        published={},
        train="width < 256",
        held_out="width == 256",
        method="posterior",
    ),
    "parscale": Showcase(
        title="ParScale: loss of models run as P parallel streams, on two corpora",
        dataset="parscale",
        law="parscale",
        keep="streams >= 1",
        why="",
        group="family",
        published={"stack_v2_python": "stack", "pile": "pile"},
        train="streams <= 4",
        held_out="streams == 8",
        method="bootstrap",
    ),
}


@dataclass(frozen=True)
class Shown:
    """One group of a showcase: the fit of all its runs, and the prediction of those held out."""

    name: str
    fit: "Fit"
    prediction: "Prediction"
    observed: "RunTable"


def run(showcase: Showcase) -> list[Shown]:
    """Fit every group of a showcase and predict its held-out runs."""
    import scaling_jax as sj
    from scaling_jax.cli.terminal import working

    runs = sj.datasets.load(showcase.dataset).where(showcase.keep)
    objective = sj.Huber(delta=1e-3, scale="log")
    shown = []
    for name, group in runs.group(showcase.group).items():
        with working(f"Fitting {showcase.law} to {len(group)} runs of {name}"):
            fit = sj.fit(showcase.law, group, objective)
            train, observed = group.where(showcase.train), group.where(showcase.held_out)
            draws = _draws(showcase, train, objective)
            shown.append(Shown(name, fit, sj.predict(draws, observed), observed))
    return shown


def _draws(showcase: Showcase, train: "RunTable", objective: "Objective") -> "Draws":
    import scaling_jax as sj

    if showcase.method == "posterior":
        return sj.posterior(showcase.law, train)
    return sj.bootstrap(sj.fit(showcase.law, train, objective))
