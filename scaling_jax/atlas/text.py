"""The page docs/atlas.md: every publication with its formula, its columns and where it stands."""

import inspect
from collections.abc import Mapping
from pathlib import Path

from scaling_jax import laws, literature, protocols
from scaling_jax.errors import listing
from scaling_jax.literature import Publication
from scaling_jax.reproductions.page import tally

FOLDER = "atlas"  # of the pictures, beside the page
_HEAD = """\
# The atlas

Made by `python -m scaling_jax.atlas` (`make atlas`) from what is registered; do not edit. A *law*
is called by its name, `sj.laws.get("chinchilla")`; a *family* is a law with a choice, such as a
number of breaks or domains; a *protocol* is a procedure, `sj.protocols.get("pass_at_k_unbiased")`;
a *finding* states something without a formula, `sj.literature.get("opt_iml")`. All of it, with
every published coefficient, claim and pitfall: `scaling-jax laws show NAME`.

**Unverified** marks a formula that was recalled or inferred and not read in its source, with the
doubt; *n unverified* among the estimates counts those whose numbers were recalled. How many of a
publication's numbers the library finds again is said as *reproduced*; each one is in
[reproductions.md](reproductions.md). Pictures show a law over its usual domain at its first
published estimate, or at generic coefficients where nobody published a complete set (dashed frame).
"""
_TABLE = (
    "| name | formula | predicts | columns | estimates | status | reference |\n"
    "|---|---|---|---|---|---|---|"
)


def page(reproduced: Mapping[str, tuple[int, int]]) -> str:
    """Return the whole page.

    Args:
        reproduced: (reproduced, all) numbers of each publication, see `reproductions.page.tally`.
    """
    subjects = literature.subjects()
    parts = [_HEAD, _counts(), _contents(subjects)]
    parts += [_section(subject, reproduced) for subject in subjects]
    return "\n".join(parts).rstrip() + "\n"


def written(docs: Path) -> str:
    """Return the page as it should stand in a folder, beside its page of reproductions."""
    reproductions = docs / "reproductions.md"
    return page(tally(reproductions.read_text("utf-8")) if reproductions.is_file() else {})


def pictured(subject: str) -> list[str]:
    """Return the names of a subject's laws, those that a picture shows."""
    known = set(laws.names())
    return [name for name in literature.names(subject) if name in known]


def title(subject: str) -> str:
    """Return the name of a subject as a heading.

    Example:
        >>> title("loss_surfaces")
        'Loss surfaces'
    """
    return subject.replace("_", " ").capitalize()


def _counts() -> str:
    names = literature.names()
    in_code = {"laws and families": laws.names(), "protocols": protocols.names()}
    other = len(set(names) - {name for known in in_code.values() for name in known})
    both = len(set(laws.names()) & set(protocols.names()))
    estimates = sum(len(literature.printed_estimates(name)) for name in names)
    counted = [f"{len(known)} {what}" for what, known in in_code.items()]
    shared = f" ({both} are both)" if both else ""
    return (
        f"{len(names)} publications: {listing([*counted, f'{other} findings'])}{shared}; "
        f"{estimates} published sets of numbers.\n"
    )


def _contents(subjects: list[str]) -> str:
    links = [f"[{title(s)}](#{title(s).lower().replace(' ', '-')})" for s in subjects]
    return " · ".join(links) + "\n"


def _section(subject: str, reproduced: Mapping[str, tuple[int, int]]) -> str:
    lines = [f"## {title(subject)}\n"]
    if pictured(subject):
        lines.append(f"![{title(subject)}]({FOLDER}/{subject}.png)\n")
    lines += [_TABLE, *(_row(name, reproduced) for name in literature.names(subject))]
    return "\n".join(lines) + "\n"


def _row(name: str, reproduced: Mapping[str, tuple[int, int]]) -> str:
    said = literature.get(name)
    cells = (
        f"`{name}`",
        _code(_formula(said)),
        _escaped(said.predicts),
        _columns(name),
        _estimates(name),
        _status(said, reproduced.get(name)),
        _reference(said),
    )
    return "| " + " | ".join(cells) + " |"


def _formula(said: Publication) -> str:
    return laws.get(said.name).formula if said.name in laws.names() else said.formula


def _columns(name: str) -> str:
    if name in laws.names():
        law = laws.get(name)
        return f"{', '.join(law.input_names)} → {law.output.column}"
    if name in protocols.names():
        return ", ".join(inspect.signature(protocols.get(name)).parameters)
    return ""


def _estimates(name: str) -> str:
    printed = literature.printed_estimates(name)
    recalled = sum(estimate["verified"] == "recalled" for estimate in printed)
    return str(len(printed)) + (f" ({recalled} unverified)" if recalled else "")


def _status(said: Publication, counts: tuple[int, int] | None) -> str:
    parts = [kind(said.name)]
    if counts is not None:
        good, total = counts
        which = "" if good == total else f"{good} of {total} "
        parts.append(f"[{which}reproduced](reproductions.md)")
    if not said.verified:
        parts.append(f"**unverified**: {_escaped(said.doubt)}")
    return "; ".join(parts)


def kind(name: str) -> str:
    """Return what a publication is in code: law, family, protocol (or both), or finding."""
    found = []
    if name in laws.names():
        found.append("family" if laws.get(name).options else "law")
    if name in protocols.names():
        found.append("protocol")
    return " and ".join(found) or "finding"


def _reference(said: Publication) -> str:
    where = said.reference
    text = _escaped(f"{where.authors} {where.year or ''}".strip())
    if where.arxiv:
        return f"{text}, [arXiv:{where.arxiv}](https://arxiv.org/abs/{where.arxiv})"
    return ", ".join(part for part in (text, _escaped(where.where)) if part)


def _code(text: str) -> str:
    bar = "\\|"  # also within code a bar would end the cell
    return f"`{' '.join(text.replace('|', bar).split())}`" if text else ""


def _escaped(text: str) -> str:
    """Return text that a cell of a table shows as it is."""
    return " ".join(text.replace("|", "\\|").replace("*", "\\*").split())
