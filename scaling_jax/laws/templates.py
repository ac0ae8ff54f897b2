"""Laws of the forms that many publications share, made with each publication's own letters.

A template registers a law whose coefficients carry the names that the publication prints, with the
units that follow from the form. What is not one of these forms is written out with `law`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError, did_you_mean, listing
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import INF, REAL_LINE, Parameter, Variable
from scaling_jax.laws.registry import Family, family, register

Column = str | Variable
FALLING = (-INF, 0.0)  # bounds of an exponent that carries its sign
RISING = (0.0, INF)


def power_law(
    name: str,
    formula: str,
    x: Column,
    y: Column,
    *,
    amplitude: str = "A",
    exponent: str = "alpha",
    floor: str | None = None,
    bounds: tuple[float, float] = REAL_LINE,
    start: tuple[float, float] | None = None,
) -> Law:
    """Register ``y = floor + amplitude * x**exponent``, the exponent with its sign.

    Args:
        name: Name of the publication.
        formula: The formula as printed.
        x: Input column.
        y: Output column.
        amplitude: Name of the amplitude.
        exponent: Name of the exponent.
        floor: Name of the irreducible part; None: there is none.
        bounds: Of the exponent; `FALLING` or `RISING` where the publication says so.
        start: Box of the exponent's starts.

    Example:
        >>> import scaling_jax as sj
        >>> deepseek = sj.laws.get("deepseek_bs").published("repository")
        >>> round(float(deepseek(compute_flops=1e20)) / 1e6, 3)
        1.017
    """
    return product_of_powers(
        name,
        formula,
        [x],
        y,
        amplitude=amplitude,
        exponents=[exponent],
        floor=floor,
        bounds=[bounds],
        starts=[start],
    )


def product_of_powers(
    name: str,
    formula: str,
    xs: Sequence[Column],
    y: Column,
    *,
    exponents: Sequence[str],
    amplitude: str = "A",
    floor: str | None = None,
    bounds: Sequence[tuple[float, float]] | None = None,
    starts: Sequence[tuple[float, float] | None] | None = None,
) -> Law:
    """Register ``y = floor + amplitude * x1**e1 * x2**e2 ...``, exponents with their signs."""
    return register(
        powers(
            name,
            formula,
            xs,
            y,
            exponents=exponents,
            amplitude=amplitude,
            floor=floor,
            bounds=bounds,
            starts=starts,
        )
    )


def powers(
    name: str,
    formula: str,
    xs: Sequence[Column],
    y: Column,
    *,
    exponents: Sequence[str],
    amplitude: str = "A",
    floor: str | None = None,
    bounds: Sequence[tuple[float, float]] | None = None,
    starts: Sequence[tuple[float, float] | None] | None = None,
    divided: bool = False,
) -> Law:
    """Return the law of `product_of_powers` without registering it, for a family's member.

    With `divided` it is ``amplitude / (x1**e1 * x2**e2 ...)``, exponents as positive numbers.
    """
    inputs, output = [_variable(x) for x in xs], _variable(y)
    bounds = bounds or [RISING if divided else REAL_LINE] * len(inputs)
    starts = starts or [None] * len(inputs)
    columns = [v.column for v in inputs]
    sign = -1.0 if divided else 1.0
    minus = "" if divided else "-"
    unit = " ".join(
        [output.column, *(f"* {c}**{minus}{e}" for c, e in zip(columns, exponents, strict=True))]
    )

    def function(**values: Any) -> jax.Array:
        terms = zip(columns, exponents, strict=True)
        log_product = sign * sum(values[e] * jnp.log(values[c]) for c, e in terms)
        value = values[amplitude] * jnp.exp(log_product)
        return value if floor is None else values[floor] + value

    slopes = [(c, sign * low, sign * high) for c, (low, high) in zip(columns, bounds, strict=True)]
    return Law(
        name=name,
        function=function,
        inputs=tuple(inputs),
        output=output,
        parameters=(
            *([Parameter(floor, "irreducible part", output.column)] if floor else []),
            Parameter(amplitude, "amplitude", unit),
            *(
                Parameter(e, f"exponent of {v.symbol}", bounds=b, start=s)
                for e, v, b, s in zip(exponents, inputs, bounds, starts, strict=True)
            ),
        ),
        formula=formula,
        decreasing=tuple(c for c, *ends in slopes if max(ends) <= 0.0),
        increasing=tuple(c for c, *ends in slopes if min(ends) >= 0.0),
    )


def alternatives(members: Mapping[str, Law], option: str = "output") -> Family:
    """Register a family whose one option chooses among laws that are written out.

    For publications that state several laws in one breath, such as the compute-optimal model size
    and the compute-optimal tokens.

    Args:
        members: Choice -> law, all under the publication's name; the first is the default.
        option: Name of the option.

    Example:
        >>> import scaling_jax as sj
        >>> sj.laws.get("chinchilla_approach1", output="tokens").output.column
        'tokens'
    """
    default = next(iter(members))
    name = members[default].name
    if other := {law.name for law in members.values()} - {name}:
        raise LawError(f"the members of {name} must share its name, not {listing(other)}")

    def make(**chosen: str) -> Law:
        if chosen[option] not in members:
            hint = did_you_mean(str(chosen[option]), members)
            raise LawError(f"{name} has no {option} {chosen[option]!r}; {hint}")
        return members[chosen[option]]

    kind = inspect.Parameter.KEYWORD_ONLY
    make.__signature__ = inspect.Signature(
        [inspect.Parameter(option, kind, default=default, annotation=str)]
    )
    return family(name)(make)


def scaled_power_law(
    name: str,
    formula: str,
    x: Column,
    y: Column,
    *,
    scale: str,
    exponent: str,
    floor: str | None = None,
    rising: bool = False,
    start: tuple[float, float] | None = None,
) -> Law:
    """Register ``y = floor + (scale / x)**exponent``, or ``(x / scale)**exponent`` if rising.

    Without a floor the law is evaluated as its logarithm, a straight line in log x.
    """
    x, y = _variable(x), _variable(y)
    sign = 1.0 if rising else -1.0

    def log_value(values: dict[str, Any]) -> jax.Array:
        return sign * values[exponent] * (jnp.log(values[x.column]) - jnp.log(values[scale]))

    def function(**values: Any) -> jax.Array:
        value = log_value(values)
        return value if floor is None else values[floor] + jnp.exp(value)

    unit = f"{x.column} * {y.column}**({-1 if rising else 1}/{exponent})"
    return register(
        Law(
            name=name,
            function=function,
            inputs=(x,),
            output=y,
            parameters=(
                *([Parameter(floor, "irreducible part", y.column)] if floor else []),
                Parameter(scale, f"scale of {x.symbol}", unit),
                Parameter(exponent, f"exponent of {x.symbol}", start=start),
            ),
            formula=formula,
            decreasing=() if rising else (x.column,),
            increasing=(x.column,) if rising else (),
            returns="natural" if floor else "log",
        )
    )


def sum_of_powers(
    name: str,
    formula: str,
    terms: Sequence[tuple[Column, str, str]],
    y: Column = "loss",
    *,
    floor: str = "E",
    floor_bounds: tuple[float, float] = RISING,
) -> Law:
    """Register ``y = floor + A / x1**alpha + B / x2**beta ...``, the form of Chinchilla.

    Args:
        name: Name of the publication.
        formula: The formula as printed.
        terms: (input column, name of the amplitude, name of the exponent) of each term.
        y: Output column.
        floor: Name of the irreducible part.
        floor_bounds: Of the irreducible part.
    """
    inputs, output = [_variable(x) for x, _, _ in terms], _variable(y)
    named = [(v.column, a, e) for v, (_, a, e) in zip(inputs, terms, strict=True)]

    def function(**values: Any) -> jax.Array:
        return values[floor] + sum(values[a] * power(values[c], -values[e]) for c, a, e in named)

    return register(
        Law(
            name=name,
            function=function,
            inputs=tuple(inputs),
            output=output,
            parameters=(
                Parameter(floor, "irreducible part", output.column, floor_bounds),
                *(
                    Parameter(a, f"amplitude of {c}", f"{output.column} * {c}**{e}")
                    for c, a, e in named
                ),
                *(Parameter(e, f"exponent of {c}") for c, _, e in named),
            ),
            formula=formula,
            decreasing=tuple(c for c, _, _ in named),
        )
    )


def logarithmic(
    name: str,
    formula: str,
    x: Column,
    y: Column,
    *,
    intercept: str,
    slope: str,
    falling: bool = False,
    log: Callable[[Any], jax.Array] = jnp.log,
) -> Law:
    """Register ``y = intercept + slope * log(x)``, or minus the slope if falling.

    The input is left as it is: the intercept absorbs a change of its unit, but not as a product
    of powers, so the law is fitted on raw numbers and its intercept may be any number.
    """
    x, y = _variable(x), _variable(y)
    sign = -1.0 if falling else 1.0

    def function(**values: Any) -> jax.Array:
        return values[intercept] + sign * values[slope] * log(values[x.column])

    return register(
        Law(
            name=name,
            function=function,
            inputs=(x,),
            output=y,
            parameters=(
                Parameter(intercept, f"value at {x.symbol} = 1", bounds=REAL_LINE),
                Parameter(slope, f"change with the logarithm of {x.symbol}", bounds=REAL_LINE),
            ),
            formula=formula,
        )
    )


def sigmoid(
    name: str,
    formula: str,
    x: Column,
    y: Column,
    *,
    low: str,
    height: str,
    steepness: str,
    centre: str,
    falling: bool = False,
) -> Law:
    """Register ``y = low + height / (1 + exp(-steepness * (x - centre)))``, mirrored if falling."""
    x, y = _variable(x), _variable(y)
    sign = -1.0 if falling else 1.0

    def function(**values: Any) -> jax.Array:
        steps = sign * values[steepness] * (values[x.column] - values[centre])
        return values[low] + values[height] * jax.nn.sigmoid(steps)

    return register(
        Law(
            name=name,
            function=function,
            inputs=(x,),
            output=y,
            parameters=(
                Parameter(low, "lower asymptote", bounds=REAL_LINE, start=(0.0, 0.5)),
                Parameter(height, "distance of the asymptotes", start=(0.3, 1.0)),
                Parameter(steepness, f"steepness in {x.symbol}", unit=f"1/{x.column}"),
                Parameter(centre, f"{x.symbol} half-way", unit=x.column, bounds=REAL_LINE),
            ),
            formula=formula,
            decreasing=(x.column,) if falling else (),
            increasing=() if falling else (x.column,),
        )
    )


def _variable(column: Column) -> Variable:
    return column if isinstance(column, Variable) else Variable(column)
