import json

import pytest

from scaling_jax import laws


def test_lists_every_law(run):
    done = run("laws")
    for law in laws.list():
        assert f"\n{law.name} " in f"\n{done.out}"
        assert f"arXiv:{law.reference.arxiv}" in done.out


def test_lists_as_json(run):
    found = json.loads(run("laws", "list", "--json").out)
    assert [entry["name"] for entry in found] == laws.names()
    chinchilla = next(entry for entry in found if entry["name"] == "chinchilla")
    assert [p["name"] for p in chinchilla["parameters"]] == ["E", "A", "B", "alpha", "beta"]
    assert [v["column"] for v in chinchilla["inputs"]] == ["params", "tokens"]


@pytest.mark.parametrize("name", laws.names())
def test_shows_all_that_is_known(run, name):
    law = laws.get(name)
    done = run("laws", "show", name, env={"COLUMNS": "2000"})  # no line is wrapped
    assert done.code == 0
    assert law.formula in done.out
    assert str(law.reference) in done.out
    for parameter in law.parameters:
        assert parameter.meaning in done.out
        assert parameter.dimensionless or parameter.unit in done.out
    for variable in law.inputs:
        assert variable.meaning in done.out
    for text in (law.publication.notes, law.publication.limits, law.publication.fitting):
        assert text in done.out
    for estimate in law.published().values():
        assert estimate.context in done.out
        assert estimate.where in done.out
        for parameter, value in estimate.values.items():
            assert f"{parameter} {value:.10g}" in done.out


def test_marks_what_was_recalled(run):
    recalled = [
        (law.name, name)
        for law in laws.list()
        for name, estimate in law.published().items()
        if estimate.verified == "recalled"
    ]
    for law in laws.list():
        out = run("laws", "show", law.name).out
        expected = law.name in {name for name, _ in recalled} or not law.verified
        assert ("unverified" in out) >= expected


def test_shows_as_json(run):
    found = json.loads(run("laws", "show", "chinchilla", "--json").out)
    hoffmann = next(entry for entry in found["published"] if entry["name"] == "hoffmann")
    assert hoffmann["values"] == {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}


def test_a_name_alone_is_shown(run):
    assert run("laws", "chinchilla").out == run("laws", "show", "chinchilla").out


def test_members_of_a_family(run):
    default = run("laws", "show", "bnsl").out
    assert "breaks=1" in default
    assert "--option" in default
    two = run("laws", "show", "bnsl", "--option", "breaks=2").out
    assert "\nd2 " in two
    assert "\nd2 " not in default


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("chinchila",), "did you mean chinchilla?"),
        (("show", "chinchila"), "did you mean chinchilla?"),
        (("show", "bnsl", "--option", "brakes=2"), "did you mean breaks?"),
        (("show", "bnsl", "--option", "breaks"), "--option takes name=value"),
    ],
)
def test_unknown_law_or_option(run, arguments, message):
    done = run("laws", *arguments)
    assert done.code == 2
    assert message in done.error
