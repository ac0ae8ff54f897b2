"""The batched solver: every start is a lane, all lanes take their steps together.

A nearly absolute penalty (Huber with delta 1e-3 on the log scale) is too sharp to be minimised
directly: far from the optimum its curvature vanishes, and iterative reweighting crawls. Each
lane therefore goes through stages. The penalty's threshold starts wide, where the problem is
least squares, and narrows to its own value, while the curvature used moves from the reweighting
majoriser (safe far away) to the penalty's second derivative (Newton's method near the end). A
lane enters its next stage when its steps promise next to nothing more in this one.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.fitting.levenberg_marquardt import (
    LevenbergMarquardtState,
    initial_state,
    levenberg_marquardt,
)
from scaling_jax.kernels.normal_equations import normal_equations
from scaling_jax.laws import Law
from scaling_jax.objectives import Objective

CONVERGED, MAX_STEPS, STALLED, NONFINITE, PRUNED = range(5)
MESSAGES = {
    CONVERGED: "converged",
    MAX_STEPS: "stopped at the maximal number of steps",
    STALLED: "no further decrease possible, although the gradient is not zero",
    NONFINITE: "the objective is not finite",
    PRUNED: "given up, because other starts were better",
}

_FIRST_MIX, _MIDDLE_MIX, _LAST_MIX = 1.0, 0.1, 0.01  # share of the majoriser's curvature
_STAGE_TOLERANCE = 1e-4  # promised relative decrease that ends a stage
STAGE_STEPS = 20  # at most, for the stages before the last
PATIENCE = 40  # steps in the last stage after which unfinished starts are compared and pruned
_TOLERANCE = 1e-13  # promised relative decrease that ends the last stage, in float64
_TOLERANCE_EPS = 16.0  # the same in units of the precision, where that is coarser
TILE = 1024  # rows whose resampled weights are numbers at a time: with 256 lanes, 2 MiB
_HOPELESS_DAMPING = 1e10
_ROUNDING = 64.0  # rounding error of a residual, in units of the last place
_FLAT = 1e-7  # promised relative decrease of a full step below which a stuck lane has converged

A = TypeVar("A", jax.Array, np.ndarray)


class Solution(NamedTuple, Generic[A]):
    """Where every lane ended: JAX arrays inside a program, NumPy arrays outside.

    Attributes:
        z: Coordinates ``[free, l]``.
        value: Objective ``[l]``.
        gradient: In z ``[free, l]``.
        status: `CONVERGED`, `MAX_STEPS`, `STALLED`, `NONFINITE` or `PRUNED` ``[l]``.
        steps: Steps taken ``[l]``.
    """

    z: A
    value: A
    gradient: A
    status: A
    steps: A


class Resampled(NamedTuple):
    """Weights of many rows in many lanes, as bytes; a tile of them at a time becomes numbers.

    Attributes:
        base: Weight of each row ``[n]``, n a multiple of `TILE`.
        counts: How often each lane holds each row ``[n, l]``, 8-bit.
        scale: Factor of each lane ``[l]``.
    """

    base: jax.Array
    counts: jax.Array
    scale: jax.Array

    def tiles(self) -> tuple[jax.Array, jax.Array]:
        """Return base and counts, cut into tiles ``[tiles, TILE, ...]``."""
        return (
            self.base.reshape(-1, TILE),
            self.counts.reshape(-1, TILE, self.counts.shape[1]),
        )

    def total(self) -> jax.Array:
        """Return the sum of each lane's weights ``[l]``."""
        return self.scale * self._sum(lambda base, counts: base * counts)

    def held(self) -> jax.Array:
        """Return the number of rows with a weight in each lane ``[l]``."""
        return self._sum(lambda base, counts: (base * counts > 0.0).astype(base.dtype))

    def _sum(self, term: Callable[[jax.Array, jax.Array], jax.Array]) -> jax.Array:
        """Add up a term of base and counts over rows, tile by tile."""

        def add(total, tile):
            base, counts = tile
            return total + jnp.sum(term(base[:, None], counts), axis=0), None

        zero = jnp.zeros(self.counts.shape[1], self.base.dtype)
        return jax.lax.scan(add, zero, self.tiles())[0]


class Lanes(NamedTuple):
    """All that the next steps of every lane depend on, lanes last.

    A lane's steps depend on nothing else, so it may be put aside and taken up again in other
    company, and ends at the same numbers.

    Attributes:
        trial: The point to evaluate next ``[free, l]``.
        lm: The last accepted point and what is known there.
        stage: ``[l]``.
        steps_in_stage: ``[l]``.
        steps: Evaluations taken ``[l]``.
        done: Whether the lane has ended ``[l]``.
    """

    trial: jax.Array
    lm: LevenbergMarquardtState
    stage: jax.Array
    steps_in_stage: jax.Array
    steps: jax.Array
    done: jax.Array


def evaluator(law: Law, objective: Objective) -> Callable[..., Any]:
    """Return `evaluate(z, threshold, mix, rows, weights, logs)`: value, gradient, matrix in z."""
    coordinates = Coordinates(law)

    def evaluate(z, threshold, mix, rows, weights, logs):
        def penalty(r, settings):
            threshold, mix = settings
            weight = objective.weight(r, threshold)
            curvature = jnp.maximum(objective.curvature(r, threshold), 0.0)
            rho = objective.penalty(r, threshold)
            return rho, weight * r, mix * weight + (1.0 - mix) * curvature

        def sums(residual, u):
            return _sum_rows(residual, penalty, u, rows, weights, (threshold, mix))

        residual = row_residual(law, objective, logs)
        if not coordinates.separable:
            # Derivatives in u are large where coordinates cancel (Farseer's beta towards 0), and
            # their squares lose all digits when they are summed before the change to z.
            return sums(lambda z, row: residual(coordinates.to_reduced(z, logs), row), z)
        u, slope = jax.jvp(  # each entry of u depends on one of z
            lambda z: jnp.stack(coordinates.to_reduced(z, logs)), (z,), (jnp.ones_like(z),)
        )
        value, gradient, matrix = sums(residual, u)
        return value, slope * gradient, slope[:, None] * matrix * slope[None]

    return evaluate


def _sum_rows(residual, penalty, u, rows, weights: Any, settings):
    """Return the normal equations for weights ``[n]``, ``[n, l]`` or `Resampled`."""
    if not isinstance(weights, Resampled):
        return normal_equations(residual, penalty, u, rows, weights, settings)

    def add(sums, tile):
        rows, base, counts = tile
        dense = base[:, None] * counts.astype(base.dtype)
        more = normal_equations(residual, penalty, u, rows, dense, settings)
        return jax.tree.map(jnp.add, sums, more), None

    tiles = (rows.reshape(-1, TILE, rows.shape[1]), *weights.tiles())
    p, lanes = u.shape
    zero = [jnp.zeros(shape, u.dtype) for shape in ((lanes,), (p, lanes), (p, p, lanes))]
    sums, _ = jax.lax.scan(add, tuple(zero), tiles)
    return jax.tree.map(lambda leaf: leaf * weights.scale, sums)


def row_residual(law: Law, objective: Objective, logs: Any) -> Callable[[Any, Any], jax.Array]:
    """Return `residual(u, row)` on the objective's scale, for reduced parameters and columns."""
    names = [p.name for p in law.parameters]
    scale = 1.0 if law.anchor or objective.scale == "log" else jnp.exp(logs[law.output.column])
    if law.output.column not in law.unit_columns:
        scale = 1.0

    def residual(u, row):
        arguments = row_arguments(law, row)
        value = law.function(**arguments, **dict(zip(names, u, strict=True)))
        if objective.scale == "log":
            log_value = value if law.returns == "log" else jnp.log(value)
            return log_value - jnp.log(row[-1])
        natural = jnp.exp(value) if law.returns == "log" else value
        return scale * (natural - row[-1])

    return residual


def row_arguments(law: Law, row: Any) -> dict[str, Any]:
    """Return what the law's function takes, numbers or arrays of a history, from a row ``[k]``."""
    wide = {q.name for q in law.curve.quantities if q.history} if law.curve else set()
    names = law.argument_names
    if not wide:
        return {name: row[k] for k, name in enumerate(names)}
    length = (row.shape[0] - 1 - (len(names) - len(wide))) // len(wide)
    ends = np.cumsum([length if name in wide else 1 for name in names])
    return {
        name: row[end - length : end] if name in wide else row[end - 1]
        for name, end in zip(names, ends, strict=True)
    }


def stage_thresholds(objective: Objective, output_scale: float) -> np.ndarray:
    """Return the thresholds of the stages: one a decade, from the output's scale to the penalty's.

    The last two stages share the penalty's own threshold and differ in their curvature.
    """
    last = objective.threshold
    if last is None:
        return np.ones(1)
    first = max(last, 1.0 if objective.scale == "log" else output_scale)
    decades = max(1, math.ceil(math.log10(first / last)))
    return np.append(np.geomspace(first, last, decades + 1), last)


def rounding_floor(law: Law, objective: Objective, weights: Any, logs: Any) -> jax.Array:
    """Return the objective of residuals that are rounding errors: zero, as far as one can tell."""
    total = weights.total() if isinstance(weights, Resampled) else jnp.sum(weights, axis=0)
    scale = 1.0 if objective.scale == "log" else jnp.exp(logs[law.output.column])
    rounding = _ROUNDING * jnp.finfo(total.dtype).eps * scale
    return total * objective.penalty(rounding, objective.threshold)


def _mixes(stages: int) -> np.ndarray:
    """Return the share of the majoriser's curvature in each stage."""
    mixes = np.full(stages, _MIDDLE_MIX)
    mixes[:2] = _FIRST_MIX
    mixes[-1] = _LAST_MIX
    return mixes


def begin(z: jax.Array) -> Lanes:
    """Return lanes that start from `z` ``[free, l]``."""
    none = jnp.zeros(z.shape[1], jnp.int32)
    return Lanes(z, initial_state(z), none, none, none, none > 0)


@functools.partial(jax.jit, static_argnames=("law", "objective"))
def solve(
    lanes: Lanes,
    rows: jax.Array,
    weights: jax.Array,
    logs: dict[str, jax.Array],
    thresholds: jax.Array,
    max_steps: jax.Array | int,
    leave: jax.Array | int = 0,
    *,
    law: Law,
    objective: Objective,
) -> tuple[Lanes, Solution[jax.Array]]:
    """Take the steps of every lane until it has ended, and return where they are.

    Args:
        lanes: From `begin`, or returned before.
        rows: Reduced rows ``[n, inputs + 1]``, see `Problem`.
        weights: ``[n]``, or ``[n, l]`` or `Resampled` where lanes weight the rows differently.
        logs: Logarithms of the reference scales.
        thresholds: One a stage, see `stage_thresholds`.
        max_steps: Most evaluations a lane may take.
        leave: Stop as soon as so few lanes are left that have steps to take.
        law: The law.
        objective: The objective.
    """
    evaluate = evaluator(law, objective)
    optimizer = levenberg_marquardt()
    last_stage = thresholds.shape[0] - 1
    floor = rounding_floor(law, objective, weights, logs)
    finest = max(_TOLERANCE, _TOLERANCE_EPS * float(jnp.finfo(lanes.trial.dtype).eps))
    mixes = jnp.asarray(_mixes(last_stage + 1), lanes.trial.dtype)

    def active(lanes: Lanes) -> jax.Array:
        return ~lanes.done & (lanes.steps < max_steps)

    def step(lanes: Lanes) -> Lanes:
        value, gradient, matrix = evaluate(
            lanes.trial, thresholds[lanes.stage], mixes[lanes.stage], rows, weights, logs
        )
        updates, state = optimizer.update(
            gradient, lanes.lm, lanes.trial, value=value, matrix=matrix
        )
        lm = cast(LevenbergMarquardtState, state)  # to Optax's types a state is any tree
        trial = jnp.asarray(optax.apply_updates(lanes.trial, updates))
        hopeless = lm.damping >= _HOPELESS_DAMPING
        at_last = lanes.stage == last_stage
        tolerance = jnp.where(at_last, finest, _STAGE_TOLERANCE)
        enough = lm.predicted < tolerance * jnp.abs(lm.value) + floor
        ended = enough | hopeless | (~at_last & (lanes.steps_in_stage >= STAGE_STEPS))
        advance = ended & ~at_last
        stepped = Lanes(
            trial=jnp.where(advance, lm.point, trial),
            lm=_restart(lm, advance),
            stage=lanes.stage + advance,
            steps_in_stage=jnp.where(advance, 0, lanes.steps_in_stage + 1),
            steps=lanes.steps + 1,
            done=ended & at_last,
        )
        # Lanes that have ended stay where they are, however long their company takes.
        going = active(lanes)
        return jax.tree.map(lambda new, old: jnp.where(going, new, old), stepped, lanes)

    end = jax.lax.while_loop(lambda lanes: jnp.sum(active(lanes)) > leave, step, lanes)
    return end, _solution(end, last_stage, floor)


def _restart(lm: LevenbergMarquardtState, lanes: jax.Array) -> LevenbergMarquardtState:
    """Forget the objective's value in the given lanes: the next stage has another objective."""
    fresh = initial_state(lm.point)
    return lm._replace(
        value=jnp.where(lanes, fresh.value, lm.value),
        damping=jnp.where(lanes, fresh.damping, lm.damping),
        predicted=jnp.where(lanes, fresh.predicted, lm.predicted),
    )


def _solution(end: Lanes, last_stage: int, floor: jax.Array) -> Solution[jax.Array]:
    lm = end.lm
    stuck = lm.damping >= _HOPELESS_DAMPING
    # The damped step is shorter than the full one by the damping, and so is what it promises.
    stalled = stuck & (lm.predicted * lm.damping > _FLAT * jnp.abs(lm.value) + floor)
    status = jnp.where(end.done, jnp.where(stalled, STALLED, CONVERGED), MAX_STEPS)
    status = jnp.where(jnp.isfinite(lm.value), status, NONFINITE)
    # A value of an earlier stage belongs to another objective.
    value = jnp.where(end.stage == last_stage, lm.value, jnp.inf)
    return Solution(lm.point, value, lm.gradient, status, end.steps)


@functools.partial(jax.jit, static_argnames=("law", "objective", "optimizer", "steps"))
def descend(
    z: jax.Array,
    rows: jax.Array,
    weights: jax.Array,
    logs: dict[str, jax.Array],
    threshold: jax.Array,
    *,
    law: Law,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    steps: int,
) -> jax.Array:
    """Return the starts after `steps` of any Optax optimiser, vmapped over lanes ``[free, l]``.

    The objective is the first stage's, with the wide `threshold`. A step to a point where the
    objective is not finite is not taken.
    """
    evaluate = evaluator(law, objective)
    transformation = optax.with_extra_args_support(optimizer)
    lanes = z.shape[1]
    wide, mix = jnp.full(lanes, threshold), jnp.ones(lanes)

    def step(carry, _):
        z, state = carry
        value, gradient, _ = evaluate(z, wide, mix, rows, weights, logs)
        gradient = jnp.where(jnp.isfinite(gradient), gradient, 0.0)

        def one_lane(gradient, state, z, value):
            return transformation.update(gradient, state, z, value=value)

        updates, state = jax.vmap(one_lane, in_axes=(-1, 0, -1, 0), out_axes=(-1, 0))(
            gradient, state, z, value
        )
        moved = jnp.asarray(optax.apply_updates(z, updates))
        return (jnp.where(jnp.isfinite(moved), moved, z), state), None

    state = jax.vmap(transformation.init, in_axes=-1)(z)
    (z, _), _ = jax.lax.scan(step, (z, state), None, length=steps)
    return z
