"""The registry of laws: `get`, `list`, and the decorator that writes a law in ten lines.

What is said of a built-in law in words is its publication of the same name, see
`scaling_jax.literature`; the arguments of the decorator for that are for laws of one's own.
"""

import builtins
import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.errors import LawError, did_you_mean, listing
from scaling_jax.laws.checks import check
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.parts import Anchor, Curve, Parameter, Variable
from scaling_jax.literature import Publication, Reference
from scaling_jax.literature import names as publications

_LAWS: dict[str, Law] = {}
_FAMILIES: "dict[str, Family]" = {}
_BUILT_IN: set[str] = set()


def law(
    name: str,
    formula: str,
    parameters: Iterable[Parameter],
    *,
    output: str | Variable = "loss",
    inputs: Mapping[str, str] | Iterable[Variable] = (),
    predicts: str = "",
    reference: Reference | None = None,
    fitting: str = "",
    notes: str = "",
    limits: str = "",
    decreasing: Iterable[str] = (),
    increasing: Iterable[str] = (),
    simplex: Iterable[str] = (),
    returns: str = "natural",
    anchor: Anchor | None = None,
    curve: Curve | None = None,
    estimates: str = "",
) -> Callable[[Callable[..., Any]], Law]:
    """Make a law of a function and register it under `name`.

    Args:
        name: Identifier; a built-in law's name is refused.
        formula: The formula as text, for people.
        parameters: The coefficients, keyword-only arguments of the function.
        output: The column it predicts.
        inputs: Column -> symbol, or variables; by default the function's positional
            arguments under their canonical symbols.
        predicts: The predicted quantity, and in which setting.
        reference: Where it was published.
        fitting: How the publication fitted it.
        notes: Conventions: how columns are counted, other parameterisations.
        limits: Where it fails, and what not to do with it.
        decreasing: Input columns in which the output falls.
        increasing: Input columns in which it rises.
        simplex: Input columns that are proportions and sum to one.
        returns: ``"log"`` if the function gives the logarithm of the prediction.
        anchor: Better coordinates than the units give, if any.
        curve: How a law over whole runs sums up their points; it needs `inputs`.
        estimates: Path of a TOML file of published estimates, see `Law.published`.

    Raises:
        LawError: The declaration does not fit the function, the function is not elementwise
            JAX, or the units are not those of the formula.

    Example:
        >>> import scaling_jax as sj
        >>> @sj.law(
        ...     name="power_with_floor",
        ...     formula="L = E + A / N**alpha",
        ...     parameters=[
        ...         sj.Parameter("E", "irreducible loss", unit="loss"),
        ...         sj.Parameter("A", "amplitude", unit="loss * params**alpha"),
        ...         sj.Parameter("alpha", "exponent"),
        ...     ],
        ... )
        ... def power_with_floor(params, *, E, A, alpha):
        ...     return E + A / params**alpha
        >>> float(power_with_floor(dict(E=1.0, A=8.0, alpha=0.5), dict(params=16.0)))
        3.0
    """

    def make(function: Callable[..., Any]) -> Law:
        own = Publication(
            name,
            reference=reference or Reference(),
            predicts=predicts,
            formula=formula,
            fitting=fitting,
            notes=notes,
            limits=limits,
        )
        return register(
            Law(
                name=name,
                function=function,
                inputs=_variables(function, inputs),
                output=Variable(output) if isinstance(output, str) else output,
                parameters=tuple(parameters),
                formula=formula,
                own=own if _BUILT_IN else None,
                decreasing=tuple(decreasing),
                increasing=tuple(increasing),
                simplex=tuple(simplex),
                returns=returns,
                anchor=anchor,
                curve=curve,
                estimates=estimates,
            )
        )

    return make


def register(law: Law) -> Law:
    """Register a law under its name and return it; a user's own law may be replaced.

    Raises:
        LawError: The name is a built-in law's, or the law does not pass `check`.
    """
    _refuse_built_in(law.name)
    if _BUILT_IN:  # the built-in laws are checked by the tests, not at every import
        check(law)
    _FAMILIES.pop(law.name, None)
    _LAWS[law.name] = law
    return law


@dataclass(frozen=True, eq=False)
class Family:
    """A law for each choice of options; the same options give the same (hashable) law."""

    name: str
    make: Callable[..., Law]

    def __post_init__(self) -> None:
        # typed: True and 1.0 are not a number of breaks, though they equal 1
        object.__setattr__(
            self, "_member", functools.lru_cache(maxsize=None, typed=True)(self._make)
        )

    def __call__(self, **options: Any) -> Law:
        """Return the member for these options, the others at their defaults."""
        known = inspect.signature(self.make).parameters
        for option in options:
            if option not in known:
                raise LawError(
                    f"{self.name} has no option {option!r}; {did_you_mean(option, known)}"
                )
        chosen = {name: _plain(options.get(name, option.default)) for name, option in known.items()}
        missing = [name for name, value in chosen.items() if value is inspect.Parameter.empty]
        if missing:
            raise LawError(f"{self.name} needs the option {listing(missing)}")
        try:
            return self._member(**chosen)  # type: ignore[attr-defined]
        except TypeError as error:
            raise LawError(f"{self.name} cannot be made with {chosen}: {error}") from None

    def _make(self, **options: Any) -> Law:
        member = self.make(**options)
        member = dataclasses.replace(member, name=self.name, options=tuple(options.items()))
        if self.name not in _BUILT_IN:
            check(member)
        return member


def family(name: str) -> Callable[[Callable[..., Law]], Family]:
    """Register a function that makes one law for each choice of its keyword options.

    Example:
        >>> import scaling_jax as sj
        >>> sj.laws.get("bnsl") is sj.laws.get("bnsl", breaks=1, x="tokens")
        True
    """

    def register_family(make: Callable[..., Law]) -> Family:
        _refuse_built_in(name)
        _LAWS.pop(name, None)
        _FAMILIES[name] = Family(name, make)
        return _FAMILIES[name]

    return register_family


def get(name: str, **options: Any) -> Law:
    """Return the law called `name`; options choose a member of a family.

    Raises:
        LawError: No such law, or no such option.

    Example:
        >>> import scaling_jax as sj
        >>> sj.laws.get("bnsl", breaks=2).free_names
        ('a', 'b', 'c0', 'c1', 'd1', 'f1', 'c2', 'd2', 'f2')
    """
    if name in _FAMILIES:
        return _FAMILIES[name](**options)
    if name not in _LAWS:
        raise LawError(f"there is no law {name!r}; {_instead(name)}")
    if options:
        raise LawError(f"{name} is a single law and takes no options; leave out {listing(options)}")
    return _LAWS[name]


def _instead(name: str) -> str:
    if name in publications():
        return (
            f"the publication of that name is a procedure or states a finding: see "
            f"sj.protocols.get({name!r}) or sj.literature.get({name!r})"
        )
    return did_you_mean(name, names())


def names() -> builtins.list[str]:
    """Return the names of all laws and families, sorted."""
    return sorted({**_LAWS, **_FAMILIES})


def list() -> builtins.list[Law]:  # noqa: A001 - the public name is sj.laws.list
    """Return every law (the default member of a family), sorted by name."""
    return [get(name) for name in names()]


def resolve(law: str | Law) -> Law:
    """Return a law from itself or its name."""
    return law if isinstance(law, Law) else get(law)


def close_built_in() -> None:
    """Mark everything registered so far as built in; called once by `scaling_jax.laws`."""
    _BUILT_IN.update(names())


def _refuse_built_in(name: str) -> None:
    if name in _BUILT_IN:
        raise LawError(f"{name!r} is a built-in law; choose another name")


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python number and a list as the tuple of the same member."""
    if isinstance(value, builtins.list):  # as options come out of JSON and TOML
        return tuple(value)
    return value.item() if isinstance(value, np.generic) else value


def _variables(function: Callable[..., Any], inputs: Any) -> tuple[Variable, ...]:
    if isinstance(inputs, Mapping):
        return tuple(Variable(column, symbol) for column, symbol in inputs.items())
    if given := tuple(inputs):
        return given
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    positional = [
        p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds
    ]
    return tuple(Variable(name) for name in positional)
