"""Finding and transferring hyperparameters: near-optimal runs, optima of sweeps, muP, ladders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.log_fits import PowerLaw, fit_parabola, fit_power_law
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable


@protocol("step_law_lr")
def near_optimal_runs(
    runs: RunTable, *, by: Sequence[str] = ("params", "tokens"), within: float = 0.0025
) -> RunTable:
    """Return the runs whose loss is within a share of the lowest of their group.

    A law of the best learning rate or batch is then fitted to these runs by least squares in
    logarithms; DeepSeek and Ling take the same step with groups of equal compute.

    Args:
        runs: Runs with ``loss``.
        by: Columns whose equal values make a group.
        within: The share, 0.25% in the papers.

    Raises:
        RunTableError: A column is missing.

    Example:
        >>> import scaling_jax as sj
        >>> runs = sj.RunTable.from_columns(
        ...     dict(params=[1e8] * 3, tokens=[1e9] * 3, loss=[3.0, 3.005, 3.2])
        ... )
        >>> len(near_optimal_runs(runs))
        2

    Reference:
        Li et al., arXiv:2503.04715; DeepSeek-AI, arXiv:2401.02954.
    """
    excess = excess_loss(runs, by=by)
    return runs.take(np.flatnonzero(excess <= within))


def excess_loss(runs: RunTable, *, by: Sequence[str] = ("params", "tokens")) -> np.ndarray:
    """Return by how much each loss lies above the lowest of its group, relative ``[runs]``."""
    runs.require((*by, "loss"), "groups of runs")
    group = groups(runs, by)
    lowest = np.full(group.max() + 1, np.inf)
    np.minimum.at(lowest, group, runs["loss"])
    return runs["loss"] / lowest[group] - 1.0


def groups(runs: RunTable, by: Sequence[str]) -> np.ndarray:
    """Return the number of each run's group of equal values ``[runs]``."""
    _, group = np.unique(np.stack([runs[name] for name in by]), axis=1, return_inverse=True)
    return np.ravel(group)


def nearest_excess(
    runs: RunTable, optimum: dict[str, np.ndarray], *, by: Sequence[str] = ("params", "tokens")
) -> np.ndarray:
    """Return the excess loss of the run nearest to a predicted optimum, for each group.

    Distance is that of the logarithms of the columns that `optimum` names.

    Args:
        runs: Runs with ``loss`` and the columns.
        optimum: Column -> predicted optimum for each run's group ``[runs]``.
        by: Columns whose equal values make a group.

    Returns:
        Relative excess over the group's lowest loss ``[groups]``.
    """
    excess, group = excess_loss(runs, by=by), groups(runs, by)
    distance = np.sum([np.log(runs[n] / best) ** 2 for n, best in optimum.items()], axis=0)
    found = []
    for k in range(group.max() + 1):
        rows = np.flatnonzero(group == k)
        found.append(excess[rows[np.argmin(distance[rows])]])
    return np.array(found)


@protocol("bjorck_lr")
def sweep_optima(scale: Any, learning_rate: Any, loss: Any) -> tuple[PowerLaw, np.ndarray]:
    """Return the power law of the best learning rate in a scale, from a sweep at each scale.

    Each sweep's loss is a parabola in the logarithm of the learning rate.

    Args:
        scale: Tokens, or another scale, of each sweep ``[sweeps]``.
        learning_rate: Learning rates of each sweep ``[sweeps, points]`` or ``[points]``.
        loss: Losses ``[sweeps, points]``.

    Returns:
        The power law, and the optimum of each sweep ``[sweeps]``.

    Example:
        >>> rates, tokens = np.geomspace(1e-4, 1e-2, 7), np.array([1e9, 1e10, 1e11])
        >>> best = 1e-3 * (tokens / 1e10) ** -0.32
        >>> loss = 3.0 + 0.02 * np.log(rates / best[:, None]) ** 2
        >>> law, _ = sweep_optima(tokens, rates, loss)
        >>> round(float(law.exponent), 3)
        -0.32

    Reference:
        Bjorck et al., arXiv:2409.19913.
    """
    loss = np.asarray(loss)
    rates = np.broadcast_to(np.asarray(learning_rate), loss.shape)
    best = np.asarray(fit_parabola(rates, loss).x)
    return fit_power_law(np.asarray(scale), best), best


def transferred_learning_rate(learning_rate: Any, tokens: Any, new_tokens: Any, beta: Any) -> Any:
    """Return the learning rate for another token horizon, ``lr * (D1 / D2)**beta``.

    Example:
        >>> round(transferred_learning_rate(1e-3, 1e10, 1e11, 0.32), 6)
        0.000479
    """
    return learning_rate * (tokens / new_tokens) ** beta


@protocol("sld_lr_bsz")
def polynomial_optimum(
    theta: Mapping[str, Any], tokens: Any, params: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the learning rate and batch at which the fitted polynomial of log loss is lowest.

    The gradient in the two logarithms is linear: a system of two equations.

    Args:
        theta: Coefficients of the law `sld_lr_bsz`.
        tokens: Training tokens.
        params: Parameters.

    Returns:
        Learning rate and batch in tokens.

    Raises:
        ProtocolError: The polynomial has no minimum in the two.

    Example:
        >>> theta = dict.fromkeys(["theta_lr_D", "theta_lr_N", "theta_bsz_D", "theta_bsz_N"], 0.0)
        >>> theta |= dict(theta_lr=12.0, theta_bsz=-26.0, theta_lr_lr=1.0, theta_bsz_bsz=1.0)
        >>> rate, batch = polynomial_optimum(theta | dict(theta_lr_bsz=0.0), 1e10, 1e9)
        >>> round(float(np.log(rate)), 6), round(float(np.log(batch)), 6)
        (-6.0, 13.0)

    Reference:
        Lin et al., arXiv:2507.21184.
    """
    log_d, log_n = np.log(tokens), np.log(params)
    a, b = 2.0 * theta["theta_lr_lr"], 2.0 * theta["theta_bsz_bsz"]
    mixed = theta["theta_lr_bsz"]
    determinant = a * b - mixed**2
    if a <= 0.0 or determinant <= 0.0:
        raise ProtocolError(
            "the polynomial has no minimum in learning rate and batch; fit it to sweeps that "
            "enclose the optimum"
        )
    p, q = (
        -(theta[f"theta_{x}"] + theta[f"theta_{x}_D"] * log_d + theta[f"theta_{x}_N"] * log_n)
        for x in ("lr", "bsz")
    )
    log_rate, log_batch = (b * p - mixed * q) / determinant, (a * q - mixed * p) / determinant
    return np.exp(log_rate), np.exp(log_batch)


@dataclass(frozen=True)
class WidthMultipliers:
    """What muP sets when the width grows by m, for Adam.

    Attributes:
        hidden_learning_rate: Factor of the learning rate of hidden matrices, 1/m.
        hidden_init_variance: Factor of their initial variance, 1/m.
        hidden_weight_decay: Factor of decoupled weight decay, m, which keeps its product with the
            learning rate.
        output_logits: Factor of the output, 1/m.
        attention_scale: What products of queries and keys are multiplied by, 1/d_head.
        embedding_learning_rate: Factor of the embeddings' learning rate, 1.
        vector_learning_rate: Factor of the learning rate of biases and gains, 1.
    """

    hidden_learning_rate: float
    hidden_init_variance: float
    hidden_weight_decay: float
    output_logits: float
    attention_scale: float
    embedding_learning_rate: float = 1.0
    vector_learning_rate: float = 1.0


@protocol("mup_transfer")
def width_multipliers(
    width: float, base_width: float, *, head_width: float = 64.0
) -> WidthMultipliers:
    """Return the multipliers that keep the best hyperparameters of a base width.

    Args:
        width: Width of the model.
        base_width: Width that was tuned.
        head_width: Width of an attention head.

    Example:
        >>> found = width_multipliers(4096, 256)
        >>> found.hidden_learning_rate, found.hidden_weight_decay, found.attention_scale
        (0.0625, 16.0, 0.015625)

    Reference:
        Yang et al., arXiv:2203.03466.
    """
    m = width / base_width
    return WidthMultipliers(
        hidden_learning_rate=1.0 / m,
        hidden_init_variance=1.0 / m,
        hidden_weight_decay=m,
        output_logits=1.0 / m,
        attention_scale=1.0 / head_width,
    )


@dataclass(frozen=True)
class LadderRun:
    """Hyperparameters of one run of a model ladder.

    Attributes:
        tokens: Training tokens.
        batch_tokens: Tokens in a batch.
        learning_rate: Peak learning rate.
        warmup_tokens: Tokens of the warm-up.
        beta2: Of AdamW.
        weight_decay: Of AdamW, zero on embeddings.
    """

    tokens: float
    batch_tokens: int
    learning_rate: float
    warmup_tokens: float
    beta2: float
    weight_decay: float = 0.1


@protocol("olmo_core_ladder_hparams")
def ladder_run(params: float, multiple: float = 1.0) -> LadderRun:
    """Return OLMo-core's default hyperparameters for a model of a ladder.

    Args:
        params: Non-embedding parameters.
        multiple: Multiple of 20 tokens a parameter.

    Example:
        >>> run = ladder_run(108e6)
        >>> run.batch_tokens, round(run.learning_rate, 5), run.beta2
        (327680, 0.00235, 0.99)

    Reference:
        github.com/allenai/OLMo-core, WSDSChinchillaRunConfigurator.
    """
    relative = params / 108e6
    batch = round(2048 * 160 * relative ** (2.0 / 3.0))
    return LadderRun(
        tokens=20.0 * params * multiple,
        batch_tokens=batch,
        learning_rate=0.5 * 0.0047 * relative ** (-1.0 / 3.0),
        warmup_tokens=params,
        beta2=0.95 if batch >= 524288 else 0.99,
    )
