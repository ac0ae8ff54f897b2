r"""The public function: choose an implementation and run it.

For lane l with parameters u[:, l], residuals r_il and penalty rho, one pass over the rows gives

    f_l   = sum_i w_i rho(r_il)
    g_pl  = sum_i w_i psi(r_il) dr_il/du_p
    H_pql = sum_i w_i omega(r_il) dr_il/du_p dr_il/du_q

Layout: lanes on the last, contiguous axis. Accumulation in the dtype of `u`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from scaling_jax.kernels.normal_equations import reference, xla

Residual = Callable[[Any, jax.Array], jax.Array]
Penalty = Callable[[jax.Array, Any], tuple[jax.Array, jax.Array, jax.Array]]

IMPLEMENTATIONS = {
    "reference": reference.normal_equations,
    "xla": xla.normal_equations,
}


def normal_equations(
    residual: Residual,
    penalty: Penalty,
    u: ArrayLike,
    rows: ArrayLike,
    weights: ArrayLike,
    settings: Any,
    *,
    implementation: str | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return objective ``[l]``, gradient ``[p, l]`` and Gauss-Newton matrix ``[p, p, l]``.

    Args:
        residual: ``residual(u, row) -> [l]`` for `u` indexable as p arrays ``[l]`` and one row
            ``[k]``; elementwise over lanes.
        penalty: ``penalty(r, settings) -> (rho, psi, omega)``, elementwise over lanes.
        u: Parameters ``[p, l]``.
        rows: One row a run ``[n, k]``: inputs and observation.
        weights: Weight of each run, ``[n]`` or ``[n, l]``; 0 leaves a row out (padding,
            resampling).
        settings: Passed to `penalty`; arrays ``[l]`` where lanes differ.
        implementation: ``"xla"`` (default) or ``"reference"``.

    Raises:
        NotImplementedError: Unknown implementation.
    """
    name = implementation or "xla"
    if name not in IMPLEMENTATIONS:
        raise NotImplementedError(f"normal_equations has {', '.join(IMPLEMENTATIONS)}, not {name}")
    u, rows, weights = jnp.asarray(u), jnp.asarray(rows), jnp.asarray(weights)
    settings = jax.tree.map(jnp.asarray, settings)
    return IMPLEMENTATIONS[name](residual, penalty, u, rows, weights, settings)
