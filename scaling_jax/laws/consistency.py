"""Refusals of a law whose declaration does not fit together: names, bounds, units as text.

`checks` evaluates a law; this looks only at what was written down, so every law is checked as it
is made.
"""

import inspect
import math
from typing import TYPE_CHECKING

from scaling_jax.errors import LawError, listing
from scaling_jax.expressions import log_monomial
from scaling_jax.laws.parts import Parameter

if TYPE_CHECKING:
    from scaling_jax.laws.declaration import Law


def check_declaration(law: "Law") -> None:
    """Refuse a law whose function, parameters and units do not fit together."""
    if law.returns not in ("natural", "log"):
        raise LawError(f"{law.name} says returns={law.returns!r}; use 'natural' or 'log'")
    _check_names(law)
    for parameter in law.parameters:
        _check_bounds(law, parameter)
        _check_unit(law, parameter)
    held = [name for name, _ in (*law.fixed, *law.tied)]
    circular = [other for _, other in law.tied if other in dict(law.tied)]
    if circular or len(set(held)) < len(held):
        raise LawError(
            f"{law.name}: each parameter can be fixed or tied once, to a free or fixed one"
        )


def _check_names(law: "Law") -> None:
    parameters = [p.name for p in law.parameters]
    everything = [*law.input_names, law.output.column, *parameters]
    repeated = {name for name in everything if everything.count(name) > 1}
    if repeated:
        raise LawError(f"{law.name} declares {listing(sorted(repeated))} twice; use distinct names")
    try:
        inspect.signature(law.function).bind(**dict.fromkeys([*law.argument_names, *parameters]))
    except TypeError as error:
        raise LawError(
            f"the function of {law.name} does not take its inputs {listing(law.argument_names)} "
            f"and parameters {listing(parameters)}: {error}"
        ) from None


def _check_bounds(law: "Law", parameter: Parameter) -> None:
    low, high = parameter.bounds
    if not low < high:
        raise LawError(
            f"{law.name}: the bounds of {parameter.name} are empty ({low:g} .. {high:g})"
        )
    if not parameter.dimensionless and any(math.isfinite(b) and b != 0 for b in (low, high)):
        raise LawError(
            f"{law.name}: {parameter.name} has the unit {parameter.unit}, so it can be bounded at "
            f"0 only, not {parameter.constraint}"
        )
    if parameter.start is None:
        return
    first, last = parameter.start
    if not (low <= first < last <= high and math.isfinite(first) and math.isfinite(last)):
        raise LawError(
            f"{law.name}: the starts of {parameter.name}, {first:g} .. {last:g}, are not a finite "
            f"interval within its bounds, {parameter.constraint}"
        )


def _check_unit(law: "Law", parameter: Parameter) -> None:
    """Refuse a unit that is no product of powers of the columns with dimensionless exponents."""
    columns = dict.fromkeys((*law.input_names, law.output.column), 0.0)
    # Distinct values, so that an exponent such as 1/(alpha - beta) is not divided by zero.
    exponents = {p.name: 1.0 + 0.1 * k for k, p in enumerate(law.parameters) if p.dimensionless}
    try:
        log_monomial(parameter.unit, columns, exponents)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise LawError(f"{law.name}: the unit of {parameter.name} is wrong: {error}") from None
