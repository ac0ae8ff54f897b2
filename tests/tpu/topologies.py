"""TPUs to compile for, and what can be read off a compiled program."""

import functools
import re
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import DTypeLike

AXIS = "lanes"
COLLECTIVES = ("all-reduce", "all-gather", "all-to-all", "collective-permute", "reduce-scatter")
CHIPS = {"v5e:2x2": 4, "v5e:4x4": 16}

ALL = PartitionSpec()
LANES = PartitionSpec(AXIS)
COLUMNS = PartitionSpec(None, AXIS)


@functools.cache
def mesh(topology: str) -> Mesh:
    """Return the chips of a topology in a row."""
    from jax.experimental import topologies

    chips = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    assert len(chips) == CHIPS[topology]
    return Mesh(np.array(chips), (AXIS,))


def memory_of_a_chip(topology: str) -> int:
    """Return the bytes of high-bandwidth memory."""
    from jax.experimental.pallas import tpu as pltpu

    (kind,) = {chip.device_kind for chip in mesh(topology).devices.flat}
    assert kind == "TPU v5 lite"
    return pltpu.get_tpu_info_for_chip(pltpu.ChipVersion.TPU_V5E, 1).hbm_capacity_bytes


def on(
    topology: str, spec: PartitionSpec, shape: tuple[int, ...], dtype: DTypeLike = np.float32
) -> Any:
    """Return the description of an array that is spread over the chips."""
    sharding = NamedSharding(mesh(topology), spec)
    return jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)


def bytes_needed(executable: Any) -> int:
    """Return the memory that a program takes on one chip."""
    need = executable.memory_analysis()
    return (
        need.argument_size_in_bytes
        + need.output_size_in_bytes
        + need.temp_size_in_bytes
        + need.generated_code_size_in_bytes
    )


def collectives(text: str) -> list[str]:
    """Return the communication in a compiled program."""
    return re.findall(rf"(?<![%\w-])({'|'.join(COLLECTIVES)})(?:-start)?\(", text)


def computations(text: str) -> dict[str, str]:
    """Return the computations of a compiled program by name."""
    parts = re.split(r"^(?=(?:ENTRY )?%\S+ \()", text, flags=re.MULTILINE)
    named = [(re.match(r"(?:ENTRY )?%(\S+) \(", part), part) for part in parts]
    return {match[1]: part for match, part in named if match}
