"""Several hosts: each takes its share of the blocks, and all gather the results at the end.

Lanes never talk to each other, so hosts speak only twice: before the work, to make sure that all
were asked the same, and after it. JAX knows the hosts once every process has called
`connect_hosts` (or `jax.distributed.initialize`); a single process is one host.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from scaling_jax.errors import FitError

T = TypeVar("T")


def connect_hosts(
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    *,
    patience: int = 20,
    wait: int = 300,
) -> None:
    """Join the processes of a cluster, so that `fit` and `bootstrap` share their lanes.

    To be called once in every process, before anything is computed. After it, every process must
    make the same calls in the same order; each gets the whole result. Under Slurm, Open MPI and on
    TPU pods all arguments are found by JAX.

    A process that dies ends the others: they raise, or JAX ends them with a message on stderr,
    after `patience` seconds at the latest (the defaults of JAX take minutes).

    Args:
        coordinator: Address of process 0, ``"host:port"``.
        processes: Number of processes.
        process: Number of this process, from 0.
        patience: Seconds without a sign of life after which a process counts as dead.
        wait: Seconds to wait for all processes to appear.

    Raises:
        RuntimeError: Called twice, or after something was computed.
        FitError: The processes run different versions.

    Example:
        >>> import scaling_jax as sj
        >>> sj.connect_hosts("10.0.0.1:8476", processes=4, process=0)  # doctest: +SKIP
    """
    from scaling_jax import __version__

    jax.distributed.initialize(
        coordinator,
        processes,
        process,
        initialization_timeout=wait,
        heartbeat_timeout_seconds=patience,
    )
    agree("version of scaling_jax, jax or numpy", __version__, jax.__version__, np.__version__)


def count() -> int:
    """Return the number of hosts: processes that JAX knows of."""
    return jax.process_count()


def share(blocks: Sequence[T]) -> list[T]:
    """Return the blocks that this process computes: every k-th."""
    return list(blocks[jax.process_index() :: jax.process_count()])


def agree(what: str, *values: Any) -> None:
    """Compare arrays and texts over all processes.

    The first exchange also connects the hosts. Later ones may then take any time; a first one
    after the work would fail where hosts finish half a minute apart.

    Raises:
        FitError: A process has other values, or is gone.
    """
    if jax.process_count() == 1:
        return
    digest = hashlib.sha256()
    for value in values:
        array = np.ascontiguousarray(value)
        digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    every = _exchange(np.frombuffer(digest.digest(), np.uint32))
    other = np.flatnonzero(np.any(every != every[0], axis=1))
    if other.size:
        raise FitError(
            f"process {other[0]} has another {what} than process 0; every process must make the "
            "same calls with the same data"
        )


def least(value: int) -> int:
    """Return the smallest of the values that the processes have."""
    if jax.process_count() == 1:
        return value
    return int(np.min(_exchange(np.array([value]))))


def gather(own: Sequence[np.ndarray], blocks: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return every process's blocks ``[*shape]`` in their order, on every process.

    Raises:
        FitError: Another process is gone.
    """
    hosts = jax.process_count()
    if hosts == 1:
        return list(own)
    padded = np.zeros((-(-blocks // hosts), *shape))
    for k, block in enumerate(own):
        padded[k] = block
    every = _exchange(padded)  # [processes, blocks of one, *shape]
    return [every[k % hosts, k // hosts] for k in range(blocks)]


def _exchange(array: np.ndarray) -> np.ndarray:
    """Return the arrays of all processes ``[processes, ...]``, bit for bit."""
    from jax.experimental import multihost_utils

    try:
        # As pairs of 32-bit words: devices may not have float64, and JAX would round without it.
        words = multihost_utils.process_allgather(np.ascontiguousarray(array).view(np.uint32))
    except (ValueError, RuntimeError) as error:  # what collectives raise depends on the platform
        reason = str(error).splitlines()[0]
        raise FitError(f"another process is gone, or was never there: {reason}") from error
    return np.ascontiguousarray(words).view(array.dtype)
