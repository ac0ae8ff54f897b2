"""Laws that are given by an equation in the output: its root, with derivatives.

The root is found by a fixed number of Newton steps that no derivative follows. Two more steps
carry the derivatives: each one doubles the order to which they are exact, as Newton's method
doubles the digits, so first, second and third derivatives are those of the implicit function.
"""

from collections.abc import Callable
from typing import Any

import jax

Equation = Callable[..., tuple[jax.Array, jax.Array]]


def root(equation: Equation, start: Any, *coefficients: Any, steps: int) -> jax.Array:
    """Return y with g(y, *coefficients) = 0.

    Args:
        equation: ``(y, *coefficients) -> (g, dg/dy)``, with dg/dy never zero. It should be
            convex or concave in y between the start and the root, so that no step overshoots.
        start: First value of y.
        *coefficients: Arrays that the equation depends on; the root is differentiable in them.
        steps: Newton steps from the start to the root.

    Example:
        >>> import jax
        >>> def square(y, a):
        ...     return y**2 - a, 2.0 * y
        >>> float(jax.grad(lambda a: root(square, 3.0, a, steps=8))(4.0))
        0.25
    """
    held = jax.lax.stop_gradient(coefficients)
    y = jax.lax.stop_gradient(start)
    for _ in range(steps):
        value, slope = equation(y, *held)
        y = y - value / slope
    for _ in range(2):
        value, slope = equation(y, *coefficients)
        y = y - value / slope
    return y
