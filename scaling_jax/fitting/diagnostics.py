"""What one should know before believing an optimum.

With J the Jacobian of the residuals in the scale-free coordinates z and psi, rho'' the first and
second derivative of the penalty, H = sum_i w_i rho''(r_i) J_i J_i'.

    inverse Hessian   phi H^-1,   phi = n / (n - p) * sum w psi^2 / sum w rho''
    sandwich          n / (n - p) * H^-1 (sum_i w_i^2 psi_i^2 J_i J_i') H^-1

For squared residuals the first is the textbook sigma^2 (J'J)^-1. Where runs repeat or residuals
differ in size along the scale, the sandwich is the one to trust. Both measure noise only: they
know nothing of a law that is wrong.

Reference: Huber and Ronchetti, Robust Statistics (2009), sections 6.3 and 7.6.
"""

import functools
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.fitting.problem import Problem
from scaling_jax.fitting.solver import rounding_floor, row_residual
from scaling_jax.laws import Law
from scaling_jax.objectives import Absolute, Huber, Objective

_RANK_TOLERANCE = 1e-11  # eigenvalue of the scaled J'J, relative to the largest, that counts as 0


@dataclass(frozen=True)
class Diagnostics:
    """Local facts about an optimum.

    Attributes:
        theta: The free parameters ``[free]``.
        theta_jacobian: Their derivatives by z ``[free, free]``.
        objective: Value of the objective, its kink included.
        floor: Differences of the objective below this are rounding.
        residuals: On the objective's scale ``[runs]``.
        rank: Rank of the Gauss-Newton matrix; below the number of parameters, the data do not
            determine them.
        condition_number: Of the Gauss-Newton matrix scaled to unit diagonal.
        covariance: ``"sandwich"`` and ``"hessian"``: covariance of z ``[free, free]``; NaN
            where the rank is too low.
        weakest: Parameter with the largest share in the least determined direction.
    """

    theta: np.ndarray
    theta_jacobian: np.ndarray
    objective: float
    floor: float
    residuals: np.ndarray
    rank: int
    condition_number: float
    covariance: dict[str, np.ndarray]
    weakest: tuple[str, ...]


def diagnose(law: Law, objective: Objective, problem: Problem, z: np.ndarray) -> Diagnostics:
    """Return the diagnostics of the optimum `z`."""
    rows, weights = problem.padded()
    local = _local(z, rows, weights, problem.logs, law=law, objective=objective)
    local = _Local(*(np.asarray(leaf) for leaf in local))
    n = len(problem.rows)
    r, jacobian, w = local.residuals[:n], local.jacobian[:n], weights[:n]
    size = np.sqrt(np.einsum("n,np,np->p", w, jacobian, jacobian))
    scaled = jacobian / np.where(size > 0.0, size, 1.0)
    eigenvalues, vectors = np.linalg.eigh(np.einsum("n,np,nq->pq", w, scaled, scaled))
    largest = max(eigenvalues[-1], np.finfo(float).tiny)
    rank = int(np.sum((eigenvalues > _RANK_TOLERANCE * largest) & (largest > 0.0)))
    rank = min(rank, int(np.sum(size > 0.0)))
    condition = largest / eigenvalues[0] if eigenvalues[0] > 0.0 else np.inf
    names = [p.name for p in Coordinates(law).free]
    share = np.abs(vectors[:, 0])
    weakest = tuple(names[k] for k in np.argsort(-share) if share[k] > 0.3)
    full = rank == len(names)
    psi, curvature = local.psi[:n], smooth_curvature(objective, r, local.curvature[:n])
    covariance = _covariances(jacobian, w, psi, curvature) if full else _unknown(len(names))
    return Diagnostics(
        local.theta, local.theta_jacobian, float(local.objective), float(local.floor), r, rank,
        float(condition), covariance, weakest,
    )  # fmt: skip


class _Local(NamedTuple):
    theta: Any
    theta_jacobian: Any
    objective: Any
    floor: Any
    residuals: Any
    jacobian: Any
    psi: Any
    curvature: Any


@functools.partial(jax.jit, static_argnames=("law", "objective"))
def _local(z, rows, weights, logs, *, law: Law, objective: Objective) -> _Local:
    """Compute everything local in one program: small programs add up when they are compiled."""
    residual = row_residual(law, objective, logs)
    coordinates = Coordinates(law)

    def residuals(z):
        u = coordinates.to_reduced(z, logs)
        return jax.vmap(lambda row: residual(u, row))(rows)

    def natural(z):
        theta = coordinates.to_natural(z, logs)
        return jnp.stack([jnp.asarray(theta[name]) for name in law.free_names])

    r = residuals(z)
    return _Local(
        natural(z),
        jax.jacfwd(natural)(z),
        jnp.sum(weights * objective.penalty(r)),
        rounding_floor(law, objective, weights, logs),
        r,
        jax.jacfwd(residuals)(z),
        objective.weight(r) * r,
        objective.curvature(r),
    )


def _covariances(jacobian, w, psi, curvature) -> dict[str, np.ndarray]:
    n, p = jacobian.shape
    used = int(np.sum(w > 0.0))
    hessian = np.einsum("n,np,nq->pq", w * curvature, jacobian, jacobian)
    inverse = np.linalg.pinv(hessian, hermitian=True)
    correction = used / (used - p) if used > p else np.nan
    scores = np.einsum("n,np,nq->pq", (w * psi) ** 2, jacobian, jacobian)
    dispersion = correction * np.sum(w * psi**2) / np.sum(w * curvature)
    return {
        "sandwich": correction * inverse @ scores @ inverse,
        "hessian": dispersion * inverse,
    }


def smooth_curvature(objective: Objective, r: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """Return rho'' of every residual, as an estimate of its expectation.

    A kinked penalty has all its curvature within its threshold. With delta 1e-3 on the log scale
    that window holds one run in six of the Chinchilla table, too few for a matrix; a window of
    Bofinger's bandwidth, the usual one for the density at the median, is used where it is wider.

    Reference: Koenker, Quantile Regression (2005), section 3.4.2.
    """
    if not isinstance(objective, Absolute | Huber):
        return np.maximum(curvature, 0.0)
    threshold = objective.smoothing if isinstance(objective, Absolute) else objective.delta
    slope = 1.0 if isinstance(objective, Absolute) else threshold
    density = (4.5 * NormalDist().pdf(0.0) ** 4) ** 0.2
    share = min(len(r) ** -0.2 * density, 0.45)
    spread = 1.4826 * float(np.median(np.abs(r)))
    width = max(threshold, spread * NormalDist().inv_cdf(0.5 + share))
    return (np.abs(r) <= width) * slope / width


def _unknown(p: int) -> dict[str, np.ndarray]:
    return {kind: np.full((p, p), np.nan) for kind in ("sandwich", "hessian")}
