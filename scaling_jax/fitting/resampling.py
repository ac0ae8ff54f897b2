"""Resampling as weights: each replicate is a lane whose rows carry counts.

The counts are a pure function of (seed, lane, unit) through the counter-based generator Threefry,
so a replicate is the same whatever the chunk, the device or the platform it is computed on, and
nothing of size rows x replicates is ever stored.

A *unit* is what is drawn as a whole: a row, or all rows of a group (a loss curve, a family).

Reference: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.extend.random
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.runs import RunTable

_POISSON_TERMS = 13  # P(Poisson(1) > 12) is 6e-11, below the resolution of 32 bits
_TILE = 4096  # units whose random words are held at once, 16 bytes a lane each


class Units(NamedTuple):
    """What a scheme draws from, as arrays.

    Attributes:
        of_row: Unit of each row ``[n]``; None if every row is a unit.
        first: Position in `members` of the first unit of each unit's stratum ``[units]``.
        size: Number of units in each unit's stratum ``[units]``.
        members: Units, ordered by stratum ``[units]``.
    """

    of_row: np.ndarray | None
    first: np.ndarray
    size: np.ndarray
    members: np.ndarray


@dataclass(frozen=True)
class Resampling:
    """Base of the resampling schemes; not used itself.

    Attributes:
        by: The label or column whose equal values form groups; what a group is for depends on
            the scheme.
    """

    by: str | None = None

    name: ClassVar[str] = ""

    def units(self, runs: RunTable) -> Units:
        """Return the units of a table: its rows, in one stratum.

        Raises:
            FitError: The scheme needs a column that it was not given or that is not there, or it
                was given one that it has no use for.
        """
        if self.by is not None:
            raise FitError(
                f"{type(self).__name__} draws single runs and has no use for by={self.by!r}; use "
                "Stratified to draw within groups, or Blocks to draw whole ones"
            )
        return _units(np.arange(len(runs)), np.zeros(len(runs), int))

    def lanes(self, runs: RunTable) -> int | None:
        """Return the number of replicates the scheme has; None if any number."""
        del runs
        return None

    def counts(
        self, seed: jax.Array, lanes: jax.Array, units: Units, dtype: Any = jnp.float32
    ) -> jax.Array:
        """Return how often each row stands in each replicate ``[rows, l]``.

        Args:
            seed: Scalar, unsigned.
            lanes: Numbers of the replicates ``[l]``, unsigned.
            units: The units of the table.
            dtype: Of the counts; eight bits hold those of any number of rows.
        """
        raise TypeError("use one of Multinomial, Stratified, Blocks, Poisson, LeaveOneOut")

    def _groups(self, runs: RunTable) -> np.ndarray:
        if self.by is None:
            raise FitError(f"{type(self).__name__} needs by=: the column whose values form groups")
        if self.by not in runs:
            raise FitError(
                f"{runs.source} has no column {self.by!r} to resample by; "
                f"{did_you_mean(self.by, runs.columns)}"
            )
        return np.unique(np.asarray(runs[self.by]), return_inverse=True)[1]


@dataclass(frozen=True)
class Multinomial(Resampling):
    """The ordinary bootstrap: as many rows as there are, drawn with replacement."""

    name: ClassVar[str] = "multinomial"

    def counts(self, seed, lanes, units, dtype=jnp.float32):  # noqa: D102
        m, column, one = len(units.size), jnp.arange(lanes.shape[0]), jnp.ones((), dtype)
        size, first = jnp.asarray(units.size, jnp.uint32), jnp.asarray(units.first)
        members = jnp.asarray(units.members)

        def draw(unit: jax.Array) -> jax.Array:
            word = counter_bits(seed, lanes, unit)
            place = first[unit][:, None] + (word % size[unit][:, None]).astype(jnp.int32)
            return members[place]  # [tile, l]

        counts = jnp.zeros((m, lanes.shape[0]), dtype)
        counts = _by_tiles(m, lambda unit, sums: sums.at[draw(unit), column].add(one), counts)
        return _of_rows(counts, units)


@dataclass(frozen=True)
class Stratified(Multinomial):
    """The bootstrap within each group of `by`: groups keep their sizes."""

    name: ClassVar[str] = "stratified"

    def units(self, runs):  # noqa: D102
        return _units(None, self._groups(runs))


@dataclass(frozen=True)
class Blocks(Multinomial):
    """The bootstrap of whole groups of `by`, such as the points of one loss curve."""

    name: ClassVar[str] = "blocks"

    def units(self, runs):  # noqa: D102
        groups = self._groups(runs)
        return _units(groups, np.zeros(groups.max() + 1, int))


@dataclass(frozen=True)
class Poisson(Resampling):
    """Independent Poisson(1) counts: the bootstrap without a fixed total."""

    name: ClassVar[str] = "poisson"

    def counts(self, seed, lanes, units, dtype=jnp.float32):  # noqa: D102
        cdf = np.cumsum([math.exp(-1.0) / math.factorial(k) for k in range(_POISSON_TERMS)])
        steps = np.minimum(np.floor(cdf * 2.0**32), 2**32 - 1).astype(np.uint32)

        def draw(unit: jax.Array, counts: jax.Array) -> jax.Array:
            word = counter_bits(seed, lanes, unit)
            drawn = sum((word >= step).astype(dtype) for step in steps)
            return counts.at[unit].set(drawn)

        m = len(units.size)
        counts = _by_tiles(m, draw, jnp.zeros((m, lanes.shape[0]), dtype))
        return _of_rows(counts, units)


@dataclass(frozen=True)
class LeaveOneOut(Resampling):
    """Replicate k leaves out row k, or group k of `by` where that is given: the jackknife."""

    name: ClassVar[str] = "leave_one_out"

    def units(self, runs):  # noqa: D102
        if self.by is None:
            return _units(None, np.zeros(len(runs), int))
        groups = self._groups(runs)
        return _units(groups, np.zeros(groups.max() + 1, int))

    def lanes(self, runs):  # noqa: D102
        return len(self.units(runs).size)

    def counts(self, seed, lanes, units, dtype=jnp.float32):  # noqa: D102
        del seed
        unit = jnp.arange(len(units.size), dtype=jnp.uint32)
        return _of_rows((unit[:, None] != lanes[None]).astype(dtype), units)


SCHEMES: dict[str, type[Resampling]] = {
    scheme.name: scheme for scheme in (Multinomial, Stratified, Blocks, Poisson, LeaveOneOut)
}


def counter_bits(seed: jax.Array, lanes: jax.Array, units: jax.Array) -> jax.Array:
    """Return one 32-bit word for every (unit, lane) ``[units, l]``, from the two numbers alone."""
    shape = (units.shape[0], lanes.shape[0])
    lane = jnp.broadcast_to(lanes.astype(jnp.uint32), shape).ravel()
    unit = jnp.broadcast_to(units.astype(jnp.uint32)[:, None], shape).ravel()
    key = jnp.stack([jnp.uint32(0x5CA11196), seed.astype(jnp.uint32)])
    words = jax.extend.random.threefry_2x32(key, jnp.concatenate([lane, unit]))
    return words[: lane.size].reshape(shape)


def _by_tiles(
    units: int, add: Callable[[jax.Array, jax.Array], jax.Array], counts: jax.Array
) -> jax.Array:
    """Return counts after `add(unit, counts)` of all units, so many of them at a time."""
    whole = units // _TILE
    tile = jnp.arange(_TILE, dtype=jnp.int32)
    if whole:
        counts = jax.lax.fori_loop(
            jnp.int32(0), jnp.int32(whole), lambda k, sums: add(k * _TILE + tile, sums), counts
        )
    return add(jnp.arange(whole * _TILE, units, dtype=jnp.int32), counts)


def _of_rows(counts: jax.Array, units: Units) -> jax.Array:
    """Return the counts of rows ``[rows, l]`` from those of units ``[units, l]``."""
    return counts if units.of_row is None else counts[jnp.asarray(units.of_row)]


def _units(of_row: np.ndarray | None, strata: np.ndarray) -> Units:
    """Return units from the unit of each row and the stratum of each unit."""
    order = np.argsort(strata, kind="stable")
    sizes = np.bincount(strata)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    arrays = (first[strata], sizes[strata], order)
    of_row = None if of_row is None else of_row.astype(np.int32)
    return Units(of_row, *(array.astype(np.int32) for array in arrays))
