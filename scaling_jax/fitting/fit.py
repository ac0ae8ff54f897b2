"""fit(): from a law and a run table to one optimum and everything to know before believing it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from scaling_jax.errors import FitError, listing
from scaling_jax.fitting.batch import solve_lanes
from scaling_jax.fitting.coordinates import Coordinates, natural_of_lanes
from scaling_jax.fitting.diagnostics import Diagnostics, diagnose
from scaling_jax.fitting.problem import Problem, make_problem, unusual_columns
from scaling_jax.fitting.solver import (
    CONVERGED,
    MAX_STEPS,
    MESSAGES,
    NONFINITE,
    PATIENCE,
    PRUNED,
    STAGE_STEPS,
    Solution,
    descend,
    stage_thresholds,
)
from scaling_jax.fitting.starts import quasi_random
from scaling_jax.laws import Law, resolve
from scaling_jax.laws.curves import arguments_of_rows
from scaling_jax.objectives import Huber, Objective
from scaling_jax.runs import RunTable
from scaling_jax.tables import Table

if TYPE_CHECKING:
    import optax

_AGREE = 1e-6  # relative distance from the best objective that counts as the same optimum
_FEW_AGREE = 0.05
_ILL_CONDITIONED = 1e8
_SAME_PARAMETER = 1e-2  # spread of a parameter over equally good starts that is still one optimum


@dataclass(frozen=True)
class Starts:
    """Where every start ended.

    Attributes:
        params: Value of each free parameter ``[starts]``.
        objective: ``[starts]``; infinite where the objective never was finite.
        status: Integer codes of `scaling_jax.fitting.solver.MESSAGES` ``[starts]``.
        steps: Evaluations taken ``[starts]``.
    """

    params: dict[str, np.ndarray]
    objective: np.ndarray
    status: np.ndarray
    steps: np.ndarray

    def __len__(self) -> int:
        return len(self.objective)


@dataclass(frozen=True)
class Fit:
    """One optimum of a law on a run table.

    Attributes:
        law: The law.
        criterion: The objective that was minimised.
        params: The free parameters at the optimum, as the paper would print them.
        objective: Value of the objective.
        runs: The runs that were fitted.
        status: What ended the best start, in words.
        converged: Whether the best start converged.
        gradient_norm: Largest component of the objective's gradient at the optimum in scale-free
            coordinates, divided by the objective.
        rank: Rank of the Gauss-Newton matrix; below the number of free parameters, the data do
            not determine them.
        condition_number: Of the Gauss-Newton matrix scaled to unit diagonal.
        at_bound: Parameters at a bound of their interval.
        agreement: Share of the starts that reached this objective within 1e-6 relative.
        covariance: Covariance of the free parameters by kind, ``"sandwich"`` or ``"hessian"``.
        residuals: Prediction minus observation on the criterion's scale ``[runs]``.
        starts: Where every start ended; None for a fit that was loaded.
        warnings: Doubts, one sentence each.
        seed: Seed of the starts.
        z: The optimum in scale-free coordinates ``[free]``.
        z_covariance: Covariance of `z` by kind.
        logs: Logarithms of the reference scales that define those coordinates.
    """

    law: Law
    criterion: Objective
    params: dict[str, float]
    objective: float
    runs: RunTable
    status: str
    converged: bool
    gradient_norm: float
    rank: int
    condition_number: float
    at_bound: tuple[str, ...]
    agreement: float
    covariance: dict[str, np.ndarray]
    residuals: np.ndarray
    starts: Starts | None
    warnings: tuple[str, ...]
    seed: int
    z: np.ndarray
    z_covariance: dict[str, np.ndarray]
    logs: dict[str, float]
    weights: np.ndarray | None = field(default=None)

    def __call__(self, **inputs: Any) -> np.ndarray:
        """Return the fitted law's prediction at the given inputs, in float64."""
        with jax.enable_x64(True):
            values = {name: np.asarray(value, np.float64) for name, value in inputs.items()}
            return np.asarray(self.law(self.params, values))

    @property
    def identified(self) -> bool:
        """Whether the data determine every parameter (locally, up to rounding)."""
        return self.rank == len(self.law.free)

    @property
    def standard_errors(self) -> dict[str, float]:
        """Sandwich standard errors of the free parameters; NaN where not identified."""
        return self.errors("sandwich")

    def errors(self, kind: str = "sandwich") -> dict[str, float]:
        """Return standard errors: ``"sandwich"`` (robust) or ``"hessian"`` (inverse Hessian).

        Raises:
            FitError: Unknown kind.
        """
        if kind not in self.covariance:
            raise FitError(f"standard errors are {listing(self.covariance)}, not {kind!r}")
        return dict(
            zip(self.law.free_names, np.sqrt(np.diag(self.covariance[kind])).tolist(), strict=True)
        )

    @property
    def predicted(self) -> np.ndarray:
        """The law's predictions for the fitted runs ``[runs]``."""
        with jax.enable_x64(True):
            arguments = arguments_of_rows(self.law, self.runs)
            return np.asarray(self.law.of_arguments(self.params, arguments))

    @property
    def r_squared(self) -> float:
        """Share of the variance of the residual scale's observations that the law explains."""
        observed = np.asarray(self.runs[self.law.output.column])
        observed = np.log(observed) if self.criterion.scale == "log" else observed
        spread = np.sum((observed - observed.mean()) ** 2)
        return float(1.0 - np.sum(self.residuals**2) / spread) if spread > 0.0 else float("nan")

    def summary(self) -> Table:
        """Return the coefficient table with what one should know before believing it."""
        from scaling_jax.fitting.summary import summarise

        return summarise(self)

    def save(self, path: Any) -> None:
        """Write the fit to a versioned JSON file, atomically.

        Raises:
            ArtifactError: The file cannot be written.
        """
        from scaling_jax.fitting.artifact import save

        save(self, path)

    @classmethod
    def load(cls, path: Any, law: Law | None = None) -> "Fit":
        """Read a fit that `save` wrote; give `law` if it is not a registered one.

        Raises:
            ArtifactError: The file is absent, damaged, of another version, or not a fit.
        """
        from scaling_jax.fitting.artifact import load

        return load(path, law)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def fit(
    law: str | Law,
    runs: RunTable,
    objective: Objective = Huber(delta=1e-3, scale="log"),
    *,
    starts: int | Mapping[str, Any] = 512,
    seed: int = 0,
    weights: Any = None,
    optimizer: "optax.GradientTransformation | None" = None,
    optimizer_steps: int = 200,
    max_steps: int = 300,
    throw: bool = False,
) -> Fit:
    """Fit a law to runs from many starts at once, in float64.

    Every start is a lane of one program: stages of a damped Gauss-Newton method whose penalty
    narrows to its own threshold. Same seed, same result. The caller's JAX configuration is
    neither needed nor changed.

    Args:
        law: A law or the name of one.
        runs: Runs with the law's inputs and its output; a ``weight`` column is used.
        objective: Residual scale, penalty, sum or mean.
        starts: How many quasi-random starts, or values of every free parameter ``[starts]``.
        seed: Seed of the starts.
        weights: Weight of each run ``[runs]``, on top of the table's own.
        optimizer: An Optax optimiser to run first, vmapped over the starts; none is needed.
        optimizer_steps: Its steps.
        max_steps: Most evaluations a start may take.
        throw: Raise if the best start has not converged or the fit is not identified.

    Returns:
        The best optimum.

    Raises:
        RunTableError: A column that the law needs is missing.
        FitError: The runs cannot determine the law, or nothing finite was found.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> runs = sj.RunTable.from_columns(dict(params=params, loss=(8.8e13 / params) ** 0.076))
        >>> fit = sj.fit("kaplan_n", runs, starts=16)
        >>> round(fit.params["alpha_N"], 6)
        0.076
    """
    law = resolve(law)
    problem = make_problem(law, runs, objective, weights)
    with jax.enable_x64(True):
        z = _starts(law, problem, starts, seed)
        solution = _minimise(law, objective, problem, z, optimizer, optimizer_steps, max_steps)
        if not np.any(np.isfinite(solution.value)):
            raise FitError(
                f"{law.name} gave no finite objective on {runs.source} from any of "
                f"{z.shape[1]} starts; check the columns' units, or give starts"
            )
        best = int(np.argmin(solution.value))
        diagnostics = diagnose(law, objective, problem, solution.z[:, best])
        result = _assemble(law, objective, runs, problem, solution, best, diagnostics, seed)
    if throw and not (result.converged and result.identified):
        raise FitError(f"the fit of {law.name} on {runs.source} failed: {result.warnings[0]}")
    return result


def _starts(law: Law, problem: Problem, starts: int | Mapping[str, Any], seed: int) -> np.ndarray:
    coordinates = Coordinates(law)
    if isinstance(starts, Mapping):
        missing = [name for name in law.free_names if name not in starts]
        if missing:
            raise FitError(f"starts lack {listing(missing)}; give every free parameter a value")
        given = {n: np.atleast_1d(np.asarray(starts[n], np.float64)) for n in law.free_names}
        z = np.asarray(coordinates.from_natural(given, problem.logs))
        if not np.all(np.isfinite(z)):
            raise FitError("a start is outside the bounds of its parameter or not finite")
        return z
    if starts < 1:
        raise FitError(f"starts must be at least 1, not {starts}")
    low, high = coordinates.box()
    return (low + (high - low) * quasi_random(starts, len(low), seed)).T


def _minimise(
    law: Law,
    objective: Objective,
    problem: Problem,
    z: np.ndarray,
    optimizer: Any,
    optimizer_steps: int,
    max_steps: int,
) -> Solution[np.ndarray]:
    """Run all starts, give up the hopeless ones among the slow, and finish the others."""
    thresholds = stage_thresholds(objective, _output_scale(law, problem))
    if optimizer is not None:
        rows, weights = problem.padded()
        z = np.asarray(
            descend(
                z,
                rows,
                weights,
                problem.logs,
                thresholds[0],
                law=law,
                objective=objective,
                optimizer=optimizer,
                steps=optimizer_steps,
            )
        )

    def solve(z: np.ndarray, thresholds: np.ndarray, steps: int) -> Solution[np.ndarray]:
        return solve_lanes(law, objective, problem, z, thresholds=thresholds, max_steps=steps)

    patience = min(max_steps, PATIENCE + STAGE_STEPS * len(thresholds))
    solution = solve(z, thresholds, patience)
    slow = np.flatnonzero(solution.status == MAX_STEPS)
    if patience == max_steps or not slow.size:
        return solution
    slow = slow[np.argsort(solution.value[slow], kind="stable")]
    kept, pruned = slow[: max(1, z.shape[1] // 4)], slow[max(1, z.shape[1] // 4) :]
    solution.status[pruned] = PRUNED
    # Filled up with copies to the width of the first run, so that its program serves again.
    filled = np.resize(kept, z.shape[1])
    last = np.full_like(thresholds, thresholds[-1])
    more = solve(solution.z[:, filled], last, max_steps - patience)
    steps = solution.steps[kept] + more.steps[: len(kept)]
    for whole, part in zip(solution, more, strict=True):
        whole[..., kept] = part[..., : len(kept)]
    solution.steps[kept] = steps
    return solution


def _output_scale(law: Law, problem: Problem) -> float:
    return float(np.exp(problem.logs[law.output.column]))


def _assemble(
    law: Law,
    objective: Objective,
    runs: RunTable,
    problem: Problem,
    solution: Solution[np.ndarray],
    best: int,
    diagnostics: Diagnostics,
    seed: int,
) -> Fit:
    z = solution.z[:, best]
    value, floor = float(solution.value[best]), diagnostics.floor
    agree = solution.value <= value + _AGREE * abs(value) + floor
    ends = natural_of_lanes(solution.z, problem.logs, law=law)
    starts = Starts(
        ends,
        np.asarray(solution.value), np.asarray(solution.status), np.asarray(solution.steps),
    )  # fmt: skip
    gradient = float(np.max(np.abs(solution.gradient[:, best]))) / max(abs(value), floor)
    at_bound, slope = Coordinates(law).at_bound(z), diagnostics.theta_jacobian
    status = int(solution.status[best])
    return Fit(
        law=law,
        criterion=objective,
        params=dict(zip(law.free_names, diagnostics.theta.tolist(), strict=True)),
        # At the exact penalty; solvers see a smoothed one where it has a kink at 0.
        objective=diagnostics.objective,
        runs=runs,
        status=MESSAGES[status],
        converged=status == CONVERGED,
        gradient_norm=gradient,
        rank=diagnostics.rank,
        condition_number=diagnostics.condition_number,
        at_bound=at_bound,
        agreement=float(np.mean(agree)),
        covariance={k: slope @ c @ slope.T for k, c in diagnostics.covariance.items()},
        residuals=diagnostics.residuals,
        starts=starts,
        warnings=(
            *_doubts(law, status, diagnostics, at_bound, starts, agree),
            *unusual_columns(law, runs),
        ),
        seed=seed,
        z=np.asarray(z),
        z_covariance=diagnostics.covariance,
        logs=problem.logs,
        weights=problem.weights,
    )


def _doubts(
    law: Law,
    status: int,
    diagnostics: Diagnostics,
    at_bound: tuple[str, ...],
    starts: Starts,
    agree: np.ndarray,
) -> tuple[str, ...]:
    """Return what speaks against the fit, one sentence each, the gravest first."""
    doubts = []
    free = len(law.free)
    if diagnostics.rank < free:
        doubts.append(
            f"not identified: the data determine {diagnostics.rank} of {free} parameters; "
            f"{listing(diagnostics.weakest)} can change together without changing the fit; add "
            "runs that vary the inputs separately, or hold parameters with law.fix()"
        )
    elif diagnostics.condition_number > _ILL_CONDITIONED:
        doubts.append(
            f"nearly not identified: condition number {diagnostics.condition_number:.1e}; "
            f"{listing(diagnostics.weakest)} are almost interchangeable on these runs"
        )
    if status != CONVERGED:
        doubts.append(f"the best start has not converged: {MESSAGES[status]}")
    for name in at_bound:
        doubts.append(f"{name} is at its bound; the law without it describes these runs as well")
    spread = _spread_over_equals(starts, agree)
    if spread and diagnostics.rank == free and not at_bound:
        doubts.append(f"equally good optima differ in {listing(spread)}")
    if np.mean(agree) < _FEW_AGREE and len(starts) >= 16:
        doubts.append(
            f"only {np.sum(agree)} of {len(starts)} starts reached this optimum; there may be a "
            "better one: try more starts"
        )
    lost = int(np.sum(starts.status == NONFINITE))
    if lost > len(starts) // 2:
        doubts.append(f"{lost} of {len(starts)} starts gave no finite objective")
    return tuple(doubts)


def _spread_over_equals(starts: Starts, agree: np.ndarray) -> list[str]:
    """Return the parameters that differ between starts with the same objective."""
    wide = []
    for name, values in starts.params.items():
        low, high = np.min(values[agree]), np.max(values[agree])
        if high - low > _SAME_PARAMETER * max(abs(low), abs(high)):
            wide.append(name)
    return wide
