"""Laplace draws: normal around the optimum in the scale-free coordinates.

In those coordinates positive parameters are logarithms, so every draw is a valid set of
parameters. The draws know the noise around the law; they do not know that a law is never
exactly true, so far outside the data they are too narrow.
"""

from scaling_jax.errors import FitError
from scaling_jax.fitting.fit import Fit
from scaling_jax.uncertainty.draws import Draws
from scaling_jax.uncertainty.normal import normal_around


def laplace(fit: Fit, *, draws: int = 4000, kind: str = "sandwich", seed: int = 0) -> Draws:
    """Return draws from the normal approximation at the optimum.

    Args:
        fit: An identified fit.
        draws: Number of draws.
        kind: Covariance to use: ``"sandwich"`` or ``"hessian"``.
        seed: Seed of the draws.

    Raises:
        FitError: The fit is not identified or has fewer than one run more than parameters.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> loss = (8.8e13 / params) ** 0.076 * np.exp(0.01 * np.cos(np.arange(12)))
        >>> runs = sj.RunTable.from_columns(dict(params=params, loss=loss))
        >>> draws = sj.laplace(sj.fit("kaplan_n", runs, sj.Squared(), starts=16), draws=100)
        >>> draws["alpha_N"].shape
        (100,)
    """
    if kind not in fit.z_covariance:
        raise FitError(f"kind must be one of {', '.join(fit.z_covariance)}, not {kind!r}")
    if draws < 1:
        raise FitError(f"draws must be at least 1, not {draws}")
    return Draws(normal_around(fit, kind, draws, seed), fit, "laplace")
