"""What is known of each public table: address, hash, columns, options, problems, published fits.

The facts are data, one file a table in the folder ``tables``; this module reads them.
"""

import builtins
import functools
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from scaling_jax.errors import DatasetError, did_you_mean


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Attributes:
        path: Path inside the data set.
        sha256: Hash of its bytes.
        address: Where it is fetched from, pinned to a commit; empty if it has no public address.
        transcribed_from: Where its numbers were copied from, if it has no address.
    """

    path: str
    sha256: str
    address: str = ""
    transcribed_from: str = ""


@dataclass(frozen=True)
class Option:
    """A choice that `load` offers for a data set.

    Attributes:
        name: Keyword of `load`.
        meaning: One line for people.
        default: Value when not given; None if it must be given.
        choices: The values it takes.
    """

    name: str
    meaning: str
    choices: tuple[Any, ...]
    default: Any = None


@dataclass(frozen=True)
class Dataset:
    """A public table of training runs, not the table itself; `str` gives it as text.

    Attributes:
        name: What `load` calls it.
        title: What it holds.
        paper: The paper it belongs to.
        licence: Licence of the files, as stated by their repository.
        repository: Address of the repository.
        commit: The commit that the files are pinned to.
        rows: Number of rows that `load` gives (all experiments together, where one is chosen).
        columns: Column -> what it holds here.
        options: The options of `load`.
        known_problems: What to watch out for.
        published: Published results: ``what``, ``values`` and ``note`` of each.
        files: Its files; empty for a table that ships with the package.
        embedded: Name of the table inside the package, if it ships with it.
        transcribed_from: Where an embedded table's numbers were copied from.
    """

    name: str
    title: str
    paper: str
    licence: str
    repository: str
    commit: str
    rows: int
    columns: dict[str, str]
    options: dict[str, Option] = field(default_factory=dict)
    known_problems: tuple[str, ...] = ()
    published: tuple[dict[str, Any], ...] = ()
    files: dict[str, File] = field(default_factory=dict)
    embedded: str = ""
    transcribed_from: str = ""

    @property
    def source(self) -> str:
        """Name and version, as a run table carries it into messages and artifacts."""
        return f"{self.name} ({self.commit[:9]})"

    def __str__(self) -> str:
        facts = {
            "paper": self.paper,
            "licence": self.licence,
            "address": f"{self.repository} at {self.commit[:12]}",
            "rows": self.rows,
        }
        if self.transcribed_from:
            facts["numbers"] = f"typed from {self.transcribed_from}"
        parts = [
            f"{self.name}: {self.title}",
            "\n".join(f"  {key + ':':9}{value}" for key, value in facts.items()),
            _section("Columns", (f"{key}: {text}" for key, text in self.columns.items())),
            _section("Options", map(_option_line, self.options.values())),
            _section("Known problems", self.known_problems),
            _section("Published", map(_published_line, self.published)),
        ]
        return "\n".join(part for part in parts if part)


def names() -> builtins.list[str]:
    """Return the names of all data sets, sorted.

    Example:
        >>> import scaling_jax as sj
        >>> "epoch_chinchilla" in sj.datasets.names()
        True
    """
    tables = resources.files("scaling_jax.datasets").joinpath("tables").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in tables if file.name.endswith(".toml"))


def list() -> builtins.list[Dataset]:  # noqa: A001 - the public name is sj.datasets.list
    """Return what is known of every data set, sorted by name; nothing is fetched."""
    return [describe(name) for name in names()]


@functools.cache
def describe(name: str) -> Dataset:
    """Return what is known of a data set: paper, licence, columns, problems, published fits.

    Raises:
        DatasetError: There is no such data set.

    Example:
        >>> import scaling_jax as sj
        >>> sj.datasets.describe("parscale").columns["streams"]
        'parallel streams P'
    """
    if name not in names():
        raise DatasetError(f"there is no data set {name!r}; {did_you_mean(name, names())}")
    path = resources.files("scaling_jax.datasets").joinpath("tables", f"{name}.toml")
    facts = tomllib.loads(path.read_text(encoding="utf-8"))
    files = facts.pop("files", {})
    options = facts.pop("options", {})
    return Dataset(
        name=name,
        options={key: _option(key, entry) for key, entry in options.items()},
        files={path: _file(path, entry, facts) for path, entry in files.items()},
        known_problems=tuple(facts.pop("known_problems")),
        published=tuple(facts.pop("published")),
        **facts,
    )


def _option(name: str, entry: dict[str, Any]) -> Option:
    return Option(name, entry["meaning"], tuple(entry["choices"]), entry.get("default"))


def _file(path: str, entry: dict[str, str], facts: dict[str, Any]) -> File:
    if origin := entry.get("transcribed_from"):
        return File(path, entry["sha256"], transcribed_from=origin)
    owner = facts["repository"].removeprefix("https://github.com/")
    address = f"https://raw.githubusercontent.com/{owner}/{facts['commit']}/{path}"
    return File(path, entry["sha256"], address)


def _section(title: str, lines: Any) -> str:
    text = "\n".join(f"  - {line}" for line in lines)
    return f"{title}\n{text}" if text else ""


def _option_line(option: Option) -> str:
    choices = ", ".join(str(choice) for choice in option.choices)
    default = "must be given" if option.default is None else f"default {option.default}"
    return f"{option.name} ({default}): {option.meaning}. One of {choices}"


def _published_line(result: dict[str, Any]) -> str:
    values = ", ".join(f"{key} {value:g}" for key, value in result.get("values", {}).items())
    return "; ".join(text for text in (result["what"], values, result.get("note")) if text)
