"""How far a query lies from the runs, in decades.

The runs' inputs, as base-10 logarithms, span a convex hull. A query inside it is interpolation.
Outside, the distance to the hull in decades says how far a prediction reaches: an isoFLOP grid
is a narrow band, and a point may lie within the range of every column and far from every run.
Proportions, which may be zero, are taken as they are: the whole range counts as one decade.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.runs import RunTable

INSIDE = 0.005  # decades: about one percent, less than two runs of "the same" size differ
_MOST_DIMENSIONS = 6  # a hull has too many facets beyond; all points serve as well
_UNIT_SUM = 1e4  # weight of the constraint that hull coefficients add up to one


@dataclass(frozen=True)
class Support:
    """The region that runs cover.

    Attributes:
        names: The inputs.
        points: Corners of the region: base-10 logarithms ``[corners, inputs]``.
        low: Smallest logarithm of each input ``[inputs]``.
        high: Largest logarithm of each input ``[inputs]``.
        linear: The inputs that are taken as they are, not as logarithms.
    """

    names: tuple[str, ...]
    points: np.ndarray
    low: np.ndarray
    high: np.ndarray
    linear: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        runs: RunTable | Mapping[str, np.ndarray],
        names: tuple[str, ...],
        linear: tuple[str, ...] = (),
    ) -> "Support":
        """Return the region covered by the columns `names` of `runs`, positive or `linear` ones."""
        used = tuple(
            name for name in names if name in linear or np.all(np.asarray(runs[name]) > 0.0)
        )
        linear = tuple(name for name in used if name in linear)
        places = np.stack([_place(runs[name], name in linear) for name in used], axis=1)
        points = np.unique(places, axis=0)
        return cls(used, _corners(points), points.min(axis=0), points.max(axis=0), linear)

    def distance(self, inputs: dict[str, Any]) -> np.ndarray:
        """Return the distance of query points ``[q]`` from the region, in decades; 0 inside."""
        places = [_place(inputs[name], name in self.linear) for name in self.names]
        queries = np.stack(places, axis=1)
        return np.array([self._distance_of_one(query) for query in queries])

    def beyond(self, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
        """Return how many decades each input lies above (+) or below (-) its range ``[q]``."""
        result = {}
        for name, low, high in zip(self.names, self.low, self.high, strict=True):
            place = _place(inputs[name], name in self.linear)
            result[name] = np.maximum(place - high, 0.0) + np.minimum(place - low, 0.0)
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


def _place(values: Any, linear: bool) -> np.ndarray:
    values = np.asarray(values, float)
    return values if linear else np.log10(values)


def _corners(points: np.ndarray) -> np.ndarray:
    """Return the corners of the convex hull; all points where it is flat."""
    dimension = points.shape[1]
    if dimension == 1:
        return np.array([points.min(axis=0), points.max(axis=0)])
    if len(points) <= dimension + 1 or dimension > _MOST_DIMENSIONS:
        return points
    from scipy.spatial import ConvexHull, QhullError

    try:
        return points[ConvexHull(points).vertices]
    except QhullError:
        return points
