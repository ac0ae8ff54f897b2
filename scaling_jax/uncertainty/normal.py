"""Normal draws around an optimum in scale-free coordinates: every draw is a valid law."""

import jax
import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.fitting.coordinates import natural_of_lanes
from scaling_jax.fitting.fit import Fit


def normal_around(fit: Fit, kind: str, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Return the free parameters of draws around `fit` ``[draws]``.

    Args:
        fit: An identified fit.
        kind: Covariance to use: ``"sandwich"`` or ``"hessian"``.
        draws: Number of draws.
        seed: Seed of the draws.

    Raises:
        FitError: The fit is not identified or has fewer than one run more than parameters.
    """
    covariance = fit.z_covariance[kind]
    if not np.all(np.isfinite(covariance)):
        raise FitError(
            f"the fit of {fit.law.name} has no covariance: rank {fit.rank} of "
            f"{len(fit.law.free)} with {len(fit.runs)} runs; add runs or hold parameters"
        )
    rng = np.random.default_rng(seed)
    z = rng.multivariate_normal(fit.z, covariance, size=draws, method="eigh").T
    with jax.enable_x64(True):
        return natural_of_lanes(z, fit.logs, law=fit.law)
