"""One self-contained HTML file about a fit: verdict, tables, pictures and how to repeat it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from scaling_jax.files import write_atomically
from scaling_jax.fitting.fit import Fit
from scaling_jax.fitting.summary import summarise
from scaling_jax.prediction import Prediction
from scaling_jax.reporting.labels import words
from scaling_jax.reporting.markup import Markup, element
from scaling_jax.reporting.predictions import plot_prediction
from scaling_jax.reporting.recipe import fingerprint, recipe
from scaling_jax.reporting.residuals import plot_predicted_vs_observed, plot_residuals
from scaling_jax.reporting.sections import Illustration, Section
from scaling_jax.reporting.starts import plot_starts
from scaling_jax.reporting.surface import plot_loss_vs_compute
from scaling_jax.reporting.verdict import findings, headline
from scaling_jax.runs.columns import CANONICAL
from scaling_jax.runs.sizes import format_size
from scaling_jax.tables import Table, format_number
from scaling_jax.uncertainty.draws import Draws

if TYPE_CHECKING:
    from scaling_jax.laws import Law

# The page may load nothing: what is not inside it is not shown.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write_report(
    path: str | os.PathLike[str],
    source: Fit | Draws,
    prediction: Prediction | None = None,
    *,
    title: str | None = None,
    sections: Sequence[Section] = (),
    command: str | None = None,
) -> None:
    """Write a report about a fit as one HTML file that needs no other.

    Nothing is written unless the whole report could be made.

    Args:
        path: The file to write.
        source: A fit, or its draws, which give the pictures bands.
        prediction: Predictions to report.
        title: Heading; law and runs by default.
        sections: Further sections, such as a plan or a backtest.
        command: The command line that made the fit, to show how to repeat it.

    Raises:
        ArtifactError: The file cannot be written.
    """
    page = report_html(source, prediction, title=title, sections=sections, command=command)
    write_atomically(path, page)


def report_html(
    source: Fit | Draws,
    prediction: Prediction | None = None,
    *,
    title: str | None = None,
    sections: Sequence[Section] = (),
    command: str | None = None,
) -> str:
    """Return the report of `write_report` as text."""
    draws = Draws.of(source)
    fit = draws.fit
    title = title or f"{fit.law.label} fitted to {fit.runs.source}"
    parts = [
        _opening(fit, prediction, title),
        _coefficients(draws).markup(),
        _predictions(prediction).markup() if prediction is not None else None,
        _pictures(draws).markup(),
        [section.markup() for section in sections],
        _warnings(fit, prediction).markup(),
        _data(fit).markup(),
        _method(fit, command).markup(),
        _citation(fit.law).markup(),
        element("footer", f"scaling_jax {version('scaling-jax')}, {datetime.now(UTC):%Y-%m-%d}"),
    ]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(_style_sheet())),
    )
    body = element("body", element("main", parts))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _style_sheet() -> str:
    return files("scaling_jax.reporting").joinpath("templates/report.css").read_text("utf-8")


# Sections


def _opening(fit: Fit, prediction: Prediction | None, title: str) -> Markup:
    found = findings(fit, prediction)
    output = fit.law.output
    unit = f" in {output.unit}" if output.unit else ""
    what = (
        f"The law {fit.law.label} predicts {words(output.column)}{unit}. It was fitted to "
        f"{len(fit.runs)} runs of {fit.runs.source}: {fit.criterion.describe()}."
    )
    items = [
        element(
            "li",
            element("span", finding.kind, class_="badge"),
            " ",
            finding.text,
            class_=finding.kind,
        )
        for finding in found
    ]
    return element(
        "header",
        element("h1", title),
        element("p", fit.law.formula, class_="formula") if fit.law.formula else None,
        element("p", headline(found), class_="headline"),
        element("ul", items, class_="verdict"),
        element("p", what),
    )


def _coefficients(draws: Draws) -> Section:
    fit = draws.fit
    summary = summarise(fit)
    measures = (
        ("objective", f"{fit.objective:.9g}"),
        ("R² of the residuals' scale", f"{fit.r_squared:.5f}"),
        ("relative gradient", f"{fit.gradient_norm:.0e}"),
        ("rank", f"{fit.rank} of {len(fit.law.free)}"),
        ("condition number", f"{fit.condition_number:.1e}"),
    )
    header, rows = summary.header, summary.rows
    text = (
        "Standard errors are the sandwich ones, which stay right where the noise is uneven, and in "
        "brackets those of the inverse Hessian. Both know the noise of the runs only, not whether "
        "the law is true."
    )
    if not np.all(np.isfinite(list(fit.standard_errors.values()))):
        hidden = ("std. error", "(hessian)")
        kept = [k for k, name in enumerate(header) if name not in hidden]
        header = tuple(header[k] for k in kept)
        rows = tuple(tuple(row[k] for k in kept) for row in rows)
        text = "There are no standard errors: these runs do not determine them."
    tables = [
        Table("Coefficients at the optimum", header, rows),
        Table("Measures of the fit", ("measure", "value"), measures),
    ]
    if draws.count > 1:
        tables.insert(1, draws.summary())
    return Section("Coefficients", text, tables)


def _predictions(prediction: Prediction) -> Section:
    shown = plot_prediction(prediction)
    caption = (
        "Predictions and the fitted runs; what is shaded, dashed or hollow is extrapolated, so it "
        "rests on the law and not on runs."
    )
    return Section(
        "Predictions", (), [prediction.table()], [Illustration(shown, caption, f"Plot. {caption}")]
    )


def _pictures(draws: Draws) -> Section:
    fit = draws.fit
    name = words(fit.law.output.column)
    pictures = [
        (
            plot_loss_vs_compute(draws),
            f"The runs (points) and the fitted law (lines): {name} against scale; dashed lines are "
            "extrapolated.",
        ),
        (
            plot_residuals(fit),
            "Residuals against each scale: a law that holds leaves a band around zero without a "
            "trend.",
        ),
        (
            plot_predicted_vs_observed(fit),
            f"Predicted against observed {name}: points on the line are predicted exactly.",
        ),
    ]
    if fit.starts is not None:
        caption = "Where every start ended: a long flat part at the left is a trustworthy optimum."
        pictures.append((plot_starts(fit), caption))
    figures = [Illustration(figure, caption, f"Plot. {caption}") for figure, caption in pictures]
    return Section("How well the law describes the runs", figures=figures)


def _warnings(fit: Fit, prediction: Prediction | None) -> Section:
    said = [*fit.warnings, *(prediction.warnings if prediction is not None else ())]
    if not said:
        return Section("Warnings", "None.")
    return Section("Warnings", [element("ol", [element("li", warning) for warning in said])])


def _data(fit: Fit) -> Section:
    rows = [
        (s.name, s.unit, _end(s.name, s.low), _end(s.name, s.high), s.distinct, s.meaning)
        for s in fit.runs.describe()
    ]
    header = ("column", "unit", "lowest", "highest", "distinct", "meaning")
    left_out = [f"Left out: {name}, because {reason}." for name, reason in fit.runs.left_out]
    text = f"{len(fit.runs)} runs of {fit.runs.source}."
    return Section(
        "The runs", [text, *left_out], [Table("Columns of the run table", header, tuple(rows))]
    )


def _end(column: str, value: float | str) -> str:
    known = CANONICAL.get(column)
    if isinstance(value, str):
        return value
    return format_size(value, 4) if known and known.counts else format_number(value)


def _method(fit: Fit, command: str | None) -> Section:
    versions = ", ".join(
        [f"Python {platform.python_version()}"]
        + [f"{name} {version(name)}" for name in ("scaling-jax", "jax", "jaxlib", "numpy")]
    )
    parts: list[str] = []
    if command:
        parts += ["On the command line:", element("pre", element("code", command))]
    parts += [
        "In Python:",
        element("pre", element("code", recipe(fit))),
        f"Made with {versions}. The columns of the law have the fingerprint {fingerprint(fit)} "
        "(SHA-256).",
    ]
    return Section("How to repeat this", parts)


def _citation(law: Law) -> Section:
    reference = law.reference
    parts: list[str] = []
    if str(reference):
        before, number, after = str(reference).partition(f"arXiv:{reference.arxiv}")
        address = f"https://arxiv.org/abs/{quote(reference.arxiv, safe='/.')}"
        link = element("a", number, href=address) if reference.arxiv else number
        parts.append(element("p", before, link, after))
    else:
        parts.append("The law gives no reference.")
    if not law.verified:
        parts.append(f"Unverified: {law.publication.doubt}")
    limits = law.publication.limits
    parts += [f"Where it fails: {limits}" if limits else ""]
    return Section("The law's source", parts)
