"""Reading files of published estimates, with every entry checked."""

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scaling_jax.errors import LawError, ScalingError, did_you_mean
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.estimates.estimate import Estimate
from scaling_jax.laws.registry import get
from scaling_jax.literature import VERIFICATIONS, printed_estimates

_TEXTS = ("name", "context", "units", "where", "verified", "link", "notes")
_TABLES = {
    "values": int | float,
    "standard_errors": int | float,
    "scales": int | float,
    "ranges": list,
    "conversion": str,
    "options": object,
    "facts": object,
}


def published(law: Law) -> dict[str, Estimate]:
    """Return the published estimates of a law by name, in the order of its file.

    Estimates of all members of a family are listed; each one's `law` is the member it is for,
    with the options that the estimate leaves open taken from `law`.

    Raises:
        LawError: The law's file of estimates cannot be read or has a mistake.
    """
    origin, entries = _entries(law)
    found: dict[str, Estimate] = {}
    for entry in entries:
        where = f"{origin}, {law.name} {entry.get('name', '(no name)')!r}"
        estimate = _estimate(entry, law, where)
        if estimate.name in found:
            raise LawError(f"{where}: the name is used twice; give each estimate its own")
        found[estimate.name] = estimate
    return found


def _entries(law: Law) -> tuple[str, list[dict[str, Any]]]:
    if law.estimates:
        path = Path(law.estimates)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LawError(f"cannot read the estimates of {law.name} in {path}: {error}") from None
        return str(path), _section(_parsed(text, str(path)), law.name, str(path))
    return law.publication.subject, [] if law.own else printed_estimates(law.name)


def _parsed(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LawError(f"{origin} is not valid TOML: {error}") from None


def _section(file: Mapping[str, Any], name: str, origin: str) -> list[dict[str, Any]]:
    entries = file.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise LawError(f"{origin}: {name} must be a list of tables, each under [[{name}]]")
    return entries


def _estimate(entry: Mapping[str, Any], law: Law, where: str) -> Estimate:
    known = (*_TEXTS, *_TABLES)
    for key, value in entry.items():
        if key not in known:
            raise LawError(f"{where}: the key {key!r} is unknown; {did_you_mean(key, known)}")
        _check_kind(key, value, where)
    if not entry.get("name"):
        raise LawError(f"{where}: the estimate needs a name")
    if entry.get("verified", "source") not in VERIFICATIONS:
        raise LawError(f"{where}: verified must be one of {', '.join(VERIFICATIONS)}")
    tables: dict[str, Any] = {
        key: MappingProxyType(dict(entry[key])) for key in _TABLES if key in entry
    }
    options = tables.pop("options", {})
    texts: dict[str, Any] = {key: entry[key] for key in _TEXTS if key in entry}
    try:
        estimate = Estimate(law=_member(law, options), **texts, **tables)
        _check_names(estimate, where)
        _ = estimate.params  # so that a conversion that cannot be evaluated is found here
    except ScalingError as error:
        raise LawError(f"{where}: {error}") from None
    return estimate


def _check_kind(key: str, value: Any, where: str) -> None:
    if key in _TEXTS:
        if not isinstance(value, str):
            raise LawError(f"{where}: {key} must be text, not {value!r}")
        return
    if not isinstance(value, dict):
        raise LawError(f"{where}: {key} must be a table such as {{ A = 1.0 }}, not {value!r}")
    for name, item in value.items():
        number = _TABLES[key] is not object
        if not isinstance(item, _TABLES[key]) or (number and isinstance(item, bool)):
            raise LawError(f"{where}: {key}.{name} cannot be {item!r}")


def _check_names(estimate: Estimate, where: str) -> None:
    parameters = [p.name for p in estimate.law.parameters]
    columns = (*estimate.law.input_names, estimate.law.output.column)
    for kind, given, allowed in (
        ("parameter", estimate.conversion, parameters),
        ("column", estimate.scales, columns),
    ):
        for name in given:
            if name not in allowed:
                hint = did_you_mean(name, allowed)
                raise LawError(f"{estimate.law.name} has no {kind} {name!r}; {hint}")


def _member(law: Law, options: Mapping[str, Any]) -> Law:
    """Return the law without held parameters; for a family, the member with these options."""
    if law.options or options:
        return get(law.name, **{**dict(law.options), **options})
    return dataclasses.replace(law, fixed=(), tied=())
