"""The batch: starts and replicates are lanes, cut into chunks, spread over cores and devices.

A chunk of lanes makes its own weights, takes its steps until its last lane has converged, and is
forgotten but for its optima; so memory does not grow with the number of replicates, and a slow
lane holds up its own chunk only. The steps of a lane depend on its own numbers alone, not on its
company, so results do not depend on chunks, threads, devices or hosts.

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
from scaling_jax.fitting.solver import TILE, Lanes, Resampled, Solution, begin, solve
from scaling_jax.laws import Law
from scaling_jax.objectives import Objective

_CHUNKS = 8  # chunks in a block, the unit of work handed to a device or thread
_AXIS = "lanes"
_BYTES = 2**31  # for the weights of the chunks under way, all together
_BYTES_A_WEIGHT = 3  # of many rows: a count and its copies while it is drawn
_one_compiles = threading.Lock()  # calls return before they have run, but compile first


class Sizes(NamedTuple):
    """What suits a platform.

    Attributes:
        widths: Lanes that a chunk may have, from few to many.
        work: Rows x lanes in a block at most: some seconds.
    """

    widths: tuple[int, ...]
    work: int


# The accumulators of 256 lanes fit a core's cache. An accelerator takes a kernel's tile of 1024
# lanes at least, and a large GPU needs tens of thousands to be busy.
CPU = Sizes((32, 64, 128, 256), 2**23)
ACCELERATOR = Sizes((1024, 8192, 65536), 2**30)


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
    program: _Program,
    problem: Problem,
    units: Units | None,
    seed: int,
    thresholds: np.ndarray,
    max_steps: int,
    dtype: Any,
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
    program: _Program,
    setting: _Setting,
    replicate: np.ndarray,
    z: np.ndarray,
    progress: Callable[[int], None] | None,
) -> Solution:
    """Cut the lanes into blocks, run them side by side, and join what this host gets."""
    lanes, across = len(replicate), len(program.devices)
    workers = hosts.least(_workers(program.devices))
    rows = len(setting.rows) if program.scheme else 0
    on_cpu = program.devices[0].platform == "cpu"
    sizes = CPU if on_cpu else ACCELERATOR
    plan = plan_blocks(lanes, hosts.count() * workers, across, rows, workers, sizes)
    if across == 1:
        setting = jax.device_put(setting, program.devices[0])

    def run(first: int) -> Solution:
        """Solve the block that begins with the lane `first`; return it with its padding."""
        start = first + plan.length * np.arange(across)
        real = np.clip(lanes - start, 0, plan.length).astype(np.int32)
        lane = np.minimum(start[:, None] + np.arange(plan.shape[0] * plan.shape[1]), lanes - 1)
        with jax.enable_x64(True):  # a context holds for its thread only
            with _one_compiles:
                solution = _solve_block(
                    replicate[lane.ravel()], z[:, lane.ravel()], real, setting,
                    program=program, shape=plan.shape,
                )  # fmt: skip
            solution = [np.asarray(leaf) for leaf in solution]  # waits for the numbers
        apart = [leaf.reshape(len(leaf), across, -1)[..., : plan.length] for leaf in solution]
        return Solution(*(leaf.reshape(len(leaf), -1) for leaf in apart))

    block = plan.length * across
    starts = range(0, lanes, block)
    leaves = jax.tree.leaves(setting)
    hosts.agree("problem or number of devices", *leaves, replicate, z, across)
    parts: dict[int, np.ndarray] = {}
    for first, solution in _in_parallel(run, hosts.share(starts), workers):
        parts[first] = np.concatenate(solution)
        if progress is not None:
            progress(min(block, lanes - first) * hosts.count())
    shape = (2 * len(z) + 3, block)
    joined = np.concatenate(
        hosts.gather([parts[k] for k in sorted(parts)], len(starts), shape), axis=1
    )
    return _unpacked(joined[:, :lanes])


class Plan(NamedTuple):
    """How lanes are cut.

    Attributes:
        shape: Chunks in a block at most, and lanes in a chunk; both are compiled in.
        length: Lanes in a block on one device; a whole number of chunks.
    """

    shape: tuple[int, int]
    length: int


def plan_blocks(lanes: int, slots: int, across: int, rows: int, workers: int, sizes: Sizes) -> Plan:
    """Choose chunks and blocks so that every slot gets its share in as few pieces as is good.

    Results do not depend on the choice, time and memory do.

    Args:
        lanes: Number of lanes.
        slots: Blocks that run side by side, over all hosts.
        across: Devices that share a block.
        rows: Number of rows that are resampled, 0 for none: every chunk holds their weights.
        workers: Chunks that one host's memory holds at once.
        sizes: What suits the platform.
    """
    share = -(-lanes // (slots * across))
    widest = max(_BYTES // (max(rows, 1) * _BYTES_A_WEIGHT * workers), sizes.widths[0])
    widths = [width for width in sizes.widths if width <= widest]
    width = next((w for w in widths if w >= share), widths[-1])
    # Many rows take long: shorter blocks spread better and hear Ctrl-C earlier.
    most = min(_CHUNKS, max(1, sizes.work // (max(rows, 1) * width)))
    if share <= width or most == 1:
        return Plan((1, width), width)
    rounds = -(-share // (most * width))
    return Plan((_CHUNKS, width), width * -(-share // (rounds * width)))


@functools.partial(jax.jit, static_argnames=("program", "shape"))
def _solve_block(
    replicate: jax.Array,
    z: jax.Array,
    real: jax.Array,
    setting: _Setting,
    *,
    program: _Program,
    shape: tuple[int, int],
) -> Solution:
    """Solve lanes ``[devices * l]`` of which every device's first `real` ``[devices]`` count."""

    def one_device(replicate, z, real, setting: _Setting) -> Solution:
        solve_chunk = functools.partial(_solve_chunk, setting, program)
        if shape[0] == 1:
            solution = _alone(replicate, z, real[0], solve_chunk)[1]
        else:
            solution = _sweep(replicate, z, real[0], solve_chunk, shape[1])
        return Solution(*(leaf if leaf.ndim == 2 else leaf[None] for leaf in solution))

    if len(program.devices) == 1:
        return one_device(replicate, z, real, setting)
    lanes, columns = PartitionSpec(_AXIS), PartitionSpec(None, _AXIS)
    spread = jax.shard_map(
        one_device,
        mesh=Mesh(np.array(program.devices), (_AXIS,)),
        in_specs=(lanes, columns, lanes, PartitionSpec()),
        out_specs=columns,
        check_vma=False,  # loops carry constants that vary over devices from the first step on
    )
    return spread(replicate, z, real, setting)


def _solve_chunk(
    setting: _Setting, program: _Program, replicate: jax.Array, lanes: Lanes, leave: jax.Array
) -> tuple[Lanes, Solution]:
    """Make the weights of a chunk's replicates and take its steps."""
    weights, rows = setting.weights, setting.rows
    if program.scheme is not None and setting.units is not None:
        resample = _resampled if len(rows) > TILE else _dense
        weights, rows = resample(setting, program, replicate, lanes.trial.shape[0])
    return solve(
        lanes, rows, weights, setting.logs, setting.thresholds, setting.max_steps, leave,
        law=program.law, objective=program.objective,
    )  # fmt: skip


def _dense(setting: _Setting, program: _Program, replicate: jax.Array, free: int):
    """Return the weights of the replicates ``[n, l]`` and the rows."""
    scheme, units = program.scheme, setting.units
    assert scheme is not None
    assert units is not None
    counts = scheme.counts(setting.seed, replicate, units)
    weights = setting.weights[:, None] * counts.astype(setting.weights.dtype)
    scale = _scale(program, jnp.sum(weights > 0.0, axis=0) >= free, jnp.sum(weights, axis=0))
    return weights * scale, setting.rows


def _resampled(setting: _Setting, program: _Program, replicate: jax.Array, free: int):
    """Return the weights of the replicates as bytes and the rows, filled up to whole tiles."""
    scheme, units = program.scheme, setting.units
    assert scheme is not None
    assert units is not None
    missing = -len(setting.rows) % TILE
    base = jnp.pad(setting.weights, (0, missing))
    rows = jnp.pad(setting.rows, ((0, missing), (0, 0)), mode="edge")
    counts = scheme.counts(setting.seed, replicate, units, jnp.uint8)
    counts = jnp.pad(counts, ((0, missing), (0, 0)))
    weights = Resampled(base, counts, jnp.ones(len(replicate), base.dtype))
    scale = _scale(program, weights.held() >= free, weights.total())
    return weights._replace(scale=scale), rows


def _scale(program: _Program, enough: jax.Array, total: jax.Array) -> jax.Array:
    """Return the factor of a replicate's weights.

    Fewer rows than parameters fit exactly anywhere: such a replicate fails, as data.
    """
    mean = program.objective.reduction == "mean"
    return jnp.where(enough, 1.0 / total if mean else 1.0, jnp.nan)


def _alone(
    replicate: jax.Array, z: jax.Array, real: jax.Array, solve_chunk: Callable[..., Any]
) -> tuple[Lanes, Solution]:
    """Solve a single chunk, of which the first `real` lanes count; the others take no steps."""
    padding = jnp.arange(z.shape[1], dtype=jnp.int32) >= real
    return solve_chunk(replicate, begin(z)._replace(done=padding), jnp.int32(0))


def _sweep(
    replicate: jax.Array, z: jax.Array, real: jax.Array, solve_chunk: Callable[..., Any], width: int
) -> Solution:
    """Solve chunk after chunk, leaving stragglers behind, and the stragglers in the last step.

    The time of a chunk is that of its slowest lane, often twice the mean. Each of k chunks stops
    when only 1 / k of its lanes is left; the last step takes up these, just one chunk of them.
    """
    chunks = (real + width - 1) // width  # those that hold lanes that count
    left = jnp.where(chunks > 1, width // jnp.maximum(chunks, 1), 0)

    def step(k, carry):
        places, behind, solution = carry
        straggling = k == chunks
        own = k * width + jnp.arange(width, dtype=jnp.int32)
        place = jnp.where(straggling, places[:width], jnp.minimum(own, z.shape[1] - 1))
        fresh = begin(z[:, place])._replace(done=own >= real)
        lanes = jax.tree.map(
            lambda old, new: jnp.where(straggling, old[..., :width], new), behind, fresh
        )
        lanes, found = solve_chunk(replicate[place], lanes, jnp.where(straggling, 0, left))
        solution = jax.tree.map(lambda all_, own: all_.at[..., place].set(own), solution, found)
        # Those with steps to take come first; the next chunk's overwrite only lanes that ended.
        order = jnp.argsort(lanes.done, stable=True)
        at = jnp.minimum(k, chunks - 1) * left
        places, behind = jax.tree.map(
            lambda kept, new: jax.lax.dynamic_update_slice_in_dim(kept, new[..., order], at, -1),
            (places, behind), (place, lanes),
        )  # fmt: skip
        return places, behind, solution

    first = (jnp.arange(width, dtype=jnp.int32), begin(z[:, :width]))
    kept = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf], axis=-1), first)
    empty = jax.eval_shape(lambda: _alone(replicate, z, real, solve_chunk)[1])
    solution = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), empty)
    steps = chunks + (chunks > 1)
    return jax.lax.fori_loop(jnp.int32(0), steps, step, (*kept, solution))[2]


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


def _unpacked(packed: np.ndarray) -> Solution:
    """Return the solution whose arrays lie below each other ``[2 free + 3, l]``."""
    free = (len(packed) - 3) // 2
    z, (value,), gradient, (status,), (steps,) = np.split(packed, np.cumsum([free, 1, free, 1]))
    return Solution(z, value, gradient, status.astype(np.int32), steps.astype(np.int32))
