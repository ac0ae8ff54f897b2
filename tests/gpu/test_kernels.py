"""Every law's kernel through XLA, Triton and ptxas for an H100: machine code, and no spills."""

import functools
import re
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from scaling_jax.kernels.normal_equations import pallas_gpu
from tests.kernels.problems import LAWS, one_pass, problem

H100 = Path(__file__).parent / "h100.pbtxt"


@functools.cache
def on_h100() -> NamedSharding:
    from jax.experimental import topologies

    jax.devices()  # finds the plugin
    description = topologies.get_topology_desc(
        platform="cuda", topology="1x1x1", target_config=H100.read_text()
    )
    return NamedSharding(Mesh(np.array(description.devices), ("lanes",)), PartitionSpec())


def assembled(given, folder: Path) -> str:
    """Compile one pass and return what the assembler says of its kernel."""
    arrays = jax.tree.map(
        lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=on_h100()), given.arrays
    )
    run = one_pass(pallas_gpu.normal_equations, given)
    with jax.enable_x64(True):
        run.lower(*arrays).compile(compiler_options={"xla_dump_to": str(folder)})
    (kernel,) = [p for p in folder.glob("*.ptx") if ".entry normal_equations" in p.read_text()]
    done = subprocess.run(
        ["ptxas", "-v", "-arch=sm_90a", str(kernel), "-o", str(folder / "kernel.cubin")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stderr


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAWS)
def test_sums_stay_in_registers(name, dtype, tmp_path):
    said = assembled(problem(name, lanes=4096, n=240, dtype=dtype), tmp_path)
    assert "0 bytes spill stores, 0 bytes spill loads" in said
    registers = re.search(r"Used (\d+) registers", said)
    assert registers is not None
    assert int(registers[1]) <= 255


def test_compiles_for_many_rows_and_weights_of_every_lane(tmp_path):
    given = problem("kaplan_n", lanes=4096, n=3000, dtype=np.float32)
    given = given._replace(weights=np.ones((3000, 4096), np.float32))
    assert "0 bytes spill stores" in assembled(given, tmp_path)
