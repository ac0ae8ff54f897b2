"""Sums over every optimiser step of a learning-rate schedule that is known at some steps only.

Loss curves are recorded every hundred steps or so, but the laws over schedules add up something at
every step. Between two recorded points the rate is taken as linear, so what a segment of n steps
adds is a closed form or a short quadrature; where every step is recorded, the sums are exact.

Before the first recorded point the rate rises linearly from zero over `warmup_steps` and then
stays at the first recorded rate.

All arrays have the points of a run on the last axis; every function broadcasts over the others and
may be differentiated by the learning rate.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax._pytree import pytree

_LONGEST = 20  # panels of a piece, each twice as long as the one before; the last takes the rest
_WARMING = 6  # times that the warm-up is halved: powers of a rate near zero need short pieces
_FEW = 48  # pieces up to which all are cut: a schedule given by its breakpoints
BEFORE = _WARMING + 2  # knots before the first recorded point
TINY = 1e-12  # a rate below this counts as this where its power or its inverse is needed


@pytree
class Segments:
    """A schedule as linear pieces between knots: `BEFORE` of them, then the recorded points.

    Attributes:
        steps: Steps in each piece ``[..., pieces]``.
        first: Rate before the piece's first step ``[..., pieces]``.
        change: Change of the rate a step ``[..., pieces]``.
        warming: Whether the piece belongs to the warm-up ``[..., pieces]``.
    """

    steps: jax.Array
    first: jax.Array
    change: jax.Array
    warming: jax.Array

    @classmethod
    def of(cls, step: Any, learning_rate: Any, warmup_steps: Any = 0.0) -> "Segments":
        """Return the pieces of a schedule.

        Args:
            step: Recorded steps, rising ``[..., points]``.
            learning_rate: Rates of the updates that led to them ``[..., points]``.
            warmup_steps: Steps of linear warm-up, 0 for none ``[...]`` or ``[..., points]``.
        """
        step, rate, warm = jnp.broadcast_arrays(step, learning_rate, warmup_steps)
        end, zero = jnp.minimum(warm[..., :1], step[..., :1]), jnp.zeros_like(rate[..., :1])
        shares = 2.0 ** jnp.arange(-_WARMING, 1.0, dtype=rate.dtype)
        early = jnp.concatenate([zero, jnp.floor(end * shares)], axis=-1)
        start = jnp.where(warm[..., :1] > 0.0, zero, rate[..., :1])
        risen = start + (rate[..., :1] - start) * early / jnp.maximum(end, 1.0)
        knots = jnp.concatenate([early, step], axis=-1)
        rates = jnp.concatenate([risen, rate], axis=-1)
        steps = jnp.diff(knots, axis=-1)
        change = jnp.diff(rates, axis=-1) / jnp.maximum(steps, 1.0)
        return cls(steps, rates[..., :-1], change, knots[..., 1:] <= warm[..., :1])

    def area(self) -> jax.Array:
        """Return the sum of the rates of every step up to each knot ``[..., knots]``."""
        return _running(self._rates(self.steps))

    def squares(self) -> jax.Array:
        """Return the sum of the squared rates up to each knot ``[..., knots]``."""
        return _running(self._squares(self.steps))

    def annealing(self, momentum: float) -> jax.Array:
        """Return the annealing area: the sum of the momentum of the falls of the rate.

        With falls ``d_i = rate_{i-1} - rate_i``, zero in the warm-up, the momentum is
        ``m_i = momentum * m_{i-1} + d_i`` and the area its sum ``[..., knots]``.
        """
        fall = jnp.where(self.warming, 0.0, -self.change)
        kept = jnp.exp(self.steps * math.log(momentum))
        gone = -jnp.expm1(self.steps * math.log(momentum)) / (1.0 - momentum)
        before = _recurrence(kept, fall * gone)[..., :-1]
        inside = before * momentum * gone
        inside = inside + fall * (self.steps - momentum * gone) / (1.0 - momentum)
        return _running(inside)

    # Sums within a piece, over its first `count` steps

    def _rates(self, count: Any) -> jax.Array:
        return count * (self.first + 0.5 * self.change * (count + 1.0))

    def _squares(self, count: Any) -> jax.Array:
        cross = self.first * self.change * count * (count + 1.0)
        third = count * (count + 1.0) * (2.0 * count + 1.0) / 6.0
        return count * self.first**2 + cross + self.change**2 * third


@pytree
class Nodes:
    """Steps that stand for all steps before a point, history on the last axis.

    Attributes:
        steps: Number of steps that a node stands for; 0 for one that is not there.
        rate: Learning rate at the node.
        change: Change of the rate a step.
        area: Sum of the rates from the node, included, to the point.
        squares: The same sum of their squares.
        past: Sum of the rates before the node.
    """

    steps: jax.Array
    rate: jax.Array
    change: jax.Array
    area: jax.Array
    squares: jax.Array
    past: jax.Array


def nodes_before(pieces: Segments, point: Any, *, order: int = 2, leave_last: int = 0) -> Nodes:
    """Return the nodes of a quadrature over all steps up to a point ``[..., history]``.

    A piece is summed by a Gauss rule for consecutive integers. What laws sum changes fastest
    towards the point, so the pieces next to it, and those that may be long beside their distance
    from it, are cut into panels that double in length away from their end. Panels of up to three
    steps are exact, so all is exact where every step is recorded.

    Args:
        pieces: The schedule.
        point: Index of the point, as an integer scalar.
        order: Nodes of the rule for a piece that is not cut, 2 or 3.
        leave_last: Steps before the point that are left out: 0 or 1.
    """
    last = point + BEFORE - 1  # the piece that ends at the point
    count = pieces.steps.shape[-1]
    number = jnp.arange(count)
    if count <= _FEW:
        return _cut(pieces, number, number <= last, last, leave_last)
    long = jnp.array([BEFORE - 2, BEFORE - 1])  # the end of the warm-up and what follows it
    some = jnp.concatenate([long, jnp.stack([last - 1, last])])
    there = jnp.concatenate([long < last - 1, jnp.array([True, True])])
    near = _cut(pieces, some, there, last, leave_last)
    offset, weight = _gauss(pieces.steps, order)  # [..., pieces, order]
    whole = (number < last - 1) & (number != BEFORE - 2) & (number != BEFORE - 1)
    far = _nodes(pieces, number, offset, jnp.where(whole[:, None], weight, 0.0), last)
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=-1), far, near)


def _cut(pieces: Segments, index: Any, there: Any, last: Any, leave_last: int) -> Nodes:
    """Return the nodes of the pieces `index` that are `there`, panel by panel."""
    steps = pieces.steps[..., index]
    knots = _running(pieces.steps)
    after = _at(knots, last + 1) - knots[..., index + 1]  # steps between the piece and the point
    leave = jnp.where(after <= 0.0, float(leave_last), 0.0)
    begin = 2.0 ** jnp.arange(_LONGEST, dtype=steps.dtype)
    kept = (steps - leave)[..., None]
    end = jnp.where(begin == begin[-1], kept, jnp.minimum(2.0 * begin - 1.0, kept))
    length = end - begin + 1.0
    offset, weight = _gauss(jnp.maximum(length, 0.0), 3)  # [..., pieces, panels, 3]
    weight = jnp.where(there[:, None, None], weight, 0.0)
    place = kept[..., None] - (begin[:, None] - 1.0 + offset) + 1.0  # counted from the end
    flat = (*steps.shape, -1)
    return _nodes(pieces, index, place.reshape(flat), weight.reshape(flat), last)


def _nodes(pieces: Segments, index: Any, offset: Any, weight: Any, last: Any) -> Nodes:
    """Return nodes at the steps `offset` of the pieces `index`, for the end of the piece `last`."""
    area, squares = pieces.area(), pieces.squares()
    there = weight > 0.0
    offset = jnp.where(there, offset, 1.0)
    own = jax.tree.map(lambda leaf: leaf[..., index, None], pieces)
    before = own._rates(offset - 1.0)

    def after(sums: jax.Array) -> jax.Array:
        return jnp.maximum(_at(sums, last + 1) - sums[..., index + 1], 0.0)[..., None]

    values = (
        own.first + own.change * offset,
        jnp.broadcast_to(own.change, offset.shape),
        after(area) + own._rates(own.steps) - before,
        after(squares) + own._squares(own.steps) - own._squares(offset - 1.0),
        area[..., index, None] + before,
    )
    # Where there is no node, numbers with harmless powers and logarithms.
    safe = [jnp.where(there, value, 1.0) for value in values]
    flat = (*offset.shape[:-2], -1)
    return Nodes(*(value.reshape(flat) for value in (jnp.where(there, weight, 0.0), *safe)))


def _gauss(count: Any, order: int) -> tuple[jax.Array, jax.Array]:
    """Return nodes and weights that sum a function over 1 .. `count`, on a new last axis.

    Gauss rules for consecutive integers, from their variance and fourth moment: exact for
    polynomials of degree 3 (two nodes) or 5 (three), and for as few integers as there are nodes.
    """
    count = jnp.asarray(count)
    middle, variance = 0.5 * (count + 1.0), (count**2 - 1.0) / 12.0
    if order == 2:
        spread = jnp.sqrt(jnp.maximum(variance, 0.0))
        side = 0.5 * count
        offsets, weights = (middle - spread, middle + spread), (side, side)
    else:
        squared = jnp.maximum((3.0 * count**2 - 7.0) / 20.0, 0.25)
        spread, side = jnp.sqrt(squared), count * variance / (2.0 * squared)
        side = jnp.maximum(side, 0.0)
        offsets = (middle - spread, middle, middle + spread)
        weights = (side, count - 2.0 * side, side)
    return jnp.stack(offsets, axis=-1), jnp.stack(weights, axis=-1)


def _at(values: jax.Array, index: Any) -> jax.Array:
    """Return one entry of the last axis, which stays with length one."""
    return jax.lax.dynamic_slice_in_dim(values, index, 1, axis=-1)


def _running(values: jax.Array) -> jax.Array:
    """Return the sums of the entries before each knot."""
    zero = jnp.zeros_like(values[..., :1])
    return jnp.concatenate([zero, jnp.cumsum(values, axis=-1)], axis=-1)


def _recurrence(kept: jax.Array, added: jax.Array) -> jax.Array:
    """Return x_0 = 0, x_{i+1} = kept_i x_i + added_i, one after the other: quick to compile."""

    def step(x: jax.Array, pair: Any) -> tuple[jax.Array, jax.Array]:
        x = pair[0] * x + pair[1]
        return x, x

    kept, added = (jnp.moveaxis(values, -1, 0) for values in jnp.broadcast_arrays(kept, added))
    _, values = jax.lax.scan(step, jnp.zeros_like(added[0]), (kept, added))
    values = jnp.concatenate([jnp.zeros_like(values[:1]), values])
    return jnp.moveaxis(values, 0, -1)


def recurrence(decay: float, added: jax.Array) -> jax.Array:
    """Return x_i = decay * x_{i-1} + added_i ``[..., points]``, zero before the first."""
    return _recurrence(jnp.full_like(added, decay), added)[..., 1:]
