"""predict(): a law's output at new scales, with the distance from the data in decades."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from scaling_jax.errors import LawError, PredictionError, did_you_mean, listing
from scaling_jax.fitting.fit import Fit
from scaling_jax.laws import Law
from scaling_jax.laws.curves import arguments_of_rows
from scaling_jax.runs import RunTable
from scaling_jax.support import Support
from scaling_jax.tables import Table, sentence_list
from scaling_jax.uncertainty.draws import Draws

_LARGEST = 2**24  # numbers of a prediction that are made at once

INTERPOLATION, EXTRAPOLATION = "interpolation", "extrapolation"


@dataclass(frozen=True)
class Prediction:
    """Predictions at query points.

    Attributes:
        inputs: The query points, one array ``[q]`` an input.
        values: Predictions ``[draws, q]``.
        distance: Decades between each query point and the region the runs cover ``[q]``; 0 inside.
        beyond: Decades above (+) or below (-) the range of each input ``[q]``.
        draws: The draws that were used.
        span: Widest range of an input over the runs, in decades.
        seed: Seed of the noise of `new_run`.
        noisy: Whether `values` include the noise of a run.
    """

    inputs: dict[str, np.ndarray]
    values: np.ndarray
    distance: np.ndarray
    beyond: dict[str, np.ndarray]
    draws: Draws
    span: float
    seed: int = 0
    noisy: bool = False

    @property
    def median(self) -> np.ndarray:
        """Median over draws ``[q]``; the prediction itself for a single fit."""
        return np.median(self.values, axis=0)

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Return the central interval that holds a share `level` of the draws: two ``[q]``.

        Raises:
            PredictionError: There is a single draw, or the level is not between 0 and 1.
        """
        if not 0.0 < level < 1.0:
            raise PredictionError(f"an interval's level lies between 0 and 1, not {level}")
        self._check_distribution("interval")
        low, high = np.quantile(self.values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
        return low, high

    def probability(
        self, *, below: float | np.ndarray | None = None, above: float | np.ndarray | None = None
    ) -> np.ndarray:
        """Return the probability that the output beats a threshold ``[q]``.

        Of the law's surface; for one more run, ask `new_run`. With both thresholds it is that of
        a value between them.

        Args:
            below: Values count that are lower than this, a number or ``[q]``.
            above: Values count that are higher than this.

        Raises:
            PredictionError: No threshold, one of another shape, or draws that are no distribution.
        """
        if below is None and above is None:
            raise PredictionError("give a threshold: probability(below=...) or (above=...)")
        self._check_distribution("probability")
        hit = np.ones(self.values.shape, bool)
        for name, threshold, side in (("below", below, np.less), ("above", above, np.greater)):
            if threshold is None:
                continue
            limit = np.asarray(threshold, np.float64)
            if limit.ndim > 1 or limit.size not in (1, self.values.shape[1]):
                raise PredictionError(
                    f"{name} has the shape {limit.shape}; give one threshold, or one for each of "
                    f"{self.values.shape[1]} points"
                )
            if not np.all(np.isfinite(limit)):
                raise PredictionError(f"{name} must be numbers, not {threshold}")
            hit &= side(self.values, limit)
        return np.mean(hit, axis=0)

    def _check_distribution(self, what: str) -> None:
        if len(self.values) < 2:
            raise PredictionError(
                f"a single fit has no {what}; predict from draws, such as sj.laplace(fit)"
            )
        if self.draws.jackknife:
            raise PredictionError(
                f"leave-one-out replicates are no distribution; take {what} from sj.bootstrap "
                "with another scheme"
            )

    @property
    def kind(self) -> list[str]:
        """``"interpolation"`` or ``"extrapolation"`` for each query point."""
        return [EXTRAPOLATION if d > 0.0 else INTERPOLATION for d in self.distance]

    @property
    def new_run(self) -> "Prediction":
        """The prediction for one more run: with noise, and the law's own error beyond the runs.

        See `Draws.scatter` and `Draws.discrepancy`.
        """
        if self.noisy:
            return self
        values = self.draws.scatter.around(self._strayed(), self.inputs, self.seed)
        return replace(self, values=values, noisy=True)

    def _strayed(self) -> np.ndarray:
        """Return the values with the law's own error beyond the runs, if the draws know of one."""
        discrepancy, fit = self.draws.discrepancy, self.draws.fit
        if discrepancy is None:
            return self.values
        error = discrepancy.errors(self.distance, len(self.values), self.seed)
        if fit.criterion.scale == "log":
            return self.values * np.exp(error)
        return self.values + error * np.exp(fit.logs[fit.law.output.column])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against the predictions, one sentence each."""
        far = float(np.max(self.distance, initial=0.0))
        if far > self.span:
            return (
                f"not supported by the data: {far:.1f} decades outside runs that span "
                f"{self.span:.1f} decades",
            )
        return ()

    def table(self, level: float = 0.9) -> Table:
        """Return the predictions as a table."""
        output = self.draws.fit.law.output
        with_interval = len(self.values) > 1
        header = [*self.inputs, output.column]
        columns: list[Any] = [*self.inputs.values(), self.median]
        if with_interval:
            tails = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
            header += [f"{tails[0]:.0%}", f"{tails[1]:.0%}"]
            columns += [*self.interval(level)]
        rows = [
            (*(float(column[k]) for column in columns), self.describe(k))
            for k in range(len(self.median))
        ]
        unit = f" ({output.unit})" if output.unit else ""
        what = "a new run's" if self.noisy else "the law's"
        notes = ("", *sentence_list(self.warnings)) if self.warnings else ()
        return Table(
            f"{self.draws.fit.law.name}: {what} {output.column}{unit}",
            (*header, "support"),
            tuple(rows),
            notes,
        )

    def describe(self, k: int) -> str:
        """Return the support of query point `k` in words."""
        if not self.distance[k] > 0.0:
            return INTERPOLATION
        ranges = [
            f"{name} {decades[k]:+.1f}"
            for name, decades in self.beyond.items()
            if abs(decades[k]) >= 0.05
        ]
        where = f": {', '.join(ranges)}" if ranges else ""
        return f"{EXTRAPOLATION} by {self.distance[k]:.2f} decades{where}"

    def to_pandas(self, level: float = 0.9) -> Any:
        """Return a pandas data frame, one row a query point."""
        frame = self.table(level).to_pandas()
        frame["decades"] = self.distance
        return frame

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def predict(
    source: Fit | Draws, runs: RunTable | None = None, *, seed: int = 0, **inputs: Any
) -> Prediction:
    """Predict a law's output at new scales.

    Args:
        source: A fit (one draw) or draws.
        runs: Take the inputs from the columns of a table instead of from keywords.
        seed: Seed of the noise of `Prediction.new_run`.
        **inputs: The law's inputs, numbers or arrays ``[q]`` that broadcast. A law over mixtures
            takes its proportions one by one or as ``proportions`` ``[q, domains]``, one over whole
            runs the points of one run ``[q]``.

    Returns:
        Predictions, each marked interpolation or extrapolation.

    Raises:
        PredictionError: An input is missing, unknown, not positive, or of another shape;
            proportions do not sum to one.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> runs = sj.RunTable.from_columns(dict(params=params, loss=(8.8e13 / params) ** 0.076))
        >>> prediction = sj.predict(sj.fit("kaplan_n", runs, starts=16), params=[1e9, 1e12])
        >>> prediction.median.round(3).tolist(), prediction.kind
        ([2.376, 1.405], ['interpolation', 'extrapolation'])
    """
    draws = Draws.of(source)
    law = draws.fit.law
    of_table = runs is not None and not inputs
    if runs is not None:
        runs.require(law.input_names, for_=f"the law {law.name}")
        inputs = {name: runs[name] for name in law.input_names} | inputs
    queries = _queries(law, inputs, of_table)
    arguments = _arguments(law, queries, runs if of_table else None)
    values = _values(draws, arguments)
    if not np.all(np.isfinite(values)):
        k = int(np.flatnonzero(~np.all(np.isfinite(values), axis=0))[0])
        point = listing(f"{name} = {column[k]:g}" for name, column in queries.items())
        raise PredictionError(f"{law.name} is not finite at {point}")
    support, places = _support(draws.fit, arguments)
    return Prediction(
        queries, values, support.distance(places), support.beyond(places), draws,
        support.span, seed,
    )  # fmt: skip


def _arguments(law: Law, queries: dict[str, np.ndarray], runs: RunTable | None) -> dict[str, Any]:
    """Return what the law's function takes at the queries ``[q]`` or ``[q, history]``."""
    if law.curve is None:
        return dict(queries)
    try:
        if runs is not None:  # which may hold the points of several runs
            return arguments_of_rows(law, runs)
        with jax.enable_x64(True):
            found = law.arguments(queries)
    except LawError as error:
        raise PredictionError(str(error)) from None
    return {name: np.asarray(value) for name, value in found.items()}


def _values(draws: Draws, arguments: dict[str, Any]) -> np.ndarray:
    """Return the law at every draw ``[draws, q]``, some draws at a time where there is history."""
    law, numbers = draws.fit.law, max(np.size(value) for value in arguments.values())
    block = max(1, _LARGEST // max(numbers, 1))
    parts = []
    with jax.enable_x64(True):
        for first in range(0, draws.count, block):
            some = {n: x[first : first + block, None] for n, x in draws.params.items()}
            parts.append(np.asarray(law.of_arguments(some, arguments)))
    return np.concatenate(parts)


def _support(fit: Fit, arguments: dict[str, Any]) -> tuple[Support, dict[str, Any]]:
    """Return the region of the runs and the queries' places in it.

    Of a law over whole runs it is that of the sums over the schedule which are one number a point.
    """
    law = fit.law
    if law.curve is None:
        return Support.of(fit.runs, law.input_names, _fractions(law)), arguments
    known = arguments_of_rows(law, fit.runs)
    names = tuple(
        name
        for name in law.argument_names
        if known[name].ndim == 1 and np.all(known[name] > 0.0) and np.all(arguments[name] > 0.0)
    )
    return Support.of(known, names), {name: arguments[name] for name in names}


def _fractions(law: Law) -> tuple[str, ...]:
    """Return the inputs between zero and one, which may be zero and then have no logarithm."""
    ends = {variable.column: variable.domain for variable in law.inputs}
    return tuple(name for name, (low, high) in ends.items() if low == 0.0 and high == 1.0)


def _queries(law: Law, inputs: dict[str, Any], of_table: bool) -> dict[str, np.ndarray]:
    names, fractions = law.input_names, _fractions(law)
    try:
        inputs = dict(law._unpacked(inputs))
    except LawError as error:
        raise PredictionError(str(error)) from None
    for name in inputs:
        if name not in names:
            raise PredictionError(f"{law.name} does not take {name!r}; {did_you_mean(name, names)}")
    missing = [name for name in names if name not in inputs]
    if missing:
        raise PredictionError(f"{law.name} needs {listing(missing)}; give {listing(names)}")
    arrays = {}
    for name in names:
        try:
            arrays[name] = np.atleast_1d(np.asarray(inputs[name], np.float64))
        except (TypeError, ValueError):
            raise PredictionError(f"{name} must be numbers, not {inputs[name]!r}") from None
        may_be_zero = name in fractions or law.curve is not None  # or what check_inputs says
        bad = ~(np.isfinite(arrays[name]) & ((arrays[name] > 0.0) | may_be_zero))
        if np.any(bad) or arrays[name].ndim > 1:
            value = arrays[name][bad].ravel()[0] if np.any(bad) else "an array of two dimensions"
            raise PredictionError(f"{name} must be positive numbers, not {value}")
    try:
        if not (of_table and law.curve):  # whose rows are in any order
            law.check_inputs(arrays)
        shape = np.broadcast_shapes(*(a.shape for a in arrays.values()))
    except LawError as error:
        raise PredictionError(str(error)) from None
    except ValueError:
        lengths = listing(f"{name} ({len(a)})" for name, a in arrays.items())
        raise PredictionError(f"the inputs have different lengths: {lengths}") from None
    return {name: np.broadcast_to(a, shape) for name, a in arrays.items()}
