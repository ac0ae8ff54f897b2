"""What a law is made of: its columns, its coefficients, and what some laws need beside them."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scaling_jax.runs.columns import CANONICAL, FRACTION, POSITIVE

Values = Mapping[str, Any]
INF = math.inf
REAL_LINE = (-INF, INF)
SCALE = (sys.float_info.min, INF)  # positive, so that a logarithm exists
_DOMAINS = {POSITIVE: SCALE, FRACTION: (0.0, 1.0)}


@dataclass(frozen=True)
class Variable:
    """A measured quantity of a law: an input, or its output.

    Attributes:
        column: Name of the run-table column that holds it.
        symbol: Letter in the formula.
        meaning: One line; the canonical column's by default.
        unit: Unit in words; the canonical column's by default.
        usual: (low, high) that the publication covers; values outside earn a warning.
        bounds: Closed interval outside which the law is not defined; by default positive for a
            scale, 0 to 1 for a fraction, any number for a column of one's own.
    """

    column: str
    symbol: str = ""
    meaning: str = ""
    unit: str = ""
    usual: tuple[float, float] | None = None
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        known = CANONICAL.get(self.column)
        defaults = {"symbol": self.column, "bounds": REAL_LINE}
        if known is not None:
            defaults = {
                "symbol": known.symbol or self.column,
                "meaning": known.meaning,
                "unit": known.unit,
                "usual": known.usual,
                "bounds": _DOMAINS.get(known.kind, REAL_LINE),
            }
        for name, value in defaults.items():
            object.__setattr__(self, name, getattr(self, name) or value)

    @property
    def domain(self) -> tuple[float, float]:
        """The closed interval of values that the law is defined for."""
        return self.bounds or REAL_LINE

    @property
    def constraint(self) -> str:
        """The bounds as people write them: ``> 0``, ``>= 1``, ``0 .. 1`` or ``real``."""
        if self.domain == SCALE:
            return "> 0"
        return _constraint(self.domain, ">=", "<=")


@dataclass(frozen=True)
class Parameter:
    """A coefficient of a law.

    Attributes:
        name: Name in the formula and in every result.
        meaning: One line for people.
        unit: Product of powers of the law's columns, exponents in terms of other parameters:
            ``"loss * params**alpha"``. ``"1"``: dimensionless.
        bounds: Open interval the value lies in; positive by default.
        start: (low, high) of the box of starts, when columns are divided by their geometric
            means; by default chosen from the bounds and the unit. Starts are spread evenly in
            the logarithm of the distance to a bound, or in the value if there is none.
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
        return _constraint(self.bounds, ">", "<")


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
class Quantity:
    """What a law over whole runs takes of a point: a number or an array over its history.

    Attributes:
        name: Argument of the law's function.
        unit: Product of powers of the law's columns, as a parameter's unit.
        symbol: Letter in the formula.
        meaning: One line for people.
        history: Whether it is an array over the steps before the point, on the last axis.
    """

    name: str
    unit: str = "1"
    symbol: str = ""
    meaning: str = ""
    history: bool = False


@dataclass(frozen=True)
class Curve:
    """How a law over whole runs sums up what led to each of their points.

    What a schedule of learning rates has done up to a point is put into a few quantities that do
    not depend on the law's parameters; given those, the law is elementwise. So points are rows
    like any others.

    Attributes:
        columns: Input columns that the sums are taken over, with their points on the last axis.
        quantities: What the law's function takes in their place.
        sums: Pure JAX function ``sums(at, **columns)`` that returns every quantity for the points
            with the indices `at` ``[m]``: ``[..., m]``, or ``[..., m, history]``. No quantity may
            depend on later points.
        along: Column in whose order the rows of a run are its points.
        mass: The quantity with history that is zero where there is nothing to add.
    """

    columns: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    sums: Callable[..., dict[str, Any]]
    along: str = "step"
    mass: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the quantities."""
        return tuple(quantity.name for quantity in self.quantities)


def _constraint(bounds: tuple[float, float], above: str, below: str) -> str:
    low, high = bounds
    if math.isinf(low) and math.isinf(high):
        return "real"
    if math.isinf(high):
        return f"{above} {low:g}"
    if math.isinf(low):
        return f"{below} {high:g}"
    return f"{low:g} .. {high:g}"
