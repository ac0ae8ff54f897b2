"""Lanes cut into tiles, for kernels whose grid runs over tiles of lanes.

A ragged end is filled with copies of the last lane: finite numbers whose results are dropped.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

NAME = "normal_equations"  # of the kernels, in exported programs and profiles


def lane_inputs(u: jax.Array, weights: Any, lane_index: Any, settings: Any) -> Any:
    """Return (parameters, lane indices, settings), every leaf ``[l]``.

    Settings given as one number for all lanes are repeated. Lane indices, by default 0, 1, ...,
    are there only where `weights` is a function, which wants them.
    """
    lanes = u.shape[1]
    index = None
    if callable(weights):
        index = jnp.arange(lanes, dtype=jnp.int32) if lane_index is None else lane_index
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (lanes,)), (list(u), index, settings))


def as_tiles(lanes: jax.Array, tile: tuple[int, ...]) -> jax.Array:
    """Return ``[..., l]`` as ``[..., tiles * tile[0], *tile[1:]]``."""
    padding = [(0, 0)] * (lanes.ndim - 1) + [(0, -lanes.shape[-1] % math.prod(tile))]
    padded = jnp.pad(lanes, padding, mode="edge")
    return padded.reshape(*lanes.shape[:-1], -1, *tile[1:])


def from_tiles(tiles: jax.Array, leading: int, lanes: int) -> jax.Array:
    """Return ``[..., l]`` from `leading` axes and tiles of lanes; the inverse of `as_tiles`."""
    return tiles.reshape(*tiles.shape[:leading], -1)[..., :lanes]


def split(references: Sequence[Any], *counts: int) -> list[Any]:
    """Cut a kernel's flat list of references into groups of the given sizes."""
    ends = [sum(counts[: k + 1]) for k in range(len(counts))]
    return [references[end - count : end] for end, count in zip(ends, counts, strict=True)]
