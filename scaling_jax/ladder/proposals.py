"""Proposed runs become a ladder: the nearest recipes, in as few groups as their runs allow.

    params, tokens, ... ─► nearest rung ─► nearest shape ─► whole steps ─► rungs of a ladder file

Sizes come off a grid: a width is a multiple of the size of a head, a depth is a number of layers.
The shape is the one nearest in the logarithm of the parameters whose aspect ratio, width over
depth, is about that of the given ladder's rungs at that size.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scaling_jax.errors import LadderError
from scaling_jax.ladder.group import Group, Lane, Run
from scaling_jax.ladder.ladder import Ladder, split_options
from scaling_jax.ladder.shapes import Shapes, size_of
from scaling_jax.runs import RunTable
from scaling_jax.tables import Table

# What a rung says of its runs: the proposed table says it, or the ladder in one value each.
_ONE_OF = ("learning_rate", "batch_tokens", "schedule")
_OF_RUNS = (*_ONE_OF, "seeds", "tokens", "tokens_per_param")
_NONE_BY_DEFAULT = ("lanes", "evaluate_every")

Rung = dict[str, Any]


@dataclass(frozen=True)
class Proposal:
    """A ladder that realises proposed runs.

    Attributes:
        ladder: The ladder; `Ladder.to_toml` gives the file to start.
        runs: For each proposed run, in the order of the table, the runs that realise it.
        wanted: Column by which sizes were chosen: ``params`` or ``params_no_embed``.
        proposed: Proposed size and tokens of each, as pairs.
    """

    ladder: Ladder
    runs: tuple[tuple[Run, ...], ...]
    wanted: str
    proposed: tuple[tuple[float, float], ...]

    @property
    def table(self) -> Table:
        """Proposed beside realised."""
        rows = tuple(
            (
                realised[0].group.label,
                params, float(size_of(realised[0].group.recipe, self.wanted)),
                tokens, float(realised[0].tokens),
                len(realised),
            )
            for (params, tokens), realised in zip(self.proposed, self.runs, strict=True)
        )  # fmt: skip
        header = (
            "rung", f"{self.wanted} proposed", "realised", "tokens proposed", "realised", "runs",
        )  # fmt: skip
        total = sum(group.flops for group in self.ladder.groups)
        alone = sum(run.compute_flops for run in self.ladder.runs)
        note = f"{len(self.ladder.runs)} runs: {total:.3g} FLOPs, trained one by one {alone:.3g}"
        return Table(f"ladder {self.ladder.name}", header, rows, (note,))


def propose(runs: RunTable, like: Ladder, *, name: str | None = None) -> Proposal:
    """Return the ladder that trains proposed runs, or those nearest to them.

    Args:
        runs: Columns ``params`` or ``params_no_embed`` (which counts where both are there), and
            ``tokens``; if wanted ``learning_rate``, ``batch_tokens``, ``schedule``, ``seed``, and
            ``repeats``, how many seeds. What is not there is taken from `like`.
        like: The ladder to take everything else from.
        name: Of the new ladder; by default that of `like` and ``_next``.

    Raises:
        LadderError: A value is of no use, or `like` has several of what the table leaves open.
        RunTableError: A column is missing.

    Example:
        >>> ladder = Ladder.of({
        ...     "name": "tiny", "corpus": {"kind": "stdlib"}, "recipe": {"depth": 2},
        ...     "training": {"batch_tokens": 1024, "learning_rate": 0.01, "tokens": ["50k"]},
        ...     "rungs": [{"width": 32}, {"width": 64}],
        ... })
        >>> wanted = RunTable.from_columns({"params_no_embed": [4e5], "tokens": [1e6]})
        >>> [run.name for run in propose(wanted, ladder).ladder.runs]
        ['w128-d2-wsd-b1.02k-lr0.01-t1M-s0']
    """
    wanted = "params_no_embed" if "params_no_embed" in runs else "params"
    runs.require((wanted, "tokens"), "a ladder of proposed runs")
    given = [split_options({**like.recipe, **like.training, **rung}) for rung in like.rungs]
    shapes = Shapes([recipe for recipe, _, _ in given], like.corpus, wanted=wanted)
    plans: list[tuple[Rung, tuple[Run, ...]]] = []
    for k in range(len(runs)):
        try:
            rung = _rung(_row(runs, k), wanted, shapes, given)
            alone = dataclasses.replace(like, recipe={}, training={}, rungs=(rung,))
            plans.append((rung, alone.runs))
        except LadderError as error:
            raise LadderError(f"{runs.source}, {runs.where_is(k)}: {error}") from None
    ladder = _ladder(name or f"{like.name}_next", like, plans)
    found = {_identity(run): run for run in ladder.runs}
    return Proposal(
        ladder,
        tuple(tuple(found[_identity(run)] for run in each) for _, each in plans),
        wanted,
        tuple(zip(runs[wanted].tolist(), runs["tokens"].tolist(), strict=True)),
    )


def _row(runs: RunTable, k: int) -> dict[str, Any]:
    """Return what the table says of one run."""
    known = ("params", "params_no_embed", "tokens", *_ONE_OF, "seed", "repeats")
    return {name: runs[name][k].item() for name in known if name in runs}


def _rung(row: Mapping[str, Any], wanted: str, shapes: Shapes, given: list[Any]) -> Rung:
    """Return a rung that holds the runs of one row, every option said."""
    old, training, label = given[shapes.nearest_rung(row[wanted])]
    recipe = shapes.nearest(row[wanted])
    training_too = {
        key: value
        for key, value in training.items()
        if key not in _OF_RUNS and not (value == 0 and key in _NONE_BY_DEFAULT)
    }
    rung = {**recipe, **training_too}
    if label and recipe == old:
        rung["label"] = label
    for key in _ONE_OF:
        rung[key] = row[key] if key in row else _only(key, training)
    rung["learning_rate"] = float(rung["learning_rate"])
    return rung | {"seeds": _seeds(row, training["seeds"]), "tokens": row["tokens"]}


def _only(key: str, training: Mapping[str, Any]) -> Any:
    value = training.get(key)
    if value is None or (isinstance(value, list | tuple) and len(value) != 1):
        raise LadderError(
            f"the ladder gives {'no' if value is None else 'several values of'} {key}, so the "
            f"table has to say which: add a column {key}"
        )
    return value[0] if isinstance(value, list | tuple) else value


def _seeds(row: Mapping[str, Any], usual: Any) -> list[int]:
    usual = list(usual) if isinstance(usual, list | tuple) else [usual]
    for key in ("seed", "repeats"):
        if key in row and (row[key] != int(row[key]) or row[key] < (key == "repeats")):
            raise LadderError(f"{key} is {row[key]:g}; give a whole number")
    if "seed" in row:
        first = int(row["seed"])
        return [first + k for k in range(int(row.get("repeats", 1)))]
    count = int(row.get("repeats", len(usual)))
    return (usual + [max(usual) + 1 + k for k in range(count)])[:count]


def _ladder(name: str, like: Ladder, plans: Iterable[tuple[Rung, tuple[Run, ...]]]) -> Ladder:
    """Return the ladder of all runs, those of one shape together where the file can say it."""
    bases: dict[Group, Rung] = {}
    lanes: dict[Group, dict[Lane, set[int]]] = {}
    for rung, runs in plans:
        for run in runs:
            alike = dataclasses.replace(run.group, lanes=(), budgets=(2,))
            bases.setdefault(alike, {key: rung[key] for key in rung if key not in _OF_RUNS})
            lanes.setdefault(alike, {}).setdefault(run.lane, set()).add(run.tokens)
    rungs = [
        {
            **base,
            "batch_tokens": alike.batch_tokens,
            "schedule": alike.schedule.kind,
            "learning_rate": rates[0] if len(rates) == 1 else list(rates),
            "seeds": list(seeds),
            "tokens": list(tokens),
        }
        for alike, base in bases.items()
        for rates, seeds, tokens in _rectangles(lanes[alike])
    ]
    rungs = _told_apart(dataclasses.replace(like, recipe={}, training={}, rungs=()), rungs)
    recipe, training = _shared(rungs)
    document = {
        "name": name,
        "corpus": like.corpus,
        "recipe": recipe,
        "training": training,
        "rungs": [
            {key: rung[key] for key in rung if key not in recipe and key not in training}
            for rung in rungs
        ],
    }
    return Ladder.of(document, f"the proposed ladder {name}")


def _rectangles(
    lanes: Mapping[Lane, set[int]],
) -> list[tuple[tuple[float, ...], tuple[int, ...], tuple[int, ...]]]:
    """Return learning rates x seeds x budgets that are all of these runs and no other.

    Example:
        >>> _rectangles({Lane(0, 0.1): {8, 4}, Lane(1, 0.1): {8, 4}, Lane(0, 0.2): {8}})
        [((0.1,), (0, 1), (4, 8)), ((0.2,), (0,), (8,))]
    """
    seeds: dict[tuple[tuple[int, ...], float], list[int]] = {}
    for lane, budgets in lanes.items():
        seeds.setdefault((tuple(sorted(budgets)), lane.learning_rate), []).append(lane.seed)
    rates: dict[tuple[tuple[int, ...], tuple[int, ...]], list[float]] = {}
    for (budgets, rate), several in seeds.items():
        rates.setdefault((budgets, tuple(sorted(several))), []).append(rate)
    return [(tuple(sorted(of)), several, budgets) for (budgets, several), of in rates.items()]


def _told_apart(empty: Ladder, rungs: Iterable[Rung]) -> list[Rung]:
    """Return the rungs with labels where runs would have one name: it rounds their tokens."""
    taken: set[str] = set()
    found = []
    for rung in rungs:
        left = list(rung["tokens"])
        number = 1
        while left:
            label = {} if number == 1 else {"label": f"{_label(empty, rung)}-{number}"}
            here: list[int] = []
            for tokens in left:
                trial = {**rung, **label, "tokens": [tokens]}
                names = {run.name for run in dataclasses.replace(empty, rungs=(trial,)).runs}
                if not names & taken:
                    here.append(tokens)
                    taken |= names
            if here:
                found.append({**rung, **label, "tokens": here})
            left = [tokens for tokens in left if tokens not in here]
            number += 1
    return found


def _label(empty: Ladder, rung: Rung) -> str:
    return dataclasses.replace(empty, rungs=(rung,)).groups[0].label


def _shared(rungs: list[Rung]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of recipe and training that all rungs have, but those of their size."""
    own = ("width", "features", "label")
    common = {
        key: value
        for key, value in rungs[0].items()
        if key not in own and all(rung.get(key) == value for rung in rungs)
    }
    recipe, training, _ = split_options(common)
    return recipe, {key: value for key, value in training.items() if key in common}


def _identity(run: Run) -> tuple[Any, ...]:
    group = run.group
    shared = (group.recipe, group.optimiser, group.schedule, group.batch, group.evaluate_every)
    return (*shared, run.lane, run.steps)
