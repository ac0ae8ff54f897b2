"""The publications hold what the catalogue of published laws says, number by number."""

import math
import re
from collections import Counter
from typing import Any

import pytest

import scaling_jax as sj
from scaling_jax import literature
from scaling_jax.errors import LawError
from scaling_jax.literature import reading

NAMES = literature.names()
VERIFIED = {"memory": "recalled", "recomputed": "computed"}
PLACES = ("values", "standard_errors", "ranges", "facts")


def numbers(value: Any) -> Counter:
    """Return every number in nested tables and lists, how often each one occurs."""
    if isinstance(value, bool) or value is None:
        return Counter()
    if isinstance(value, int | float):
        return Counter([float(value)])
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return sum((numbers(item) for item in value), Counter())
    return Counter()


def printed(entry: dict[str, Any]) -> Counter:
    more = ("values", "standard_errors", "interval_10_90", "ci95")
    return numbers([[estimate.get(key) for key in more] for estimate in entry["estimates"] or []])


def test_every_entry_of_the_catalogue_is_a_publication(catalogue_entries):
    assert set(NAMES) == set(catalogue_entries)


@pytest.mark.parametrize("name", NAMES)
def test_every_printed_number_is_there(name, catalogue_entries):
    expected = sum((printed(entry) for entry in catalogue_entries[name]), Counter())
    found = Counter()
    for estimate in literature.printed_estimates(name):
        found += numbers([estimate.get(place) for place in PLACES])
    missing = expected - found
    assert not missing, f"{name} lacks {dict(missing)}"


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_there_with_how_it_was_checked(name, catalogue_entries):
    said = [claim for entry in catalogue_entries[name] for claim in entry["claims"] or []]
    claims = literature.get(name).claims
    marks = sorted(VERIFIED.get(mark, mark) for mark in (str(c["verified"]) for c in said))
    assert sorted(claim.verified for claim in claims) == marks


@pytest.mark.parametrize("name", NAMES)
def test_reference_and_formula_are_the_catalogues(name, catalogue_entries):
    found = literature.get(name)
    entry = catalogue_entries[name][0]
    assert found.reference.year == (int(entry["year"]) if entry["year"] else None)
    assert found.reference.arxiv == str(entry["arxiv"] or "")
    formulas = {" ".join((e["formula"] or "").split()) for e in catalogue_entries[name]}
    assert found.formula in formulas
    assert found.predicts or not entry["predicts"]


def test_every_text_is_plain_and_public():
    text = "\n".join(section for _, section in reading._sections().values())
    assert not re.search(r"text index|file-index|\bid \d{7,}|address not kept", text)


@pytest.mark.parametrize("name", NAMES)
def test_estimates_have_names_of_their_own_and_a_known_check(name):
    estimates = literature.printed_estimates(name)
    names = [estimate["name"] for estimate in estimates]
    assert len(set(names)) == len(names)
    for estimate in estimates:
        assert estimate["verified"] in literature.VERIFICATIONS
        assert not any(math.isnan(number) for number in numbers(estimate))


def test_unknown_names_are_refused_with_a_hint():
    with pytest.raises(LawError, match="there is no publication 'farser'; did you mean farseer"):
        sj.literature.get("farser")


def test_subjects_partition_the_publications():
    grouped = [name for subject in literature.subjects() for name in literature.names(subject)]
    assert sorted(grouped) == NAMES
