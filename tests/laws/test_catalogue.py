"""Every entry of the catalogue of published laws is reachable by its identifier."""

from typing import Any

import pytest

import scaling_jax as sj
from scaling_jax import literature, protocols
from scaling_jax.laws import registry

# Entries whose "formula" says in words what a study found; there is nothing to compute.
FINDINGS_IN_WORDS: dict[str, str] = {
    "ncpl": "the residual is whatever a fine-tuned language model predicts from a configuration",
}


@pytest.fixture(scope="session")
def formulas(catalogue_entries) -> dict[str, dict[str, Any]]:
    """Return the entries that have a formula by name."""
    return {
        name: entries[0]
        for name, entries in catalogue_entries.items()
        if any(entry["formula"] for entry in entries)
    }


def in_code(name: str) -> bool:
    return name in sj.laws.names() or name in protocols.names()


def test_every_entry_with_a_formula_is_a_law_or_a_protocol(formulas):
    missing = sorted(n for n in formulas if not in_code(n) and n not in FINDINGS_IN_WORDS)
    assert missing == []


def test_every_required_entry_with_a_formula_is_in_code(catalogue_entries):
    required = [
        name
        for name, entries in catalogue_entries.items()
        if any(entry.get("required") and entry["formula"] for entry in entries)
    ]
    assert [n for n in required if not in_code(n) and n not in FINDINGS_IN_WORDS] == []


def test_every_other_entry_is_a_publication_without_formula(catalogue_entries):
    for name in catalogue_entries:
        if not in_code(name):
            publication = literature.get(name)
            assert publication.formula == "" or name in FINDINGS_IN_WORDS
            assert publication.claims, f"{name} states nothing"


def test_every_law_and_protocol_has_its_publication():
    # Laws that other tests of the same process registered are not the library's.
    named = {name: sj.laws.get(name) for name in registry._BUILT_IN}
    assert set(named) | set(protocols.names()) <= set(literature.names())
    for name, law in named.items():
        assert law.own is None, f"{name} says in the code what its publication says"
        assert law.formula, f"{name} shows no formula"


def test_the_list_of_findings_is_true():
    for name, reason in FINDINGS_IN_WORDS.items():
        assert literature.get(name).formula
        assert reason
        assert not in_code(name), f"{name} is in code: take it off the list"
