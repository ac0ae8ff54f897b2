"""Objective, gradient and Gauss-Newton matrix of thousands of fits in one pass over the runs."""

from scaling_jax.kernels.normal_equations.dispatch import IMPLEMENTATIONS as IMPLEMENTATIONS
from scaling_jax.kernels.normal_equations.dispatch import normal_equations as normal_equations
