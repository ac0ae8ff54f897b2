"""The density that a posterior is: prior times likelihood in unbounded coordinates.

    x = (z, eta)    z: the law's scale-free coordinates, eta: the likelihood's noise coordinates
    v               x with amplitudes as they are instead of their logarithms
    w               v = peak + factor w: centred at the mode and whitened by its curvature

A law is linear in its amplitudes, so where runs determine their sum and not each one, the posterior
is a straight ridge in v and a bent one in their logarithms, which a sampler follows badly. Only
near zero, below `_KNEE` of the output, v is logarithmic and keeps amplitudes positive.

A `Model` is static and hashable; everything that differs between data sets is `ModelData`, so one
compiled sampler serves all tables of similar length, one by one or side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.fitting.coordinates import Coordinates, constrain, is_linear
from scaling_jax.fitting.problem import Problem
from scaling_jax.fitting.solver import row_residual
from scaling_jax.laws import Law
from scaling_jax.runs import RunTable
from scaling_jax.uncertainty.likelihoods import Counts, Likelihood
from scaling_jax.uncertainty.priors import Priors

_LOG_2PI = float(np.log(2.0 * np.pi))
_KNEE = 0.03  # share of the output below which an amplitude is sampled as its logarithm
_TINY = 1e-300


class ModelData(NamedTuple):
    """The arrays of one posterior.

    Attributes:
        rows: Reduced inputs and observed output ``[n, k]``, padded.
        weights: Weight of each row, 0 for padding ``[n]``.
        logs: Logarithms of the columns' reference scales.
        extra: What the likelihood needs beside residuals, arrays ``[n]``, and what groups do.
        mean: Prior mean of z and eta ``[dimensions]``.
        sd: Prior standard deviation ``[dimensions]``.
        given: NumPyro distributions of parameters in natural units.
        centre: Where w = 0 lies ``[dimensions]``.
        factor: Derivative of x by w ``[dimensions, dimensions]``.
    """

    rows: Any
    weights: Any
    logs: dict[str, Any]
    extra: dict[str, Any]
    mean: Any
    sd: Any
    given: dict[str, Any]
    centre: Any
    factor: Any


@dataclass(frozen=True)
class Model:
    """Law and likelihood; `model(w, data)` is the log density of the posterior."""

    law: Law
    likelihood: Likelihood
    given: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates x: the law's, then the noise's."""
        return (
            *(p.name for p in Coordinates(self.law).free),
            *(c.name for c in self.likelihood.coordinates),
        )

    def __call__(self, w: jax.Array, data: ModelData) -> jax.Array:
        """Return the log density at the whitened position, up to a constant."""
        return self.sampled_density(data.centre + data.factor @ w, data)

    @property
    def straightened(self) -> tuple[bool, ...]:
        """Whether v is the amplitude itself, for each coordinate of x."""
        output = self.law.output.column
        law = (
            p.bounds == (0.0, np.inf) and is_linear(p, output) and self.law.anchor is None
            for p in Coordinates(self.law).free
        )
        return (*law, *(False for _ in self.likelihood.coordinates))

    def to_x(self, v: jax.Array, data: ModelData) -> jax.Array:
        """Return x from v ``[..., coordinates]``."""
        flags = np.array(self.straightened)
        amplitude = jnp.where(flags, v, 1.0)  # others may be so low that derivatives are not finite
        log_amplitude = jnp.log(_KNEE * jax.nn.softplus(amplitude / _KNEE) + _TINY)
        return jnp.where(flags, log_amplitude, v)

    def from_x(self, x: jax.Array, data: ModelData) -> jax.Array:
        """Return v from x; the inverse of `to_x`."""
        share = jnp.exp(jnp.where(np.array(self.straightened), x, 0.0)) / _KNEE
        amplitude = _KNEE * (share + jnp.log(-jnp.expm1(-share)))
        return jnp.where(np.array(self.straightened), amplitude, x)

    def sampled_density(self, v: jax.Array, data: ModelData) -> jax.Array:
        """Return the log density of v."""
        flags = np.array(self.straightened)
        x = self.to_x(v, data)
        log_slope = jax.nn.log_sigmoid(v / _KNEE) - x  # of x by v
        total = self.log_density(x, data) + jnp.sum(jnp.where(flags, log_slope, 0.0))
        return jnp.where(jnp.isnan(total), -jnp.inf, total)

    def log_density(self, x: jax.Array, data: ModelData) -> jax.Array:
        """Return the log density of x; minus infinity where the law is not finite."""
        total = self.log_prior(x, data) + self.log_likelihood(x, data)
        return jnp.where(jnp.isnan(total), -jnp.inf, total)

    def log_prior(self, x: jax.Array, data: ModelData) -> jax.Array:
        """Return the log prior density of x."""
        normal = -0.5 * ((x - data.mean) / data.sd) ** 2 - jnp.log(data.sd) - 0.5 * _LOG_2PI
        if not self.given:
            return jnp.sum(normal)
        count = len(Coordinates(self.law).free)
        theta = Coordinates(self.law).to_natural(x[:count], data.logs)
        units = self.law.log_units(theta, data.logs)
        total = jnp.sum(normal)
        for k, parameter in enumerate(Coordinates(self.law).free):
            if parameter.name in self.given:
                # dtheta/dz; the map is triangular, so its determinant is the product of these.
                slope = jnp.abs(jax.grad(lambda z, p=parameter: constrain(p, z))(x[k]))
                density = data.given[parameter.name].log_prob(theta[parameter.name])
                total += density + jnp.log(slope) + units[parameter.name] - normal[k]
        return total

    def log_likelihood(self, x: jax.Array, data: ModelData) -> jax.Array:
        """Return the weighted log likelihood of x."""
        if isinstance(self.likelihood, Counts):
            density = self.pointwise(x, data)
            return jnp.sum(data.weights * density)
        r = self.residuals(x, data)
        return self.likelihood.log_density(r, self.noise(x), data.extra, data.weights)

    def pointwise(self, x: jax.Array, data: ModelData) -> jax.Array:
        """Return the log density of every row ``[n]``, as if rows were independent."""
        noise = self.noise(x)
        if isinstance(self.likelihood, Counts):
            share, attempts = data.extra["share"], data.extra["attempts"]
            p = self.residuals(x, data) + share  # residuals on the natural scale: f - y
            return self.likelihood.log_count_density(p, share * attempts, attempts, noise)
        spread = self.likelihood.spread(noise, data.extra)
        return self.likelihood._density(self.residuals(x, data), spread, noise)

    def residuals(self, x: jax.Array, data: ModelData) -> jax.Array:
        """Return the residuals ``[n]``, on the natural scale in units of the output's scale."""
        coordinates = Coordinates(self.law)
        u = coordinates.to_reduced(x[: len(coordinates.free)], data.logs)
        residual = row_residual(self.law, self.likelihood.objective, data.logs)
        r = jax.vmap(lambda row: residual(u, row))(data.rows)
        if self.likelihood.scale == "log" or isinstance(self.likelihood, Counts):
            return r
        return r / jnp.exp(data.logs[self.law.output.column])

    def noise(self, x: jax.Array) -> dict[str, jax.Array]:
        """Return the noise parameters at x (or arrays of them, coordinates first)."""
        first = len(Coordinates(self.law).free)
        return {c.name: c.value(x[first + k]) for k, c in enumerate(self.likelihood.coordinates)}


def model_data(
    model: Model, runs: RunTable, problem: Problem, priors: Priors, length: int | None = None
) -> ModelData:
    """Return the arrays of a posterior, not yet centred and whitened.

    Args:
        model: Law and likelihood.
        runs: The runs.
        problem: Their reduced rows.
        priors: The priors of the law's parameters.
        length: Number of rows to pad to; by default a common size just above the runs'.

    Raises:
        FitError: The likelihood needs a column that the runs lack, or that is not positive.
    """
    rows, weights = problem.padded()
    more = (length or len(rows)) - len(rows)
    rows = np.concatenate([rows, np.repeat(rows[-1:], more, axis=0)])
    weights = np.concatenate([weights, np.zeros(more)])
    noise = model.likelihood.coordinates
    size = len(model.names)
    return ModelData(
        rows=rows,
        weights=weights,
        logs=dict(problem.logs),
        extra=_extra(model, runs, problem, len(rows)),
        mean=np.concatenate([priors.mean, [c.mean for c in noise]]),
        sd=np.concatenate([priors.sd, [c.sd for c in noise]]),
        given={name: priors.given[name] for name in model.given},
        centre=np.zeros(size),
        factor=np.eye(size),
    )


def noise_scale(model: Model, logs: Mapping[str, float]) -> float:
    """Return the size that residuals and noise are divided by."""
    if model.likelihood.scale == "log" or isinstance(model.likelihood, Counts):
        return 1.0
    return float(np.exp(logs[model.law.output.column]))


def growth_coordinate(values: Any, log_reference: float) -> np.ndarray:
    """Return log(x / x_ref) of the column along which noise grows."""
    return np.log(np.asarray(values, np.float64)) - log_reference


def _extra(model: Model, runs: RunTable, problem: Problem, length: int) -> dict[str, np.ndarray]:
    likelihood = model.likelihood
    runs.require(likelihood.columns, for_=f"the likelihood {likelihood.describe()}")
    extra: dict[str, np.ndarray] = {}
    if likelihood.growth:
        column = _positive(runs, likelihood.growth)
        extra["growth"] = growth_coordinate(column, float(np.mean(np.log(column))))
    if likelihood.known:
        known = _positive(runs, likelihood.known)
        output = np.asarray(runs[model.law.output.column], np.float64)
        scale = np.abs(output) if likelihood.scale == "log" else noise_scale(model, problem.logs)
        extra["known"] = known / scale
    if isinstance(likelihood, Counts):
        extra["attempts"] = _positive(runs, likelihood.attempts)
        extra["share"] = np.asarray(runs[model.law.output.column], np.float64)
    if getattr(likelihood, "repeats", False):
        extra["group"] = np.unique(problem.rows[:, :-1], axis=0, return_inverse=True)[1].ravel()
    return {name: _padded(values, length) for name, values in extra.items()}


def _positive(runs: RunTable, column: str) -> np.ndarray:
    values = np.asarray(runs[column], np.float64)
    bad = np.flatnonzero(~(values > 0.0))
    if bad.size:
        raise FitError(
            f"{runs.source}, {runs.where_is(int(bad[0]))}: {column} is {values[bad[0]]:g}, but the "
            "likelihood needs a positive number; correct the row or drop it"
        )
    return values


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([values, np.repeat(values[-1:], length - len(values))])
