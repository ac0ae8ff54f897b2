"""The batch: starts and replicates are lanes, cut into chunks, spread over cores and devices.

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
import threading
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
from scaling_jax.fitting.solver import MAX_STEPS, Solution, solve
from scaling_jax.laws import Law
from scaling_jax.objectives import Objective

_WIDTHS = (32, 64, 128, 256)  # lanes in a chunk: accumulators of 256 lanes fit a core's cache
_CHUNKS = 8  # chunks in a block, the unit of work handed to a device or thread
_AXIS = "lanes"
_one_compiles = threading.Lock()  # calls return before they have run, but compile first


class _Setting(NamedTuple):
    """What every block shares: arrays."""

    rows: jax.Array
    weights: jax.Array
    units: Units | None
    seed: jax.Array
    logs: dict[str, jax.Array]
    thresholds: jax.Array
    max_steps: jax.Array


class _Program(NamedTuple):
    """What every block shares: hashable."""

    law: Law
    objective: Objective
    scheme: Resampling | None
    devices: tuple[Any, ...]


def solve_lanes(
    law: Law,
    objective: Objective,
    problem: Problem,
    z: np.ndarray,
    *,
    thresholds: np.ndarray,
    scheme: Resampling | None = None,
    units: Units | None = None,
    replicate: np.ndarray | None = None,
    seed: int = 0,
    max_steps: int = 300,
    devices: Sequence[Any] | None = None,
    precision: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Solution:
    """Minimise the objective from every start.

    Args:
        law: The law.
        objective: The objective.
        problem: The arrays of the fit.
        z: Start of every lane ``[free, l]``.
        thresholds: The penalty's threshold in each stage, see `stage_thresholds`.
        scheme: How replicates weight the rows; None for the runs as they are.
        units: The scheme's units of the runs.
        replicate: Number of each lane's replicate ``[l]``, if there is a scheme.
        seed: Seed of the resampling.
        max_steps: Most evaluations a lane may take.
        devices: Devices to use; all local ones by default.
        precision: ``"float64"``, or ``"mixed"``: float32 on the devices and a float64 polish on
            the host, the default where devices are slow in float64 (GPU, TPU).
        progress: Called with the number of lanes done.

    Returns:
        The solution of every lane, as float64 NumPy arrays.
    """
    devices = tuple(devices or jax.local_devices())
    program = _Program(law, objective, scheme, devices)
    numbers = np.zeros(z.shape[1]) if replicate is None else replicate

    def run(program: _Program, z: np.ndarray, thresholds: np.ndarray, dtype: Any, progress: Any):
        setting = _setting(program, problem, units, seed, thresholds, max_steps, dtype)
        return _run(program, setting, numbers.astype(np.uint32), z.astype(dtype), progress)

    with jax.enable_x64(True):
        if (precision or _precision(devices)) == "float64":
            return run(program, z, thresholds, np.float64, progress)
        rough = run(program, z, thresholds, np.float32, progress)
        start = np.where(np.isfinite(rough.z), rough.z, z).astype(np.float64)
        host = program._replace(devices=(jax.local_devices(backend="cpu")[0],))
        last = np.full_like(thresholds, thresholds[-1])
        return run(host, start, last, np.float64, None)


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
    **options: Any,
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
        **options: Of `solve_lanes`.

    Returns:
        The solution of every replicate, lanes last, as NumPy arrays.
    """
    threshold = objective.threshold
    # Replicates start at the optimum of the original: one stage is enough.
    thresholds = np.array([1.0 if threshold is None else threshold])
    solution = solve_lanes(
        law, objective, problem, np.tile(starts.T, replicates), thresholds=thresholds,
        scheme=scheme, units=units, replicate=np.repeat(np.arange(replicates), len(starts)),
        seed=seed, **options,
    )  # fmt: skip
    value = solution.value.reshape(replicates, len(starts))
    pick = np.arange(replicates) * len(starts) + np.argmin(value, axis=1)
    return Solution(*(leaf[..., pick] for leaf in solution))


def _precision(devices: Sequence[Any]) -> str:
    return "float64" if all(device.platform == "cpu" for device in devices) else "mixed"


def _setting(
    program: _Program, problem: Problem, units: Units | None, seed: int, thresholds: np.ndarray,
    max_steps: int, dtype: Any,
) -> _Setting:
    # Resampled programs are made for their number of rows; others share a few lengths.
    rows, weights = (problem.rows, problem.weights) if program.scheme else problem.padded()
    return _Setting(
        rows=jnp.asarray(rows, dtype),
        weights=jnp.asarray(weights, dtype),
        units=units,
        seed=jnp.uint32(seed % 2**32),
        logs={name: jnp.asarray(log, dtype) for name, log in problem.logs.items()},
        thresholds=jnp.asarray(thresholds, dtype),
        max_steps=jnp.asarray(max_steps, jnp.int32),
    )


def _run(
    program: _Program, setting: _Setting, replicate: np.ndarray, z: np.ndarray,
    progress: Callable[[int], None] | None,
) -> Solution:
    """Cut the lanes into blocks, run them side by side, and join what this host gets."""
    lanes, across = len(replicate), len(program.devices)
    workers = _workers(program.devices)
    width = next((w for w in _WIDTHS if w * across * workers >= lanes), _WIDTHS[-1])
    chunks = 1 if lanes <= width * across * workers else _CHUNKS
    block = width * chunks * across
    first = list(range(0, lanes, block))
    if across == 1:
        setting = jax.device_put(setting, program.devices[0])

    def run(start: int) -> Solution:
        lane = np.minimum(np.arange(start, start + block), lanes - 1)
        with jax.enable_x64(True):  # a context holds for its thread only
            with _one_compiles:
                solution = _solve_block(
                    replicate[lane].reshape(-1, width),
                    np.moveaxis(z[:, lane].reshape(len(z), -1, width), 1, 0),
                    setting,
                    program=program,
                )
            return Solution(*(np.asarray(leaf) for leaf in solution))  # waits for the numbers

    mine = hosts.share(first)
    parts: dict[int, Solution] = {}
    for start, solution in _in_parallel(run, mine, workers):
        parts[start] = solution
        if progress is not None:
            progress(min(block, lanes - start))
    return _joined(hosts.gather([parts[start] for start in mine], first), lanes)


@functools.partial(jax.jit, static_argnames=("program",))
def _solve_block(
    replicate: jax.Array, z: jax.Array, setting: _Setting, *, program: _Program
) -> Solution:
    """Solve lanes ``[chunks, width]`` from ``[chunks, free, width]``, spread over devices."""

    def one_device(replicate: jax.Array, z: jax.Array, setting: _Setting) -> Solution:
        return _sweep(replicate, z, functools.partial(_solve_chunk, setting, program))

    if len(program.devices) == 1:
        return one_device(replicate, z, setting)
    spread = jax.shard_map(
        one_device,
        mesh=Mesh(np.array(program.devices), (_AXIS,)),
        in_specs=(PartitionSpec(_AXIS), PartitionSpec(_AXIS), PartitionSpec()),
        out_specs=PartitionSpec(None, _AXIS),
        check_vma=False,  # loops carry constants that vary over devices from the first step on
    )
    return spread(replicate, z, setting)


def _solve_chunk(
    setting: _Setting, program: _Program, replicate: jax.Array, z: jax.Array, leave: jax.Array
) -> Solution:
    """Make the weights of a chunk's replicates and solve it."""
    weights = setting.weights
    if program.scheme is not None and setting.units is not None:
        counts = program.scheme.counts(setting.seed, replicate, setting.units)
        weights = weights[:, None] * counts.astype(weights.dtype)
        if program.objective.reduction == "mean":
            weights = weights / jnp.sum(weights, axis=0)
    return solve(
        z, setting.rows, weights, setting.logs, setting.thresholds, setting.max_steps, leave,
        law=program.law, objective=program.objective,
    )  # fmt: skip


def _sweep(
    replicate: jax.Array, z: jax.Array, solve_chunk: Callable[..., Solution]
) -> Solution:
    """Solve chunk after chunk, leaving stragglers behind, and the stragglers in the last step.

    The time of a chunk is that of its slowest lane, often twice the mean. Each of k chunks stops
    when only 1 / k of its lanes is left; the last step takes up these, just one chunk of them.

    Returns:
        A solution with the lanes in their order ``[..., chunks * width]``; scalars ``[1, ...]``.
    """
    chunks, free, width = z.shape
    if chunks == 1:
        alone = solve_chunk(replicate[0], z[0], 0)
        return Solution(*(leaf if leaf.ndim == 2 else leaf[None] for leaf in alone))
    flat = jnp.moveaxis(z, 1, 0).reshape(free, -1)
    left = width // chunks

    def step(buffer, k):
        straggling = k == chunks
        own = k * width + jnp.arange(width, dtype=jnp.int32)
        lane = jnp.where(straggling, buffer[0], jnp.minimum(own, chunks * width - 1))
        start = jnp.where(straggling, buffer[1], flat[:, lane])
        leave = jnp.where(straggling, 0, left)
        solution = solve_chunk(replicate.reshape(-1)[lane], start, leave)
        behind = jnp.argsort(solution.status != MAX_STEPS, stable=True)[:left]
        place = jnp.minimum(k, chunks - 1) * left
        buffer = (
            jax.lax.dynamic_update_slice(buffer[0], lane[behind], (place,)),
            jax.lax.dynamic_update_slice(buffer[1], solution.z[:, behind], (jnp.int32(0), place)),
        )
        return buffer, (lane, solution)

    empty = (jnp.zeros(width, jnp.int32), jnp.zeros((free, width), z.dtype))
    steps = jnp.arange(chunks + 1, dtype=jnp.int32)
    _, (lane, solutions) = jax.lax.scan(step, empty, steps)

    def place(leaf: jax.Array) -> jax.Array:
        """Write the steps in their order, so that stragglers' ends replace their beginnings."""
        leaf = leaf if leaf.ndim == 3 else leaf[:, None]
        out = jnp.zeros((leaf.shape[1], chunks * width), leaf.dtype)
        for k in range(chunks + 1):
            out = out.at[:, lane[k]].set(leaf[k])
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
