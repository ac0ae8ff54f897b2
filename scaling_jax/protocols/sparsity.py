"""Sparse training: parameters averaged over training, dense equivalents, the best sparsity."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from scaling_jax.protocols.registry import protocol

Theta = Mapping[str, float]


@protocol("journey_matters")
def average_params(params: ArrayLike) -> Any:
    """Return the mean of the non-zero parameters over the steps of training.

    It stands for the model size in a Chinchilla law of sparse and dense runs alike; the training
    compute is 6 * mean * tokens.

    Args:
        params: Non-zero parameters at every step ``[..., steps]``.

    Example:
        >>> float(average_params([100.0, 100.0, 20.0, 20.0]))
        60.0

    Reference: Jin et al. (2025), arXiv:2501.12486.
    """
    return jnp.mean(jnp.asarray(params, float), axis=-1)


def pruning_schedule(
    params: float, sparsity: float, steps: int, start: float = 0.25, end: float = 0.75
) -> np.ndarray:
    """Return non-zero parameters at every step of a linear pruning schedule ``[steps]``.

    Args:
        params: Parameters of the dense model.
        sparsity: Share of them that is zero in the end.
        steps: Steps of training.
        start: Share of training at which pruning begins; the publication finds 0.25 best.
        end: Share at which it ends; 0.75.

    Example:
        >>> pruning_schedule(100.0, 0.8, steps=8).tolist()
        [100.0, 100.0, 90.0, 70.0, 50.0, 30.0, 20.0, 20.0]
    """
    share = (np.arange(steps) + 0.5) / steps
    pruned = np.clip((share - start) / (end - start), 0.0, 1.0)
    # Rounded at the last digits, so that the steps before and after pruning are whole.
    return params * np.round(1.0 - sparsity * pruned, 12)


def dense_multiplier(theta: Theta, sparsity: Any) -> np.ndarray:
    """Return how many times larger a dense model of the same loss is than the non-zero weights.

    Args:
        theta: Coefficients of `sparse_frantar`.
        sparsity: Share of weights that are zero ``[...]``.

    Example:
        >>> import scaling_jax as sj
        >>> t5 = sj.laws.get("sparse_frantar").published("t5")
        >>> round(float(dense_multiplier(t5.params, 0.75)), 2)
        2.16

    Reference: Frantar et al. (2023), arXiv:2309.08520.
    """
    left = theta["a_S"] * (1.0 - np.asarray(sparsity)) ** theta["b_S"] + theta["c_S"]
    return (left / (theta["a_S"] + theta["c_S"])) ** (-1.0 / theta["b_N"])


@protocol("sparse_frantar")
def optimal_sparsity(theta: Theta, params: Any, compute_flops: Any) -> np.ndarray:
    """Return the sparsity of least loss for a number of non-zero weights and a training budget.

    Training costs as much as that of the dense model from which the weights are pruned,
    C = 6 * D * N / (1 - S): a sparser model has seen less data. The loss then has one minimum in
    1 - S; dense models are best where it lies beyond 1.

    Args:
        theta: Coefficients of `sparse_frantar`.
        params: Non-zero parameters ``[...]``.
        compute_flops: Training budget in FLOP ``[...]``.

    Returns:
        Best share of zero weights, from 0 ``[...]``.

    Example:
        >>> import scaling_jax as sj
        >>> t5 = sj.laws.get("sparse_frantar").published("t5")
        >>> best = optimal_sparsity(t5.params, 1e7, [1e20, 1e22])
        >>> bool(best[1] > best[0])
        True

    Reference: Frantar et al. (2023), arXiv:2309.08520.
    """
    params, compute = np.asarray(params, np.float64), np.asarray(compute_flops, np.float64)
    a_S, b_S, b_N, b_D = (theta[name] for name in ("a_S", "b_S", "b_N", "b_D"))
    log_data = np.log(b_D) + b_D * np.log(6.0 * theta["a_D"] * params / compute)
    log_size = np.log(a_S * b_S) - b_N * np.log(params)
    kept = np.exp((log_data - log_size) / (b_S + b_D))
    return 1.0 - np.minimum(kept, 1.0)
