"""The ladder file: what is trained on what, as a few tables of TOML, and the groups it means.

    [corpus]      kind and options of the corpus
    [recipe]      what the models of all rungs have in common
    [training]    batch, learning rates, schedule, seeds, budgets of all rungs
    [[rungs]]     what is different about each: any key of recipe and training

A list of learning rates, batches, schedules or budgets means every combination.
"""

import dataclasses
import importlib
import itertools
import json
import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from scaling_jax.errors import LadderError, did_you_mean
from scaling_jax.ladder.group import Group, Lane, Run
from scaling_jax.ladder.model import Trainable
from scaling_jax.ladder.schedules import Schedule
from scaling_jax.ladder.training import Optimiser
from scaling_jax.runs import parse_size

# Where each kind of recipe is: module of scaling_jax.ladder and class.
RECIPES = {
    "transformer": ("recipe", "Recipe"),
    "linear": ("linear", "LinearRecipe"),
    "perceptron": ("perceptron", "PerceptronRecipe"),
}
_OPTIMISER = tuple(field.name for field in dataclasses.fields(Optimiser))
_SCHEDULE = ("warmup_steps", "decay_share")
_TRAINING = (
    "batch_tokens", "learning_rate", "schedule", "seeds", "tokens", "tokens_per_param",
    "evaluate_every", "lanes", *_SCHEDULE, *_OPTIMISER,
)  # fmt: skip
_TABLES = ("name", "corpus", "recipe", "training", "rungs")
_DEFAULTS: dict[str, Any] = {"schedule": "wsd", "seeds": [0], "evaluate_every": 0, "lanes": 0}
_SMALL = 100_000  # params_no_embed up to which runs train side by side if the file does not say


@dataclass(frozen=True)
class Ladder:
    """A ladder file.

    Attributes:
        name: For people, and the column ``family`` of its runs.
        corpus: Options of the corpus.
        recipe: Shared options of the recipes.
        training: Shared options of training.
        rungs: What each rung adds or replaces.

    Example:
        >>> ladder = Ladder.of({
        ...     "name": "tiny",
        ...     "corpus": {"kind": "stdlib"},
        ...     "recipe": {"depth": 2},
        ...     "training": {"batch_tokens": 1024, "tokens": ["50k", "100k"]},
        ...     "rungs": [{"width": 16, "learning_rate": 0.01}],
        ... })
        >>> [run.name for run in ladder.runs][:2]
        ['w16-d2-wsd-b1.02k-lr0.01-t50.2k-s0', 'w16-d2-wsd-b1.02k-lr0.01-t100k-s0']
    """

    name: str
    corpus: dict[str, Any]
    recipe: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    rungs: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any], source: str = "ladder") -> "Ladder":
        """Return the ladder that a document of TOML describes, checked.

        Raises:
            LadderError: A key is unknown or missing, or a value is of no use.
        """
        _refuse_unknown(document, _TABLES, source)
        _check_tables(document, source)
        ladder = cls(
            str(document["name"]),
            dict(document["corpus"]),
            dict(document.get("recipe", {})),
            dict(document.get("training", {})),
            tuple(dict(rung) for rung in document["rungs"]),
        )
        _refuse_unknown(ladder.training, _TRAINING, f"{source}, [training]")
        try:
            counts = Counter(run.name for run in ladder.runs)
        except LadderError as error:
            raise LadderError(f"{source}: {error}") from None
        for name, count in counts.items():
            if count > 1:
                raise LadderError(
                    f"{source}: {count} runs are called {name}; leave all but one out, or give "
                    "their rungs labels of their own (label = ...)"
                )
        return ladder

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Ladder":
        """Return the ladder in a TOML file; paths in it are relative to its folder.

        Raises:
            LadderError: The file cannot be read, is not TOML, or describes no ladder.
        """
        try:
            document = tomllib.loads(Path(path).read_text("utf-8"))
        except OSError as error:
            raise LadderError(f"cannot read {path}: {error.strerror or error}") from None
        except ValueError as error:
            raise LadderError(f"{path} is not TOML: {error}") from None
        return cls.of(document, str(path)).at(Path(path).parent)

    def at(self, folder: str | os.PathLike[str]) -> "Ladder":
        """Return the ladder with the corpus's paths made absolute, from a folder if relative."""
        given = self.corpus.get("path")
        if not isinstance(given, str | list):
            return self
        paths = [
            str((Path(folder) / Path(path).expanduser()).absolute()) if path else path
            for path in _listed(given)
        ]
        path = paths[0] if isinstance(given, str) else paths
        return dataclasses.replace(self, corpus={**self.corpus, "path": path})

    @property
    def context(self) -> int:
        """Tokens an example predicts, the same for all rungs: they share one corpus."""
        contexts = {group.recipe.tokens_per_example for group in self.groups}
        if len(contexts) > 1:
            raise LadderError(
                f"ladder {self.name}: rungs have contexts {sorted(contexts)}; give one ladder each"
            )
        return contexts.pop()

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The groups, in the order of the file."""
        return tuple(itertools.chain.from_iterable(map(self._groups_of, self.rungs)))

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs, group by group."""
        return tuple(run for group in self.groups for run in group.runs)

    def to_toml(self) -> str:
        """Return the text of a file that means the same ladder."""
        lines = [f"name = {_toml(self.name)}"]
        for title, table in (
            ("[corpus]", self.corpus), ("[recipe]", self.recipe), ("[training]", self.training),
            *(("[[rungs]]", rung) for rung in self.rungs),
        ):  # fmt: skip
            if table or title == "[[rungs]]":
                lines += ["", title, *(f"{key} = {_toml(value)}" for key, value in table.items())]
        return "\n".join(lines) + "\n"

    def _groups_of(self, rung: dict[str, Any]) -> Iterator[Group]:
        options, training, label = split_options({**self.recipe, **self.training, **rung})
        recipe = make_recipe(options, self.corpus)
        label = str(label or _label(recipe))
        for key in ("batch_tokens", "learning_rate"):
            if key not in training:
                raise LadderError(f"rung {label}: {key!r} is missing; give it in [training]")
        for kind, batch_tokens in itertools.product(
            _listed(training["schedule"]), _listed(training["batch_tokens"])
        ):
            batch = _count("batch_tokens", batch_tokens) // recipe.tokens_per_example
            tokens = _budgets(label, training, recipe)
            budgets = (
                {round(value / (batch * recipe.tokens_per_example)) for value in tokens}
                if batch
                else set()
            )
            shared = Group(
                label=label,
                recipe=recipe,
                optimiser=_made(Optimiser, training, _OPTIMISER),
                schedule=_made(Schedule, training, _SCHEDULE, kind=kind),
                batch=batch,
                lanes=(),
                budgets=tuple(sorted(budgets)),
                evaluate_every=_whole("evaluate_every", training["evaluate_every"]),
            )
            lanes = [
                Lane(_whole("seeds", seed), float(_checked("learning_rate", rate, float)))
                for rate in _listed(training["learning_rate"])
                for seed in _listed(training["seeds"])
            ]
            most = _whole("lanes", training["lanes"]) or (
                len(lanes) if recipe.params_no_embed <= _SMALL else 1
            )
            for first in range(0, len(lanes), most):
                yield dataclasses.replace(shared, lanes=tuple(lanes[first : first + most]))


def split_options(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Return the options of a rung's recipe, those of its training with defaults, its label.

    Example:
        >>> split_options({"width": 16, "tokens": "1M", "seeds": [1]})[0]
        {'width': 16}
    """
    recipe = {key: given[key] for key in given if key not in (*_TRAINING, "label")}
    training = _DEFAULTS | {key: given[key] for key in _TRAINING if key in given}
    return recipe, training, given.get("label")


def make_recipe(options: Mapping[str, Any], corpus: Mapping[str, Any]) -> Trainable:
    """Return the recipe with these options; what the corpus fixes need not be said.

    Raises:
        LadderError: The kind or an option is unknown, or one that is needed is missing.
    """
    options = dict(options)
    kind = options.pop("kind", "transformer")
    if kind not in RECIPES:
        raise LadderError(f"recipe kind {kind!r} is unknown; {did_you_mean(str(kind), RECIPES)}")
    module, name = RECIPES[kind]
    made = getattr(importlib.import_module(f"scaling_jax.ladder.{module}"), name)
    known = {field.name: field for field in dataclasses.fields(made)}
    if "vocab_size" in known and "vocab_size" in corpus:
        options.setdefault("vocab_size", corpus["vocab_size"])
    _refuse_unknown(options, (*known, *_TRAINING, "label", "kind"), "rung")
    for option, declared in known.items():
        if declared.default is dataclasses.MISSING and option not in options:
            raise LadderError(f"rung: {option!r} is missing; a {kind} needs it")
    return made(**{key: _checked(key, options[key], known[key].type) for key in options})


def _label(recipe: Any) -> str:
    sizes = [
        f"{letter}{getattr(recipe, name)}"
        for letter, name in (("w", "width"), ("d", "depth"), ("n", "features"))
        if hasattr(recipe, name)
    ]
    experts = getattr(recipe, "experts", 1)
    return "-".join(sizes + ([f"e{experts}"] if experts > 1 else []))


def _budgets(label: str, training: Mapping[str, Any], recipe: Trainable) -> list[float]:
    """Return the token budgets: given as they are, or as multiples of all parameters."""
    if ("tokens" in training) == ("tokens_per_param" in training):
        raise LadderError(f"rung {label}: give either 'tokens' or 'tokens_per_param'")
    if "tokens" in training:
        return [_count("tokens", value) for value in _listed(training["tokens"])]
    ratios = _listed(training["tokens_per_param"])
    return [_checked("tokens_per_param", ratio, float) * recipe.params_total for ratio in ratios]


def _made(made: Any, given: Mapping[str, Any], names: Iterable[str], **more: Any) -> Any:
    types = {field.name: field.type for field in dataclasses.fields(made)}
    return made(
        **more,
        **{name: _checked(name, given[name], types[name]) for name in names if name in given},
    )


_NAMED = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def _checked(key: str, value: Any, wanted: Any) -> Any:
    """Return a value of the file if it is of the type that its key has."""
    allowed = (int, float) if wanted is float else wanted
    if isinstance(value, bool) != (wanted is bool) or not isinstance(value, allowed):
        raise LadderError(f"{key} is {value!r}; give {_NAMED[wanted]}")
    return value


def _whole(key: str, value: Any) -> int:
    if _checked(key, value, int) < 0 and key != "seeds":
        raise LadderError(f"{key} is {value}; give 0 or more")
    return value


def _check_tables(document: Mapping[str, Any], source: str) -> None:
    for key in ("name", "corpus", "rungs"):
        if not document.get(key):
            raise LadderError(f"{source}: {key!r} is missing; a ladder needs name, corpus, rungs")
    for key in ("corpus", "recipe", "training"):
        if not isinstance(document.get(key, {}), Mapping):
            raise LadderError(f"{source}: {key} is no table; write [{key}] above its keys")
    rungs = document["rungs"]
    if not (isinstance(rungs, list | tuple) and all(isinstance(rung, Mapping) for rung in rungs)):
        raise LadderError(f"{source}: rungs is no list of tables; write [[rungs]] above each rung")


def _count(what: str, value: Any) -> int:
    """Return a number of tokens from ``"8M"`` or 8_000_000."""
    try:
        return round(parse_size(value) if isinstance(value, str) else float(value))
    except (ValueError, TypeError, OverflowError):
        raise LadderError(f"{what} is {value!r}, not a number of tokens such as 8M") from None


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _refuse_unknown(given: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key in given:
        if key not in known:
            raise LadderError(f"{where}: there is no {key!r}; {did_you_mean(key, known)}")


def _toml(value: Any) -> str:
    """Return a string, number, boolean or list of them as TOML, which JSON's are."""
    return json.dumps(value)
