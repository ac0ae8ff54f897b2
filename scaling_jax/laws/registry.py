"""The registry of laws: `get`, `list`, and the decorator that writes a law in ten lines."""

import builtins
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scaling_jax.errors import LawError, did_you_mean
from scaling_jax.laws.declaration import Anchor, Law, Parameter, Reference, Variable

_LAWS: dict[str, Law] = {}
_FAMILIES: dict[str, Callable[..., Law]] = {}
_BUILT_IN: set[str] = set()


def law(
    name: str,
    formula: str,
    parameters: Iterable[Parameter],
    *,
    output: str | Variable = "loss",
    inputs: Mapping[str, str] | Iterable[Variable] = (),
    reference: Reference = Reference(),
    notes: str = "",
    returns: str = "natural",
    anchor: Anchor | None = None,
    verified: bool = True,
) -> Callable[[Callable[..., Any]], Law]:
    """Make a law of a function and register it under `name`.

    Args:
        name: Identifier; a built-in law's name is refused.
        formula: The formula as text, for people.
        parameters: The coefficients, keyword-only arguments of the function.
        output: The column it predicts.
        inputs: Column -> symbol, or variables; by default the function's positional
            arguments under their canonical symbols.
        reference: Where it was published.
        notes: What to watch out for.
        returns: ``"log"`` if the function gives the logarithm of the prediction.
        anchor: Better coordinates than the units give, if any.
        verified: False if the formula was recalled rather than read.

    Raises:
        LawError: The declaration does not fit the function.

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
        return register(
            Law(
                name=name,
                function=function,
                inputs=_variables(function, inputs),
                output=Variable(output) if isinstance(output, str) else output,
                parameters=tuple(parameters),
                formula=formula,
                reference=reference,
                notes=notes,
                returns=returns,
                anchor=anchor,
                verified=verified,
            )
        )

    return make


def register(law: Law) -> Law:
    """Register a law under its name and return it; a user's own law may be replaced."""
    if law.name in _BUILT_IN:
        raise LawError(f"{law.name!r} is a built-in law; choose another name")
    _LAWS[law.name] = law
    return law


def family(name: str) -> Callable[[Callable[..., Law]], Callable[..., Law]]:
    """Register a function that makes one law for each choice of its keyword options.

    Members are made once, so that the same options give the same (hashable) law.
    """

    def register_family(make: Callable[..., Law]) -> Callable[..., Law]:
        if name in _BUILT_IN:
            raise LawError(f"{name!r} is a built-in law; choose another name")
        member = functools.lru_cache(maxsize=None)(make)
        _FAMILIES[name] = member
        return member

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
        make = _FAMILIES[name]
        known = inspect.signature(make).parameters
        for option in options:
            if option not in known:
                raise LawError(f"{name} has no option {option!r}; {did_you_mean(option, known)}")
        return make(**options)
    if name not in _LAWS:
        raise LawError(f"there is no law {name!r}; {did_you_mean(name, builtins.list(names()))}")
    if options:
        raise LawError(f"{name} is a single law and takes no options, not {', '.join(options)}")
    return _LAWS[name]


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


def _variables(function: Callable[..., Any], inputs: Any) -> tuple[Variable, ...]:
    if isinstance(inputs, Mapping):
        return tuple(Variable(column, symbol) for column, symbol in inputs.items())
    if given := tuple(inputs):
        return given
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    positional = [p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds]
    return tuple(Variable(name) for name in positional)
