"""How far a query lies from the runs, in decades.

The runs' inputs, as base-10 logarithms, span a convex hull. A query inside it is interpolation.
Outside, the distance to the hull in decades says how far a prediction reaches: an isoFLOP grid
is a narrow band, and a point may lie within the range of every column and far from every run.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.runs import RunTable

INSIDE = 0.005  # decades: about one percent, less than two runs of "the same" size differ
_UNIT_SUM = 1e4  # weight of the constraint that hull coefficients add up to one


@dataclass(frozen=True)
class Support:
    """The region that runs cover.

    Attributes:
        names: The inputs.
        points: Corners of the region: base-10 logarithms ``[corners, inputs]``.
        low: Smallest logarithm of each input ``[inputs]``.
        high: Largest logarithm of each input ``[inputs]``.
    """

    names: tuple[str, ...]
    points: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, runs: RunTable, names: tuple[str, ...]) -> "Support":
        """Return the region covered by the positive columns `names` of `runs`."""
        used = tuple(name for name in names if np.all(np.asarray(runs[name]) > 0.0))
        logs = np.log10(np.stack([np.asarray(runs[name], float) for name in used], axis=1))
        points = np.unique(logs, axis=0)
        return cls(used, _corners(points), points.min(axis=0), points.max(axis=0))

    def distance(self, inputs: dict[str, Any]) -> np.ndarray:
        """Return the distance of query points ``[q]`` from the region, in decades; 0 inside."""
        queries = np.log10(np.stack([np.asarray(inputs[n], float) for n in self.names], axis=1))
        return np.array([self._distance_of_one(query) for query in queries])

    def beyond(self, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
        """Return how many decades each input lies above (+) or below (-) its range ``[q]``."""
        result = {}
        for name, low, high in zip(self.names, self.low, self.high, strict=True):
            log = np.log10(np.asarray(inputs[name], float))
            result[name] = np.maximum(log - high, 0.0) + np.minimum(log - low, 0.0)
        return result

    @property
    def span(self) -> float:
        """Widest range of an input, in decades."""
        return float(np.max(self.high - self.low))

    def _distance_of_one(self, query: np.ndarray) -> float:
        """Project on the hull: non-negative least squares with coefficients that sum to one."""
        from scipy.optimize import nnls

        system = np.vstack([(self.points - query).T, np.full(len(self.points), _UNIT_SUM)])
        target = np.append(np.zeros(len(query)), _UNIT_SUM)
        coefficients, _ = nnls(system, target)
        coefficients /= np.sum(coefficients)
        distance = float(np.linalg.norm(self.points.T @ coefficients - query))
        return distance if distance > INSIDE else 0.0


def _corners(points: np.ndarray) -> np.ndarray:
    """Return the corners of the convex hull; all points where it is flat."""
    dimension = points.shape[1]
    if dimension == 1:
        return np.array([points.min(axis=0), points.max(axis=0)])
    if len(points) <= dimension + 1:
        return points
    from scipy.spatial import ConvexHull, QhullError

    try:
        return points[ConvexHull(points).vertices]
    except QhullError:
        return points
