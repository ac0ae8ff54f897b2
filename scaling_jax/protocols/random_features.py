"""Random features on power-law data: the solvable model, its simulation, exponents of spectra."""

from typing import Any

import numpy as np

from scaling_jax.errors import LawError
from scaling_jax.protocols.registry import protocol

_BISECTIONS = 80  # halvings of an interval of logarithms: to the last digit of float64


def power_spectrum(latent: int, alpha: float, lambda_plus: float = 1.0) -> np.ndarray:
    """Return the eigenvalues lambda_plus * I**-(1 + alpha) for I = 1 .. latent ``[latent]``.

    Example:
        >>> power_spectrum(3, alpha=1.0).round(4).tolist()
        [1.0, 0.25, 0.1111]
    """
    return lambda_plus * np.arange(1.0, latent + 1.0) ** -(1.0 + alpha)


def equivalent_ridge(count: float, eigenvalues: Any) -> float:
    """Return Delta with sum_I lambda_I / (lambda_I + Delta) = count, for any spectrum.

    Args:
        count: Features or samples, whichever are fewer; below the number of eigenvalues.
        eigenvalues: Of the data's covariance, positive ``[latent]``.

    Raises:
        LawError: `count` is not below the number of eigenvalues.

    Example:
        >>> round(equivalent_ridge(1.0, [1.0, 1.0]), 6)
        1.0
    """
    eigenvalues = np.asarray(eigenvalues, np.float64)
    if not 0.0 < count < eigenvalues.size:
        raise LawError(
            f"the ridge exists for a count between 0 and the {eigenvalues.size} eigenvalues, not "
            f"{count:g}; beyond, the loss is zero"
        )
    low = np.log(eigenvalues.min()) + np.log(0.5 * (eigenvalues.size - count) / eigenvalues.size)
    high = np.log(eigenvalues.sum() / count)
    low = min(low, high) - 1.0
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if np.sum(eigenvalues / (eigenvalues + np.exp(middle))) > count:
            low = middle
        else:
            high = middle
    return float(np.exp(0.5 * (low + high)))


def random_feature_loss(
    features: float, samples: float, eigenvalues: Any, sigma_w: float = 1.0
) -> float:
    """Return the expected test loss of ridgeless random-feature regression on any spectrum.

    Args:
        features: Number of random features (N).
        samples: Number of training samples (T), not equal to `features`.
        eigenvalues: Of the data's covariance ``[latent]``.
        sigma_w: Standard deviation of the teacher's weights.

    Raises:
        LawError: As many features as samples, where the loss is infinite.

    Example:
        >>> round(random_feature_loss(40, 160, power_spectrum(4000, alpha=1.0)), 4)
        0.0796
    """
    few, many = sorted((features, samples))
    if few == many:
        raise LawError(f"the loss of {few:g} features from as many samples is infinite; vary one")
    return sigma_w**2 * few * equivalent_ridge(few, eigenvalues) / (1.0 - few / many)


def ridge_in_many_dimensions(count: Any, alpha: Any, lambda_plus: Any = 1.0) -> Any:
    """Return the limit of Delta for infinitely many eigenvalues and a large count.

    Example:
        >>> exact = equivalent_ridge(50, power_spectrum(100_000, alpha=1.0))
        >>> round(float(ridge_in_many_dimensions(50, 1.0) / exact), 2)
        1.02
    """
    angle = np.pi / (1.0 + alpha)
    return lambda_plus * (angle / np.sin(angle) / count) ** (1.0 + alpha)


@protocol("maloney_solvable")
def simulate_random_features(
    features: int,
    samples: int,
    *,
    latent: int,
    alpha: float,
    lambda_plus: float = 1.0,
    sigma_w: float = 1.0,
    repeats: int = 10,
    seed: int = 0,
) -> np.ndarray:
    """Train and test the solvable model: least squares on random features of power-law data.

    Args:
        features: Number of random features (N).
        samples: Number of training samples (T).
        latent: Dimension of the data (M).
        alpha: Exponent of the data's spectrum.
        lambda_plus: Largest eigenvalue.
        sigma_w: Standard deviation of the teacher's weights.
        repeats: Independent models.
        seed: Of data, teachers and features.

    Returns:
        Test loss of every model ``[repeats]``; `random_feature_loss` is its expectation.

    Example:
        >>> losses = simulate_random_features(20, 200, latent=400, alpha=1.0, repeats=40)
        >>> bool(0.8 < losses.mean() / random_feature_loss(20, 200, power_spectrum(400, 1.0)) < 1.2)
        True

    Reference: Maloney, Roberts, Sully (2022), arXiv:2210.16859.
    """
    rng = np.random.default_rng(seed)
    eigenvalues = power_spectrum(latent, alpha, lambda_plus)
    losses = np.empty(repeats)
    for k in range(repeats):
        data = rng.standard_normal((samples, latent)) * np.sqrt(eigenvalues)
        teacher = sigma_w * rng.standard_normal(latent)
        lift = rng.standard_normal((features, latent)) / np.sqrt(latent)
        weights, *_ = np.linalg.lstsq(data @ lift.T, data @ teacher, rcond=None)
        losses[k] = np.sum(eigenvalues * (teacher - lift.T @ weights) ** 2)
    return losses


# Kernel spectra


@protocol("bahri_four_regimes")
def spectrum_exponent(eigenvalues: Any, first: int = 1, last: int | None = None) -> float:
    """Return alpha_K of a kernel spectrum lambda_i ~ i**-(1 + alpha_K), by least squares.

    The resolution-limited exponents of data and width are both alpha_K.

    Args:
        eigenvalues: In falling order, positive over the range ``[count]``.
        first: First index of the power law, from 1; the largest ones often lie off it.
        last: Last index, inclusive; by default all.

    Raises:
        LawError: Fewer than two eigenvalues in the range, or one that is not positive.

    Example:
        >>> round(spectrum_exponent(power_spectrum(100, alpha=0.7)), 6)
        0.7

    Reference: Bahri et al. (2021), arXiv:2102.06701.
    """
    eigenvalues = np.asarray(eigenvalues, np.float64)
    index = np.arange(1, eigenvalues.size + 1)[first - 1 : last]
    chosen = eigenvalues[first - 1 : last]
    if chosen.size < 2 or not np.all(chosen > 0.0):
        raise LawError(
            f"a slope needs two positive eigenvalues between {first} and {last or 'the last'}; "
            "widen the range or leave out the tail of zeros"
        )
    return float(-np.polyfit(np.log(index), np.log(chosen), 1)[0] - 1.0)


def dimension_exponent(dimension: float, smooth: bool = True) -> float:
    """Return the least resolution-limited exponent on data of an intrinsic dimension.

    Args:
        dimension: Of the manifold that the data lie on.
        smooth: Piecewise-linear fits to smooth targets (4/d); otherwise Lipschitz ones (1/d).

    Example:
        >>> dimension_exponent(16)
        0.25
    """
    return (4.0 if smooth else 1.0) / dimension
