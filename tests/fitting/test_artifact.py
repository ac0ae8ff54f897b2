"""Saved fits come back the same, and files that are not fits are refused."""

import json

import numpy as np
import pytest

import scaling_jax as sj


@pytest.fixture
def saved(noisy_fit, tmp_path):
    path = tmp_path / "fit.json"
    noisy_fit.save(path)
    return path


def test_round_trip_is_exact(noisy_fit, saved):
    loaded = sj.Fit.load(saved)
    assert loaded.params == noisy_fit.params
    assert loaded.standard_errors == noisy_fit.standard_errors
    assert loaded.criterion == noisy_fit.criterion
    assert loaded.law == noisy_fit.law
    assert loaded.runs.source == noisy_fit.runs.source
    for name in noisy_fit.runs.columns:
        np.testing.assert_array_equal(loaded.runs[name], noisy_fit.runs[name])
    assert str(loaded.summary()).replace("starts", "") == str(noisy_fit.summary()).replace(
        f"of {len(noisy_fit.starts)} starts", "of the "
    ).replace("starts", "")
    draws, again = sj.laplace(noisy_fit, draws=10), sj.laplace(loaded, draws=10)
    np.testing.assert_array_equal(draws["alpha"], again["alpha"])


def test_saving_twice_gives_the_same_bytes(saved, tmp_path):
    sj.Fit.load(saved).save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == saved.read_bytes()


def test_held_parameters_and_family_options_come_back(noisy_runs, tmp_path):
    law = sj.laws.get("chinchilla").fix(E=1.8).tie(beta="alpha")
    fit = sj.fit(law, noisy_runs, starts=32)
    fit.save(tmp_path / "held.json")
    assert sj.Fit.load(tmp_path / "held.json").law == law


def test_unknown_law_must_be_given(noisy_runs, tmp_path):
    law = sj.Law(
        name="my own",
        function=lambda params, *, A, alpha: A * params**-alpha,
        inputs=(sj.Variable("params"),),
        output=sj.Variable("loss"),
        parameters=(sj.Parameter("A", unit="loss * params**alpha"), sj.Parameter("alpha")),
    )
    sj.fit(law, noisy_runs, starts=32).save(tmp_path / "own.json")
    with pytest.raises(
        sj.errors.ArtifactError, match=r"'my own', which is not registered; pass it"
    ):
        sj.Fit.load(tmp_path / "own.json")
    assert sj.Fit.load(tmp_path / "own.json", law=law).law is law
    with pytest.raises(sj.errors.ArtifactError, match="has the parameters A and alpha"):
        sj.Fit.load(tmp_path / "own.json", law=sj.laws.get("chinchilla"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "damaged or not a saved fit"),
        (lambda text: "", "damaged or not a saved fit"),
        (lambda text: "[1, 2]", "is not a saved fit"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "format version 2"),
        (lambda text: text.replace('"seed": 0', '"seed": 1'), "checksum does not match"),
    ],
)
def test_damaged_files_are_refused(saved, damage, message):
    saved.write_text(damage(saved.read_text()))
    with pytest.raises(sj.errors.ArtifactError, match=message):
        sj.Fit.load(saved)


def test_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(sj.errors.ArtifactError, match="cannot read .*No such file"):
        sj.Fit.load(tmp_path / "nothing.json")


def test_nothing_is_left_behind_when_writing_fails(noisy_fit, tmp_path):
    with pytest.raises(sj.errors.ArtifactError, match="cannot write .*nothing was written"):
        noisy_fit.save(tmp_path / "absent" / "fit.json")
    (tmp_path / "taken").mkdir()
    with pytest.raises(sj.errors.ArtifactError, match="cannot write"):
        noisy_fit.save(tmp_path / "taken")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_the_file_is_plain_json(saved):
    document = json.loads(saved.read_text())
    assert document["format"] == "scaling_jax.fit"
    assert set(document["payload"]["params"]) == {"E", "A", "B", "alpha", "beta"}
