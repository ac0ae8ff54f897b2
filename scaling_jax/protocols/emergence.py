"""Abilities before they show: pass probabilities, answer probabilities, groups of questions."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from scaling_jax._pytree import pytree
from scaling_jax.errors import FitError
from scaling_jax.protocols.registry import protocol

_JUMP = 1e-3  # of a score from 0 to 1, where it should be continuous

# PassUntil


@pytree
class PassRate:
    """A pass probability estimated by sampling until enough samples passed.

    Attributes:
        value: The estimate.
        standard_error: Its asymptotic standard error.
    """

    value: jax.Array
    standard_error: jax.Array


@protocol("passuntil_task_law")
def pass_until(passes: ArrayLike, draws: ArrayLike, *, unbiased: bool = False) -> PassRate:
    """Return the pass probability from the number of draws that r passes took.

    With draws stopped at the r-th pass, r / K is the maximum of the likelihood (a negative
    binomial). It is too large on average; ``(r - 1) / (K - 1)`` is not, for r of two or more.

    Args:
        passes: r, how many samples had to pass ``[...]``.
        draws: K, how many were drawn ``[...]``.
        unbiased: Return the estimate without bias.

    Raises:
        FitError: Fewer draws than passes, or one pass only for the unbiased estimate.

    Example:
        >>> found = pass_until(2, 400)
        >>> round(float(found.value), 5), round(float(found.standard_error), 5)
        (0.005, 0.00353)

    Reference:
        Hu et al. (2023), arXiv:2310.03262, section 3.2.
    """
    r, k = np.asarray(passes, np.float64), np.asarray(draws, np.float64)
    fewest = 2 if unbiased else 1
    if np.any(r < fewest) or np.any(k < r):
        raise FitError(
            f"passes must be {fewest} or more and draws at least as many; an instance that never "
            "passed within the cap has no estimate"
        )
    value = (r - 1.0) / (k - 1.0) if unbiased else r / k
    return PassRate(jnp.asarray(value), jnp.asarray(value * np.sqrt((1.0 - value) / r)))


@dataclass(frozen=True, eq=False)
class TaskLaw:
    """-log of the pass probability as a power of the size, one law an instance.

    Attributes:
        c: Amplitudes ``[instances]``.
        alpha: Exponents ``[instances]``.
    """

    c: np.ndarray
    alpha: np.ndarray

    def __call__(self, params: ArrayLike) -> np.ndarray:
        """Return the mean pass probability over the instances ``[...]``.

        A mean of laws is no such law itself: a fit to the mean is biased where instances differ.
        """
        log_n = np.log(np.asarray(params, np.float64))[..., None]
        return np.exp(-np.exp(np.log(self.c) - self.alpha * log_n)).mean(axis=-1)


def fit_task_law(params: ArrayLike, pass_rates: ArrayLike) -> TaskLaw:
    """Fit the task law by lines in log(-log PU) against log N, one an instance.

    Args:
        params: Sizes of the models ``[models]``.
        pass_rates: Pass probability of each instance ``[models, instances]``, or of one task
            ``[models]``; NaN where an instance never passed.

    Raises:
        FitError: A probability is not between 0 and 1, or an instance has fewer than two.

    Example:
        >>> import numpy as np
        >>> params = np.array([3e7, 1e8, 3e8])
        >>> law = fit_task_law(params, np.exp(-50.0 * params**-0.2))
        >>> round(float(law.c[0]), 6), round(float(law.alpha[0]), 6)
        (50.0, 0.2)
    """
    x = np.log(np.asarray(params, np.float64))
    rates = np.asarray(pass_rates, np.float64)
    rates = rates[:, None] if rates.ndim == 1 else rates
    known = ~np.isnan(rates)
    if rates.shape[0] != len(x) or np.any(known & ((rates <= 0.0) | (rates >= 1.0))):
        raise FitError(
            "pass_rates must lie between 0 and 1, one a model; write NaN where nothing passed"
        )
    if np.any(known.sum(axis=0) < 2):
        bad = int(np.argmin(known.sum(axis=0)))
        raise FitError(f"instance {bad} has fewer than two pass rates; leave it out")
    y = np.log(-np.log(np.where(known, rates, 0.5)))
    count = known.sum(axis=0)
    mean_x, mean_y = (known * x[:, None]).sum(axis=0) / count, (known * y).sum(axis=0) / count
    dx, dy = (x[:, None] - mean_x) * known, (y - mean_y) * known
    slope = (dx * dy).sum(axis=0) / (dx**2).sum(axis=0)
    return TaskLaw(np.exp(mean_y - slope * mean_x), -slope)


# From the probability of the answer to the metric


@pytree
class ChoiceMetrics:
    """The chain of metrics of multiple-choice questions; every step loses predictability.

    Attributes:
        p_vocab: Probability of the correct choice under the whole vocabulary ``[...]``.
        p_choices: The same, over the choices alone.
        accuracy: One where the correct choice is the most probable one.
        brier: Squared distance of the choices' probabilities from the answer.
    """

    p_vocab: jax.Array
    p_choices: jax.Array
    accuracy: jax.Array
    brier: jax.Array


@protocol("metric_chain_elusive")
def choice_metrics(log_probabilities: ArrayLike, correct: ArrayLike) -> ChoiceMetrics:
    """Return the metrics of questions from the log probabilities of their choices.

    It can be compiled, mapped and differentiated: predicted log probabilities of all choices can
    be pushed through to the accuracy. Wrong choices count: two questions with the same probability
    of the answer may differ in accuracy.

    Args:
        log_probabilities: Of every choice ``[..., choices]``, natural logarithms.
        correct: Position of the correct choice ``[...]``.

    Example:
        >>> import numpy as np
        >>> spread, one = np.log([[0.4, 0.2, 0.2, 0.2], [0.4, 0.6, 1e-9, 1e-9]])
        >>> [float(choice_metrics(p, 0).accuracy) for p in (spread, one)]
        [1.0, 0.0]

    Reference:
        Schaeffer et al. (2024), arXiv:2406.04391, section 3.
    """
    logp = jnp.asarray(log_probabilities)
    correct = jnp.asarray(correct)
    shares = jax.nn.softmax(logp, axis=-1)
    answer = jax.nn.one_hot(correct, logp.shape[-1], dtype=shares.dtype)
    of_correct = jnp.sum(shares * answer, axis=-1)
    return ChoiceMetrics(
        jnp.exp(jnp.sum(jnp.where(answer > 0.0, logp, 0.0), axis=-1)),
        of_correct,
        (of_correct >= jnp.max(shares, axis=-1)).astype(shares.dtype),
        jnp.sum((shares - answer) ** 2, axis=-1),
    )


# A threshold in the loss


@protocol("du_loss_threshold")
def above_threshold(
    loss: ArrayLike, ability: Callable[[jax.Array], jax.Array], *, eta: float, chance: float = 0.0
) -> jax.Array:
    """Return a score that is chance until the pre-training loss falls below a threshold.

    Args:
        loss: Pre-training loss, of one corpus and tokenizer ``[...]``.
        ability: f, the score as a falling function of the loss; it meets chance at the threshold.
        eta: The threshold; 2.2 for MMLU, C-Eval and GSM8K on the authors' corpus.
        chance: Score of guessing.

    Raises:
        FitError: f does not meet chance at the threshold.

    Example:
        >>> score = above_threshold([2.5, 2.0], lambda loss: 0.25 + 0.5 * (2.2 - loss), eta=2.2,
        ...     chance=0.25)
        >>> [round(float(s), 3) for s in score]
        [0.25, 0.35]

    Reference:
        Du et al. (2024), arXiv:2403.15796, section 4.
    """
    loss = jnp.asarray(loss)
    start = float(ability(jnp.asarray(eta)))
    if abs(start - chance) > _JUMP:
        raise FitError(
            f"the ability is {start:.3g} at the loss {eta:g}, not chance ({chance:g}); the score "
            "is continuous there"
        )
    below = loss < eta
    return jnp.where(below, ability(jnp.where(below, loss, eta)), chance)
