"""How a run scatters around its law: the density of a residual, and its random numbers.

A likelihood has noise coordinates, unbounded numbers with normal priors that NUTS samples beside
the law's own: the logarithm of the noise's size, the weight of its tails, how it grows with scale.
On the log scale (relative errors) the priors are the same for every data set; on the natural scale
residuals are divided by the output's own scale first, so they are the same there too.

    sigma_i^2 = (sigma * (x_i / x_ref)**growth)^2 + s_i^2

with x the column `growth` names and s_i the known noise of an evaluation, column `known`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.objectives import SCALES, Huber, Objective, Squared

_LOG_2PI = float(np.log(2.0 * np.pi))
Noise = Mapping[str, Any]


@dataclass(frozen=True)
class NoiseCoordinate:
    """An unbounded number that describes noise, with a normal prior.

    Attributes:
        name: Name of the noise parameter that it stands for.
        mean: Of the prior.
        sd: Of the prior.
        kind: ``"exp"``, ``"one_plus_exp"``, ``"logit"`` or ``"real"``: parameter from coordinate.
    """

    name: str
    mean: float
    sd: float
    kind: str = "exp"

    def value(self, x: Any) -> Any:
        """Return the noise parameter."""
        if self.kind == "exp":
            return jnp.exp(x)
        if self.kind == "one_plus_exp":
            return 1.0 + jnp.exp(x)
        return jax.nn.sigmoid(x) if self.kind == "logit" else x


# Relative noise of a run: 0.1 % to 10 % of the loss at two standard deviations.
_SIGMA = NoiseCoordinate("sigma", float(np.log(0.01)), 1.15)
_DF = NoiseCoordinate("df", float(np.log(4.0)), 1.0, "one_plus_exp")
_GROWTH = NoiseCoordinate("growth", 0.0, 0.2, "real")
_SHARE = NoiseCoordinate("outlier_share", -3.0, 1.0, "logit")
_BETWEEN = NoiseCoordinate("between", float(np.log(0.005)), 1.15)
_DISPERSION = NoiseCoordinate("concentration", float(np.log(100.0)), 2.0)


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """Base of the likelihoods of residuals; not used itself.

    Attributes:
        scale: ``"log"`` (relative errors) or ``"natural"``.
        growth: Column with whose logarithm the noise grows or shrinks; None: it does not.
        known: Column with the standard deviation of each observation's own evaluation noise, in the
            output's units; None: it is not known.
    """

    scale: str = "log"
    growth: str | None = None
    known: str | None = None

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise FitError(f"residual scale {self.scale!r} is unknown; use 'log' or 'natural'")

    @property
    def coordinates(self) -> tuple[NoiseCoordinate, ...]:
        """The noise coordinates, in the order that NUTS sees them."""
        return (*self._own(), *([_GROWTH] if self.growth else []))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it needs beside the law's."""
        return tuple(column for column in (self.growth, self.known) if column)

    @property
    def objective(self) -> Objective:
        """The objective whose optimum is where the sampling starts."""
        return Squared(scale=self.scale)

    def log_density(self, r: Any, noise: Noise, extra: Mapping[str, Any], weights: Any) -> Any:
        """Return the weighted log density of residuals ``[n]``.

        Args:
            r: Residuals, divided by the output's scale if they are on the natural scale ``[n]``.
            noise: Noise parameters.
            extra: ``growth``: log(x / x_ref), ``known``: standard deviations in the residuals'
                units, ``group``: index of the configuration ``[n]``, as far as they are used.
            weights: Weight of each run, 0 for padding ``[n]``.
        """
        return jnp.sum(weights * self._density(r, self.spread(noise, extra), noise))

    def spread(self, noise: Noise, extra: Mapping[str, Any]) -> Any:
        """Return the standard deviation (or scale) of every residual."""
        sigma = noise["sigma"]
        if self.growth:
            sigma = sigma * jnp.exp(noise["growth"] * extra["growth"])
        return jnp.hypot(sigma, extra["known"]) if self.known else sigma

    def sample(self, rng: np.random.Generator, spread: np.ndarray, noise: Noise) -> np.ndarray:
        """Return residuals of new runs in the shape of `spread`."""
        raise TypeError("use one of Gaussian, StudentT, HuberNoise")

    def describe(self) -> str:
        """Return the likelihood in words."""
        more = [f"noise grows with {self.growth}"] if self.growth else []
        more += [f"evaluation noise from {self.known}"] if self.known else []
        return ", ".join([f"{self.name} on the {self.scale} scale", *more])

    def _own(self) -> tuple[NoiseCoordinate, ...]:
        return (_SIGMA,)

    def _density(self, r: Any, spread: Any, noise: Noise) -> Any:
        raise TypeError("use one of Gaussian, StudentT, HuberNoise")


@dataclass(frozen=True, kw_only=True)
class Gaussian(Likelihood):
    """Normal residuals; on the log scale a log-normal output.

    Attributes:
        outliers: Whether a share of the runs has ten times the spread.
        repeats: Whether runs with equal inputs share a deviation from the law: the spread between
            configurations (`between`) is told from that between seeds (`sigma`).
    """

    outliers: bool = False
    repeats: bool = False

    name: ClassVar[str] = "gaussian"
    outlier_factor: ClassVar[float] = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.outliers and self.repeats:
            raise FitError("repeats and outliers exclude each other; choose one of them")

    def _own(self) -> tuple[NoiseCoordinate, ...]:
        more = [_SHARE] if self.outliers else [_BETWEEN] if self.repeats else []
        return (_SIGMA, *more)

    def _density(self, r: Any, spread: Any, noise: Noise) -> Any:
        inner = _normal(r, spread)
        if not self.outliers:
            return inner
        share = noise["outlier_share"]
        outer = _normal(r, self.outlier_factor * spread)
        return jnp.logaddexp(jnp.log1p(-share) + inner, jnp.log(share) + outer)

    def log_density(self, r: Any, noise: Noise, extra: Mapping[str, Any], weights: Any) -> Any:
        """Return the log density; with repeats, that of the groups' correlated residuals."""
        if not self.repeats:
            return super().log_density(r, noise, extra, weights)
        # A group's mean has the variance 1 / sum of precisions + between^2, and is independent of
        # the deviations from it, whose density is that of all residuals over that of the mean.
        spread = jnp.broadcast_to(self.spread(noise, extra), r.shape)
        precision = weights / spread**2

        def totals(values):
            return jax.ops.segment_sum(values, extra["group"], r.shape[0])

        total = totals(precision)
        used = total > 0.0
        safe = jnp.where(used, total, 1.0)
        mean = totals(precision * r) / safe
        within = jnp.sum(weights * _normal(r - mean[extra["group"]], spread))
        alone = jnp.sqrt(1.0 / safe)
        correction = _normal(mean, jnp.hypot(alone, noise["between"])) - _normal(0.0, alone)
        return within + jnp.sum(jnp.where(used, correction, 0.0))

    def sample(self, rng: np.random.Generator, spread: np.ndarray, noise: Noise) -> np.ndarray:
        """Return normal residuals, a share of them wider."""
        if self.outliers:
            wide = rng.random(spread.shape) < noise["outlier_share"]
            spread = np.where(wide, self.outlier_factor, 1.0) * spread
        if self.repeats:
            spread = np.hypot(spread, noise["between"])
        return spread * rng.standard_normal(spread.shape)


@dataclass(frozen=True, kw_only=True)
class StudentT(Likelihood):
    """Student-t residuals, whose degrees of freedom are inferred: outliers move nothing."""

    name: ClassVar[str] = "student_t"

    @property
    def objective(self) -> Objective:
        """A Huber penalty, whose optimum needs no scale to be known beforehand."""
        return (
            Huber(delta=1e-3, scale=self.scale) if self.scale == "log" else Squared(scale="natural")
        )

    def _own(self) -> tuple[NoiseCoordinate, ...]:
        return (_SIGMA, _DF)

    def _density(self, r: Any, spread: Any, noise: Noise) -> Any:
        df = noise["df"]
        normaliser = jax.lax.lgamma(0.5 * (df + 1.0)) - jax.lax.lgamma(0.5 * df)
        normaliser = normaliser - 0.5 * jnp.log(df * jnp.pi) - jnp.log(spread)
        return normaliser - 0.5 * (df + 1.0) * jnp.log1p((r / spread) ** 2 / df)

    def sample(self, rng: np.random.Generator, spread: np.ndarray, noise: Noise) -> np.ndarray:
        """Return Student-t residuals."""
        return spread * rng.standard_t(np.broadcast_to(noise["df"], spread.shape))


@dataclass(frozen=True, kw_only=True)
class HuberNoise(Likelihood):
    """The density whose negative logarithm is a Huber penalty: normal within, exponential tails.

    Attributes:
        delta: Where the tails begin, in units of the spread.
    """

    delta: float = 1.345

    name: ClassVar[str] = "huber"

    @property
    def _tails(self) -> tuple[float, float]:
        """Mass of the normal middle and of both tails, up to a common factor."""
        from math import erf

        middle = np.sqrt(2.0 * np.pi) * erf(self.delta / np.sqrt(2.0))
        return float(middle), float(2.0 * np.exp(-0.5 * self.delta**2) / self.delta)

    def _density(self, r: Any, spread: Any, noise: Noise) -> Any:
        size = jnp.abs(r) / spread
        inside = jnp.minimum(size, self.delta)
        return -inside * (size - 0.5 * inside) - jnp.log(spread) - float(np.log(sum(self._tails)))

    def sample(self, rng: np.random.Generator, spread: np.ndarray, noise: Noise) -> np.ndarray:
        """Return residuals: a normal cut at delta, or an exponential beyond it."""
        from scipy.stats import truncnorm

        middle, tails = self._tails
        within = truncnorm.rvs(-self.delta, self.delta, size=spread.shape, random_state=rng)
        beyond = self.delta + rng.exponential(1.0 / self.delta, spread.shape)
        beyond *= rng.choice([-1.0, 1.0], spread.shape)
        outside = rng.random(spread.shape) < tails / (middle + tails)
        return spread * np.where(outside, beyond, within)


@dataclass(frozen=True, kw_only=True)
class Counts(Likelihood):
    """Correct answers out of a number of attempts: binomial, or beta-binomial if overdispersed.

    The law predicts the share of correct answers. `scale` is not used.

    Attributes:
        attempts: Column with the number of attempts behind each share.
        overdispersed: Whether runs differ by more than chance: shares are then beta distributed
            around the law's with a concentration that is inferred.
    """

    attempts: str = "attempts"
    overdispersed: bool = False
    scale: str = "natural"

    name: ClassVar[str] = "counts"

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of attempts."""
        return (self.attempts,)

    def _own(self) -> tuple[NoiseCoordinate, ...]:
        return (_DISPERSION,) if self.overdispersed else ()

    def log_count_density(self, p: Any, correct: Any, attempts: Any, noise: Noise) -> Any:
        """Return the log probability of counts, without the binomial coefficient ``[n]``."""
        p = jnp.clip(p, _LEAST, 1.0 - _LEAST)
        wrong = attempts - correct
        if not self.overdispersed:
            return correct * jnp.log(p) + wrong * jnp.log1p(-p)
        a, b = p * noise["concentration"], (1.0 - p) * noise["concentration"]
        lgamma = jax.lax.lgamma

        def log_beta(a, b):
            return lgamma(a) + lgamma(b) - lgamma(a + b)

        return log_beta(a + correct, b + wrong) - log_beta(a, b)

    def sample_share(
        self, rng: np.random.Generator, p: np.ndarray, attempts: Any, noise: Noise
    ) -> np.ndarray:
        """Return shares of correct answers of new runs around the shares `p`."""
        p = np.clip(p, _LEAST, 1.0 - _LEAST)
        if self.overdispersed:
            p = rng.beta(p * noise["concentration"], (1.0 - p) * noise["concentration"])
        trials = np.broadcast_to(np.asarray(attempts), p.shape).astype(np.int64)
        return rng.binomial(trials, p) / trials

    def describe(self) -> str:
        """Return the likelihood in words."""
        kind = "beta-binomial" if self.overdispersed else "binomial"
        return f"{kind} counts of {self.attempts}"


_LEAST = 1e-9  # a share closer to 0 or 1 than this is not told from it

LIKELIHOODS: dict[str, Likelihood] = {
    "student_t": StudentT(),
    "lognormal": Gaussian(),
    "normal": Gaussian(scale="natural"),
    "huber": HuberNoise(),
    "outliers": Gaussian(outliers=True),
    "repeats": Gaussian(repeats=True),
    "binomial": Counts(),
    "beta_binomial": Counts(overdispersed=True),
}
"""Likelihoods by the name that `posterior` and the command line take."""


def resolve(likelihood: str | Likelihood) -> Likelihood:
    """Return a likelihood from itself or its name.

    Raises:
        FitError: Unknown name.
    """
    if isinstance(likelihood, Likelihood):
        return likelihood
    if likelihood not in LIKELIHOODS:
        hint = did_you_mean(likelihood, LIKELIHOODS)
        raise FitError(f"there is no likelihood {likelihood!r}; {hint}")
    return LIKELIHOODS[likelihood]


def _normal(r: Any, spread: Any) -> Any:
    return -0.5 * (r / spread) ** 2 - jnp.log(spread) - 0.5 * _LOG_2PI


__all__ = ["LIKELIHOODS", "Counts", "Gaussian", "HuberNoise", "Likelihood", "StudentT", "resolve"]
