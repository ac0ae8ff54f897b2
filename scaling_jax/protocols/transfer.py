"""Procedures on transfer: which model to fine-tune, on how much data, on which mixture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import ProtocolError
from scaling_jax.fitting.fit import fit
from scaling_jax.laws import get
from scaling_jax.objectives import Squared
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

Values = Mapping[str, Any]
_NO_EXAMPLES = 1e-10  # stands for the loss without fine-tuning, as in the authors' code
_SHARES = 10_001


@dataclass(frozen=True)
class ModelSelection:
    """Models ranked by their predicted loss after full fine-tuning.

    Attributes:
        predicted: Predicted loss of each model ``[models]``.
        chosen: Index of the model with the lowest.
        used: How many of the largest sizes each prediction rests on ``[models]``.
    """

    predicted: np.ndarray
    chosen: int
    used: np.ndarray

    def correlation(self, observed: Any) -> float:
        """Return Pearson's correlation of predicted and observed losses (PearCorr)."""
        return float(np.corrcoef(self.predicted, np.asarray(observed, np.float64))[0, 1])

    def relative_accuracy(self, observed: Any) -> float:
        """Return (worst - chosen) / (worst - best) of the observed losses (RelAcc)."""
        losses = np.asarray(observed, np.float64)
        return float((losses.max() - losses[self.chosen]) / (losses.max() - losses.min()))


@protocol("ats_selection")
def accept_then_stop(
    examples: Any, losses: Any, budget: float, full: float, *, k: int = 3, delta: float = 5.0
) -> ModelSelection:
    """Select the model to fine-tune from short runs: accept large sizes, stop at an outlier.

    For each model the k largest sizes within the budget are accepted and a line is fitted in
    log-log. The next smaller size is accepted too unless its residual exceeds delta standard
    deviations of the accepted ones; the last line gives the loss at the full size. As in the
    authors' code the smallest size is never used if no outlier is met, and all are used if there
    are no more than k.

    Args:
        examples: Fine-tuning examples, increasing ``[sizes]``.
        losses: Loss of each model after as many ``[models, sizes]``.
        budget: Most examples that may be used.
        full: Examples to predict for.
        k: Sizes that are always accepted.
        delta: Standard deviations that make an outlier.

    Raises:
        ProtocolError: The arrays do not fit together, or fewer than two sizes are affordable.

    Reference:
        Lin et al., arXiv:2402.02314, Algorithm 1.

    Example:
        >>> sizes = 200.0 * 2.0 ** np.arange(8)
        >>> losses = np.stack([3.0 * sizes**-0.1, 5.0 * sizes**-0.2])
        >>> found = accept_then_stop(sizes, losses, budget=3200, full=25600)
        >>> found.chosen, bool(np.allclose(found.predicted, losses[:, -1]))
        (1, True)
    """
    logs, observed = _affordable(examples, losses, budget)
    found = [_accepted_line(logs, row, k, delta, np.log(full)) for row in np.log(observed)]
    predicted, used = (np.array(values) for values in zip(*found, strict=True))
    return ModelSelection(np.exp(predicted), int(np.argmin(predicted)), used)


def _accepted_line(
    x: np.ndarray, y: np.ndarray, k: int, delta: float, at: float
) -> tuple[float, int]:
    """Return the value at `at` of the line through the accepted points, and their number."""
    accepted = len(x)
    for accepted in range(k, len(x)):
        slope, intercept = np.polyfit(x[-accepted:], y[-accepted:], 1)
        spread = np.std(y[-accepted:] - (slope * x[-accepted:] + intercept))
        next_one = x[-accepted - 1], y[-accepted - 1]
        if abs(next_one[1] - (slope * next_one[0] + intercept)) > delta * spread:
            break
    slope, intercept = np.polyfit(x[-accepted:], y[-accepted:], 1)
    return float(slope * at + intercept), accepted


@protocol("rectified_finetuning")
def rectified_selection(
    examples: Any,
    losses: Any,
    budget: float,
    full: float,
    *,
    zero_shot: Any = None,
    starts: int = 64,
) -> ModelSelection:
    """Select the model to fine-tune by the rectified law, fitted to each model's short runs.

    Args:
        examples: Fine-tuning examples, increasing ``[sizes]``.
        losses: Loss of each model after as many ``[models, sizes]``.
        budget: Most examples that may be used.
        full: Examples to predict for.
        zero_shot: Loss of each model without fine-tuning ``[models]``, taken as one more point
            at 1e-10 examples.
        starts: Starts of each fit.

    Raises:
        ProtocolError: The arrays do not fit together, or fewer points are affordable than the
            law has coefficients.

    Reference:
        Lin et al., arXiv:2402.02314, section 4 (OurFit).
    """
    logs, observed = _affordable(examples, losses, budget)
    sizes = np.exp(logs)
    if zero_shot is not None:
        sizes = np.append(_NO_EXAMPLES, sizes)
        observed = np.concatenate([np.asarray(zero_shot, float)[:, None], observed], axis=1)
    law = get("rectified_finetuning")
    if len(sizes) < len(law.free):
        raise ProtocolError(
            f"the rectified law has {len(law.free)} coefficients, but only {len(sizes)} sizes lie "
            f"within the budget of {budget:g} examples; raise it"
        )
    predicted = []
    for row in observed:
        runs = RunTable.from_columns({"examples": sizes, "loss": row})
        found = fit(law, runs, Squared(scale="log"), starts=starts)
        predicted.append(float(found(examples=full)))
    predicted = np.array(predicted)
    used = np.full(len(predicted), len(sizes))
    return ModelSelection(predicted, int(np.argmin(predicted)), used)


def _affordable(examples: Any, losses: Any, budget: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithms of the sizes within the budget and the losses there."""
    sizes, observed = np.asarray(examples, np.float64), np.asarray(losses, np.float64)
    if sizes.ndim != 1 or observed.ndim != 2 or observed.shape[1] != len(sizes):
        raise ProtocolError(
            f"a selection needs losses [models, sizes] for the examples [sizes], not arrays of "
            f"shapes {observed.shape} and {sizes.shape}"
        )
    if not (np.all(np.diff(sizes) > 0.0) and sizes[0] > 0.0 and np.all(observed > 0.0)):
        raise ProtocolError(
            "a selection needs positive losses, and positive examples in increasing order"
        )
    within = sizes <= budget * (1.0 + 1e-9)
    if within.sum() < 2:
        raise ProtocolError(
            f"only {within.sum()} size lies within the budget of {budget:g} examples; raise it"
        )
    return np.log(sizes[within]), observed[:, within]


@protocol("llm_finetuning_joint")
def critical_data_size(first: Values, second: Values, x: Any) -> Any:
    """Return the fine-tuning examples at which two methods are equally good, their floors apart.

    Args:
        first: A, alpha and beta of the law A*X**(-alpha)*D_f**(-beta) + E for one method.
        second: The same for the other.
        x: The factor X, such as model parameters; an array or a number.

    Returns:
        D_c = H*X**g with H = (A1/A2)**(1/(beta1-beta2)), g = (alpha2-alpha1)/(beta1-beta2).
        The method of the larger beta is better beyond.

    Raises:
        ProtocolError: Both methods have the same beta.

    Reference:
        Zhang et al., arXiv:2402.17193, section 5.

    Example:
        >>> full = dict(A=100.0, alpha=0.2, beta=0.3)
        >>> tuned = dict(A=10.0, alpha=0.2, beta=0.2)
        >>> print(f"{critical_data_size(full, tuned, 1e9):.3e}")
        1.000e+10
    """
    difference = first["beta"] - second["beta"]
    if difference == 0.0:
        raise ProtocolError("two methods with the same beta have no critical data size")
    log_ratio = jnp.log(first["A"]) - jnp.log(second["A"])
    slope = (second["alpha"] - first["alpha"]) / difference
    return jnp.exp(log_ratio / difference + slope * jnp.log(jnp.asarray(x, float)))


@protocol("transfer_effective_data")
def pretraining_worth(theta: Values, factor: float = 10.0) -> float:
    """Return how much fine-tuning data a factor in model size is worth, for the same transfer.

    Args:
        theta: alpha and beta of the law D_T = k * D_F**alpha * N**beta.
        factor: Factor in the parameters.

    Returns:
        factor**(beta/alpha): the factor in the fine-tuning data that transfers as much.

    Reference:
        Hernandez et al., arXiv:2102.01293, section 1.

    Example:
        >>> round(pretraining_worth(dict(alpha=0.18, beta=0.38)))
        129
    """
    return float(factor ** (theta["beta"] / theta["alpha"]))


@protocol("cross_lingual_cpt")
def continued_optimum(theta: Values, compute_flops: Any) -> tuple[Any, Any]:
    """Return the compute-optimal parameters and tokens of continual pre-training.

    Args:
        theta: A, B2, alpha, beta2 and gamma of the law cross_lingual_cpt, for raw counts.
        compute_flops: Training compute 6*N*D, in FLOP; an array or a number.

    Raises:
        ProtocolError: beta2 does not exceed gamma, so that no size is too large.

    Reference:
        Zheng et al., arXiv:2407.02118, section 3.

    Example:
        >>> theta = dict(A=420.0, B2=433.3, alpha=0.4, beta2=0.2, gamma=0.08)
        >>> params, tokens = continued_optimum(theta, 1e21)
        >>> bool(abs(6 * params * tokens / 1e21 - 1) < 1e-5)
        True
    """
    alpha, surplus = theta["alpha"], theta["beta2"] - theta["gamma"]
    if not (surplus > 0.0 and alpha > theta["gamma"]):
        raise ProtocolError(
            "an optimum of continual pre-training needs beta2 and alpha above gamma, not "
            f"beta2 = {theta['beta2']:g}, alpha = {alpha:g}, gamma = {theta['gamma']:g}"
        )
    # Along N*D = C/6 the data term falls with N**-(gamma - beta2).
    log_product = jnp.log(jnp.asarray(compute_flops, float)) - jnp.log(6.0)
    log_g = (jnp.log(alpha * theta["A"]) - jnp.log(surplus * theta["B2"])) / (alpha + surplus)
    log_params = log_g + theta["beta2"] / (alpha + surplus) * log_product
    return jnp.exp(log_params), jnp.exp(log_product - log_params)


@protocol("d_cpt")
def largest_domain_share(
    general_loss: Callable[[np.ndarray], Any], start: float, tolerance: float
) -> float:
    """Return the largest share of domain data that keeps the general loss within a tolerance.

    Args:
        general_loss: From shares of domain data ``[q]`` to the general loss ``[q]``: a law with
            its other inputs given, or an interpolation of runs.
        start: General loss before continual pre-training.
        tolerance: Relative increase that is allowed, 0.03 for 3 %.

    Returns:
        The share, to 1e-4; 0 if no share keeps it.

    Reference:
        Que et al., arXiv:2406.01375, section 4.4; it also gives the critical mixture ratio of Gu
        et al., arXiv:2407.17467.

    Example:
        >>> largest_domain_share(lambda share: 2.0 + share**2, start=2.0, tolerance=0.125)
        0.5
    """
    shares = np.linspace(0.0, 1.0, _SHARES)
    with jax.enable_x64(True):
        losses = np.asarray(general_loss(shares), np.float64)
    if losses.shape != shares.shape or not np.all(np.isfinite(losses)):
        raise ProtocolError("general_loss must return one finite loss a share of domain data")
    kept = np.flatnonzero(losses <= (1.0 + tolerance) * start)
    return float(shares[kept[-1]]) if kept.size else 0.0


@protocol("downstream_bleu_log_law")
def alignment_score(source: float, destination: float) -> float:
    """Return how well pre-training languages match a translation task.

    Args:
        source: Proportion of the source language in the pre-training tokens.
        destination: Proportion of the destination language.

    Returns:
        1 for equal parts of both, 0 for neither. Below it scores may stop following the law.

    Raises:
        ProtocolError: The proportions are not those of two languages.

    Reference:
        Isik et al., arXiv:2402.04177, section 4.

    Example:
        >>> alignment_score(0.5, 0.5), alignment_score(1.0, 0.0)
        (1.0, 0.7)
    """
    if min(source, destination) < 0.0 or source + destination > 1.0 + 1e-9:
        raise ProtocolError(
            f"two languages have proportions of 0 or more that sum to at most 1, not {source:g} "
            f"and {destination:g}"
        )
    return source * destination + 0.7 * source + 0.8 * destination
