r"""The public function: choose an implementation and run it.

For lane l with parameters u[:, l], residuals r_il and penalty rho, one pass over the rows gives

    f_l   = sum_i w_i rho(r_il)
    g_pl  = sum_i w_i psi(r_il) dr_il/du_p
    H_pql = sum_i w_i omega(r_il) dr_il/du_p dr_il/du_q

Layout: lanes on the last, contiguous axis. Accumulation in the dtype of `u`.

The implementation follows the platform that a program is lowered for, so one process may use its
accelerator and its host side by side; docs/kernels.md compares them.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from scaling_jax.kernels.normal_equations import pallas_gpu, pallas_tpu, reference, xla

Residual = Callable[[Any, jax.Array], jax.Array]
Penalty = Callable[[jax.Array, Any], tuple[jax.Array, jax.Array, jax.Array]]

VARIABLE = "SCALING_JAX_KERNEL"  # environment variable that names an implementation

IMPLEMENTATIONS: dict[str, Callable[..., Any]] = {
    "reference": reference.normal_equations,
    "xla": xla.normal_equations,
    "pallas_tpu": pallas_tpu.normal_equations,
    "pallas_gpu": pallas_gpu.normal_equations,
    "interpret": functools.partial(pallas_tpu.normal_equations, interpret=True, together=1),
}
_OF_PLATFORM = {"tpu": "pallas_tpu", "cuda": "pallas_gpu", "rocm": "pallas_gpu"}


def normal_equations(
    residual: Residual,
    penalty: Penalty,
    u: ArrayLike,
    rows: ArrayLike,
    weights: Any,
    settings: Any,
    *,
    lane_index: ArrayLike | None = None,
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
            resampling). Or a function of a row's index and the lanes' indices ``[l]`` to ``[l]``,
            elementwise over lanes, which kernels evaluate inside so that nothing is stored.
        settings: Passed to `penalty`; arrays ``[l]`` where lanes differ.
        lane_index: Handed to `weights` where it is a function ``[l]``; by default 0, 1, ...
        implementation: One of `IMPLEMENTATIONS`. By default the environment variable
            ``SCALING_JAX_KERNEL``, else the kernel of the platform, and XLA where there is none
            for the dtype or law. Read when a program is traced.

    Raises:
        NotImplementedError: Unknown implementation, or one that cannot do this.
    """
    u, rows = jnp.asarray(u), jnp.asarray(rows)
    weights = weights if callable(weights) else jnp.asarray(weights)
    settings = jax.tree.map(jnp.asarray, settings)
    lane_index = None if lane_index is None else jnp.asarray(lane_index)

    def run(name, u, rows, settings, lane_index):
        if name in ("reference", "xla"):
            dense = _dense(weights, rows.shape[0], u.shape[1], lane_index)
            return IMPLEMENTATIONS[name](residual, penalty, u, rows, dense, settings)
        return IMPLEMENTATIONS[name](
            residual, penalty, u, rows, weights, settings, lane_index=lane_index
        )

    name = implementation or os.environ.get(VARIABLE)
    if name is None:
        return _on_platform(run, u, rows, settings, lane_index)
    if name not in IMPLEMENTATIONS:
        raise NotImplementedError(f"normal_equations has {', '.join(IMPLEMENTATIONS)}, not {name}")
    return run(name, u, rows, settings, lane_index)


def _on_platform(run: Callable[..., Any], *arrays: Any) -> Any:
    """Run the kernel of the platform that the program will be lowered for."""
    general = functools.partial(run, "xla")
    if jax.default_backend() == "cpu":
        return general(*arrays)  # without tracing kernels for machines that are not there
    platforms = ("tpu",) if jax.default_backend() == "tpu" else ("cuda", "rocm")
    special = {name: functools.partial(run, _OF_PLATFORM[name]) for name in platforms}
    try:
        return jax.lax.platform_dependent(*arrays, default=general, **special)
    except NotImplementedError:
        return general(*arrays)


def _dense(weights: Any, n: int, lanes: int, lane_index: Any) -> Any:
    """Return weights as an array: ``[n, l]`` if they come as a function."""
    if not callable(weights):
        return jnp.asarray(weights)
    index = jnp.arange(lanes, dtype=jnp.int32) if lane_index is None else lane_index
    return jax.vmap(lambda row: weights(row, index))(jnp.arange(n, dtype=jnp.int32))
