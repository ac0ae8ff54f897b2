"""Laws of several groups of runs that share their parameters partially.

    z_gk = z_k + tau_k e_gk,    e_gk ~ Normal(0, 1),    tau_k ~ HalfNormal(group_spread)

in the law's scale-free coordinates z, for each group g and each parameter k that varies. For a
positive parameter z is a logarithm, so tau is the relative spread between groups and one prior
serves exponents and amplitudes of every data set. tau -> 0 is complete pooling (one law for all),
a large tau is no pooling (a law of its own for each group).

A `GroupedModel` is a `Model` whose coordinates are

    x = (z, eta, log tau, e)        v: the same, with c z + tau^c e in place of e

where c = 0 samples a group's deviation (non-centred: right where its runs say little) and c = 1
its coordinate itself (centred: right where they say much). c is between, from the runs' curvature.

Reference: Papaspiliopoulos, Roberts and Skoeld, A General Framework for the Parametrization of
Hierarchical Models, Statistical Science 22 (2007), arXiv:0708.3797.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.fitting.solver import row_residual
from scaling_jax.uncertainty.likelihoods import Counts
from scaling_jax.uncertainty.model import Model, ModelData

_LOG_HALF_NORMAL = float(0.5 * np.log(2.0 / np.pi))
LOG_SPREAD_SD = float(np.pi / np.sqrt(8.0))
"""Standard deviation of the logarithm of a half-normal number."""


@dataclass(frozen=True)
class GroupedModel(Model):
    """A model of several groups.

    `ModelData.extra` has ``family``, the group of each row ``[n]``, and ``centring``, c
    ``[groups, varying]``, and ``group_spread``, the scale of the prior of each tau.

    Attributes:
        varying: Positions in z of the coordinates that differ between groups.
        groups: Number of groups.
    """

    varying: tuple[int, ...] = ()
    groups: int = 1

    @property
    def shared(self) -> int:
        """Number of coordinates that all groups share: the law's and the noise's."""
        return len(Coordinates(self.law).free) + len(self.likelihood.coordinates)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates x, groups as numbers."""
        base = super().names
        varying = [base[k] for k in self.varying]
        offsets = [f"{name}[{g}]" for g in range(self.groups) for name in varying]
        return (*base, *(f"spread of {name}" for name in varying), *offsets)

    @property
    def straightened(self) -> tuple[bool, ...]:
        """Whether v is the amplitude itself: only where groups do not vary its logarithm."""
        flags = super().straightened
        kept = (flag and k not in self.varying for k, flag in enumerate(flags))
        return (*kept, *(False for _ in self.names[len(flags) :]))

    def to_x(self, v: jax.Array, data: ModelData) -> jax.Array:
        """Return x from v ``[..., coordinates]``."""
        x = super().to_x(v, data)
        middle, log_width = self._frame(x, data)
        return self._with_offsets(x, (self.parts(x)[2] - middle) * jnp.exp(-log_width))

    def from_x(self, x: jax.Array, data: ModelData) -> jax.Array:
        """Return v from x; the inverse of `to_x`."""
        middle, log_width = self._frame(x, data)
        v = super().from_x(x, data)
        return self._with_offsets(v, middle + jnp.exp(log_width) * self.parts(x)[2])

    def sampled_density(self, v: jax.Array, data: ModelData) -> jax.Array:
        """Return the log density of v."""
        return super().sampled_density(v, data) - jnp.sum(self._frame(v, data)[1])

    def _frame(self, x: jax.Array, data: ModelData) -> tuple[jax.Array, jax.Array]:
        """Return where a deviation's v has its zero, and the logarithm of its unit.

        Each ``[..., groups, varying]``.
        """
        shared, log_spread, _ = self.parts(x)
        share = data.extra["centring"]
        middle = shared[..., np.array(self.varying)]
        return share * middle[..., None, :], share * log_spread[..., None, :]

    def _with_offsets(self, x: jax.Array, offsets: jax.Array) -> jax.Array:
        first = self.shared + len(self.varying)
        flat = offsets.reshape(*x.shape[:-1], -1)
        return jnp.concatenate([x[..., :first], flat], axis=-1)

    def parts(self, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return shared coordinates, log tau ``[..., varying]``, e ``[..., groups, varying]``."""
        first, last = self.shared, self.shared + len(self.varying)
        offsets = x[..., last:].reshape(*x.shape[:-1], self.groups, len(self.varying))
        return x[..., :first], x[..., first:last], offsets

    def group_coordinates(self, x: jax.Array) -> jax.Array:
        """Return every group's z ``[..., groups, free]``."""
        shared, log_spread, offsets = self.parts(x)
        z = shared[..., None, : len(Coordinates(self.law).free)]
        z = jnp.broadcast_to(z, (*offsets.shape[:-1], z.shape[-1]))
        return z.at[..., np.array(self.varying)].add(jnp.exp(log_spread)[..., None, :] * offsets)

    def log_prior(self, x: jax.Array, data: ModelData) -> jax.Array:
        """Return the log prior density of x."""
        shared, log_spread, offsets = self.parts(x)
        size = self.shared
        total = super().log_prior(shared, data._replace(mean=data.mean[:size], sd=data.sd[:size]))
        spread = jnp.exp(log_spread) / data.extra["group_spread"]
        total += jnp.sum(_LOG_HALF_NORMAL - 0.5 * spread**2 + jnp.log(spread))
        return total + jnp.sum(-0.5 * offsets**2)

    def residuals(self, x: jax.Array, data: ModelData) -> jax.Array:
        """Return the residuals ``[n]``, each by its own group's law."""
        u = Coordinates(self.law).to_reduced(self.group_coordinates(x).T, data.logs)
        residual = row_residual(self.law, self.likelihood.objective, data.logs)
        own = tuple(values[data.extra["family"]] for values in u)
        r = jax.vmap(residual)(own, data.rows)
        if self.likelihood.scale == "log" or isinstance(self.likelihood, Counts):
            return r
        return r / jnp.exp(data.logs[self.law.output.column])
