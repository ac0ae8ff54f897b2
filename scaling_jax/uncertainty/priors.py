"""Priors of a law's parameters: weakly informative by default, scale-free, or from the literature.

By default a parameter's prior follows from its declaration. In units of the data's own scale the
box of starts holds what published laws take, so the prior of the coordinate z (the logarithm of a
positive parameter, the logit of a bounded one) is normal with the box as its central 90 %:

    z ~ Normal(centre of the box, half its width / 1.645)

An exponent's box is 0.05 to 1.5; an amplitude's is 1 % to all of the loss at the centre of the
data. A prior given by the user is a NumPyro distribution of the parameter itself, as the paper
prints it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.expressions import names
from scaling_jax.fitting.coordinates import Coordinates, constrain, unconstrain
from scaling_jax.laws import Law, Parameter
from scaling_jax.laws import list as all_laws
from scaling_jax.tables import Table, format_number

_TAILS = 1.645  # standard deviations on each side that hold 90 % of a normal distribution
_WIDEN = 1.5  # factor on the spread of publications: a new setting differs more than they do
_IQR = 1.349  # interquartile range of a normal distribution in standard deviations
_FEW = 4  # fewer publications than this make no prior


@dataclass(frozen=True)
class Priors:
    """The prior of every free parameter of a law.

    Attributes:
        law: The law.
        mean: Mean of each coordinate z ``[free]``.
        sd: Standard deviation of each coordinate ``[free]``.
        given: NumPyro distributions of parameters in natural units, in place of the normals.
        source: Where each one comes from, in words.
    """

    law: Law
    mean: np.ndarray
    sd: np.ndarray
    given: Mapping[str, Any]
    source: Mapping[str, str]

    def table(self) -> Table:
        """Return the priors as a table: median and central 90 % in units of the data's scale."""
        rows = []
        for k, parameter in enumerate(Coordinates(self.law).free):
            if parameter.name in self.given:
                rows.append((parameter.name, str(self.given[parameter.name]), "", ""))
                continue
            ends = self.mean[k] + self.sd[k] * np.array([-_TAILS, 0.0, _TAILS])
            low, middle, high = (float(_natural(parameter, end)) for end in ends)
            interval = f"{format_number(low, 3)} .. {format_number(high, 3)}"
            rows.append(
                (parameter.name, format_number(middle, 3), interval, self.source[parameter.name])
            )
        return Table(
            f"Priors of {self.law.label}, in units of the data's scale",
            ("parameter", "median", "90 %", "from"),
            tuple(rows),
        )


def make_priors(law: Law, priors: str | Mapping[str, Any] | None, logs: Mapping[str, float]):
    """Return the priors that `posterior` was asked for.

    Args:
        law: The law.
        priors: None or ``"weak"``, ``"literature"``, or NumPyro distributions by parameter; a
            dictionary may have ``"literature"`` under the key ``"default"``.
        logs: Logarithms of the reference scales of the columns.

    Raises:
        FitError: Unknown name or parameter.
    """
    given = dict(priors) if isinstance(priors, Mapping) else {}
    base = given.pop("default", "weak") if isinstance(priors, Mapping) else priors or "weak"
    if base not in ("weak", "literature"):
        raise FitError(
            f"priors={base!r} is unknown; use 'weak', 'literature' or a dictionary of NumPyro "
            "distributions"
        )
    free = Coordinates(law).free
    _check_given(law, given, [p.name for p in free])
    low, high = Coordinates(law).box()
    mean, sd = 0.5 * (low + high), 0.5 * (high - low) / _TAILS
    source = dict.fromkeys((p.name for p in free), "the law's declaration")
    if base == "literature":
        for k, parameter in enumerate(free):
            found = _published_coordinates(law, parameter, logs)
            if len(found) >= _FEW:
                near, mean[k], far = np.quantile(found, [0.25, 0.5, 0.75])
                sd[k] = _WIDEN * (far - near) / _IQR
                source[parameter.name] = f"{len(found)} publications"
    return Priors(law, mean, sd, given, source)


def _check_given(law: Law, given: Mapping[str, Any], known: list[str]) -> None:
    if given and law.anchor:
        raise FitError(
            f"{law.name} is sampled in coordinates of its own, so it takes no priors of single "
            "parameters; use priors='weak'"
        )
    for name, distribution in given.items():
        if name not in known:
            raise FitError(f"{law.name} has no parameter {name!r}; {did_you_mean(name, known)}")
        if not callable(getattr(distribution, "log_prob", None)):
            raise FitError(
                f"the prior of {name} must be a NumPyro distribution, not {distribution!r}"
            )


def role(law: Law, parameter: Parameter) -> tuple[str, ...] | None:
    """Return what a parameter is to its law, comparable between laws; None if only to its own.

    An exponent is one of the column whose power it is, in an amplitude's unit; a parameter in the
    output's own unit is the irreducible part.

    Example:
        >>> import scaling_jax as sj
        >>> from scaling_jax.uncertainty.priors import role
        >>> law = sj.laws.get("chinchilla")
        >>> [role(law, p) for p in law.parameters][::3]
        [('irreducible', 'loss'), ('exponent', 'params', 'loss')]
    """
    output = law.output.column
    if parameter.unit == output and "irreducible" in parameter.meaning:
        return ("irreducible", output)
    if not parameter.dimensionless:
        return None
    for other in law.parameters:
        columns = [n for n in names(other.unit) if n in law.input_names]
        exponents = [n for n in names(other.unit) if n == parameter.name]
        if exponents and len(columns) == 1 and other.unit.startswith(f"{output} *"):
            return ("exponent", columns[0], output)
    return None


def _published_coordinates(law: Law, parameter: Parameter, logs: Mapping[str, float]) -> np.ndarray:
    """Return z of the parameter's role in every publication: the median of its estimates."""
    wanted = role(law, parameter)
    if wanted is None:
        return np.array([])
    scale = float(np.exp(logs[law.output.column])) if wanted[0] == "irreducible" else 1.0
    found = []
    for other in all_laws():
        values = [abs(v) / scale for v in _values_in_role(other, wanted)]
        coordinates = [z for z in (_coordinate(parameter, v) for v in values) if z is not None]
        found += [float(np.median(coordinates))] if coordinates else []
    return np.array(found)


def _values_in_role(law: Law, wanted: tuple[str, ...]) -> list[float]:
    return [
        estimate.params[parameter.name]
        for estimate in law.published().values()
        for parameter in estimate.law.parameters
        if parameter.name in estimate.params and role(estimate.law, parameter) == wanted
    ]


def _coordinate(parameter: Parameter, value: float) -> float | None:
    low, high = parameter.bounds
    if not low < value < high:
        return None
    return float(unconstrain(parameter, np.float64(value), np))


def _natural(parameter: Parameter, z: float) -> Any:
    with jax.enable_x64(True):
        return constrain(parameter, jnp.asarray(z))
