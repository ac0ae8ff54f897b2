"""Many refits of one law: replicates are lanes, cut into chunks, spread over cores and devices.

A chunk of lanes makes its own weights, takes its steps until its last lane has converged, and is
forgotten but for its optima; so memory does not grow with the number of replicates, and a slow
lane holds up its own chunk only. Chunks are the same programs with the same numbers in them
wherever they run, so results do not depend on how many devices there are.

Three ways of running side by side: over the devices of a mesh by `jax.shard_map` (no collective:
lanes never talk to each other); on a CPU that JAX sees as one device, one thread a core; over
hosts, each taking every k-th block, see `scaling_jax.fitting.hosts`.
"""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from scaling_jax.fitting import hosts
from scaling_jax.fitting.problem import Problem
from scaling_jax.fitting.resampling import Resampling, Units
from scaling_jax.fitting.solver import MAX_STEPS, Solution, rounding_floor, solve
from scaling_jax.laws import Law
from scaling_jax.objectives import Objective

_WIDTHS = (32, 64, 128, 256)  # lanes in a chunk: accumulators of 256 lanes fit a core's cache
_CHUNKS = 8  # chunks in a block, the unit of work handed to a device or thread
_AXIS = "lanes"


class _Setting(NamedTuple):
    """What every block shares: arrays."""

    starts: jax.Array  # [starts, free]
    rows: jax.Array
    weights: jax.Array
    units: Units
    seed: jax.Array
    logs: dict[str, jax.Array]
    thresholds: jax.Array
    floor: jax.Array


def solve_replicates(
    law: Law,
    objective: Objective,
    problem: Problem,
    scheme: Resampling,
    units: Units,
    starts: np.ndarray,
    *,
    replicates: int,
    seed: int,
    max_steps: int = 300,
    devices: Sequence[Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Solution:
    """Minimise the objective of every replicate from the given starts and keep the best.

    Args:
        law: The law.
        objective: The objective.
        problem: The arrays of the original fit.
        scheme: How replicates weight the rows.
        units: The scheme's units of the runs.
        starts: Starts that every replicate tries ``[starts, free]``.
        replicates: Number of replicates.
        seed: Seed of the resampling.
        max_steps: Most evaluations a start may take.
        devices: Devices to use; all local ones by default.
        progress: Called with the number of lanes (replicates x starts) done.

    Returns:
        The solution of every replicate, lanes last, as NumPy arrays.
    """
    devices = list(devices or jax.local_devices())
    lanes = replicates * len(starts)
    workers = _workers(devices)
    width = next((w for w in _WIDTHS if w * len(devices) * workers >= lanes), _WIDTHS[-1])
    block = width * _CHUNKS * len(devices)
    if lanes <= width * workers * len(devices):
        block = width * len(devices)
    first = list(range(0, lanes, block))
    with jax.enable_x64(True):
        setting = _setting(objective, law, problem, units, starts, seed)

    def run(start: int) -> Solution:
        with jax.enable_x64(True):  # a context holds for its thread only
            numbers = np.minimum(np.arange(start, start + block), lanes - 1).astype(np.uint32)
            solution = _solve_block(
                numbers.reshape(-1, width), setting, law=law, objective=objective,
                scheme=scheme, max_steps=max_steps, devices=tuple(devices),
            )  # fmt: skip
            return Solution(*(np.asarray(leaf) for leaf in solution))

    mine = hosts.share(first)
    parts: dict[int, Solution] = {}
    for start, solution in _in_parallel(run, mine, workers):
        parts[start] = solution
        if progress is not None:
            progress(min(block, lanes - start))
    blocks = hosts.gather([parts[start] for start in mine], first)
    return _best_start(_joined(blocks, lanes), len(starts))


def _setting(
    objective: Objective, law: Law, problem: Problem, units: Units, starts: np.ndarray, seed: int
) -> _Setting:
    scale = float(np.exp(problem.logs[law.output.column]))
    threshold = objective.threshold
    return _Setting(
        starts=jnp.asarray(starts),
        rows=jnp.asarray(problem.rows),
        weights=jnp.asarray(problem.weights),
        units=units,
        seed=jnp.uint32(seed % 2**32),
        logs={name: jnp.asarray(log) for name, log in problem.logs.items()},
        # Replicates start at the optimum of the original: one stage is enough.
        thresholds=jnp.asarray([1.0 if threshold is None else threshold]),
        floor=jnp.asarray(rounding_floor(objective, problem.weights, scale)),
    )


@functools.partial(
    jax.jit, static_argnames=("law", "objective", "scheme", "max_steps", "devices")
)
def _solve_block(
    lanes: jax.Array,
    setting: _Setting,
    *,
    law: Law,
    objective: Objective,
    scheme: Resampling,
    max_steps: int,
    devices: tuple[Any, ...],
) -> Solution:
    """Solve the lanes numbered `lanes` ``[chunks, width]``, chunks in parallel over devices."""

    def solve_lanes(numbers: jax.Array, z: jax.Array, setting: _Setting, leave: jax.Array):
        replicate = numbers // jnp.uint32(setting.starts.shape[0])
        counts = scheme.counts(setting.seed, replicate, setting.units)
        weights = setting.weights[:, None] * counts.astype(setting.weights.dtype)
        if objective.reduction == "mean":
            weights = weights / jnp.sum(weights, axis=0)
        return solve(
            z, setting.rows, weights, setting.logs, setting.thresholds, setting.floor, leave,
            law=law, objective=objective, max_steps=max_steps,
        )  # fmt: skip

    def one_device(lanes: jax.Array, setting: _Setting) -> Solution:
        return _sweep(lanes, setting, solve_lanes)

    if len(devices) == 1:
        return one_device(lanes, setting)
    spread = jax.shard_map(
        one_device,
        mesh=Mesh(np.array(devices), (_AXIS,)),
        in_specs=(PartitionSpec(_AXIS), PartitionSpec()),
        out_specs=PartitionSpec(None, _AXIS),
        check_vma=False,  # loops carry constants that vary over devices from the first step on
    )
    return spread(lanes, setting)


def _sweep(lanes: jax.Array, setting: _Setting, solve_lanes: Callable[..., Solution]) -> Solution:
    """Solve chunk after chunk, leaving stragglers behind, and the stragglers in the last step.

    The time of a chunk is that of its slowest lane, often twice the mean. Each of k chunks stops
    when only 1 / k of its lanes is left; the last step takes up these, just one chunk of them.

    Returns:
        A solution with the lanes in their order ``[..., chunks * width]``; scalars ``[1, ...]``.
    """
    chunks, width = lanes.shape
    left = width // chunks if chunks > 1 else 0

    def step(buffer, k):
        straggling = k == chunks
        position = jnp.where(straggling, buffer[0], k * width + jnp.arange(width, dtype=jnp.int32))
        numbers = lanes.reshape(-1)[position]
        fresh = setting.starts[numbers % jnp.uint32(setting.starts.shape[0])].T
        z = jnp.where(straggling, buffer[1], fresh)
        solution = solve_lanes(numbers, z, setting, jnp.where(straggling, 0, left))
        behind = jnp.argsort(solution.status != MAX_STEPS, stable=True)[: max(left, 1)]
        place = jnp.minimum(k, chunks - 1) * left
        buffer = (
            jax.lax.dynamic_update_slice(buffer[0], position[behind], (place,)),
            jax.lax.dynamic_update_slice(buffer[1], solution.z[:, behind], (jnp.int32(0), place)),
        )
        return buffer, (position, solution)

    empty = (jnp.zeros(width, jnp.int32), jnp.zeros((setting.starts.shape[1], width)))
    steps = chunks + (1 if chunks > 1 else 0)
    _, (position, solutions) = jax.lax.scan(step, empty, jnp.arange(steps, dtype=jnp.int32))

    def place(leaf: jax.Array) -> jax.Array:
        """Write the steps in their order, so that stragglers' ends replace their beginnings."""
        leaf = leaf if leaf.ndim == 3 else leaf[:, None]
        out = jnp.zeros((leaf.shape[1], chunks * width), leaf.dtype)
        for k in range(steps):
            out = out.at[:, position[k]].set(leaf[k])
        return out

    return Solution(*(place(leaf) for leaf in solutions))


def _workers(devices: Sequence[Any]) -> int:
    """Return how many blocks to keep in flight: a thread a core where JAX sees one CPU."""
    if len(devices) == 1 and devices[0].platform == "cpu":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    return 2  # one running, one being prepared


def _in_parallel(
    run: Callable[[int], Solution], starts: Sequence[int], workers: int
) -> Iterator[tuple[int, Solution]]:
    """Yield blocks as they finish; an exception or Ctrl-C cancels those not yet begun."""
    if not starts:
        return
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        pending = {pool.submit(run, start): start for start in starts}
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield pending.pop(future), future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _joined(blocks: list[Solution], lanes: int) -> Solution:
    """Join blocks ``[..., l]`` and drop the padding."""
    parts = [np.concatenate(leaves, axis=-1)[:, :lanes] for leaves in zip(*blocks, strict=True)]
    z, value, gradient, status, steps = parts
    return Solution(z, value[0], gradient, status[0], steps[0])


def _best_start(solution: Solution, starts: int) -> Solution:
    """Keep the best of every replicate's starts, which are neighbours."""
    value = solution.value.reshape(-1, starts)
    pick = np.arange(len(value)) * starts + np.argmin(value, axis=1)
    return Solution(*(leaf[..., pick] for leaf in solution))
