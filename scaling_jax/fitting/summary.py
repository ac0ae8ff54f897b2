"""The summary of a fit: coefficients first, then what speaks for and against them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_jax.tables import Table, format_number, sentence_list

if TYPE_CHECKING:
    from scaling_jax.fitting.fit import Fit

_STRONG_CORRELATION = 0.95


def summarise(fit: "Fit") -> Table:
    """Return the summary table of a fit."""
    law = fit.law
    sandwich, hessian = fit.errors("sandwich"), fit.errors("hessian")
    estimates = [(fit.params[n], sandwich[n], hessian[n]) for n in law.free_names]
    rows: list[tuple[Any, ...]] = [
        (p.name, *estimate, unit_text(p.unit), p.meaning)
        for p, estimate in zip(law.free, estimates, strict=True)
    ]
    rows += [(name, value, None, None, "", "held fixed") for name, value in law.fixed]
    rows += [(name, None, None, None, "", f"tied to {other}") for name, other in law.tied]
    return Table(
        title=f"{law.name}: {law.formula}",
        header=("parameter", "estimate", "std. error", "(hessian)", "unit", "meaning"),
        rows=tuple(rows),
        notes=(*_facts(fit), *_doubts(fit)),
    )


def unit_text(unit: str) -> str:
    """Return a unit for people; nothing for a number without one."""
    return "" if unit == "1" else unit


def _facts(fit: "Fit") -> tuple[str, ...]:
    agree = f"{fit.agreement:.0%} of the starts agree on it"
    if fit.starts is not None:
        agree = f"{fit.agreement:.0%} of {len(fit.starts)} starts agree on it"
    spread = float(np.std(fit.residuals))
    scale = "log " if fit.criterion.scale == "log" else ""
    return (
        "",
        f"runs        {len(fit.runs)} from {fit.runs.source}",
        f"objective   {fit.objective:.9g}   {fit.criterion.describe()}",
        f"optimum     {fit.status}, relative gradient {fit.gradient_norm:.0e}; {agree}",
        f"identified  {'yes' if fit.identified else 'NO'}: rank {fit.rank} of {len(fit.law.free)}, "
        f"condition number {fit.condition_number:.1e}",
        f"residuals   R2 {fit.r_squared:.5f}, standard deviation of {scale}"
        f"{fit.law.output.column} {format_number(spread, 3)}, "
        f"largest {format_number(float(np.max(np.abs(fit.residuals))), 3)}",
    )


def _doubts(fit: "Fit") -> tuple[str, ...]:
    lines = list(fit.warnings)
    pairs = _correlated(fit)
    if pairs:
        lines.append("strongly correlated: " + ", ".join(pairs))
    return ("", "warnings", *sentence_list(lines)) if lines else ()


def _correlated(fit: "Fit") -> list[str]:
    covariance = fit.covariance["sandwich"]
    if not np.all(np.isfinite(covariance)) or not np.all(np.diag(covariance) > 0.0):
        return []
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    names = fit.law.free_names
    return [
        f"{names[i]} and {names[j]} ({correlation[i, j]:+.3f})"
        for i in range(len(names))
        for j in range(i)
        if abs(correlation[i, j]) > _STRONG_CORRELATION
    ]
