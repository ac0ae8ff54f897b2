"""What one pass over the runs costs on a TPU v5e, read off the compiler's own schedule.

    make roofline    (or, where libtpu is installed: python benchmarks/tpu_roofline.py)

No TPU is needed and none is used: libtpu compiles each law's kernel for one chip and dumps the
final schedule, of which the loop over rows is counted, bundle by bundle (a bundle is what the
core issues in one cycle). Stalls are not in it, so the times are bounds from below. Writes the
table of docs/tpu.md, where its columns are explained, and benchmarks/results/tpu_roofline.json.
"""

import importlib.util
import os
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "tpu.md"
MARKS = ("<!-- roofline -->\n", "<!-- end of roofline -->\n")
ROWS, LANES = 240, 2**20
BYTES = 4  # of a float32


def prepare(dumps: str) -> None:
    """Tell libtpu, before it is loaded, that there is no TPU and where to write schedules."""
    os.environ["TPU_SKIP_MDS_QUERY"] = "1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    os.environ["SCALING_JAX_KERNEL"] = "pallas_tpu"
    flags = f"--xla_jf_dump_to={dumps} --xla_jf_dump_llo_text=true"
    os.environ["LIBTPU_INIT_ARGS"] = f"{os.environ.get('LIBTPU_INIT_ARGS', '')} {flags}"


class Loop(NamedTuple):
    """The loop over rows in a compiled kernel, for one tile and one turn.

    Attributes:
        bundles: Length of the schedule.
        vector: Operations in the vector slots.
        transcendental: Operations in the transcendental slot.
        spills: Vector registers written to memory for want of room.
    """

    bundles: int
    vector: int
    transcendental: int
    spills: int


class Chip(NamedTuple):
    """What bounds a kernel: cycles a second, bytes a second, bytes of memory, vector slots."""

    clock: float
    bandwidth: float
    memory: int
    vector_slots: int = 4


def v5e() -> Chip:
    """Return the numbers that jax knows of the chip."""
    from jax.experimental.pallas import tpu as pltpu

    info = pltpu.get_tpu_info_for_chip(pltpu.ChipVersion.TPU_V5E, 1)
    # Every matrix unit does size**2 multiplications and additions a cycle.
    per_cycle = info.num_mxus * info.mxu_column_size**2 * 2
    clock = info.bf16_ops_per_second / per_cycle
    return Chip(clock, info.mem_bw_bytes_per_second, info.hbm_capacity_bytes)


def compile_pass(law: Any) -> Any:
    """Compile one pass over the rows for one chip; return the program of one row."""
    import jax.numpy as jnp

    import scaling_jax as sj
    from scaling_jax.fitting.coordinates import Coordinates
    from scaling_jax.fitting.solver import row_residual
    from scaling_jax.kernels.normal_equations import normal_equations
    from scaling_jax.kernels.normal_equations.pallas_tpu import TILE
    from scaling_jax.kernels.normal_equations.row_program import row_program

    huber = sj.Huber(delta=1e-3)

    def penalty(r, settings):
        threshold, mix = settings
        weight, curvature = huber.weight(r, threshold), huber.curvature(r, threshold)
        rho = huber.penalty(r, threshold)
        return rho, weight * r, mix * weight + (1.0 - mix) * jnp.maximum(curvature, 0.0)

    def residual_with(logs):
        """Return what the solver differentiates: coordinates are part of it where they mix."""
        residual, coordinates = row_residual(law, huber, logs), Coordinates(law)
        if coordinates.separable:
            return residual
        return lambda z, row: residual(coordinates.to_reduced(z, logs), row)

    def run(u, rows, weights, settings, logs):
        return normal_equations(residual_with(logs), penalty, u, rows, weights, settings)

    columns = (*law.input_names, law.output.column)
    p, lane = len(Coordinates(law).free), (LANES,)
    logs = dict.fromkeys(columns, ())
    on_chip(run, ((p, *lane), (ROWS, len(columns)), (ROWS,), (lane, lane), logs))
    one = jnp.ones(1)
    residual = residual_with(dict.fromkeys(columns, one[0]))
    rows = jnp.ones((1, len(columns)))
    return row_program(residual, penalty, one, rows, ([one] * p, None, (one, one)), TILE)


def on_chip(function: Any, shapes: Any) -> Any:
    """Compile a function of float32 arrays for one chip of a v5e."""
    import jax
    import numpy as np
    from jax.experimental import topologies
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    chips = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2").devices
    mesh = Mesh(np.array(chips[:1]), ("lanes",))
    whole = NamedSharding(mesh, PartitionSpec())
    run = jax.shard_map(
        function, mesh=mesh, in_specs=PartitionSpec(), out_specs=PartitionSpec(), check_vma=False
    )
    arrays = jax.tree.map(
        lambda shape: jax.ShapeDtypeStruct(shape, np.float32, sharding=whole),
        shapes,
        is_leaf=lambda leaf: isinstance(leaf, tuple) and all(isinstance(n, int) for n in leaf),
    )
    return jax.jit(run).lower(*arrays).compile()


def read_loop(folder: Path) -> Loop:
    """Return the innermost loop of the newest kernel in a folder of dumps, and empty the folder."""
    (schedule,) = [
        path
        for path in folder.glob("*normal_equations*-final_bundles.txt")
        if "schedule-analysis" not in path.name
    ]
    (usage,) = folder.glob("*normal_equations*-final_hlo-static-per-bundle-utilization.txt")
    bundle = re.compile(r"^\s*(?:0x)?[0-9a-f]+\s+(?:[A-Z]{2})?\s*:\s*(>*)\s*\{", re.MULTILINE)
    depth = [len(match[1]) for match in bundle.finditer(schedule.read_text())]
    lines = usage.read_text().splitlines()
    names = [name.strip() for name in lines[1].split(",")]
    used = [[int(n) for n in line.split()] for line in lines[lines.index("== UTILIZATION:") + 1 :]]
    if len(used) != len(depth):
        raise ValueError(f"{schedule.name} has {len(depth)} bundles, its usage {len(used)} lines")
    inside = [row for row, level in zip(used, depth, strict=True) if level == max(depth)]
    total = dict(zip(names, (sum(column) for column in zip(*inside, strict=True)), strict=True))
    for path in folder.iterdir():
        path.unlink()
    return Loop(len(inside), total["VALU"], total["EUP"], total["VSTORE:SPILL"])


def measure(law: Any, chip: Chip, dumps: Path) -> dict[str, Any]:
    """Return the work of a law's kernel and its bounds."""
    from scaling_jax.kernels.normal_equations.cost import row_cost
    from scaling_jax.kernels.normal_equations.pallas_tpu import TILE, TOGETHER

    program = compile_pass(law)
    cost, loop = row_cost(program), read_loop(dumps)
    p, settings = len(law.parameters), 2
    traffic = BYTES * (p + settings + 1 + p + p * p)
    lanes = TILE[0] * TILE[1]
    cycles = loop.bundles / TOGETHER
    return {
        "law": law.name,
        "parameters": p,
        **cost._asdict(),
        "bundles_a_row": cycles,
        "vector_bound": loop.vector / TOGETHER / chip.vector_slots,
        "transcendental_bound": loop.transcendental / TOGETHER,
        "spills_a_row": loop.spills / TOGETHER,
        "ns_a_lane": 1e9 * cycles * ROWS / lanes / chip.clock,
        "bytes_a_lane": traffic,
        "hbm_ns_a_lane": 1e9 * traffic / chip.bandwidth,
    }


def solver_step(law: Any) -> dict[str, float]:
    """Return the memory of the whole solver for a million lanes, and its traffic in one step."""
    import jax.numpy as jnp

    import scaling_jax as sj
    from scaling_jax.fitting.solver import begin, solve, stage_thresholds

    objective = sj.Huber(delta=1e-3)
    columns = (*law.input_names, law.output.column)

    def run(z, rows, weights, logs, thresholds):
        steps = jnp.int32(300)
        return solve(
            begin(z), rows, weights, logs, thresholds, steps, law=law, objective=objective
        )[1]  # fmt: skip

    shapes = (
        (len(law.free), LANES), (ROWS, len(columns)), (ROWS,), dict.fromkeys(columns, ()),
        stage_thresholds(objective, 1.0).shape,
    )  # fmt: skip
    executable = on_chip(run, shapes)
    need = executable.memory_analysis()
    held = need.argument_size_in_bytes + need.output_size_in_bytes + need.temp_size_in_bytes
    traffic = executable.cost_analysis()["bytes accessed"]
    return {"bytes_held_a_lane": held / LANES, "bytes_moved_a_lane_and_step": traffic / LANES}


def as_markdown(rows: list[dict[str, Any]], step: dict[str, float], chip: Chip) -> str:
    """Return the generated part of the document."""
    head = (
        "law | p | exp, log | divisions | other | cycles a row | vector slots | exp slot | "
        "ns a lane and pass | HBM, ns"
    )
    lines = [f"| {head} |", "|---|" + "---:|" * 9]
    for r in rows:
        lines.append(
            f"| {r['law']} | {r['parameters']} | {r['transcendentals']} | {r['divisions']} | "
            f"{r['flops']} | {r['bundles_a_row']:.1f} | {r['vector_bound']:.1f} | "
            f"{r['transcendental_bound']:.1f} | {r['ns_a_lane']:.2f} | {r['hbm_ns_a_lane']:.2f} |"
        )
    million = step["bytes_held_a_lane"] * 1e6
    between = 1e9 * step["bytes_moved_a_lane_and_step"] / chip.bandwidth
    lines += [
        "",
        f"{ROWS} rows, float32, clock {chip.clock / 1e9:.2f} GHz, memory "
        f"{chip.bandwidth / 1e9:.0f} GB/s. The solver of chinchilla holds",
        f"{step['bytes_held_a_lane']:.0f} bytes a lane, {million / 1e9:.2f} GB for a million lanes "
        f"of a chip's {chip.memory / 1e9:.1f} GB, and moves",
        f"{step['bytes_moved_a_lane_and_step']:.0f} bytes a lane in a step, the kernel's included, "
        f"or {between:.2f} ns.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Compile all laws, print and write."""
    if importlib.util.find_spec("libtpu") is None:
        print("tpu_roofline: skipped, the TPU compiler (libtpu) is not here; run make roofline")
        return
    with tempfile.TemporaryDirectory() as dumps:
        prepare(dumps)
        run(Path(dumps))


def run(dumps: Path) -> None:
    """Measure, print and write, with the compiler's schedules in `dumps`."""
    from report import publish

    import scaling_jax as sj
    from scaling_jax.files import write_atomically
    from scaling_jax.tables import Table

    chip = v5e()
    rows = [measure(law, chip, dumps) for law in sj.laws.list()]
    step = solver_step(sj.laws.get("chinchilla"))
    shown = ("law", "bundles_a_row", "vector_bound", "transcendental_bound", "ns_a_lane")
    cells = tuple(tuple(row[name] for name in shown) for row in rows)
    table = Table("One pass over 240 rows on a TPU v5e, from the schedule", shown, cells)
    publish("tpu_roofline", table, {"laws": rows, "solver": step})
    before, _, rest = DOCUMENT.read_text().partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    generated = as_markdown(rows, step, chip)
    write_atomically(DOCUMENT, before + MARKS[0] + generated + MARKS[1] + after)


if __name__ == "__main__":
    main()
