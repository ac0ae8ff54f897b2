"""Objectives: how a residual is formed, how it is penalised, how runs are added up.

With prediction f and observation y the residual is r = f - y on the natural scale and
r = log f - log y on the log scale. A penalty rho gives the objective sum_i w_i rho(r_i) or its
weighted mean. Sum or mean matters to optimisers with absolute stopping tolerances (the
published Chinchilla fit stopped early because the Huber losses were averaged), so it is part
of the objective and of every summary.

Each penalty states rho, its derivative psi, psi(r)/r (weights of iterative reweighting) and its
curvature rho''. A penalty with a kink has a `threshold`, the residual at which it leaves its
quadratic part; solvers start with a wider threshold and narrow it, which is how they reach the
optimum of a nearly absolute penalty.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from scaling_jax.errors import FitError, did_you_mean

SCALES = ("natural", "log")
REDUCTIONS = ("sum", "mean")


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Base of the penalties; not used itself.

    Attributes:
        scale: ``"log"`` or ``"natural"``: the scale of the residuals.
        reduction: ``"sum"`` or ``"mean"`` over runs, weighted by the runs' weights.
    """

    scale: str = "log"
    reduction: str = "sum"

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise FitError(f"residual scale {self.scale!r} is unknown; use 'log' or 'natural'")
        if self.reduction not in REDUCTIONS:
            raise FitError(f"reduction {self.reduction!r} is unknown; use 'sum' or 'mean'")
        for name in self.settings:
            value = getattr(self, name)
            if not 0.0 < value < float("inf"):
                raise FitError(f"{name} of the {self.name} penalty must be positive, not {value}")

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of the penalty's own numbers."""
        return ()

    @property
    def threshold(self) -> float | None:
        """Residual at which the penalty leaves its quadratic part; None if it never does."""
        return None

    def penalty(self, r: ArrayLike, threshold: Any = None) -> jax.Array:
        """Return rho(r); `threshold` replaces the penalty's own one."""
        raise TypeError("use one of Squared, Absolute, Huber, StudentT")

    def weight(self, r: ArrayLike, threshold: Any = None) -> jax.Array:
        """Return the weight of iterative reweighting, psi(r) / r; at zero its limit."""
        raise TypeError("use one of Squared, Absolute, Huber, StudentT")

    def curvature(self, r: ArrayLike, threshold: Any = None) -> jax.Array:
        """Return rho''(r)."""
        raise TypeError("use one of Squared, Absolute, Huber, StudentT")

    def residual(self, prediction: ArrayLike, observed: ArrayLike) -> jax.Array:
        """Return the residual of natural-scale predictions on the objective's scale."""
        if self.scale == "log":
            return jnp.log(prediction) - jnp.log(observed)
        return jnp.subtract(prediction, observed)

    def value(self, residuals: ArrayLike, weights: ArrayLike) -> jax.Array:
        """Return the objective of residuals ``[..., runs]`` with weights ``[runs]``."""
        total = jnp.sum(weights * self.penalty(residuals), axis=-1)
        return total / jnp.sum(weights) if self.reduction == "mean" else total

    def describe(self) -> str:
        """Return the objective in words, as summaries print it."""
        settings = ", ".join(f"{name} {getattr(self, name):g}" for name in self.settings)
        label = f"{self.name} ({settings})" if settings else self.name
        how = "summed" if self.reduction == "sum" else "averaged"
        return f"{label} on the {self.scale} scale, {how}"


@dataclass(frozen=True)
class Squared(Objective):
    """rho(r) = r**2 / 2.

    Example:
        >>> from scaling_jax import Squared
        >>> float(Squared().penalty(2.0))
        2.0
    """

    name: ClassVar[str] = "squared"

    def penalty(self, r, threshold=None):  # noqa: D102
        return 0.5 * r * r

    def weight(self, r, threshold=None):  # noqa: D102
        return jnp.ones_like(r)

    def curvature(self, r, threshold=None):  # noqa: D102
        return jnp.ones_like(r)


@dataclass(frozen=True)
class Huber(Objective):
    """rho(r) = r**2 / 2 within delta of zero, delta * (abs(r) - delta / 2) outside.

    Attributes:
        delta: Where the penalty turns linear, in units of the residual.

    Example:
        >>> from scaling_jax import Huber
        >>> float(Huber(delta=1.0).penalty(3.0))
        2.5
    """

    delta: float = 1e-3

    name: ClassVar[str] = "huber"

    @property
    def settings(self):  # noqa: D102
        return ("delta",)

    @property
    def threshold(self):  # noqa: D102
        return self.delta

    def penalty(self, r, threshold=None):  # noqa: D102
        d = self.delta if threshold is None else threshold
        inside = jnp.minimum(jnp.abs(r), d)
        return inside * (jnp.abs(r) - 0.5 * inside)

    def weight(self, r, threshold=None):  # noqa: D102
        d = self.delta if threshold is None else threshold
        return d / jnp.maximum(jnp.abs(r), d)

    def curvature(self, r, threshold=None):  # noqa: D102
        d = self.delta if threshold is None else threshold
        return (jnp.abs(r) <= d).astype(jnp.result_type(r))


@dataclass(frozen=True)
class Absolute(Objective):
    """rho(r) = abs(r): the median regression.

    Derivatives are those of the Huber penalty with the tiny delta `smoothing`, scaled to slope 1.
    """

    name: ClassVar[str] = "absolute"
    smoothing: ClassVar[float] = 1e-7

    @property
    def threshold(self):  # noqa: D102
        return self.smoothing

    def penalty(self, r, threshold=None):  # noqa: D102
        if threshold is None:
            return jnp.abs(r)
        inside = jnp.minimum(jnp.abs(r), threshold)
        return inside * (jnp.abs(r) - 0.5 * inside) / threshold

    def weight(self, r, threshold=None):  # noqa: D102
        return 1.0 / jnp.maximum(jnp.abs(r), self.smoothing if threshold is None else threshold)

    def curvature(self, r, threshold=None):  # noqa: D102
        d = self.smoothing if threshold is None else threshold
        return (jnp.abs(r) <= d) / d


@dataclass(frozen=True)
class StudentT(Objective):
    """rho(r) = (df + 1) / 2 * log(1 + (r / sigma)**2 / df), minus the log density up to a constant.

    Attributes:
        df: Degrees of freedom; small values forgive outliers.
        sigma: Scale of the residuals.
    """

    df: float = 4.0
    sigma: float = 0.01

    name: ClassVar[str] = "student_t"

    @property
    def settings(self):  # noqa: D102
        return ("df", "sigma")

    @property
    def threshold(self):  # noqa: D102
        return self.sigma

    def penalty(self, r, threshold=None):  # noqa: D102
        s = self.sigma if threshold is None else threshold
        return 0.5 * (self.df + 1.0) * jnp.log1p((r / s) ** 2 / self.df)

    def weight(self, r, threshold=None):  # noqa: D102
        s = self.sigma if threshold is None else threshold
        return (self.df + 1.0) / (self.df * s**2 + r**2)

    def curvature(self, r, threshold=None):  # noqa: D102
        s = self.sigma if threshold is None else threshold
        return (self.df + 1.0) * (self.df * s**2 - r**2) / (self.df * s**2 + r**2) ** 2


PENALTIES: dict[str, type[Objective]] = {
    penalty.name: penalty for penalty in (Squared, Absolute, Huber, StudentT)
}


def from_name(name: str, **settings: Any) -> Objective:
    """Return an objective from its name, as the command line and saved fits give it.

    Raises:
        FitError: Unknown name, or a setting the penalty does not have.

    Example:
        >>> from_name("huber", delta=1e-3, scale="log")
        Huber(scale='log', reduction='sum', delta=0.001)
    """
    if name not in PENALTIES:
        raise FitError(f"there is no objective {name!r}; {did_you_mean(name, PENALTIES)}")
    penalty = PENALTIES[name]
    known = [field.name for field in dataclasses.fields(penalty)]
    for setting in settings:
        if setting not in known:
            raise FitError(f"{name} has no setting {setting!r}; {did_you_mean(setting, known)}")
    return penalty(**settings)
