"""Straight lines and parabolas in logarithms, the two fits that the frontier protocols share.

Centred and scaled before they are solved, so that float32 is enough; weights of zero leave points
out, so that groups of different sizes lie in one padded array.
"""

from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax._pytree import pytree


@pytree
class PowerLaw:
    """``y = amplitude * x**exponent``, one or many.

    Attributes:
        log_amplitude: Natural logarithm of the amplitude.
        exponent: The exponent, with its sign.
    """

    log_amplitude: Any
    exponent: Any

    @property
    def amplitude(self) -> jax.Array:
        """The amplitude."""
        return jnp.exp(self.log_amplitude)

    def __call__(self, x: Any) -> jax.Array:
        """Return the power law at x."""
        return jnp.exp(self.log_amplitude + self.exponent * jnp.log(x))

    def __repr__(self) -> str:
        return f"PowerLaw(amplitude={self.amplitude}, exponent={self.exponent})"


@jax.jit
def fit_power_law(x: Any, y: Any, weights: Any = None) -> PowerLaw:
    """Fit a straight line to log y over log x by weighted least squares.

    Args:
        x: Positive numbers ``[..., points]``.
        y: Positive numbers ``[..., points]``.
        weights: Weight of each squared residual ``[..., points]``.

    Example:
        >>> import numpy as np
        >>> law = fit_power_law(np.array([1.0, 10.0, 100.0]), np.array([3.0, 30.0, 300.0]))
        >>> round(float(law.amplitude), 3), round(float(law.exponent), 4)
        (3.0, 1.0)
    """
    log_x, log_y = jnp.log(x), jnp.log(y)
    weights = jnp.ones_like(log_y) if weights is None else jnp.asarray(weights)
    share = weights / jnp.sum(weights, axis=-1, keepdims=True)
    centre_x = jnp.sum(share * log_x, axis=-1, keepdims=True)
    centre_y = jnp.sum(share * log_y, axis=-1, keepdims=True)
    u, v = log_x - centre_x, log_y - centre_y
    exponent = jnp.sum(share * u * v, axis=-1) / jnp.sum(share * u * u, axis=-1)
    return PowerLaw(centre_y[..., 0] - exponent * centre_x[..., 0], exponent)


@pytree
class Parabola:
    """``y = y_vertex + curvature * (log x - log x_vertex)**2``, one or many.

    Attributes:
        log_x: Logarithm of the position of the vertex.
        y: Value there.
        curvature: Coefficient of the square, positive for a minimum.
    """

    log_x: Any
    y: Any
    curvature: Any

    @property
    def x(self) -> jax.Array:
        """Position of the vertex."""
        return jnp.exp(self.log_x)

    def __repr__(self) -> str:
        return f"Parabola(x={self.x}, y={self.y}, curvature={self.curvature})"


@jax.jit
def fit_parabola(x: Any, y: Any, weights: Any = None) -> Parabola:
    """Fit a parabola of y over log x by weighted least squares.

    Args:
        x: Positive numbers ``[..., points]``.
        y: Real numbers ``[..., points]``.
        weights: Weight of each squared residual ``[..., points]``.

    Example:
        >>> import numpy as np
        >>> x = np.array([1.0, 2.0, 4.0, 8.0])
        >>> found = fit_parabola(x, 3.0 + 0.5 * np.log(x / 3.0) ** 2)
        >>> round(float(found.x), 4), round(float(found.y), 4)
        (3.0, 3.0)
    """
    log_x, y = jnp.log(x), jnp.asarray(y)
    weights = jnp.ones_like(log_x) if weights is None else jnp.asarray(weights)
    share = weights / jnp.sum(weights, axis=-1, keepdims=True)
    centre = jnp.sum(share * log_x, axis=-1, keepdims=True)
    width = jnp.sqrt(jnp.sum(share * (log_x - centre) ** 2, axis=-1, keepdims=True))
    level = jnp.sum(share * y, axis=-1, keepdims=True)
    u = (log_x - centre) / width
    basis = jnp.stack([jnp.ones_like(u), u, u * u], axis=-1)
    c0, c1, c2 = jnp.moveaxis(least_squares(basis, y - level, share), -1, 0)
    vertex = -c1 / (2.0 * c2)
    return Parabola(
        log_x=centre[..., 0] + width[..., 0] * vertex,
        y=level[..., 0] + c0 + c1 * vertex / 2.0,
        curvature=c2 / width[..., 0] ** 2,
    )


def least_squares(basis: jax.Array, y: jax.Array, weights: jax.Array) -> jax.Array:
    """Return the coefficients ``[..., terms]`` for a basis ``[..., points, terms]``."""
    weighted = basis * weights[..., None]
    matrix = jnp.einsum("...pi,...pj->...ij", weighted, basis)
    vector = jnp.einsum("...pi,...p->...i", weighted, y)
    return jnp.linalg.solve(matrix, vector[..., None])[..., 0]
