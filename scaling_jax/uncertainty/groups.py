"""What a hierarchical posterior knows of its groups: every group's law, and a new group's."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.laws import Law
from scaling_jax.tables import Table


@dataclass(frozen=True)
class Groups:
    """How the laws of several groups of runs scatter around a common one.

    Attributes:
        column: The label column that tells groups apart.
        labels: The groups, in order.
        varying: Names of the law's coordinates that differ between groups.
        population: The common law in scale-free coordinates z ``[draws, free]``.
        spread: Standard deviation of each varying coordinate between groups
            ``[draws, varying]``; relative, for a positive parameter.
        deviations: Of each group from the common law, in units of `spread`
            ``[draws, groups, varying]``.
    """

    column: str
    labels: tuple[str, ...]
    varying: tuple[str, ...]
    population: np.ndarray
    spread: np.ndarray
    deviations: np.ndarray

    def of(self, label: str, law: Law) -> np.ndarray:
        """Return the coordinates of one group's law ``[draws, free]``.

        Raises:
            FitError: There is no such group.
        """
        if label not in self.labels:
            hint = did_you_mean(str(label), self.labels)
            raise FitError(f"there is no group {label!r} of {self.column}; {hint}")
        return self._moved(self.deviations[:, self.labels.index(label)], law)

    def new(self, law: Law, seed: int) -> np.ndarray:
        """Return the coordinates of a group that was not seen, another one each draw."""
        rng = np.random.default_rng([seed, 2])  # another stream than noise and discrepancy
        return self._moved(rng.standard_normal(self.spread.shape), law)

    def _moved(self, deviations: np.ndarray, law: Law) -> np.ndarray:
        names = [p.name for p in Coordinates(law).free]
        z = self.population.copy()
        z[:, [names.index(name) for name in self.varying]] += self.spread * deviations
        return z

    def table(self, level: float = 0.9) -> Table:
        """Return median and central interval of the spread of every varying coordinate."""
        tails = [(1.0 - level) / 2.0, 0.5, (1.0 + level) / 2.0]
        ends = np.quantile(self.spread, tails, axis=0).T
        rows = [(n, float(m), float(a), float(b)) for n, (a, m, b) in self._named(ends).items()]
        return Table(
            f"Spread between {len(self.labels)} groups of {self.column}, relative",
            ("parameter", "median", f"{tails[0]:.1%}", f"{tails[2]:.1%}"),
            tuple(rows),
        )

    def _named(self, rows: np.ndarray) -> Mapping[str, np.ndarray]:
        return dict(zip(self.varying, rows, strict=True))
