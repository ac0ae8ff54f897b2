"""The coordinates that fits move in: unbounded, scale-free, of order one.

    z (free, unbounded)  ->  u (every parameter, in units of the data's own scale)  ->  theta

`z` are logarithms (or logits) of the free parameters in reduced units, so any real vector is a
valid set of parameters. `u` is what the kernels see, together with columns divided by their
geometric means. `theta` are the coefficients as the paper prints them, for raw columns.

A law with an anchor has its own coordinates; its kernels see raw columns, and u is theta.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.expressions import log_monomial, names
from scaling_jax.laws import Law, Parameter

_EDGE = 1e-6  # a parameter closer to its bound than this, in reduced units, is at the bound
_TYPICAL_EXPONENT = 0.37  # to see whether a unit is linear in the output for all exponents


@dataclass(frozen=True)
class Coordinates:
    """The map between z, u and theta for one law.

    Every method takes `logs`, the logarithms of the columns' reference scales, as data, so that
    one compiled program serves every data set.
    """

    law: Law

    @property
    def free(self) -> tuple[Parameter, ...]:
        """The parameters behind z, in order."""
        return self.law.anchor.coordinates if self.law.anchor else self.law.free

    @property
    def separable(self) -> bool:
        """Whether each entry of u depends on one entry of z alone."""
        return not (self.law.anchor or self.law.fixed or self.law.tied)

    def to_reduced(self, z: Any, logs: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return u, one array a parameter of the law, from z (indexable, one entry a free one)."""
        values = {p.name: constrain(p, z[k]) for k, p in enumerate(self.free)}
        if self.law.anchor:
            theta = self.law.anchor.to_natural(values, logs)
            return tuple(theta[p.name] for p in self.law.parameters)
        values = self._with_held(values, logs)
        held = jnp.zeros_like(z[0])  # gives constants the shape of a lane
        return tuple(values[p.name] + held for p in self.law.parameters)

    def to_natural(self, z: Any, logs: Mapping[str, Any]) -> dict[str, Any]:
        """Return theta of the free parameters from z."""
        u = dict(zip((p.name for p in self.law.parameters), self.to_reduced(z, logs), strict=True))
        theta = u if self.law.anchor else self.law.rescaled(u, logs)
        return {name: theta[name] for name in self.law.free_names}

    def from_natural(self, theta: Mapping[str, Any], logs: Mapping[str, Any]) -> Any:
        """Return z ``[free, ...]`` from the free parameters' values."""
        if self.law.anchor:
            values = self.law.anchor.from_natural(theta, logs)
        else:
            complete = self.law.complete(theta)
            units = self.law.log_units(complete, logs)
            values = {name: complete[name] * jnp.exp(-units[name]) for name in self.law.free_names}
        shape = np.broadcast_shapes(*(np.shape(values[p.name]) for p in self.free))
        return jnp.stack(
            [
                jnp.broadcast_to(unconstrain(p, jnp.asarray(values[p.name])), shape)
                for p in self.free
            ]
        )

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of the box of starts in z ``[free]``."""
        corners = [start_box(p, self.law.output.column) for p in self.free]
        sides = [
            sorted(float(unconstrain(p, np.float64(side), np)) for side in corner)
            for p, corner in zip(self.free, corners, strict=True)
        ]
        low, high = np.array(sides).T
        return low, high

    def at_bound(self, z: np.ndarray) -> tuple[str, ...]:
        """Return the names of the free parameters that sit at a finite bound."""
        return tuple(p.name for p, value in zip(self.free, z, strict=True) if _at_edge(p, value))

    def _with_held(self, values: dict[str, Any], logs: Mapping[str, Any]) -> dict[str, Any]:
        """Add fixed and tied parameters, which are given in natural units, in reduced ones."""
        law = self.law
        if not (law.fixed or law.tied):
            return values
        known = {**values, **dict(law.fixed)}
        for name, other in law.tied:
            known[name] = known[other]
        units = law.log_units(known, logs)
        held = dict(law.fixed)
        for name, value in law.fixed:
            values = {**values, name: value * jnp.exp(-units[name])}
        for name, other in law.tied:
            natural = held[other] if other in held else known[other] * jnp.exp(units[other])
            values = {**values, name: natural * jnp.exp(-units[name])}
        return values


def natural_of_lanes(z: Any, logs: Mapping[str, Any], *, law: Law) -> dict[str, np.ndarray]:
    """Return the free parameters of many z ``[free, l]``, compiled as one program."""
    theta = _natural_of_lanes(z, logs, law=law)
    return {name: np.asarray(theta[name]) for name in law.free_names}  # JAX sorts dictionaries


@functools.partial(jax.jit, static_argnames=("law",))
def _natural_of_lanes(z: Any, logs: Mapping[str, Any], *, law: Law) -> dict[str, jax.Array]:
    return Coordinates(law).to_natural(z, logs)


def constrain(parameter: Parameter, z: Any) -> Any:
    """Map the real line onto the parameter's open interval."""
    low, high = parameter.bounds
    if math.isinf(low) and math.isinf(high):
        return z
    if math.isinf(high):
        return low + jnp.exp(z)
    if math.isinf(low):
        return high - jnp.exp(z)
    return low + (high - low) * jax.nn.sigmoid(z)


def unconstrain(parameter: Parameter, value: Any, xp: Any = jnp) -> Any:
    """Map the parameter's interval onto the real line; the inverse of `constrain`.

    A value on or beyond a bound is moved just inside, so that a start there is usable. With
    ``xp=numpy`` nothing is compiled.
    """
    low, high = parameter.bounds
    if math.isinf(low) and math.isinf(high):
        return value
    if math.isinf(high):
        return xp.log(xp.maximum(value - low, _EDGE))
    if math.isinf(low):
        return xp.log(xp.maximum(high - value, _EDGE))
    share = xp.clip((value - low) / (high - low), _EDGE, 1.0 - _EDGE)
    return xp.log(share) - xp.log1p(-share)


def start_box(parameter: Parameter, output: str) -> tuple[float, float]:
    """Return the (low, high) of a parameter's starts in reduced units.

    In those units an amplitude is a contribution to the output at the centre of the data and so
    lies below one; a scale lies near the data; exponents of published laws are 0.05 to 1.5.
    """
    if parameter.start is not None:
        return parameter.start
    low, high = parameter.bounds
    if math.isinf(low) and math.isinf(high):
        return -1.0, 1.0
    if math.isfinite(low) and math.isfinite(high):
        return low + 0.05 * (high - low), high - 0.05 * (high - low)
    near, far = (0.05, 1.5) if parameter.dimensionless else _scale_box(parameter, output)
    return (low + near, low + far) if math.isfinite(low) else (high - far, high - near)


def _scale_box(parameter: Parameter, output: str) -> tuple[float, float]:
    return (0.01, 1.0) if is_linear(parameter, output) else (0.1, 10.0)


def is_linear(parameter: Parameter, output: str) -> bool:
    """Return whether a parameter is an amount of the output: its unit has its first power."""
    columns = dict.fromkeys(names(parameter.unit), 0.0) | {output: 1.0}
    exponents = dict.fromkeys(names(parameter.unit), _TYPICAL_EXPONENT)
    return log_monomial(parameter.unit, columns, exponents) == 1.0


def _at_edge(parameter: Parameter, z: float) -> bool:
    low, high = parameter.bounds
    if math.isinf(low) and math.isinf(high):
        return False
    if math.isfinite(low) and math.isfinite(high):
        return abs(z) > -math.log(_EDGE)
    return z < math.log(_EDGE)
