"""A law: a pure function of a run's inputs and the law's parameters, and what is known of it.

The function is written as the paper prints it, `f(params, tokens, *, E, A, alpha, ...)`. Each
parameter declares its *unit* as a product of powers of the law's own columns: the amplitude of
``A / params**alpha`` is in ``loss * params**alpha``. Units are what makes fitting scale-free.
In units of the data's own scale (geometric means), every amplitude is a contribution to the
loss at the centre of the data, so one start box, one prior and float32 serve every data set.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError, did_you_mean, listing
from scaling_jax.expressions import ExpressionError, log_monomial, names
from scaling_jax.runs.columns import CANONICAL

Values = Mapping[str, Any]
INF = math.inf


@dataclass(frozen=True)
class Variable:
    """A measured quantity of a law: an input, or its output.

    Attributes:
        column: Name of the run-table column that holds it.
        symbol: Letter in the formula.
        meaning: One line; the canonical column's by default.
        unit: Unit in words; the canonical column's by default.
        usual: (low, high) that the publication covers; values outside earn a warning.
    """

    column: str
    symbol: str = ""
    meaning: str = ""
    unit: str = ""
    usual: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        known = CANONICAL.get(self.column)
        if known is None:
            object.__setattr__(self, "symbol", self.symbol or self.column)
            return
        for name in ("symbol", "meaning", "unit", "usual"):
            object.__setattr__(self, name, getattr(self, name) or getattr(known, name))
        object.__setattr__(self, "symbol", self.symbol or self.column)


@dataclass(frozen=True)
class Parameter:
    """A coefficient of a law.

    Attributes:
        name: Name in the formula and in every result.
        meaning: One line for people.
        unit: Product of powers of the law's columns, exponents in terms of other parameters:
            ``"loss * params**alpha"``. ``"1"``: dimensionless.
        bounds: Open interval the value lies in; positive by default.
        start: (low, high) of the box of starts, in the data's own units; by default chosen from
            the bounds and the unit.
    """

    name: str
    meaning: str = ""
    unit: str = "1"
    bounds: tuple[float, float] = (0.0, INF)
    start: tuple[float, float] | None = None

    @property
    def dimensionless(self) -> bool:
        """Whether the value does not depend on the units of the data."""
        return self.unit == "1"

    @property
    def constraint(self) -> str:
        """The bounds as people write them."""
        low, high = self.bounds
        if math.isinf(low) and math.isinf(high):
            return "real"
        if math.isinf(high):
            return f"> {low:g}"
        if math.isinf(low):
            return f"< {high:g}"
        return f"{low:g} .. {high:g}"


@dataclass(frozen=True)
class Reference:
    """Where a law was published."""

    title: str = ""
    authors: str = ""
    year: int | None = None
    arxiv: str = ""
    where: str = ""

    def __str__(self) -> str:
        parts = [self.authors, f"({self.year})" if self.year else "", f"{self.title}."]
        text = " ".join(part for part in parts if part and part != ".")
        return " ".join(
            part for part in (text, f"arXiv:{self.arxiv}" if self.arxiv else "", self.where) if part
        )


@dataclass(frozen=True)
class Anchor:
    """Coordinates for laws whose units alone do not centre them (Farseer).

    Attributes:
        coordinates: The coordinates that starts are drawn in and steps are taken in.
        to_natural: (coordinates, logs of the reference scales) -> the law's parameters.
        from_natural: The inverse.
    """

    coordinates: tuple[Parameter, ...]
    to_natural: Callable[[Values, Values], dict[str, Any]]
    from_natural: Callable[[Values, Values], dict[str, Any]]


@dataclass(frozen=True)
class Law:
    """A scaling law: `law(theta, inputs)` is its prediction.

    Attributes:
        name: Identifier, unique in the registry.
        function: Pure JAX function `function(**inputs, **parameters)`, elementwise.
        inputs: The measured quantities it takes.
        output: What it predicts.
        parameters: Its coefficients, in the order of the formula.
        formula: The formula as text.
        reference: Where it was published.
        notes: What to watch out for.
        returns: ``"natural"``, or ``"log"`` if the function gives the logarithm.
        anchor: Better coordinates than the units give, if any.
        options: The choices that made this member of a family (number of breaks, ...).
        fixed: Parameters held at a value, see `fix`.
        tied: Parameters that equal another one, see `tie`.
        verified: False if the formula was recalled rather than read in the source.
    """

    name: str
    function: Callable[..., jax.Array]
    inputs: tuple[Variable, ...]
    output: Variable
    parameters: tuple[Parameter, ...]
    formula: str = ""
    reference: Reference = Reference()
    notes: str = ""
    returns: str = "natural"
    anchor: Anchor | None = None
    options: tuple[tuple[str, Any], ...] = ()
    fixed: tuple[tuple[str, float], ...] = ()
    tied: tuple[tuple[str, str], ...] = ()
    verified: bool = True

    def __post_init__(self) -> None:
        _check_declaration(self)

    # Prediction

    def __call__(self, theta: Values, inputs: Values) -> jax.Array:
        """Return the prediction.

        Args:
            theta: Value of each free parameter, scalars or arrays that broadcast.
            inputs: Value of each input column, arrays that broadcast with the parameters.

        Example:
            >>> import scaling_jax as sj
            >>> law = sj.laws.get("chinchilla")
            >>> theta = dict(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
            >>> round(float(law(theta, dict(params=70e9, tokens=1.4e12))), 3)
            1.937
        """
        value = self.function(**self._columns(inputs), **self.complete(theta))
        return jnp.exp(value) if self.returns == "log" else value

    def log(self, theta: Values, inputs: Values) -> jax.Array:
        """Return the natural logarithm of the prediction."""
        value = self.function(**self._columns(inputs), **self.complete(theta))
        return value if self.returns == "log" else jnp.log(value)

    def published(self, name: str | None = None):
        """Return the published estimates by name, or the one called `name`.

        Example:
            >>> import scaling_jax as sj
            >>> epoch = sj.laws.get("chinchilla").published("epoch")
            >>> round(float(epoch(params=70e9, tokens=1.4e12)), 3)
            1.976
        """
        from scaling_jax.laws.estimates import published

        found = published(self)
        if name is None:
            return found
        if name not in found:
            raise LawError(
                f"{self.name} has no published estimate {name!r}; {did_you_mean(name, found)}"
            )
        return found[name]

    # Parameters

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the input columns."""
        return tuple(variable.column for variable in self.inputs)

    @property
    def free(self) -> tuple[Parameter, ...]:
        """The parameters that a fit determines."""
        held = {name for name, _ in (*self.fixed, *self.tied)}
        return tuple(p for p in self.parameters if p.name not in held)

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the parameters that a fit determines."""
        return tuple(p.name for p in self.free)

    def fix(self, **values: float) -> "Law":
        """Return the law with some parameters held at a value.

        Example:
            >>> import scaling_jax as sj
            >>> sj.laws.get("chinchilla").fix(E=1.69).free_names
            ('A', 'B', 'alpha', 'beta')
        """
        self._check_known(values)
        for name, value in values.items():
            if not math.isfinite(value):
                raise LawError(f"{self.name} cannot hold {name} at {value}; give a finite number")
        fixed = dict(self.fixed) | {name: float(value) for name, value in values.items()}
        return dataclasses.replace(self, fixed=tuple(fixed.items()), anchor=None)

    def tie(self, **names_: str) -> "Law":
        """Return the law with some parameters equal to another one: `law.tie(beta="alpha")`."""
        self._check_known(names_)
        self._check_known(names_.values())
        tied = dict(self.tied) | names_
        return dataclasses.replace(self, tied=tuple(tied.items()), anchor=None)

    def complete(self, theta: Values) -> dict[str, Any]:
        """Return every parameter's value from the free ones, fixed and tied ones filled in."""
        known = {**theta, **dict(self.fixed)}
        for name, other in self.tied:
            known[name] = known.get(other)
        missing = [p.name for p in self.parameters if known.get(p.name) is None]
        if missing:
            raise LawError(
                f"{self.name} needs a value for {listing(missing)}; its parameters are "
                f"{listing(self.free_names)}"
            )
        return {p.name: known[p.name] for p in self.parameters}

    # Units

    @property
    def unit_columns(self) -> tuple[str, ...]:
        """The columns that appear in some parameter's unit: those whose scale is absorbed."""
        columns = (*self.input_names, self.output.column)
        used = {name for p in self.parameters for name in names(p.unit)}
        return tuple(column for column in columns if column in used)

    def log_units(self, theta: Values, logs: Values) -> dict[str, Any]:
        """Return the logarithm of every parameter's unit.

        Args:
            theta: Values of (at least) the dimensionless parameters.
            logs: Natural logarithm of the reference scale of each column of `unit_columns`.
        """
        return {p.name: log_monomial(p.unit, logs, theta) for p in self.parameters}

    def rescaled(self, theta: Values, logs: Values) -> dict[str, Any]:
        """Return parameters for raw columns from parameters for columns divided by a scale.

        Args:
            theta: Every parameter's value when each column is divided by its reference scale.
            logs: Natural logarithm of those scales.

        Example:
            >>> import math, scaling_jax as sj
            >>> law = sj.laws.get("chinchilla")  # published with N in millions, D in billions
            >>> theta = dict(E=1.9051, A=4.0005, B=1.0509, alpha=0.3511, beta=0.4587)
            >>> scales = dict(loss=0.0, params=math.log(1e6), tokens=math.log(1e9))
            >>> round(float(law.rescaled(theta, scales)["A"]), 1)
            511.4
        """
        units = self.log_units(theta, logs)
        return {p.name: theta[p.name] * jnp.exp(units[p.name]) for p in self.parameters}

    # Checks

    def _columns(self, inputs: Values) -> dict[str, Any]:
        missing = [name for name in self.input_names if name not in inputs]
        if missing:
            raise LawError(
                f"{self.name} needs {listing(missing)}; it takes {listing(self.input_names)}"
            )
        return {name: inputs[name] for name in self.input_names}

    def _check_known(self, given) -> None:
        known = [p.name for p in self.parameters]
        for name in given:
            if name not in known:
                raise LawError(f"{self.name} has no parameter {name!r}; {did_you_mean(name, known)}")


def _check_declaration(law: Law) -> None:
    """Refuse a law whose function, parameters and units do not fit together."""
    parameter_names = [p.name for p in law.parameters]
    columns = [*law.input_names, law.output.column]
    repeated = {n for n in columns + parameter_names if (columns + parameter_names).count(n) > 1}
    if repeated:
        raise LawError(f"{law.name} declares {listing(sorted(repeated))} twice; use distinct names")
    if law.returns not in ("natural", "log"):
        raise LawError(f"{law.name} says returns={law.returns!r}; use 'natural' or 'log'")
    try:
        inspect.signature(law.function).bind(**dict.fromkeys([*law.input_names, *parameter_names]))
    except TypeError as error:
        raise LawError(
            f"the function of {law.name} does not take its inputs {listing(law.input_names)} and "
            f"parameters {listing(parameter_names)}: {error}"
        ) from None
    dimensionless = dict.fromkeys((p.name for p in law.parameters if p.dimensionless), 1.0)
    for p in law.parameters:
        low, high = p.bounds
        if not low < high:
            raise LawError(f"{law.name}: the bounds of {p.name} are empty ({low:g} .. {high:g})")
        try:
            log_monomial(p.unit, dict.fromkeys(columns, 0.0), dimensionless)
        except ExpressionError as error:
            raise LawError(f"{law.name}: the unit of {p.name} is wrong: {error}") from None
        if not p.dimensionless and any(math.isfinite(b) and b != 0 for b in p.bounds):
            raise LawError(
                f"{law.name}: {p.name} has the unit {p.unit}, so it can be bounded at 0 only, "
                f"not {p.constraint}"
            )
    held = [name for name, _ in (*law.fixed, *law.tied)]
    circular = [other for _, other in law.tied if other in dict(law.tied)]
    if circular or len(set(held)) < len(held):
        raise LawError(f"{law.name}: each parameter can be fixed or tied once, to a free or fixed one")
