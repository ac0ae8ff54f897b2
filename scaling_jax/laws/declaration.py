"""A law: a pure function of a run's inputs and the law's parameters, and what is known of it.

The function is written as the paper prints it, `f(params, tokens, *, E, A, alpha, ...)`. Each
parameter declares its *unit* as a product of powers of the law's own columns: the amplitude of
``A / params**alpha`` is in ``loss * params**alpha``. Units are what makes fitting scale-free.
In units of the data's own scale (geometric means), every amplitude is a contribution to the
loss at the centre of the data, so one start box, one prior and float32 serve every data set.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import LawError, did_you_mean, listing
from scaling_jax.expressions import log_monomial, names
from scaling_jax.laws.consistency import check_declaration
from scaling_jax.laws.parts import Anchor, Curve, Parameter, Values, Variable
from scaling_jax.literature import Claim, Publication, Reference
from scaling_jax.literature import get as literature
from scaling_jax.literature import names as published_names

if TYPE_CHECKING:
    from scaling_jax.laws.estimates import Estimate

SIMPLEX_TOLERANCE = 1e-3  # published mixtures are rounded to three or four digits
PROPORTIONS = "proportions"  # all columns of a simplex as one array, domains on the last axis


@dataclass(frozen=True, repr=False)
class Law:
    """A scaling law: `law(theta, inputs)` is its prediction.

    Attributes:
        name: Identifier, unique in the registry.
        function: Pure JAX function `function(**arguments, **parameters)`, elementwise; its
            arguments are the inputs, or the quantities in place of the columns of a curve.
        inputs: The measured quantities it takes.
        output: What it predicts.
        parameters: Its coefficients, in the order of the formula.
        formula: The formula as text.
        own: What its author says of it in words; a built-in law has a `publication`.
        decreasing: Input columns in which the output falls over the law's usual domain.
        increasing: Input columns in which it rises.
        simplex: Input columns that are proportions and sum to one, see `law(theta, inputs)`.
        returns: ``"natural"``, or ``"log"`` if the function gives the logarithm.
        anchor: Better coordinates than the units give, if any.
        curve: How a law over whole runs sums up their points; None: rows are independent.
        estimates: Path of a TOML file of published estimates; built-in laws bring their own.
        options: The choices that made this member of a family (number of breaks, ...).
        fixed: Parameters held at a value, see `fix`.
        tied: Parameters that equal another one, see `tie`.
    """

    name: str
    function: Callable[..., jax.Array]
    inputs: tuple[Variable, ...]
    output: Variable
    parameters: tuple[Parameter, ...]
    formula: str = ""
    own: Publication | None = field(default=None, compare=False)
    decreasing: tuple[str, ...] = ()
    increasing: tuple[str, ...] = ()
    simplex: tuple[str, ...] = ()
    returns: str = "natural"
    anchor: Anchor | None = None
    curve: Curve | None = None
    estimates: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    fixed: tuple[tuple[str, float], ...] = ()
    tied: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_declaration(self)

    def __repr__(self) -> str:
        return f"<Law {self.label}: {self.formula or self.output.symbol}>"

    @property
    def label(self) -> str:
        """Name with the options and held parameters that tell it from its relatives.

        Example:
            >>> import scaling_jax as sj
            >>> sj.laws.get("bnsl", breaks=2).fix(a=0.0).label
            'bnsl(breaks=2, x=tokens, output=loss, a=0)'
        """
        held = {**dict(self.options), **{n: f"{v:g}" for n, v in self.fixed}, **dict(self.tied)}
        text = ", ".join(f"{name}={value}" for name, value in held.items())
        return f"{self.name}({text})" if text else self.name

    # What was published

    @property
    def publication(self) -> Publication:
        """The publication of the law's name, or what its author declared."""
        if self.own is not None or self.name not in published_names():
            return self.own or Publication(self.name, formula=self.formula)
        return literature(self.name)

    @property
    def reference(self) -> Reference:
        """Where it was published."""
        return self.publication.reference

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What it states, each with how that was checked."""
        return self.publication.claims

    @property
    def verified(self) -> bool:
        """False if the formula was recalled or inferred rather than read in the source."""
        return self.publication.verified

    # Prediction

    def __call__(self, theta: Values, inputs: Values, at: Any = None) -> jax.Array:
        """Return the prediction.

        Args:
            theta: Value of each free parameter, scalars or arrays that broadcast.
            inputs: Value of each input column, arrays that broadcast with the parameters. A law
                over whole runs takes the points of a run on the last axis.
            at: Indices of the points of a run where the prediction is wanted ``[m]``, or one
                index; all by default. For laws over whole runs only.

        Example:
            >>> import scaling_jax as sj
            >>> law = sj.laws.get("chinchilla")
            >>> theta = dict(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
            >>> round(float(law(theta, dict(params=70e9, tokens=1.4e12))), 3)
            1.937
        """
        value = self._evaluate(theta, inputs, at)
        return jnp.exp(value) if self.returns == "log" else value

    def log(self, theta: Values, inputs: Values, at: Any = None) -> jax.Array:
        """Return the natural logarithm of the prediction."""
        value = self._evaluate(theta, inputs, at)
        return value if self.returns == "log" else jnp.log(value)

    def check_inputs(self, inputs: Values) -> None:
        """Refuse inputs that are not finite or lie where the law is not defined.

        Args:
            inputs: Value of each input column, concrete numbers or arrays.

        Raises:
            LawError: Names the column, the first offending value and the law's constraint.

        Example:
            >>> import scaling_jax as sj
            >>> sj.laws.get("chinchilla").check_inputs(dict(params=70e9, tokens=-1.0))
            Traceback (most recent call last):
            scaling_jax.errors.LawError: chinchilla takes tokens > 0, not -1; correct the value
        """
        columns = self._columns(inputs)
        for variable in self.inputs:
            if isinstance(columns[variable.column], jax.core.Tracer):
                continue  # the value is not known while JAX traces
            values = np.asarray(columns[variable.column], np.float64).ravel()
            low, high = variable.domain
            bad = values[~(np.isfinite(values) & (low <= values) & (values <= high))]
            if bad.size:
                constraint = "finite" if variable.constraint == "real" else variable.constraint
                raise LawError(
                    f"{self.name} takes {variable.column} {constraint}, not {bad[0]:g}; "
                    "correct the value"
                )
        self._check_simplex(columns)
        self._check_order(columns)

    @overload
    def published(self, name: None = None) -> "dict[str, Estimate]": ...

    @overload
    def published(self, name: str) -> "Estimate": ...

    def published(self, name=None):
        """Return the published estimates by name, or the one called `name`.

        Example:
            >>> import scaling_jax as sj
            >>> epoch = sj.laws.get("chinchilla").published("epoch")
            >>> round(float(epoch(params=70e9, tokens=1.4e12)), 3)
            1.973
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
    def along(self) -> str:
        """The column in whose order the rows of a run are a curve; empty for elementwise laws."""
        return self.curve.along if self.curve else ""

    @property
    def argument_names(self) -> tuple[str, ...]:
        """What the function takes beside parameters: inputs, with quantities for a curve."""
        if self.curve is None:
            return self.input_names
        others = [name for name in self.input_names if name not in self.curve.columns]
        return (*self.curve.names, *others)

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
        bounds = {p.name: p for p in self.parameters}
        for name, value in values.items():
            low, high = bounds[name].bounds
            if not (math.isfinite(value) and low <= value <= high):
                raise LawError(
                    f"{self.name} cannot hold {name} at {value}; give a finite number, "
                    f"{bounds[name].constraint}"
                )
        fixed = dict(self.fixed) | {name: float(value) for name, value in values.items()}
        return dataclasses.replace(self, fixed=tuple(fixed.items()), anchor=None)

    def tie(self, **names_: str) -> "Law":
        """Return the law with some parameters equal to another one.

        Example:
            >>> import scaling_jax as sj
            >>> sj.laws.get("chinchilla").tie(beta="alpha").free_names
            ('E', 'A', 'B', 'alpha')
        """
        self._check_known(names_)
        self._check_known(names_.values())
        tied = dict(self.tied) | names_
        return dataclasses.replace(self, tied=tuple(tied.items()), anchor=None)

    def complete(self, theta: Values) -> dict[str, Any]:
        """Return every parameter's value from the free ones, fixed and tied ones filled in."""
        known = {name: _floating(value) for name, value in {**theta, **dict(self.fixed)}.items()}
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
            511.3
        """
        units = self.log_units(theta, logs)
        return {p.name: theta[p.name] * _exp(units[p.name]) for p in self.parameters}

    # Checks

    def of_arguments(self, theta: Values, arguments: Values) -> jax.Array:
        """Return the prediction from what the function takes, see `argument_names`."""
        value = jnp.asarray(self.function(**arguments, **self.complete(theta)))
        return jnp.exp(value) if self.returns == "log" else value

    def _evaluate(self, theta: Values, inputs: Values, at: Any = None) -> jax.Array:
        arguments = self.arguments(self._columns(inputs), at)
        return jnp.asarray(self.function(**arguments, **self.complete(theta)))

    def arguments(self, columns: Values, at: Any = None) -> dict[str, Any]:
        """Return what the function takes from input columns, see `argument_names`.

        Raises:
            LawError: Points were chosen of a law that has no curve, or the columns are no curve.
        """
        if self.curve is None:
            if at is not None:
                raise LawError(f"{self.name} is elementwise; choose points from its prediction")
            return dict(columns)
        names = self.input_names
        if max(jnp.ndim(columns[name]) for name in names) == 0:
            raise LawError(
                f"{self.name} takes whole runs; give {listing(self.curve.columns)} as arrays with "
                "the points of a run on the last axis"
            )
        arrays = dict(zip(names, jnp.broadcast_arrays(*(columns[n] for n in names)), strict=True))
        count = arrays[names[0]].shape[-1]
        points = jnp.arange(count) if at is None else jnp.asarray(at)
        points = jnp.where(points < 0, points + count, points)  # -1 is the last
        of_curve = {name: columns[name] for name in self.curve.columns}
        found = _sums(self.curve, jnp.atleast_1d(points), of_curve)
        found |= {n: arrays[n][..., jnp.atleast_1d(points)] for n in names if n not in of_curve}
        if jnp.ndim(points) > 0:
            return found
        history = {q.name for q in self.curve.quantities if q.history}
        return {n: x[..., 0, :] if n in history else x[..., 0] for n, x in found.items()}

    def _columns(self, inputs: Values) -> dict[str, Any]:
        inputs = self._unpacked(inputs)
        missing = [name for name in self.input_names if name not in inputs]
        if missing:
            raise LawError(
                f"{self.name} needs {listing(missing)}; it takes {listing(self.input_names)}"
            )
        return {name: _floating(inputs[name]) for name in self.input_names}

    def _check_simplex(self, columns: Values) -> None:
        """Refuse proportions that do not sum to one."""
        shares = [columns[name] for name in self.simplex]
        if not shares or any(isinstance(share, jax.core.Tracer) for share in shares):
            return
        totals = np.ravel(sum(np.asarray(share, np.float64) for share in shares))
        bad = totals[np.abs(totals - 1.0) > SIMPLEX_TOLERANCE]
        if bad.size:
            raise LawError(
                f"{self.name} takes proportions ({listing(self.simplex)}) that sum to one, not to "
                f"{bad[0]:g}; divide them by their sum"
            )

    def _check_order(self, columns: Values) -> None:
        """Refuse points of a run that are not in order."""
        points = columns.get(self.along)
        if points is None or isinstance(points, jax.core.Tracer) or np.ndim(points) == 0:
            return
        points = np.asarray(points, np.float64)
        points = points.reshape(-1, points.shape[-1])
        bad = np.argwhere(np.diff(points) <= 0.0)
        if len(bad):
            run, k = bad[0]
            raise LawError(
                f"{self.name} takes the points of a run in the order of {self.along}, but "
                f"{points[run, k + 1]:g} follows {points[run, k]:g}; sort them and drop copies"
            )

    def _unpacked(self, inputs: Values) -> Values:
        """Return the inputs with `PROPORTIONS` split into the columns of the simplex."""
        if not self.simplex or PROPORTIONS not in inputs:
            return inputs
        shares = _floating(inputs[PROPORTIONS])
        if jnp.ndim(shares) == 0 or jnp.shape(shares)[-1] != len(self.simplex):
            raise LawError(
                f"{self.name} mixes {len(self.simplex)} domains ({listing(self.simplex)}), but "
                f"{PROPORTIONS} has shape {jnp.shape(shares)}; put the domains on its last axis"
            )
        columns = {name: shares[..., k] for k, name in enumerate(self.simplex)}
        return {**columns, **{n: x for n, x in inputs.items() if n != PROPORTIONS}}

    def _check_known(self, given: Iterable[str]) -> None:
        known = [p.name for p in self.parameters]
        for name in given:
            if name not in known:
                raise LawError(
                    f"{self.name} has no parameter {name!r}; {did_you_mean(name, known)}"
                )


@functools.partial(jax.jit, static_argnums=0)
def _sums(curve: Curve, at: Any, columns: dict[str, Any]) -> dict[str, Any]:
    """Return the quantities of a curve, compiled as one program."""
    return curve.sums(at, **columns)


def _floating(value: Any) -> Any:
    """Return a number or array as floating point: 7e10 parameters overflow a 32-bit integer."""
    if isinstance(value, jax.Array):
        return value if jnp.issubdtype(value.dtype, jnp.inexact) else value.astype(float)
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return float(value)
    array = np.asarray(value)
    return array if np.issubdtype(array.dtype, np.inexact) else array.astype(np.float64)


def _exp(value: Any) -> Any:
    """Return the exponential in float64 for plain numbers, whatever JAX's default precision."""
    return jnp.exp(value) if isinstance(value, jax.Array) else np.exp(value)
