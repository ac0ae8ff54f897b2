"""A fast path: Student-t draws around the mode, weighted and resampled by the posterior density.

    w ~ t(location, scale),    weight = posterior(w) / t(w)

The first proposal is the normal approximation at the mode (Laplace) with heavier tails; location
and scale are then moved to the weighted draws' own, twice. Weights are Pareto-smoothed; Pareto k
says whether the proposal covers the posterior: above 0.7 the draws are not the posterior's.

Reference: Vehtari et al., Pareto Smoothed Importance Sampling, arXiv:1507.02646; Cappe et al.,
Population Monte Carlo, JCGS 13 (2004).
"""

import functools
from typing import Any

import jax
import numpy as np

from scaling_jax.uncertainty.model import Model, ModelData
from scaling_jax.uncertainty.nuts import Chains

_DF = 6.0  # of the proposal: heavier tails than a posterior's, so that weights stay bounded
_ROUNDS = 3
_OVERSAMPLE = 4  # proposals a draw
_WIDEN = 1.1  # of the adapted scale: too wide costs draws, too narrow breaks the weights
_LEAST = -700.0  # logarithm of a weight that is no different from 0
_ENOUGH = 10  # effective draws a coordinate that can carry an adapted covariance


def importance_draws(
    model: Model, data: ModelData, chains: int, draws: int, seed: int
) -> tuple[Chains, float, float]:
    """Return resampled draws ``[chains, draws]``, Pareto k and the effective number of proposals.

    Args:
        model: The model.
        data: Its data, whitened at the mode.
        chains: Parts that the draws are laid out in, as chains are.
        draws: Draws of each part.
        seed: Same seed, same draws.
    """
    rng = np.random.default_rng([seed, 3])
    size, wanted = len(model.names), chains * draws
    location, factor = np.zeros(size), np.eye(size)
    for k in range(_ROUNDS):
        w, log_proposal = _propose(rng, location, factor, _OVERSAMPLE * wanted)
        log_density = np.asarray(_densities(w, data, model=model))
        share, pareto_k = _smoothed(log_density - log_proposal)
        effective = float(1.0 / np.sum(share**2))
        if k < _ROUNDS - 1:
            location, factor = _adapted(w, share, effective, location, factor)
    chosen = _resampled(rng, share, wanted)
    shape = (chains, draws)
    kept = log_density[chosen].reshape(shape)
    none = np.zeros(shape)
    visited = Chains(
        position=w[chosen].reshape(*shape, size), log_density=kept, diverging=none.astype(bool),
        steps=none + 1, acceptance=none + 1.0, energy=-kept, step_size=np.ones(chains),
    )  # fmt: skip
    return visited, pareto_k, effective


def _propose(
    rng: np.random.Generator, location: np.ndarray, factor: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return Student-t draws ``[count, d]`` and their log density up to a constant."""
    size = len(location)
    normal = rng.standard_normal((count, size))
    stretched = normal / np.sqrt(rng.chisquare(_DF, count) / _DF)[:, None]
    tail = np.log1p(np.sum(stretched**2, axis=1) / _DF)
    return location + stretched @ factor.T, -0.5 * (_DF + size) * tail


@functools.partial(jax.jit, static_argnames=("model",))
def _densities(w: Any, data: ModelData, *, model: Model) -> jax.Array:
    """Return log densities ``[s]``, some at a time: rows times draws would be a large array."""
    return jax.lax.map(lambda one: model(one, data), w, batch_size=256)


def _smoothed(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Return Pareto-smoothed weights that sum to one, and k."""
    from arviz_stats.base.array import array_stats

    log_weights = np.nan_to_num(log_weights, nan=-np.inf, neginf=-np.inf)
    log_weights = np.maximum(log_weights - np.max(log_weights), _LEAST)
    with np.errstate(divide="ignore", invalid="ignore"):  # where a few weights are all there is
        smooth, k = array_stats.psislw(-log_weights)  # which takes what weights are divided by
    if not np.isfinite(k):
        smooth, k = log_weights, np.inf
    share = np.exp(smooth - np.max(smooth))
    return share / np.sum(share), float(k)


def _adapted(
    w: np.ndarray, share: np.ndarray, effective: float, location: np.ndarray, factor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the proposal moved to the weighted draws, as far as these are enough to tell."""
    trust = min(1.0, effective / (_ENOUGH * len(location)))
    middle = share @ w
    apart = w - middle
    scale = _WIDEN * (_DF - 2.0) / _DF * (apart.T * share) @ apart
    mixed = trust * scale + (1.0 - trust) * factor @ factor.T
    return trust * middle + (1.0 - trust) * location, np.linalg.cholesky(mixed)


def _resampled(rng: np.random.Generator, share: np.ndarray, wanted: int) -> np.ndarray:
    """Return positions of systematic resampling, in random order."""
    places = (np.arange(wanted) + rng.random()) / wanted
    return rng.permutation(np.minimum(np.searchsorted(np.cumsum(share), places), len(share) - 1))
