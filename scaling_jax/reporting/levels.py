"""Find the levels at which runs were made: the sizes of a sweep, the budgets of isoFLOP curves."""

from dataclasses import dataclass

import numpy as np

SAME = 0.02  # decades: nearer values are the same size up to rounding
_BUDGET_WIDTH = 0.06  # decades: digitised budgets scatter by several percent
_SIZES_OF_A_BUDGET = 3
_MOST_BUDGETS = 12


@dataclass(frozen=True)
class Levels:
    """Values at which curves are drawn, and which runs belong to each.

    Attributes:
        values: Increasing ``[levels]``.
        member: Index of each run's level, -1 if it belongs to none ``[runs]``.
    """

    values: np.ndarray
    member: np.ndarray

    @property
    def complete(self) -> bool:
        """Whether every run belongs to a level."""
        return bool(np.all(self.member >= 0))

    def __len__(self) -> int:
        return len(self.values)


def levels(values: np.ndarray, most: int = 8) -> Levels:
    """Return the levels of a column: its distinct values, or `most` of them spread evenly.

    Args:
        values: A column ``[runs]``.
        most: Largest number of levels.

    Example:
        >>> import numpy as np
        >>> levels(np.array([1e9, 1e9, 1.001e9, 7e9])).member.tolist()
        [0, 0, 0, 1]
    """
    values = np.asarray(values, float)
    if not np.all(values > 0.0):
        unique = np.unique(values)
        chosen = unique[_spread_out(unique, most)]
        return Levels(chosen, _members(values, chosen, 0.0))
    logs = np.sort(np.log10(values))
    groups = np.split(logs, np.flatnonzero(np.diff(logs) > SAME) + 1)
    if max(group[-1] - group[0] for group in groups) > 2.0 * SAME:  # no gaps: not made at levels
        low, high = np.quantile(logs, (0.02, 0.98))
        return _of_logs(values, np.linspace(low, high, most))
    # The median is a value that occurs, so the level of equal values is exactly that value.
    centres = np.array([group[len(group) // 2] for group in groups])
    return _of_logs(values, centres[_spread_out(centres, most)])


def _of_logs(values: np.ndarray, centres: np.ndarray) -> Levels:
    found = 10.0**centres
    nearest = values[np.argmin(np.abs(np.log10(values)[:, None] - centres), axis=0)]
    exact = np.where(np.abs(np.log(nearest / found)) < 1e-9, nearest, found)
    return Levels(exact, _members(np.log10(values), np.log10(exact), 2.0 * SAME))


def _spread_out(positions: np.ndarray, most: int) -> np.ndarray:
    """Return the indices of at most `most` sorted positions, the ends and evenly between."""
    if len(positions) <= most:
        return np.arange(len(positions))
    wanted = np.linspace(positions[0], positions[-1], most)
    return np.unique([int(np.argmin(np.abs(positions - w))) for w in wanted])


def _members(values: np.ndarray, centres: np.ndarray, tolerance: float) -> np.ndarray:
    after = np.clip(np.searchsorted(centres, values), 1, max(len(centres) - 1, 1))
    pair = np.stack([after - 1, np.minimum(after, len(centres) - 1)])
    away = np.abs(centres[pair] - values)
    nearest = np.where(away[0] <= away[1], pair[0], pair[1])
    return np.where(np.min(away, axis=0) <= tolerance, nearest, -1)


def budgets(compute: np.ndarray, sizes: np.ndarray) -> Levels:
    """Return the compute budgets at which several sizes were trained, lowest first.

    The densest window of compute is the first budget, then the densest of the rest, and so on.

    Args:
        compute: Training compute ``[runs]``.
        sizes: Model size ``[runs]``.

    Example:
        >>> import numpy as np
        >>> sizes = np.tile([1e7, 3e7, 1e8], 2)
        >>> budgets(np.repeat([1e18, 1e19], 3), sizes).values.tolist()
        [1e+18, 1e+19]
    """
    logs = np.log10(np.asarray(compute, float))
    order = np.argsort(logs, kind="stable")
    left, found = logs[order], []
    while len(left) and len(found) < _MOST_BUDGETS:
        ends = np.searchsorted(left, left + _BUDGET_WIDTH, side="right")
        start = int(np.argmax(ends - np.arange(len(left))))
        window = left[start : ends[start]]
        if len(window) < _SIZES_OF_A_BUDGET:
            break
        inside = (logs >= window[0]) & (logs <= window[-1])
        if _distinct(sizes[inside]) >= _SIZES_OF_A_BUDGET:
            found.append((float(np.median(window)), inside))
        # What lies next to a budget is its scatter, not a budget of its own.
        near = (left >= window[0] - _BUDGET_WIDTH) & (left <= window[-1] + _BUDGET_WIDTH)
        left = left[~near]
    found.sort(key=lambda pair: pair[0])
    member = np.full(len(logs), -1)
    for k, (_, inside) in enumerate(found):
        member[inside] = k
    centres = [float(np.median(np.asarray(compute)[inside])) for _, inside in found]
    return Levels(np.array(centres), member)


def _distinct(sizes: np.ndarray) -> int:
    return 1 + int(np.sum(np.diff(np.sort(np.log10(sizes))) > SAME))
