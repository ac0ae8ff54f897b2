"""What the command line shows of the atlas: lists, and one law, protocol or finding in full."""

import inspect
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scaling_jax.laws import Law
    from scaling_jax.laws.estimates import Estimate
    from scaling_jax.literature import Claim, Publication

UNVERIFIED = "unverified"
_CHECKS = {
    "source": "read in the source",
    "computed": "computed with public code or data",
    "recalled": f"recalled, {UNVERIFIED}",
}
_MARK = "bold yellow"
_DIGITS = 1e-6  # coefficients that differ less from the printed numbers are the same


# Lists


def by_subject(found: "list[Publication]") -> list[Any]:
    """Return the names, a paragraph a subject."""
    from rich.text import Text

    parts = []
    for subject, members in groupby(found, key=lambda said: said.subject):
        text = Text.assemble((f"{subject}\n", "bold"))
        for k, said in enumerate(members):
            text.append(", " if k else "")
            text.append(said.name + ("" if said.verified else "*"))
        parts.append(text)
    legend = f"* {UNVERIFIED}: the formula was recalled or inferred, not read in its source"
    more = "scaling-jax laws show NAME; scaling-jax laws list --subject S or --search WORDS"
    return [*parts, Text(f"{len(found)} in all; {legend}\n{more}", style="dim")]


def entries(found: "list[Publication]") -> list[Any]:
    """Return each with kind, formula, columns and reference."""
    return [_grid([(said.name, _entry(said)) for said in found])]


def _entry(said: "Publication") -> Any:
    from rich.text import Text

    mark = "" if said.verified else f"   {UNVERIFIED}"
    about = "   ".join(part for part in (kind(said.name), columns(said.name), _short(said)) if part)
    lines = [_formula(said) or said.predicts, "\n", (about, "dim"), (mark, _MARK)]
    return Text.assemble(*lines)


def kind(name: str) -> str:
    """Return what a publication is in code: law, family, protocol (or both), or finding."""
    from scaling_jax.atlas.text import kind as kind_of

    return kind_of(name)


def columns(name: str) -> str:
    """Return the columns of a law, ``params, tokens -> loss``."""
    from scaling_jax import laws

    if name not in laws.names():
        return ""
    law = laws.get(name)
    return f"{', '.join(law.input_names)} -> {law.output.column}"


# One of them in full


def law_parts(law: "Law") -> list[Any]:
    """Return everything that is known of a law, and of the protocol of its name."""
    parts = [_heading(law), _inputs(law), _parameters(law), _remarks(law.publication)]
    parts += [_estimates(law), _claims(law.publication), _protocol(law.name)]
    return [part for part in parts if part is not None]


def publication_parts(said: "Publication") -> list[Any]:
    """Return everything that is known of a protocol or a finding."""
    facts = {
        "kind": kind(said.name),
        "formula": said.formula,
        "predicts": said.predicts,
        "reference": _reference(said),
    }
    heading = _titled(said.name, _grid([(n, t) for n, t in facts.items() if t]))
    parts = [heading, _protocol(said.name), _remarks(said), _numbers_of(said), _claims(said)]
    return [part for part in parts if part is not None]


def _heading(law: "Law") -> Any:
    facts = {
        "formula": law.formula,
        "as printed": "" if _same(law) else law.publication.formula,
        "predicts": law.publication.predicts,
        "reference": _reference(law.publication),
    }
    if law.options:
        options = ", ".join(f"{name}={value}" for name, value in law.options)
        facts["options"] = f"{options} (change one with --option name=value)"
    return _titled(law.label, _grid([(name, text) for name, text in facts.items() if text]))


def _same(law: "Law") -> bool:
    return "".join(law.formula.split()) == "".join(law.publication.formula.split())


def _inputs(law: "Law") -> Any:
    from scaling_jax.tables import Table

    rows = [
        (v.symbol, v.column, v.constraint, v.unit, v.meaning) for v in (*law.inputs, law.output)
    ]
    return Table(
        "Inputs and, last, the output", ("symbol", "column", "values", "unit", "meaning"),
        tuple(rows),
    )  # fmt: skip


def _parameters(law: "Law") -> Any:
    from scaling_jax.tables import Table

    rows = [(p.name, p.constraint, "" if p.dimensionless else p.unit, p.meaning)
            for p in law.parameters]  # fmt: skip
    return Table("Parameters", ("name", "values", "unit", "meaning"), tuple(rows))


def _remarks(said: "Publication") -> Any:
    remarks = {
        "doubt": said.doubt,
        "how it was fitted": said.fitting,
        "optimum": said.optimum,
        "notes": said.notes,
        "pitfalls": said.limits,
    }
    found = [(name, text) for name, text in remarks.items() if text]
    return _grid(found) if found else None


def _estimates(law: "Law") -> Any:
    published = law.published()
    if not published:
        return None
    entries = [(name, _estimate(estimate, law)) for name, estimate in published.items()]
    return _titled("Published estimates, as printed", _grid(entries))


def _estimate(estimate: "Estimate", law: "Law") -> Any:
    from rich.text import Text

    remarks = [
        estimate.context,
        f"for {estimate.law.label}" if estimate.law != law else "",
        _facts(estimate.facts),
        _converted(estimate),
        f"does not give {', '.join(estimate.missing)}" if estimate.missing else "",
        _origin(estimate.where, estimate.link),
        estimate.notes,
    ]
    text = Text.assemble(
        _numbers(estimate), _check(estimate.verified), "\n",
        ("\n".join(part for part in remarks if part), "dim"),
    )  # fmt: skip
    return text


def _numbers(estimate: "Estimate") -> str:
    errors = estimate.standard_errors
    parts = [
        f"{name} {value:.10g}" + (f" +- {errors[name]:g}" if name in errors else "")
        for name, value in estimate.values.items()
    ]
    parts += [f"{name} {low:g} .. {high:g}" for name, (low, high) in estimate.ranges.items()]
    return ", ".join(parts) + (f"   ({estimate.units})" if estimate.units else "")


def _converted(estimate: "Estimate") -> str:
    """Return the coefficients that differ from the printed numbers, for raw columns."""
    printed = estimate.values
    differing = [
        f"{name} {value:.6g}"
        for name, value in estimate.params.items()
        if name not in printed or abs(value - printed[name]) > _DIGITS * abs(value)
    ]
    return f"for raw columns {', '.join(differing)}" if differing else ""


def _numbers_of(said: "Publication") -> Any:
    """Return the published numbers of a publication that has no law to take them."""
    from rich.text import Text

    from scaling_jax import literature

    entries = []
    for printed in literature.printed_estimates(said.name):
        numbers = ", ".join(f"{n} {v:.10g}" for n, v in printed.get("values", {}).items())
        units = f"   ({printed['units']})" if printed.get("units") else ""
        remarks = [
            printed.get("context", ""),
            _facts(printed.get("facts", {})),
            _origin(printed.get("where", ""), printed.get("link", "")),
            printed.get("notes", ""),
        ]
        text = Text.assemble(
            numbers + units, _check(printed.get("verified", "source")), "\n",
            ("\n".join(part for part in remarks if part), "dim"),
        )  # fmt: skip
        entries.append((printed["name"], text))
    return _titled("Published numbers", _grid(entries)) if entries else None


def _claims(said: "Publication") -> Any:
    from rich.text import Text

    if not said.claims:
        return None

    def line(claim: "Claim") -> Any:
        return Text.assemble(claim.text, _check(claim.verified), _linked(claim.link))

    return _titled("Claims", _grid([("-", line(claim)) for claim in said.claims]))


def _protocol(name: str) -> Any:
    """Return signature and docstring of the protocol of a publication, if it has one."""
    from rich.text import Text

    from scaling_jax import protocols

    if name not in protocols.names():
        return None
    function = protocols.get(name)
    call = f"{function.__name__}({', '.join(inspect.signature(function).parameters)})"
    text = f"{call}\n\n{inspect.getdoc(function) or ''}"
    return _titled(f'Protocol: sj.protocols.get("{name}")', Text(text))


def _check(verified: str) -> tuple[str, str]:
    return f"   [{_CHECKS[verified]}]", _MARK if verified == "recalled" else "dim"


def _facts(facts: Any) -> str:
    return "; ".join(f"{name}: {value}" for name, value in facts.items())


def _origin(where: str, link: str) -> str:
    return ", ".join(part for part in (where, link) if part)


def _linked(link: str) -> tuple[str, str]:
    return (f" {link}" if link else "", "dim")


def _formula(said: "Publication") -> str:
    from scaling_jax import laws

    return laws.get(said.name).formula if said.name in laws.names() else said.formula


def _reference(said: "Publication") -> str:
    return str(said.reference) + ("" if said.verified else f" ({UNVERIFIED})")


def _short(said: "Publication") -> str:
    where = said.reference
    year = f"({where.year})" if where.year else ""
    arxiv = f"arXiv:{where.arxiv}" if where.arxiv else ""
    return " ".join(part for part in (where.authors, year, arxiv) if part)


def _grid(rows: list[tuple[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, body in rows:
        grid.add_row(Text(name), Text(body) if isinstance(body, str) else body)
    return grid


def _titled(title: str, body: Any) -> Any:
    from rich.console import Group
    from rich.text import Text

    return Group(Text(title, style="bold"), body)


# Plain data


def described(said: "Publication") -> dict[str, Any]:
    """Return what a publication says as plain data; of a law, also what the code takes."""
    from scaling_jax import laws, literature

    if said.name in laws.names():
        return described_law(laws.get(said.name))
    return _said(said) | {"published": literature.printed_estimates(said.name)}


def described_law(law: "Law") -> dict[str, Any]:
    """Return what is known of a law as plain data."""
    return _said(law.publication) | {
        "name": law.name,
        "options": dict(law.options),
        "formula": law.formula,
        "inputs": [
            {"column": v.column, "symbol": v.symbol, "unit": v.unit, "meaning": v.meaning}
            for v in law.inputs
        ],
        "output": {"column": law.output.column, "unit": law.output.unit},
        "parameters": [
            {"name": p.name, "constraint": p.constraint, "unit": p.unit, "meaning": p.meaning}
            for p in law.parameters
        ],
        "published": [_published(estimate) for estimate in law.published().values()],
    }


def _said(said: "Publication") -> dict[str, Any]:
    return {
        "name": said.name,
        "kind": kind(said.name),
        "subject": said.subject,
        "formula": said.formula,
        "predicts": said.predicts,
        "reference": str(said.reference),
        "fitting": said.fitting,
        "optimum": said.optimum,
        "notes": said.notes,
        "limits": said.limits,
        "verified": said.verified,
        "doubt": said.doubt,
        "claims": [{"text": c.text, "verified": c.verified, "link": c.link} for c in said.claims],
    }


def _published(estimate: "Estimate") -> dict[str, Any]:
    return {
        "name": estimate.name,
        "law": estimate.law.label,
        "values": dict(estimate.values),
        "units": estimate.units,
        "params": estimate.params,
        "missing": list(estimate.missing),
        "standard_errors": dict(estimate.standard_errors),
        "ranges": {name: list(span) for name, span in estimate.ranges.items()},
        "facts": dict(estimate.facts),
        "context": estimate.context,
        "where": estimate.where,
        "link": estimate.link,
        "verified": estimate.verified,
        "notes": estimate.notes,
    }
