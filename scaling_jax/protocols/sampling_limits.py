"""What more samples cannot do: imperfect verifiers, votes and plateaus."""

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

# Resampling until an imperfect verifier accepts


@pytree
class Resampling:
    """What resampling until a verifier accepts brings.

    Attributes:
        accepted: Chance that one of K answers is accepted ``[..., problems]``.
        precision: Chance that an accepted answer is correct, whatever K ``[problems]``.
        accuracy: Share of problems with a correct accepted answer ``[...]``.
        ceiling: The accuracy of unlimited samples.
        utility: Mean benefit less the cost of false positives and of samples ``[...]``.
    """

    accepted: jax.Array
    precision: jax.Array
    accuracy: jax.Array
    ceiling: jax.Array
    utility: jax.Array


@protocol("inference_flaws")
def resample(
    correct: ArrayLike,
    false_positive: ArrayLike,
    attempts: ArrayLike,
    *,
    false_positive_cost: Any = 0.0,
    sample_cost: Any = 0.0,
) -> Resampling:
    """Return accuracy and utility of resampling until a verifier accepts, K answers at most.

    The verifier accepts every correct answer. Of the accepted ones a share of
    q = p / (p + (1 - p) f) is correct, however many are drawn: the ceiling.

    Args:
        correct: p, chance that an answer is correct ``[problems]``.
        false_positive: f, chance that a wrong answer is accepted ``[problems]``, or one number.
        attempts: K, not negative ``[...]``.
        false_positive_cost: r, cost of a false positive in benefits of a correct answer.
        sample_cost: Cost of a sample in the same unit.

    Raises:
        ProtocolError: A chance is not between 0 and 1.

    Example:
        >>> found = resample([0.5, 0.1], 0.1, [1, 100])
        >>> [round(float(a), 3) for a in found.accuracy], round(float(found.ceiling), 3)
        ([0.3, 0.718], 0.718)

    Reference:
        Stroebl, Kapoor, Narayanan (2024), arXiv:2411.17501; the equations are derived.
    """
    _check_chances(correct, false_positive)
    p, f = jnp.asarray(correct, dtype=float), jnp.asarray(false_positive, dtype=float)
    k = jnp.asarray(attempts, dtype=float)[..., None]
    accepted_once = p + (1.0 - p) * f
    possible = accepted_once > 0.0
    precision = jnp.where(possible, p / jnp.where(possible, accepted_once, 1.0), 0.0)
    certain = accepted_once >= 1.0
    log_rejected = jnp.log1p(-jnp.where(certain, 0.0, accepted_once))
    accepted = jnp.where(certain, jnp.where(k > 0.0, 1.0, 0.0), -jnp.expm1(k * log_rejected))
    worth = precision - false_positive_cost * (1.0 - precision)
    return Resampling(
        accepted,
        precision,
        jnp.mean(accepted * precision, axis=-1),
        jnp.mean(precision, axis=-1),
        jnp.mean(accepted * worth, axis=-1) - sample_cost * k[..., 0],
    )


def optimal_attempts(
    correct: ArrayLike,
    false_positive: ArrayLike,
    *,
    false_positive_cost: float,
    sample_cost: float = 0.0,
    most: int = 10_000,
) -> float:
    """Return the number of samples of the largest utility; `inf` where more always help.

    Zero says that nothing should be drawn at all. Every sample beyond the optimum is accepted on
    ever harder problems, where the accepted answer is more likely wrong.

    Args:
        correct: p of each problem ``[problems]``.
        false_positive: f of each problem ``[problems]``, or one number.
        false_positive_cost: r.
        sample_cost: Cost of a sample.
        most: Largest number looked at.

    Raises:
        ProtocolError: The utility still rises at `most`, although samples have a cost.

    Example:
        >>> optimal_attempts([0.5, 0.01], 0.2, false_positive_cost=1.0)
        2.0
        >>> optimal_attempts([0.5], 0.1, false_positive_cost=1.0)
        inf

    Reference:
        Stroebl, Kapoor, Narayanan (2024), arXiv:2411.17501.
    """
    _check_chances(correct, false_positive)
    p, f = np.broadcast_arrays(np.asarray(correct, np.float64), np.asarray(false_positive, float))
    once = p + (1.0 - p) * f
    q = np.divide(p, once, out=np.zeros_like(once), where=once > 0.0)
    worth = (q - false_positive_cost * (1.0 - q)) * (once > 0.0)
    attempts = np.arange(most + 1.0)
    rejected = np.ones(p.shape)
    utility = np.empty(most + 1)
    for k in range(most + 1):  # one row a time: problems may be many
        utility[k] = np.mean((1.0 - rejected) * worth)
        rejected = rejected * (1.0 - once)
    utility -= sample_cost * attempts
    best = int(np.argmax(utility))
    limit = np.mean(worth)
    undecided = np.any((once > 0.0) & (once < 1.0))
    if sample_cost == 0.0 and undecided and limit > 0.0 and limit >= utility[best] * (1 - 1e-12):
        return np.inf
    if best == most:
        raise ProtocolError(
            f"the utility still rises after {most} samples; give a larger most or sample_cost"
        )
    return float(best)


def _check_chances(*chances: Any) -> None:
    for value in chances:
        if isinstance(value, Tracer):
            continue
        value = np.asarray(value, np.float64)
        if not np.all((value >= 0.0) & (value <= 1.0)):
            raise ProtocolError("chances of success lie between 0 and 1; correct the values")


# Plateaus


@dataclass(frozen=True)
class Plateau:
    """Scores after N trials of equal chance, F_max * (1 - (1 - p_x)**N).

    Attributes:
        F_max: Ceiling.
        p_x: Chance of a trial.
    """

    F_max: float
    p_x: float

    def __post_init__(self) -> None:
        if not (0.0 < self.p_x < 1.0 and self.F_max > 0.0):
            raise ProtocolError(
                f"a plateau needs F_max > 0 and 0 < p_x < 1, not {self.F_max:g} and {self.p_x:g}"
            )

    def __call__(self, trials: ArrayLike) -> jax.Array:
        """Return the score after so many trials."""
        return -self.F_max * jnp.expm1(jnp.asarray(trials) * np.log1p(-self.p_x))

    def marginal_gain(self, trials: ArrayLike) -> jax.Array:
        """Return what one more trial adds, F(N + 1) - F(N)."""
        return self.F_max * self.p_x * jnp.exp(jnp.asarray(trials) * np.log1p(-self.p_x))

    def expected_trials(self, most: ArrayLike) -> jax.Array:
        """Return the mean number of trials where one stops at the first success."""
        return -jnp.expm1(jnp.asarray(most) * np.log1p(-self.p_x)) / self.p_x


@protocol("ttspm_plateau")
def saturation_point(
    F_max: float, p_x: float, threshold: float, *, of: str = "marginal_gain"
) -> int:
    """Return the number of trials after which more are not worth it.

    Args:
        F_max: Ceiling.
        p_x: Chance of a trial.
        threshold: Gain of the next trial (``of="marginal_gain"``), or distance from the ceiling
            (``of="gap"``), that is small enough.
        of: Which of the two.

    Raises:
        ProtocolError: Impossible coefficients or threshold.

    Example:
        >>> saturation_point(0.8, 0.1, 0.01), saturation_point(0.8, 0.1, 0.01, of="gap")
        (20, 42)

    Reference:
        Wang et al. (2025), arXiv:2505.20522.
    """
    first = {"marginal_gain": F_max * p_x, "gap": F_max}
    plateau = Plateau(F_max, p_x)
    if of not in first or threshold <= 0.0:
        raise ProtocolError(
            f"saturation_point takes of='marginal_gain' or 'gap' and a threshold above 0, not "
            f"{of!r} and {threshold:g}"
        )
    trials = np.log(threshold / first[of]) / np.log1p(-plateau.p_x)
    # A threshold that is met exactly is met: one part in 1e12 is rounding.
    return max(int(np.ceil(trials - 1e-12 * abs(trials))), 0)


# Votes


@protocol("wu_inference_voting")
def voting_limit(
    probabilities: ArrayLike, correct: ArrayLike, rewards: ArrayLike | None = None
) -> float:
    """Return the accuracy of (weighted) majority votes over unlimited samples.

    More votes cannot help a question whose most likely answer is wrong. Answers that tie share it.

    Args:
        probabilities: Of each answer ``[questions, answers]``; zeros where there are fewer.
        correct: Position of the correct answer ``[questions]``.
        rewards: Mean weight that a verifier gives the paths to each answer; None: all equal.

    Raises:
        ProtocolError: Probabilities that do not sum to one, or negative rewards.

    Example:
        >>> chances = [[0.5, 0.3, 0.2], [0.3, 0.4, 0.3]]
        >>> voting_limit(chances, [0, 0]), voting_limit(chances, [0, 0], [[1, 1, 1], [2, 1, 1]])
        (0.5, 1.0)

    Reference:
        Wu et al. (2024), arXiv:2408.00724, theorems 1 and 2.
    """
    p, correct, weights = _answers(probabilities, correct, rewards)
    return float(np.mean(_shared_first(p * weights, correct)))


def voting_accuracy(
    probabilities: ArrayLike,
    correct: ArrayLike,
    samples: int,
    rewards: ArrayLike | None = None,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> float:
    """Return the accuracy of (weighted) majority votes over n samples, by Monte Carlo.

    Args:
        probabilities: Of each answer ``[questions, answers]``.
        correct: Position of the correct answer ``[questions]``.
        samples: n, samples of each question.
        rewards: Weight of the paths to each answer; None: all equal.
        draws: Votes held on each question.
        seed: Of the random numbers.

    Raises:
        ProtocolError: As `voting_limit`, or no samples.

    Example:
        >>> chances = [[0.6, 0.4]]
        >>> exact = 0.6**3 + 3 * 0.6**2 * 0.4
        >>> abs(voting_accuracy(chances, [0], 3, draws=20_000) - exact) < 0.02
        True
    """
    p, correct, weights = _answers(probabilities, correct, rewards)
    if samples < 1:
        raise ProtocolError(f"a vote needs one sample or more, not {samples}")
    rng = np.random.default_rng(seed)
    votes = rng.multinomial(samples, p / p.sum(axis=-1, keepdims=True), size=(draws, len(p)))
    return float(np.mean(_shared_first(votes * weights, correct)))


def _answers(probabilities: Any, correct: Any, rewards: Any) -> tuple[np.ndarray, ...]:
    p = np.atleast_2d(np.asarray(probabilities, np.float64))
    if np.any(p < 0.0) or not np.allclose(p.sum(axis=-1), 1.0, atol=1e-6):
        raise ProtocolError("the probabilities of a question's answers must sum to one")
    correct = np.broadcast_to(np.asarray(correct), p.shape[:1])
    if np.any((correct < 0) | (correct >= p.shape[1])):
        raise ProtocolError(f"correct must be the position of one of {p.shape[1]} answers")
    weights = np.ones_like(p) if rewards is None else np.asarray(rewards, np.float64)
    if np.any(weights < 0.0):
        raise ProtocolError("rewards that weigh votes must not be negative; shift or clip them")
    return p, correct, np.broadcast_to(weights, p.shape)


def _shared_first(scores: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Return the correct answer's share of the first place."""
    best = np.isclose(scores, scores.max(axis=-1, keepdims=True), rtol=1e-12, atol=0.0)
    index = np.broadcast_to(correct[:, None], (*scores.shape[:-1], 1))
    return np.take_along_axis(best, index, axis=-1)[..., 0] / best.sum(axis=-1)
