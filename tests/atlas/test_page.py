"""docs/atlas.md is what the registries say, with a picture of each subject's laws."""

from pathlib import Path

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax import literature, protocols
from scaling_jax.atlas import pictures, text
from scaling_jax.atlas.illustrations import ILLUSTRATIONS
from scaling_jax.reporting.style import new_figure

DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST = 200_000  # bytes: people read the page over a network


@pytest.fixture(scope="module")
def page() -> str:
    return (DOCS / "atlas.md").read_text("utf-8")


def test_the_page_is_what_the_registries_say(page):
    today = text.written(DOCS).splitlines()
    stale = [line for line in page.splitlines() if line not in set(today)]
    missing = [line for line in today if line not in set(page.splitlines())]
    assert (stale, missing) == ([], []), "the page is stale: make atlas"


@pytest.mark.parametrize("subject", literature.subjects())
def test_every_subject_with_laws_has_a_picture(subject, page):
    picture = DOCS / text.FOLDER / f"{subject}.png"
    has_laws = bool(text.pictured(subject))
    assert (f"({text.FOLDER}/{subject}.png)" in page) == has_laws
    if has_laws:
        assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert picture.stat().st_size < LARGEST
    else:
        assert not picture.exists(), "no law is left to draw: remove the picture"


def test_there_is_no_picture_of_a_subject_that_is_gone():
    drawn = {path.stem for path in (DOCS / text.FOLDER).glob("*.png")}
    assert drawn <= set(literature.subjects())


def test_every_publication_has_one_row_with_its_status(page):
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    names = [row.split("`")[1] for row in rows]
    assert sorted(names) == literature.names()
    for name, row in zip(names, rows, strict=True):
        assert ("**unverified**" in row) == (not literature.get(name).verified)
        assert f"| {text.kind(name)}" in row


def test_kinds():
    assert text.kind("chinchilla") == "law"
    assert text.kind("bnsl") == "family"
    for name in set(protocols.names()) - set(sj.laws.names()):
        assert text.kind(name) == "protocol"


def test_a_picture_is_drawn_of_curves_surfaces_and_families():
    picture = pictures.contact_sheet(["kaplan_n", "chinchilla", "bnsl", "parscale", "farseer"])
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert 5_000 < len(picture) < LARGEST


@pytest.mark.parametrize("name", ILLUSTRATIONS)
def test_illustrations_are_of_laws_without_an_estimate(name):
    """They stand in for generic coefficients only, name every one, and keep to the bounds."""
    (example,) = pictures.shown(name)
    assert example.estimate == ""
    assert example.theta == ILLUSTRATIONS[name]
    for parameter in example.law.parameters:
        low, high = parameter.bounds
        assert low <= example.theta[parameter.name] <= high


def test_levels_are_written_on_their_lines_and_clear_of_the_name():
    figure = new_figure((3.0, 3.0))
    ax = figure.subplots()
    pictures.panel(ax, pictures.shown("chinchilla"))
    figure.draw_without_rendering()
    levels = [t for t in ax.texts if t.get_text() not in ("loss", "hoffmann")]
    assert len(levels) >= 2
    law, theta = sj.laws.get("chinchilla"), pictures.shown("chinchilla")[0].theta
    for label in levels:
        params, tokens = label.get_position()
        loss = float(law(theta, dict(params=params, tokens=tokens)))
        assert float(label.get_text()) == pytest.approx(loss, rel=0.05)
        across, up = ax.transAxes.inverted().transform(ax.transData.transform((params, tokens)))
        assert across < 0.7 or up < 0.85


def test_sides_of_a_mixture_sum_to_one():
    side = pictures.Side("share of a", 0.0, 1.0, ("a", "b", "c"))
    columns = side.inputs(side.values(5))
    np.testing.assert_allclose(sum(columns.values()), np.ones(5))
    assert not side.log


def test_typical_scales_replace_only_ranges_that_the_publication_leaves_open():
    (side,) = pictures.sides(sj.laws.get("kaplan_n"))
    assert (side.low, side.high) == (1e6, 1e12)
    wide = sj.Variable("params", usual=(1e3, 1e4))
    law = sj.laws.get("kaplan_n")
    narrow = sj.Law("narrow", law.function, (wide,), law.output, law.parameters, returns="log")
    (side,) = pictures.sides(narrow)
    assert (side.low, side.high) == (1e3, 1e4)
