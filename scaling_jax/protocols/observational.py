"""Observational scaling: what public models' scores have in common, against their compute.

The scores of many models have a few principal components, their capabilities. Within a family each
is a line in the logarithm of compute, and a downstream task is a sigmoid of them.
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.fitting.fit import Fit, fit
from scaling_jax.laws import get
from scaling_jax.objectives import Objective, Squared
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

_MOST_SUBSETS = 5_000_000  # of families; each costs a matrix of components squared


@dataclass(frozen=True, eq=False)
class Capabilities:
    """Principal components of benchmark scores; called with scores of other models, theirs.

    Attributes:
        values: Components of the models that they were computed from ``[models, components]``.
        scores: Those models' scores, missing ones filled in ``[models, benchmarks]``.
        mean: Mean score of each benchmark ``[benchmarks]``.
        loadings: Orthonormal rows ``[components, benchmarks]``; a row's sum is not negative.
        explained_variance_ratio: Share of the scores' variance ``[components]``.
        imputation: How missing scores are filled in.
    """

    values: np.ndarray
    scores: np.ndarray
    mean: np.ndarray
    loadings: np.ndarray
    explained_variance_ratio: np.ndarray
    imputation: "Imputation"

    def __call__(self, scores: ArrayLike) -> np.ndarray:
        """Return the components of other models ``[models, components]``.

        Args:
            scores: Their scores ``[models, benchmarks]``, NaN where missing.
        """
        return (self.imputation(scores) - self.mean) @ self.loadings.T


@dataclass(frozen=True, eq=False)
class Imputation:
    """Fills missing scores in with what a few components of the training models say of them.

    Attributes:
        mean: Of the training models' known scores ``[benchmarks]``.
        scale: Their standard deviation ``[benchmarks]``.
        centre: Centre of the components in standardised scores ``[benchmarks]``.
        axes: Orthonormal rows ``[components, benchmarks]``.
        bounds: Interval of a score.
        tolerance: Largest change of a filled-in score, in standard deviations, that ends it.
        most_steps: Most repetitions.
    """

    mean: np.ndarray
    scale: np.ndarray
    centre: np.ndarray
    axes: np.ndarray
    bounds: tuple[float, float]
    tolerance: float
    most_steps: int

    def __call__(self, scores: ArrayLike) -> np.ndarray:
        """Return scores ``[models, benchmarks]`` with the missing ones filled in."""
        scores = _table(scores, len(self.mean))
        filled, missing = _standardised(scores, self.mean, self.scale)
        for _ in range(self.most_steps):
            before = filled[missing]
            inverse = (filled - self.centre) @ self.axes.T @ self.axes + self.centre
            filled[missing] = inverse[missing]
            if np.all(np.abs(filled[missing] - before) < self.tolerance):
                break
        return self.restored(scores, filled)

    def restored(self, scores: np.ndarray, filled: np.ndarray) -> np.ndarray:
        """Return the known scores as they are and the others on their scale, within bounds."""
        values = np.clip(filled * self.scale + self.mean, *self.bounds)
        return np.where(np.isnan(scores), values, scores)


@protocol("obs_capability_loglinear")
def principal_capabilities(
    scores: ArrayLike,
    *,
    components: int = 5,
    imputation_components: int = 1,
    bounds: tuple[float, float] = (0.0, 1.0),
    tolerance: float = 1e-6,
    most_steps: int = 1000,
) -> Capabilities:
    """Return the principal components of the benchmark scores of public models.

    Missing scores are filled in repeatedly by the first components of the standardised scores;
    then the components of the scores themselves are taken, without standardising.

    Args:
        scores: Scores of the training models ``[models, benchmarks]``, NaN where missing.
        components: How many components to keep; three are used.
        imputation_components: How many components fill missing scores in.
        bounds: Interval of a score.
        tolerance: Largest change of a filled-in score, in standard deviations, that ends the
            repetition.
        most_steps: Most repetitions.

    Raises:
        FitError: A benchmark is never scored or always the same, or the table is too small.

    Example:
        >>> import numpy as np
        >>> skill = np.linspace(0.0, 1.0, 9)[:, None]
        >>> scores = 0.2 + skill * np.array([[0.3, 0.6, 0.2]])
        >>> scores[4, 1] = np.nan  # 0.5 by the other scores
        >>> found = principal_capabilities(scores, components=1)
        >>> round(float(found.scores[4, 1]), 4), round(float(found.explained_variance_ratio[0]), 4)
        (0.5, 1.0)

    Reference:
        Ruan, Maddison, Hashimoto (2024), arXiv:2405.10938, section 3.
    """
    scores = _table(scores)
    models, benchmarks = scores.shape
    if not 1 <= components <= min(models - 1, benchmarks):
        raise FitError(
            f"{models} models and {benchmarks} benchmarks have no {components} components; give "
            "more models or ask for fewer components"
        )
    imputation, filled = _imputation(scores, imputation_components, bounds, tolerance, most_steps)
    mean = filled.mean(axis=0)
    _, singular, axes = np.linalg.svd(filled - mean, full_matrices=False)
    variance = singular**2
    loadings = axes[:components]
    # The sign of a component is arbitrary; this one makes the first rise with every benchmark.
    loadings = loadings * np.where(loadings.sum(axis=1) < 0.0, -1.0, 1.0)[:, None]
    return Capabilities(
        (filled - mean) @ loadings.T,
        filled,
        mean,
        loadings,
        variance[:components] / variance.sum(),
        imputation,
    )


def _imputation(scores, components, bounds, tolerance, most_steps) -> tuple[Imputation, np.ndarray]:
    """Fit the imputation to the training models, and return their scores filled in."""
    known = np.sum(~np.isnan(scores), axis=0)
    if np.any(known < 2):
        raise FitError(
            f"benchmark {int(np.argmin(known))} has {known.min()} scores; leave the column out"
        )
    mean, scale = np.nanmean(scores, axis=0), np.nanstd(scores, axis=0)
    if np.any(scale == 0.0):
        raise FitError(
            f"benchmark {int(np.argmin(scale))} has one score for all models; leave the column out"
        )
    filled, missing = _standardised(scores, mean, scale)
    for _ in range(most_steps):
        centre = filled.mean(axis=0)
        axes = np.linalg.svd(filled - centre, full_matrices=False)[2][:components]
        before = filled[missing]
        filled[missing] = ((filled - centre) @ axes.T @ axes + centre)[missing]
        if np.all(np.abs(filled[missing] - before) < tolerance):
            break
    made = Imputation(mean, scale, centre, axes, bounds, tolerance, most_steps)
    return made, made.restored(scores, filled)


def _standardised(scores, mean, scale) -> tuple[np.ndarray, np.ndarray]:
    missing = np.isnan(scores)
    return np.where(missing, 0.0, (scores - mean) / scale), missing


def _table(scores: ArrayLike, benchmarks: int | None = None) -> np.ndarray:
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 2 or (benchmarks is not None and scores.shape[1] != benchmarks):
        wanted = "benchmarks" if benchmarks is None else str(benchmarks)
        raise FitError(f"scores have shape {scores.shape}; give an array [models, {wanted}]")
    if np.any(np.isinf(scores)):
        raise FitError("a score is infinite; write NaN where a score is missing")
    return scores


# A line in log compute within each family


@dataclass(frozen=True, eq=False)
class FamilyLine:
    """Capabilities of a family's members against the logarithm of their compute.

    Attributes:
        models: How many members the line goes through.
        slope: theta, a natural logarithm of compute ``[components]``.
        intercept: nu, at 1 FLOP ``[components]``.
        r_squared: Share of the variance within the family ``[components]``.
    """

    models: int
    slope: np.ndarray
    intercept: np.ndarray
    r_squared: np.ndarray

    def __call__(self, compute_flops: ArrayLike) -> np.ndarray:
        """Return the capabilities at a compute ``[..., components]``."""
        log_compute = np.log(np.asarray(compute_flops, np.float64))[..., None]
        return self.slope * log_compute + self.intercept


def family_lines(
    capabilities: ArrayLike,
    compute_flops: ArrayLike,
    families: Iterable[str],
    *,
    fewest: int = 3,
) -> dict[str, FamilyLine]:
    """Fit each family's own line by least squares.

    Args:
        capabilities: Components ``[models, components]``.
        compute_flops: Training compute ``[models]``, NaN where unknown.
        families: Family of each model ``[models]``.
        fewest: Families with fewer members of known compute have no line.

    Example:
        >>> import numpy as np
        >>> compute = np.geomspace(1e20, 1e23, 4)
        >>> lines = family_lines(0.1 * np.log(compute)[:, None], compute, ["A"] * 4)
        >>> round(float(lines["A"].slope[0]), 6)
        0.1
    """
    capabilities = np.asarray(capabilities, np.float64)
    log_compute = np.log(np.asarray(compute_flops, np.float64))
    families = np.asarray(list(families))
    lines = {}
    for family in dict.fromkeys(families.tolist()):
        chosen = (families == family) & np.isfinite(log_compute)
        if chosen.sum() >= fewest and np.ptp(log_compute[chosen]) > 0.0:
            lines[family] = _line(log_compute[chosen], capabilities[chosen])
    return lines


def _line(x: np.ndarray, y: np.ndarray) -> FamilyLine:
    design = np.stack([x, np.ones_like(x)], axis=1)
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    residual = np.sum((y - design @ coefficients) ** 2, axis=0)
    total = np.sum((y - y.mean(axis=0)) ** 2, axis=0)
    explained = 1.0 - residual / np.where(total > 0.0, total, 1.0)
    return FamilyLine(len(x), coefficients[0], coefficients[1], explained)


def equivalent_compute(
    capabilities: ArrayLike, weights: ArrayLike, reference: FamilyLine
) -> np.ndarray:
    """Return the compute at which a family would have reached the same score.

    Args:
        capabilities: Components of any models ``[models, components]``.
        weights: beta, what a downstream task makes of them ``[components]``.
        reference: Line of the reference family, as of Llama 2.

    Returns:
        FLOP ``[models]``.

    Example:
        >>> import numpy as np
        >>> line = FamilyLine(3, np.array([0.1]), np.array([-4.0]), np.array([1.0]))
        >>> f"{equivalent_compute([[1.0]], [2.0], line)[0]:.3g}"
        '5.18e+21'
    """
    capabilities, weights = np.asarray(capabilities, np.float64), np.asarray(weights, np.float64)
    k = len(weights)
    slope = float(reference.slope[:k] @ weights)
    if slope == 0.0:
        raise FitError("the reference family's score does not change with compute; take another")
    level = capabilities[:, :k] @ weights - reference.intercept[:k] @ weights
    return np.exp(level / slope)


# Which models to evaluate


@dataclass(frozen=True, eq=False)
class FamilySubset:
    """Families whose models determine the regression best within a budget of models.

    Attributes:
        families: Their names.
        models: How many models they have together.
        objective: Minus the trace of X'X (X_S' X_S)^-1: higher is better.
    """

    families: tuple[str, ...]
    models: int
    objective: float


def v_optimal_families(
    capabilities: ArrayLike,
    families: Iterable[str],
    budgets: Iterable[int],
    *,
    include: Iterable[str] = (),
    most_families: int = 10,
) -> dict[int, FamilySubset]:
    """Choose the families whose models predict all models best, by V-optimality.

    Every subset of up to `most_families` families is looked at.

    Args:
        capabilities: Components X of all models ``[models, components]``, as they are, without
            a column of ones.
        families: Family of each model ``[models]``.
        budgets: Most models that may be chosen; one subset is returned for each.
        include: Families that are always chosen.
        most_families: Most families in a subset, the included ones among them.

    Raises:
        FitError: A family to include is not there, or there are too many subsets to look at.

    Reference:
        Ruan, Maddison, Hashimoto (2024), arXiv:2405.10938, section 5.
    """
    x = np.asarray(capabilities, np.float64)
    labels = np.asarray(list(families))
    names = list(dict.fromkeys(labels.tolist()))
    include = tuple(include)
    for family in include:
        if family not in names:
            raise FitError(f"there is no family {family!r}; {did_you_mean(family, names)}")
    others = [name for name in names if name not in include]
    grams = {name: x[labels == name].T @ x[labels == name] for name in names}
    counts = {name: int(np.sum(labels == name)) for name in names}
    candidates = _subsets(others, most_families - len(include), bool(include))
    sizes = np.concatenate([_totals(c, others, counts, include) for c in candidates])
    matrices = np.concatenate([_totals(c, others, grams, include) for c in candidates])
    objective = _v_objective(x.T @ x, matrices, sizes)
    found = {}
    for budget in budgets:
        allowed = np.where(sizes <= budget, objective, -np.inf)
        best = int(np.argmax(allowed))
        if not np.isfinite(allowed[best]):
            raise FitError(
                f"no families of at most {budget} models together determine {x.shape[1]} "
                "components; raise the budget"
            )
        members = (*(others[i] for i in _row(candidates, best)), *include)
        found[int(budget)] = FamilySubset(members, int(sizes[best]), float(objective[best]))
    return found


def _subsets(others: list[str], most: int, empty: bool) -> list[np.ndarray]:
    """Return the positions of every subset, one array a size ``[subsets, size]``."""
    sizes = range(0 if empty else 1, min(most, len(others)) + 1)
    total = sum(math.comb(len(others), size) for size in sizes)
    if not 0 < total <= _MOST_SUBSETS:
        raise FitError(
            f"there are {total} subsets of families to look at; choose most_families between "
            f"the included ones and fewer than {_MOST_SUBSETS} subsets"
        )
    return [_combinations(len(others), size) for size in sizes]


def _combinations(count: int, size: int) -> np.ndarray:
    flat = itertools.chain.from_iterable(itertools.combinations(range(count), size))
    return np.fromiter(flat, np.int16).reshape(math.comb(count, size), size)


def _row(candidates: list[np.ndarray], position: int) -> np.ndarray:
    """Return one of the rows of all arrays together."""
    for rows in candidates:
        if position < len(rows):
            return rows[position]
        position -= len(rows)
    raise IndexError(position)


def _totals(
    positions: np.ndarray, others: list[str], per_family: Mapping, include: tuple[str, ...]
) -> np.ndarray:
    values = np.array([per_family[name] for name in others])
    total = sum((np.asarray(per_family[name]) for name in include), np.zeros(values.shape[1:]))
    total = np.broadcast_to(total, (len(positions), *values.shape[1:]))
    for column in positions.T:  # one family at a time: a tenth of the memory
        total = total + values[column]
    return total


def _v_objective(everything: np.ndarray, matrices: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return -trace(everything @ inverse) of each subset, minus infinity where there is none."""
    usable = (sizes >= len(everything)) & (np.linalg.det(matrices) > 0.0)
    objective = np.full(len(matrices), -np.inf)
    inverse = np.linalg.inv(matrices[usable])
    objective[usable] = -np.einsum("ij,nji->n", everything, inverse)
    return objective


# Downstream tasks


@protocol("obs_sigmoid_downstream")
def fit_downstream(
    capabilities: ArrayLike,
    accuracy: ArrayLike,
    *,
    asymptote: str = "floor",
    objective: Objective | None = None,
    starts: int = 64,
    seed: int = 0,
) -> Fit:
    """Fit a downstream task's accuracy as a sigmoid of the capabilities.

    Args:
        capabilities: Components of the training models ``[models, components]``.
        accuracy: Their accuracy on the task ``[models]``, from 0 to 1.
        asymptote: ``"floor"``, or ``"ceiling"`` for the form of the paper.
        objective: By default squared residuals of the accuracy.
        starts: How many starts the fit takes.
        seed: Seed of the starts.

    Returns:
        The fit; `downstream_accuracy` predicts with it.

    Reference:
        Ruan, Maddison, Hashimoto (2024), arXiv:2405.10938, equation 5.
    """
    capabilities = _table(capabilities)
    law = get("obs_sigmoid_downstream", components=capabilities.shape[1], asymptote=asymptote)
    columns = {**_named(capabilities), "accuracy": np.asarray(accuracy, np.float64)}
    runs = RunTable.from_columns(columns, source="the models' capabilities")
    return fit(law, runs, objective or Squared(scale="natural"), starts=starts, seed=seed)


def downstream_accuracy(fitted: Fit, capabilities: ArrayLike) -> np.ndarray:
    """Return the accuracy of models with these capabilities ``[models]``."""
    return np.asarray(fitted(**_named(_table(capabilities))), np.float64)


def _named(capabilities: np.ndarray) -> dict[str, np.ndarray]:
    return {f"pc_{i}": column for i, column in enumerate(capabilities.T, 1)}
