"""What test-time compute costs, and what it is worth beside training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpy.typing import ArrayLike

from scaling_jax._pytree import pytree
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.registry import protocol

# Compute and memory traffic of long generations


@pytree
class InferenceCost:
    """Cost of answering one problem.

    Attributes:
        compute: FLOP.
        memory: Traffic of the keys and values in equivalent FLOP: bytes times intensity.
    """

    compute: jax.Array
    memory: jax.Array

    @property
    def total(self) -> jax.Array:
        """Equivalent FLOP (eFLOP)."""
        return self.compute + self.memory


@protocol("kinetics_cost")
def inference_cost(
    params: ArrayLike,
    prompt: ArrayLike,
    generated: ArrayLike,
    trials: ArrayLike = 1.0,
    *,
    heads: ArrayLike,
    kv_heads: ArrayLike,
    head_width: ArrayLike,
    intensity: ArrayLike = 562.5,
    kv_budget: ArrayLike | None = None,
    block_size: ArrayLike | None = None,
) -> InferenceCost:
    """Return the cost of n trials on a shared prompt, with dense or sparse attention.

    With dense attention a token attends to all before it. With `kv_budget` it attends to B of
    them, chosen without cost; with `block_size` too, whole blocks are chosen by a search that
    reads one key a block. Traffic of the weights is left out: large batches share it. The result
    can be compiled and differentiated; everything broadcasts.

    Args:
        params: P, active parameters.
        prompt: Lp, tokens of the prompt.
        generated: Lg, tokens of an answer.
        trials: n, answers drawn.
        heads: H, query heads.
        kv_heads: Hkv, heads of keys and values.
        head_width: d, width of a head times the number of layers.
        intensity: I, peak FLOP/s of the device over its bytes/s.
        kv_budget: B, keys that a token attends to; None: dense attention. For blocks, the local
            window and the blocks chosen.
        block_size: Tokens of a block.

    Raises:
        ProtocolError: A block size without a budget.

    Example:
        >>> model = dict(heads=32, kv_heads=8, head_width=128 * 36)
        >>> dense = inference_cost(8.19e9, 1024, 16384, 8, **model)
        >>> sparse = inference_cost(8.19e9, 1024, 16384, 8, **model, kv_budget=1024)
        >>> round(float(dense.total / sparse.total), 1)
        7.0

    Reference:
        Sadhukhan et al. (2025), arXiv:2506.05333, cost_model/utils.py.
    """
    P, Lp, Lg, n = (jnp.asarray(x, dtype=float) for x in (params, prompt, generated, trials))
    linear = 2.0 * P * Lg
    queries, keys, ratio = (jnp.asarray(x, dtype=float) for x in (heads, kv_heads, intensity))
    width = jnp.asarray(head_width, dtype=float)
    if kv_budget is None:
        if block_size is not None:
            raise ProtocolError("block_size is for sparse attention; give kv_budget too")
        compute = n * (linear + 2.0 * (2.0 * Lp + Lg) * Lg * queries * width)
        # The prompt's keys are shared by the trials, which hold n * Lg of their own.
        memory = 2.0 * (2.0 * Lp + n * Lg) * Lg * keys * width
        return InferenceCost(compute, ratio * memory)
    read = keys_read(Lp, Lg, kv_budget)
    compute = n * (linear + 4.0 * read * queries * width)
    memory = n * 4.0 * read * keys * width
    if block_size is not None:
        blocks, of_all = (
            jnp.floor(x / jnp.asarray(block_size)) for x in (2.0 * Lp + Lg, 2.0 * Lp + n * Lg)
        )
        compute = compute + n * blocks * Lg * queries * width
        memory = memory + of_all * Lg * keys * width
    return InferenceCost(compute, ratio * memory)


def keys_read(prompt: ArrayLike, generated: ArrayLike, kv_budget: ArrayLike) -> jax.Array:
    """Return how many keys an answer reads in all, with a budget of B a token.

    ``B * Lg - max(0, B - Lp)**2 / 2``: until B tokens are there, all are read. A budget beyond
    the last token is dense attention. (The authors' code adds the square in one of its two
    functions; then a full budget would cost more than dense attention.)

    Example:
        >>> float(keys_read(100, 50, 150)), float(keys_read(100, 50, 1e6))  # dense: 6250
        (6250.0, 6250.0)
    """
    Lp, Lg = jnp.asarray(prompt, dtype=float), jnp.asarray(generated, dtype=float)
    budget = jnp.minimum(jnp.asarray(kv_budget, dtype=float), Lp + Lg)
    return budget * Lg - 0.5 * jnp.maximum(0.0, budget - Lp) ** 2


# A smaller model that thinks longer


@protocol("snell_tts_exchange")
def matching_inference(size_ratio: ArrayLike, token_ratio: ArrayLike) -> jax.Array:
    """Return by how much a small model may think longer for the FLOP of a larger one.

    Pre-training 6 N D and inference 2 N D_inf of an M times larger model are spent on the
    small one's inference: m = M + 3 (M - 1) / R.

    Args:
        size_ratio: M, parameters of the larger model over those of the smaller.
        token_ratio: R, inference tokens of its life over pre-training tokens.

    Raises:
        ProtocolError: A ratio of sizes below one, or no inference tokens.

    Example:
        >>> round(float(matching_inference(14, 0.16)), 2)
        257.75

    Reference:
        Snell et al. (2024), arXiv:2408.03314, section 7.
    """
    _check_above(size_ratio, 1.0, "size_ratio", strict=False)
    _check_above(token_ratio, 0.0, "token_ratio")
    M, R = jnp.asarray(size_ratio, dtype=float), jnp.asarray(token_ratio, dtype=float)
    return M + 3.0 * (M - 1.0) / R


@protocol("boardgame_train_test")
def exchanged_search(train_factor: ArrayLike, *, search_per_tenfold: float = 15.0) -> jax.Array:
    """Return the factor of test-time compute that a factor of training compute makes unnecessary.

    On a line of equal Elo log10(C_test) = -m * log10(C_train) + const, with m = log10(15) for Hex.

    Args:
        train_factor: How many times the training compute.
        search_per_tenfold: Test-time compute that ten times the training replaces.

    Raises:
        ProtocolError: A factor that is not positive.

    Example:
        >>> round(float(exchanged_search(100.0)))
        225

    Reference:
        Jones (2021), arXiv:2104.03113.
    """
    _check_above(train_factor, 0.0, "train_factor")
    slope = np.log10(search_per_tenfold)
    return jnp.exp(slope * jnp.log(jnp.asarray(train_factor, dtype=float)))


# The best strategy within a budget

_EASY, _MEDIUM = 0.5, 0.1  # least pass@1


@dataclass(frozen=True)
class Strategy:
    """A test-time strategy and what it reached.

    Attributes:
        name: Of the strategy: policy, reward model and way to search.
        samples: Answers, or their cost in any one unit.
        accuracy: What it reached.
    """

    name: str
    samples: float
    accuracy: float


@protocol("small_beats_large_tts")
def best_strategies(
    results: Mapping[str, tuple[ArrayLike, ArrayLike]], budgets: ArrayLike
) -> list[Strategy | None]:
    """Return the most accurate strategy within each budget; None where none is affordable.

    What is best depends on the policy, the reward model and the difficulty: call it once for each
    (`difficulty` sorts the problems). Of equally accurate ones the cheaper is returned.

    Args:
        results: Strategy -> (budgets that it was run with ``[runs]``, accuracies ``[runs]``).
        budgets: What may be spent ``[budgets]``.

    Raises:
        ProtocolError: Budgets and accuracies of a strategy that do not match.

    Example:
        >>> results = {"best of n": ([1, 16, 64], [0.3, 0.5, 0.52]), "beam": ([16], [0.55])}
        >>> [best.name for best in best_strategies(results, [4, 64])]
        ['best of n', 'beam']

    Reference:
        Liu et al. (2025), arXiv:2502.06703; Snell et al. (2024), arXiv:2408.03314, equation 1.
    """
    runs = []
    for name, given in results.items():
        costs, scores = (np.atleast_1d(np.asarray(x, np.float64)) for x in given)
        if costs.shape != scores.shape or not np.all(np.isfinite(costs) & np.isfinite(scores)):
            raise ProtocolError(
                f"{name!r} needs one finite accuracy for each budget; it has {costs.size} budgets "
                f"and {scores.size} accuracies"
            )
        runs += [Strategy(name, float(c), float(s)) for c, s in zip(costs, scores, strict=True)]
    found: list[Strategy | None] = []
    for budget in np.atleast_1d(np.asarray(budgets, np.float64)):
        within = [run for run in runs if run.samples <= budget]
        found.append(max(within, key=lambda run: (run.accuracy, -run.samples), default=None))
    return found


def difficulty(pass_at_1: ArrayLike) -> np.ndarray:
    """Return ``easy`` (50 to 100 %), ``medium`` (10 to 50 %) or ``hard`` for each problem.

    Example:
        >>> difficulty([0.9, 0.5, 0.2, 0.01]).tolist()
        ['easy', 'easy', 'medium', 'hard']
    """
    rate = np.asarray(pass_at_1, np.float64)
    if not np.all((rate >= 0.0) & (rate <= 1.0)):
        raise ProtocolError("pass@1 lies between 0 and 1; divide percents by 100")
    return np.where(rate >= _EASY, "easy", np.where(rate >= _MEDIUM, "medium", "hard"))


def _check_above(value: Any, least: float, name: str, *, strict: bool = True) -> None:
    if isinstance(value, Tracer):
        return
    value = np.asarray(value, np.float64)
    if not np.all(value > least if strict else value >= least):
        comparison = "above" if strict else "at least"
        raise ProtocolError(f"{name} must be {comparison} {least:g}, not {np.min(value):g}")
