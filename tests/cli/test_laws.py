import json

import pytest

from scaling_jax import laws, literature, protocols

WIDE = {"COLUMNS": "4000"}  # no line is wrapped


def test_lists_everything_by_subject_in_a_few_screens(run):
    done = run("laws")
    words = done.out.replace(",", " ").replace("*", " ").split()
    assert set(literature.names()) <= set(words)
    for subject in literature.subjects():
        assert f"\n{subject}\n" in f"\n{done.out}"
    assert len(done.out.splitlines()) < 200
    assert run("laws", "list").out == done.out


def test_marks_what_is_unverified_in_the_list(run):
    listed = run("laws").out.replace(",", " ").split()
    for name in literature.names():
        assert (f"{name}*" in listed) == (not literature.get(name).verified)


def test_lists_a_subject_with_formulas_and_references(run):
    done = run("laws", "list", "--subject", "loss_surfaces", env=WIDE)
    for name in literature.names("loss_surfaces"):
        said = literature.get(name)
        assert f"\n{name} " in f"\n{done.out}"
        assert said.reference.arxiv in done.out
        if name in laws.names():
            assert laws.get(name).formula in done.out
    assert "\nbnsl " not in done.out


def test_search_finds_what_mentions_all_words(run):
    done = run("laws", "list", "--search", "Chinchilla compute-optimal", env=WIDE)
    assert "\nchinchilla_approach1 " in f"\n{done.out}"
    assert "\nbnsl " not in f"\n{done.out}"
    assert "\nfarseer " in "\n" + run("laws", "list", "--search", "2506.10972", env=WIDE).out


def test_lists_as_json(run):
    found = json.loads(run("laws", "list", "--json").out)
    assert sorted(entry["name"] for entry in found) == literature.names()
    kinds = {entry["name"]: entry["kind"] for entry in found}
    assert (kinds["chinchilla"], kinds["bnsl"], kinds["opt_iml"]) == ("law", "family", "finding")
    chinchilla = next(entry for entry in found if entry["name"] == "chinchilla")
    assert [p["name"] for p in chinchilla["parameters"]] == ["E", "A", "B", "alpha", "beta"]
    assert [v["column"] for v in chinchilla["inputs"]] == ["params", "tokens"]


@pytest.mark.parametrize("subject", literature.subjects())
def test_shows_all_that_is_known(run, subject):
    for name in literature.names(subject):
        done = run("laws", "show", name, env=WIDE)
        assert done.code == 0, name
        said = literature.get(name)
        shown = " ".join(done.out.split())
        texts = (str(said.reference), said.formula, said.notes, said.limits, said.fitting)
        for text in (*texts, said.doubt, *(claim.text for claim in said.claims)):
            assert " ".join(text.split()) in shown, name
        if name in laws.names():
            shows_the_law(laws.get(name), shown)
        for estimate in literature.printed_estimates(name):
            for key in ("context", "where", "notes"):
                assert " ".join(estimate.get(key, "").split()) in shown, name
            for parameter, value in estimate.get("values", {}).items():
                assert f"{parameter} {value:.10g}" in shown, name
        unverified = (
            not said.verified
            or any(e["verified"] == "recalled" for e in literature.printed_estimates(name))
            or any(claim.verified == "recalled" for claim in said.claims)
        )
        assert ("unverified" in done.out) >= unverified, name


def shows_the_law(law, shown: str) -> None:
    assert " ".join(law.formula.split()) in shown, law.name
    for parameter in law.parameters:
        assert parameter.meaning in shown
        assert parameter.dimensionless or parameter.unit in shown
    for variable in law.inputs:
        assert variable.meaning in shown


def test_shows_signature_and_docstring_of_a_protocol(run):
    name = next(n for n in protocols.names() if n not in laws.names())
    done = run("laws", "show", name, env=WIDE)
    assert f'Protocol: sj.protocols.get("{name}")' in done.out
    assert protocols.get(name).__name__ in done.out
    assert (protocols.get(name).__doc__ or "").strip().splitlines()[0] in done.out


def test_says_what_a_published_estimate_is(run):
    out = run("laws", "show", "chinchilla", env=WIDE).out
    assert "[read in the source]" in out
    vpnls = laws.get("chinchilla").published("vpnls")
    assert f"for raw columns A {vpnls.params['A']:.6g}" in out


def test_shows_as_json(run):
    found = json.loads(run("laws", "show", "chinchilla", "--json").out)
    hoffmann = next(entry for entry in found["published"] if entry["name"] == "hoffmann")
    assert hoffmann["values"] == {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
    assert found["claims"][0]["verified"] in literature.VERIFICATIONS
    finding = json.loads(run("laws", "show", "opt_iml", "--json").out)
    assert (finding["kind"], finding["formula"]) == ("finding", "")


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
        (("chinchila",), "did you mean chinchilla"),
        (("show", "chinchila"), "did you mean chinchilla"),
        (("show", "nothing like it"), "there is no law, protocol or finding 'nothing like it'"),
        (("show", "opt_iml", "--option", "breaks=2"), "opt_iml is no family"),
        (("show", "bnsl", "--option", "brakes=2"), "did you mean breaks?"),
        (("show", "bnsl", "--option", "breaks"), "--option takes name=value"),
        (("list", "--subject", "precisoin"), "there is no subject 'precisoin'; did you mean"),
        (("list", "--search", "zzz qqq"), "nothing mentions 'zzz qqq'"),
    ],
)
def test_unknown_names_and_options(run, arguments, message):
    done = run("laws", *arguments)
    assert done.code == 2
    assert message in done.error
