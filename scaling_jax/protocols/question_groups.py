"""Questions in groups of like difficulty, whose scores go smoothly where the benchmark's do not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.fitting.fit import Fit, fit
from scaling_jax.laws import get
from scaling_jax.objectives import Squared
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

UNUSED = -1  # label of questions in no cluster
_FEWEST_MODELS = 4  # for three coefficients
_EDGE = 1e-6  # of a logit, as in the authors' code: accuracies below chance weigh a lot


# Clustering on difficulty


@dataclass(frozen=True, eq=False)
class ClusterForecast:
    """Clusters of questions with a law each; called with compute, the mean accuracy of them all.

    Attributes:
        labels: Cluster of each question ``[questions]``, `UNUSED` for none.
        fits: The law of each cluster that can be extrapolated, by label.
        questions: How many questions each of those holds, by label.
    """

    labels: np.ndarray
    fits: dict[int, Fit]
    questions: dict[int, int]

    def __call__(self, compute_flops: Any) -> np.ndarray:
        """Return the mean accuracy on the questions that can be extrapolated ``[...]``."""
        total = sum(self.questions.values())
        parts = (
            self.questions[label] / total * np.asarray(law(compute_flops=compute_flops))
            for label, law in self.fits.items()
        )
        return np.sum(list(parts), axis=0)

    def subset_accuracy(self, pass_rates: Any) -> np.ndarray:
        """Return the observed mean on those questions ``[models]`` from ``[questions, models]``."""
        chosen = np.isin(self.labels, list(self.fits))
        return np.asarray(pass_rates, np.float64)[chosen].mean(axis=0)


@protocol("cod_cluster_law")
def cluster_on_difficulty(
    pass_rates: Any,
    compute_flops: Any,
    *,
    chance: float = 0.0,
    distance: float = 0.15,
    fewest: int = 10,
    slack: float = 0.02,
    starts: int = 64,
    seed: int = 0,
) -> ClusterForecast:
    """Cluster questions by how small models do on them, and fit each cluster's curve.

    Clusters whose mean accuracy falls with compute anywhere, or never rises above chance, are left
    out. `calibration` leads from the questions that are left to the whole benchmark.

    Args:
        pass_rates: Pass rate of every question for every model ``[questions, models]``.
        compute_flops: Compute of the models ``[models]``.
        chance: g, score of guessing.
        distance: Clusters closer than this are joined: root mean square difference of their pass
            rates, the average over pairs of questions.
        fewest: Smaller clusters are not used.
        slack: How much a cluster's mean may fall, and must rise, between the smallest and the
            largest model.
        starts: How many starts each fit takes.
        seed: Seed of the starts.

    Raises:
        FitError: Too few models, or no cluster that can be extrapolated.

    Reference:
        Xu et al. (2025), arXiv:2502.17262, section 3. They cluster with a mean shift of their own;
        here it is average linkage, which has one threshold too.
    """
    rates = np.asarray(pass_rates, np.float64)
    compute = np.asarray(compute_flops, np.float64)
    if rates.ndim != 2 or rates.shape[1:] != compute.shape or len(compute) < _FEWEST_MODELS:
        raise FitError(
            f"pass_rates have shape {rates.shape} and there are {compute.size} compute values; "
            f"give [questions, models] and the compute of each of {_FEWEST_MODELS} models or more"
        )
    order = np.argsort(compute)
    rates, compute = rates[:, order], compute[order]
    labels = difficulty_clusters(rates, distance=distance, fewest=fewest)
    law = get("cod_cluster_law").fix(g=chance)
    fits, questions = {}, {}
    for label in range(labels.max() + 1):
        mean = rates[labels == label].mean(axis=0)
        if np.any(np.diff(mean) < -slack) or mean[-1] < max(chance, mean[0]) + slack:
            continue
        runs = RunTable.from_columns(
            {"compute_flops": compute, "accuracy": mean}, source=f"cluster {label}"
        )
        fits[label] = fit(law, runs, Squared(scale="natural"), starts=starts, seed=seed)
        questions[label] = int(np.sum(labels == label))
    if not fits:
        raise FitError(
            "no cluster of questions rises with compute; raise distance, or lower fewest"
        )
    return ClusterForecast(labels, fits, questions)


def difficulty_clusters(pass_rates: Any, *, distance: float, fewest: int) -> np.ndarray:
    """Return a cluster for every question, the easiest cluster first ``[questions]``.

    Args:
        pass_rates: Pass rates ``[questions, models]``.
        distance: Clusters closer than this are joined.
        fewest: Questions of smaller clusters are labelled `UNUSED`.

    Example:
        >>> import numpy as np
        >>> rates = np.array([[0.1, 0.2], [0.8, 0.9], [0.1, 0.2], [0.9, 0.9], [0.5, 0.1]])
        >>> difficulty_clusters(rates, distance=0.1, fewest=2).tolist()
        [1, 0, 1, 0, -1]
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    rates = np.asarray(pass_rates, np.float64)
    joined = linkage(rates / np.sqrt(rates.shape[1]), method="average")
    found = fcluster(joined, distance, criterion="distance")
    kept = [k for k in np.unique(found) if np.sum(found == k) >= fewest]
    kept.sort(key=lambda k: -rates[found == k].mean())
    labels = np.full(len(rates), UNUSED)
    for label, k in enumerate(kept):
        labels[found == k] = label
    return labels


def calibration(subset: Any, full: Any) -> Callable[[Any], np.ndarray]:
    """Return the smooth rising map from a subset's score to the whole benchmark's.

    Args:
        subset: Scores of existing models on the questions used ``[models]``.
        full: Their scores on all questions ``[models]``.

    Example:
        >>> to_full = calibration([0.2, 0.4, 0.6], [0.1, 0.3, 0.5])
        >>> round(float(to_full(0.4)), 3), float(to_full(1.0))
        (0.3, 1.0)
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.optimize import isotonic_regression

    subset, full = np.asarray(subset, np.float64), np.asarray(full, np.float64)
    order = np.argsort(subset)
    x, position = np.unique(subset[order], return_inverse=True)
    y = np.bincount(position, full[order]) / np.bincount(position)
    rising = isotonic_regression(y, weights=np.bincount(position).astype(float)).x
    inside = (x > 0.0) & (x < 1.0)
    knots = np.concatenate([[0.0], x[inside], [1.0]])
    values = np.concatenate([[0.0], np.clip(rising[inside], 0.0, 1.0), [1.0]])
    return PchipInterpolator(knots, values, extrapolate=False)


# Slice and sandwich


@dataclass(frozen=True, eq=False)
class Sandwich:
    """Accuracy from the scores of easy and of hard questions; called with compute.

    Attributes:
        easy: e_0, e_1, ...: polynomial of the easy group in x = log10(compute / 1e21).
        hard: h_0, h_1, ...: polynomial of the hard group.
        b0: TC at an accuracy of zero.
        b1: Change of TC with accuracy.
        shift: What makes the mean over the training models right.
    """

    easy: np.ndarray
    hard: np.ndarray
    b0: float
    b1: float
    shift: float

    def tc(self, compute_flops: Any) -> np.ndarray:
        """Return the predicted TC Brier score over all questions ``[...]``."""
        x = _decades(compute_flops)
        polynomial = np.polynomial.polynomial.polyval
        return 0.5 * (polynomial(x, self.easy) + polynomial(x, self.hard))

    def __call__(self, compute_flops: Any) -> np.ndarray:
        """Return the predicted accuracy ``[...]``."""
        return (self.tc(compute_flops) - self.b0) / self.b1 + self.shift


@protocol("u_shape_slice_sandwich")
def slice_and_sandwich(
    compute_flops: Any,
    easy: Any,
    hard: Any,
    tc: Any,
    accuracy: Any,
    *,
    threshold: float,
    degrees: tuple[int, int] = (5, 2),
) -> Sandwich:
    """Predict accuracy past a threshold of compute from models below it.

    Args:
        compute_flops: Training compute ``[models]``.
        easy: TC Brier score of the easy third of the questions ``[models]``: minus the squared
            distance of the right choice's probability from one, higher is better.
        hard: That of the hard third ``[models]``.
        tc: That of all questions ``[models]``.
        accuracy: Accuracy over all questions ``[models]``.
        threshold: Models below this compute are fitted.
        degrees: Degrees of the two polynomials.

    Raises:
        FitError: Scores are positive, or too few models lie below the threshold.

    Reference:
        Wu, Lo (2024), arXiv:2410.01692, section 4.
    """
    columns = [np.asarray(c, np.float64) for c in (compute_flops, easy, hard, tc, accuracy)]
    if any(np.any(column > 0.0) for column in columns[1:4]):
        raise FitError("a TC Brier score is positive; give minus the squared distance from one")
    train = columns[0] < threshold
    if train.sum() <= max(degrees) + 1:
        raise FitError(
            f"{int(train.sum())} models lie below the threshold {threshold:.3g}, too few for a "
            f"polynomial of degree {max(degrees)}; raise the threshold"
        )
    compute, easy, hard, tc, accuracy = (column[train] for column in columns)
    x = _decades(compute)
    e, h = (
        np.polynomial.polynomial.polyfit(x, y, degree)
        for y, degree in zip((easy, hard), degrees, strict=True)
    )
    b0, b1 = np.polynomial.polynomial.polyfit(accuracy, tc, 1)
    raw = Sandwich(e, h, float(b0), float(b1), 0.0)
    shift = float(np.mean(accuracy) - np.mean(raw(compute)))
    return Sandwich(e, h, float(b0), float(b1), shift)


def sigmoid_baseline(
    compute_flops: Any, accuracy: Any, *, threshold: float, chance: float
) -> Callable[[Any], np.ndarray]:
    """Return the accuracy by a line in the logit above chance, what the sandwich is compared with.

    Args:
        compute_flops: Training compute ``[models]``.
        accuracy: Accuracy ``[models]``.
        threshold: Models below this compute are fitted.
        chance: Accuracy of guessing.
    """
    compute, accuracy = (np.asarray(c, np.float64) for c in (compute_flops, accuracy))
    train = compute < threshold
    above = np.clip(accuracy[train] - chance, 0.0, 1.0)
    logit = np.log((above + _EDGE) / (1.0 - above + _EDGE))
    a, b = np.polynomial.polynomial.polyfit(_decades(compute[train]), logit, 1)
    return lambda flops: chance + 1.0 / (1.0 + np.exp(-(a + b * _decades(flops))))


def difficulty_slices(scores: Any, groups: int = 3) -> list[np.ndarray]:
    """Return the questions of each group, from the easiest group to the hardest.

    Args:
        scores: TC Brier scores ``[models, questions]`` of the models below the threshold.
        groups: How many groups of about the same number of questions.

    Returns:
        Positions of the questions, one array a group.

    Example:
        >>> difficulty_slices([[-0.1, -0.9, -0.4], [-0.2, -0.8, -0.5]])[0].tolist()
        [0]
    """
    difficulty = -np.asarray(scores, np.float64).mean(axis=0)
    order = np.argsort(difficulty, kind="stable")
    ends = np.floor(np.linspace(0, len(order), groups + 1)).astype(int)
    return [order[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True)]


def _decades(compute_flops: Any) -> np.ndarray:
    return np.log10(np.asarray(compute_flops, np.float64) / 1e21)
