"""The report is one sound file that holds everything, escapes everything and exists or does not."""

import base64
import dataclasses
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.literature import Publication
from scaling_jax.reporting import Illustration, Section, report_html, write_report
from scaling_jax.reporting.markup import Markup, element, table_markup
from scaling_jax.reporting.sections import data_address
from scaling_jax.tables import Table

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects the elements of a page and checks that tags are balanced."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], {}
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        where = self.open[-1] if self.open else ""
        self.text[where] = self.text.get(where, "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def prediction(grid_draws):
    return sj.predict(grid_draws, params=[1e9, 7e10], tokens=[2e9, 1.4e12])


@pytest.fixture(scope="module")
def html(grid_draws, prediction):
    return report_html(grid_draws, prediction, command="scaling-jax fit runs.csv --law chinchilla")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_the_page_is_sound_html(html, page):
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert [tag for tag, _ in page.elements[:3]] == ["html", "head", "meta"]
    assert page.text["title"] == page.text["h1"] == "chinchilla fitted to a grid"
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.all("th"))


def test_the_page_needs_nothing_from_outside(html, page):
    for _, attributes in page.elements:
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "https://arxiv.org/").startswith("https://arxiv.org/")
    assert {"script", "link", "iframe", "object"}.isdisjoint(tag for tag, _ in page.elements)
    assert not re.search(r"url\(|@import", page.text["style"])
    (policy,) = [m["content"] for m in page.all("meta") if "http-equiv" in m]
    assert policy.startswith("default-src 'none'")


def test_the_pictures_are_inside_and_described(page):
    images = page.all("img")
    assert len(images) == 5  # prediction, loss against compute, residuals, observed, starts
    for image in images:
        assert len(image["alt"]) > 30
        kind, _, data = image["src"].partition(",")
        assert kind == "data:image/svg+xml;base64"
        svg = ElementTree.fromstring(base64.b64decode(data))
        for part in svg.iter():
            address = part.get("{http://www.w3.org/1999/xlink}href", "#")
            assert address.startswith(("#", "data:image/png"))


def test_it_says_what_was_fitted_found_and_predicted(grid_fit, prediction, page):
    everything = " ".join(page.text.values())
    assert page.text["h2"].startswith("CoefficientsPredictions")
    assert grid_fit.law.formula in everything
    assert "24 runs of a grid: squared on the log scale, summed" in everything
    for value in (*grid_fit.params.values(), *prediction.median):
        assert f"{value:.5g}" in page.text["td"]
    assert "70B" in page.text["th"]
    assert "scaling-jax fit runs.csv --law chinchilla" in page.text["code"]
    assert "starts=32, seed=0" in page.text["code"]
    assert sj.__version__ in everything
    assert page.text["a"] == "arXiv:2203.15556"
    assert [link["href"] for link in page.all("a")] == ["https://arxiv.org/abs/2203.15556"]


def test_the_same_fit_gives_the_same_report(grid_draws, prediction, html):
    again = report_html(grid_draws, prediction, command="scaling-jax fit runs.csv --law chinchilla")
    assert again == html


def test_a_fit_without_standard_errors_shows_none(grid_fit):
    nothing = {kind: np.full((5, 5), np.nan) for kind in grid_fit.covariance}
    vague = dataclasses.replace(grid_fit, rank=4, covariance=nothing, starts=None)
    page = Page(report_html(vague))
    assert "nan" not in page.text["td"]
    assert "std. error" not in page.text["th"]
    assert "There are no standard errors" in page.text["p"]
    assert len(page.all("img")) == 3


def test_text_of_users_is_escaped_everywhere(tmp_path):
    bad = "<script>alert('x')</script>&"
    law = sj.Law(
        name=bad,
        function=lambda *, a, **columns: a * columns[bad],
        inputs=(sj.Variable(bad, "<b>", unit="<i>"),),
        output=sj.Variable("score", unit="<i>"),
        parameters=(sj.Parameter("a", bad, start=(0.5, 2.0)),),
        formula=f"y = a * {bad}",
        own=Publication(
            bad, reference=sj.Reference(bad, bad, 2020, '"><script>1</script>', bad), limits=bad
        ),
    )
    x = np.linspace(1.0, 2.0, 8)
    runs = sj.RunTable.from_columns(
        {bad: x, "score": 3.0 * x, "note": [bad] * 8}, source=f"{bad}.csv"
    )
    fit = sj.fit(law, runs, sj.Squared(), starts=8)
    section = Section(bad, [bad], [Table(bad, (bad,), ((bad,),), (bad,))])
    inputs: dict[str, Any] = {bad: 3.0}
    path = tmp_path / "report.html"
    write_report(
        path,
        dataclasses.replace(fit, warnings=(bad,)),
        sj.predict(fit, **inputs),
        title=bad,
        sections=[section],
        command=bad,
    )
    text = path.read_text()
    page = Page(text)
    assert "<script" not in text.lower()
    assert page.text["title"] == page.text["h1"] == bad
    for where in ("p", "h2", "caption", "td", "th", "li", "code"):
        assert bad in page.text[where], where
    (link,) = page.all("a")
    assert link["href"] == "https://arxiv.org/abs/%22%3E%3Cscript%3E1%3C/script%3E"


def test_sections_add_text_tables_and_figures(grid_fit):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2], [3, 4])
    section = Section(
        "A plan",
        "What to train next.",
        [Table("Budgets", ("params", "loss"), ((7e9, 2.1), (None, 2.0)))],
        [Illustration(figure, "A line.", alt="A rising line.")],
    )
    page = Page(report_html(grid_fit, sections=[section]))
    assert "A plan" in page.text["h2"]
    assert "What to train next." in page.text["p"]
    assert "7B" in page.text["th"]
    assert "A line." in page.text["figcaption"]
    assert any(image["alt"] == "A rising line." for image in page.all("img"))


def test_an_error_leaves_the_old_report_as_it_was(grid_fit, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def broken(fit):
        raise RuntimeError("no ink")

    monkeypatch.setattr("scaling_jax.reporting.report.plot_residuals", broken)
    with pytest.raises(RuntimeError, match="no ink"):
        write_report(path, grid_fit)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_is_not_there_is_refused(grid_fit, tmp_path):
    with pytest.raises(sj.ScalingError, match="cannot write .*nothing was written"):
        write_report(tmp_path / "absent" / "report.html", grid_fit)


def test_pictures_do_not_depend_on_the_settings_they_are_saved_under(curve_fit, pyplot):
    address = data_address(sj.reporting.plot_curve(curve_fit))
    with pyplot.rc_context({"svg.fonttype": "none", "svg.hashsalt": "other"}):
        assert data_address(sj.reporting.plot_curve(curve_fit)) == address


# The markup itself


def test_only_elements_make_markup():
    assert element("p", "<b>", Markup("<i>"), None, ["&"]) == "<p>&lt;b&gt;<i>&amp;</p>"
    assert element("a", href='"><b>') == '<a href="&quot;&gt;&lt;b&gt;"></a>'
    assert element("img", alt="", src="x") == '<img alt="" src="x">'
    assert isinstance(element("p"), Markup)


def test_tables_show_sizes_as_sizes_and_align_numbers():
    table = Table("T", ("run", "tokens", "loss"), (("a", 1.4e12, 1.97654321), ("b", None, 2)))
    markup = table_markup(table)
    assert '<td class="number">1.4T</td><td class="number">1.9765</td>' in markup
    assert '<th scope="row">b</th><td class="number"></td>' in markup
    assert '<th scope="col" class="number">tokens</th>' in markup
