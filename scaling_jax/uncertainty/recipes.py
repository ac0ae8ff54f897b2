"""Two recipes compared draw by draw: loss difference, compute multiplier, crossover."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from scaling_jax.errors import FitError, listing
from scaling_jax.tables import Table
from scaling_jax.uncertainty.draws import Draws

Path = Callable[[np.ndarray], Mapping[str, Any]]

_POINTS = 241  # along the range of compute, evenly spaced in its logarithm


@dataclass(frozen=True)
class RecipeComparison:
    """What draws of two recipes' laws say of each other along a path of compute.

    Attributes:
        compute: The target compute.
        span: Lowest and highest compute that were looked at.
        difference: Loss of the second recipe minus that of the first at the target ``[draws]``.
        multiplier: Compute of the second over that of the first for the first's loss at the target
            ``[draws]``; infinite where the second does not get there within the span, 0 where it
            is there before the span begins.
        crossovers: Lowest compute at which the losses cross, of the draws that do ``[crossing]``.
    """

    compute: float
    span: tuple[float, float]
    difference: np.ndarray
    multiplier: np.ndarray
    crossovers: np.ndarray

    @property
    def no_crossover(self) -> float:
        """Probability that the losses do not cross within the span."""
        return 1.0 - len(self.crossovers) / len(self.difference)

    @property
    def second_is_better(self) -> float:
        """Probability that the second recipe has the lower loss at the target."""
        return float(np.mean(self.difference < 0.0))

    def table(self, level: float = 0.9) -> Table:
        """Return medians and central intervals."""
        tails = [(1.0 - level) / 2.0, 0.5, (1.0 + level) / 2.0]
        found = {
            "loss difference, second - first": self.difference,
            "compute multiplier of the second": self.multiplier,
            "crossover, if there is one": self.crossovers,
        }
        rows = []
        for name, values in found.items():
            # An order statistic, as some multipliers may be infinite.
            ends = np.quantile(values, tails, method="nearest") if len(values) else [None] * 3
            rows.append((name, ends[1], ends[0], ends[2]))
        low, high = self.span
        return Table(
            f"Two recipes at compute {self.compute:.3g}, {len(self.difference)} draws",
            ("quantity", "median", f"{tails[0]:.1%}", f"{tails[2]:.1%}"),
            tuple(rows),
            (
                f"The second has the lower loss with probability {self.second_is_better:.1%}.",
                f"No crossover from {low:.3g} to {high:.3g} with probability "
                f"{self.no_crossover:.1%}.",
            ),
        )

    def __repr__(self) -> str:
        return str(self.table())


def compare_recipes(
    first: Draws,
    second: Draws,
    path: Path,
    *,
    compute: float,
    span: tuple[float, float],
    paired: bool = False,
    seed: int = 0,
) -> RecipeComparison:
    """Compare two recipes along one path of compute.

    Args:
        first: Draws of the first recipe's law.
        second: Draws of the second's; its law may be another one with the same output.
        path: From compute ``[points]`` to the laws' inputs, each ``[points]``: how a budget is
            spent.
        compute: Target compute, within the span.
        span: Lowest and highest compute to look for equal losses in.
        paired: Whether draw k of both belongs together, as of one joint posterior. Otherwise the
            second's are shuffled, since equal seeds would pair draws that have nothing in common.
        seed: Of the shuffling.

    Raises:
        FitError: A wrong span or target, paired draws of unequal number, laws of different
            outputs or over whole runs, an input that the path lacks, or a loss that is not finite
            or does not fall along the path.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> runs = [
        ...     sj.RunTable.from_columns(dict(params=params, loss=(c / params) ** 0.076))
        ...     for c in (8.8e13, 4.4e13)
        ... ]
        >>> fits = [sj.Draws.of(sj.fit("kaplan_n", one, starts=16)) for one in runs]
        >>> path = lambda compute: {"params": np.sqrt(compute / 120)}
        >>> found = sj.compare_recipes(*fits, path, compute=1e20, span=(1e16, 1e24))
        >>> found.multiplier.round(2).tolist(), found.no_crossover
        ([0.25], 1.0)
    """
    _check(first, second, compute, span, paired)
    log_c = np.linspace(np.log(span[0]), np.log(span[1]), _POINTS)
    target = float(np.log(compute))
    chosen = [np.arange(draws.count) for draws in (first, second)]
    if not paired:
        rng, count = np.random.default_rng(seed), min(first.count, second.count)
        chosen = [rng.permutation(order)[:count] for order in chosen]
    grid = np.append(log_c, target)
    curves = [
        _losses(draws, path, grid)[order]
        for draws, order in zip((first, second), chosen, strict=True)
    ]
    (one, here), (two, there) = ((curve[:, :-1], curve[:, -1]) for curve in curves)
    needed = np.array([_reached(log_c, row, loss) for row, loss in zip(two, here, strict=True)])
    crossed = [_crossing(log_c, gap) for gap in two - one]
    return RecipeComparison(
        compute, span, there - here, np.exp(needed - target),
        np.exp(np.array([at for at in crossed if at is not None], np.float64)),
    )  # fmt: skip


def _check(
    first: Draws, second: Draws, compute: float, span: tuple[float, float], paired: bool
) -> None:
    low, high = span
    if not 0.0 < low <= compute <= high < np.inf or low == high:
        raise FitError(
            f"compute={compute:g} and span={low:g} .. {high:g} do not fit; the target must lie "
            "in a span of positive, finite compute"
        )
    if paired and first.count != second.count:
        raise FitError(
            f"paired draws are {first.count} of the first recipe and {second.count} of the "
            "second; give draws of one joint posterior, or paired=False"
        )
    outputs = [draws.fit.law.output.column for draws in (first, second)]
    if outputs[0] != outputs[1]:
        raise FitError(
            f"the recipes' laws are of {outputs[0]} and of {outputs[1]}; compare laws of one output"
        )
    for draws in (first, second):
        if draws.fit.law.curve is not None:
            raise FitError(
                f"{draws.fit.law.name} is a law over whole runs, which no path of compute gives; "
                "compare laws of a run's end"
            )


def _losses(draws: Draws, path: Path, log_c: np.ndarray) -> np.ndarray:
    """Return the losses along the path ``[draws, points]``."""
    law, inputs = draws.fit.law, path(np.exp(log_c))
    missing = [name for name in law.input_names if name not in inputs]
    if missing:
        raise FitError(f"the path gives no {listing(missing)}, which {law.name} needs; add them")
    arguments = {name: np.asarray(inputs[name], np.float64) for name in law.input_names}
    with jax.enable_x64(True):
        params = {name: values[:, None] for name, values in draws.params.items()}
        found = np.asarray(law.of_arguments(params, arguments))
    found = np.broadcast_to(found, (draws.count, len(log_c)))
    rises = np.diff(found[:, :-1], axis=1) >= 0.0
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1) | rises.any(axis=1))
    if bad.size:
        raise FitError(
            f"{law.output.column} of {law.name} is not finite or does not fall along the path at "
            f"draw {bad[0] + 1}; narrow the span, or choose another path"
        )
    return found


def _reached(log_c: np.ndarray, losses: np.ndarray, loss: float) -> float:
    """Return log compute at which falling losses come down to one; infinite beyond the span."""
    return float(np.interp(-loss, -losses, log_c, left=-np.inf, right=np.inf))


def _crossing(log_c: np.ndarray, gap: np.ndarray) -> float | None:
    """Return the lowest log compute at which the gap changes its sign."""
    at = np.flatnonzero(np.sign(gap[:-1]) * np.sign(gap[1:]) <= 0.0)
    if not at.size or not np.any(gap):
        return None
    k = at[0]
    step = gap[k] - gap[k + 1]
    return float(log_c[k] + (log_c[k + 1] - log_c[k]) * (gap[k] / step if step else 0.0))
