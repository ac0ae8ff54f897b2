"""Float32 on the devices with a float64 polish on the host reaches the float64 optimum."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.fitting.batch import solve_lanes
from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.fitting.problem import make_problem
from scaling_jax.fitting.solver import CONVERGED, stage_thresholds
from scaling_jax.fitting.starts import quasi_random
from tests.synthetic import STARTS, grid

CHINCHILLA = sj.laws.get("chinchilla")
LAWS = [CHINCHILLA, CHINCHILLA.fix(E=1.8).tie(beta="alpha"), sj.laws.get("kaplan_nd")]


@pytest.mark.parametrize("law", LAWS, ids=["chinchilla", "held", "kaplan_nd"])
@pytest.mark.parametrize("objective", [sj.Huber(1e-3), sj.Squared(scale="natural")], ids=str)
def test_mixed_precision_reaches_the_float64_optimum(law, objective):
    problem = make_problem(law, grid(0.01), objective)
    coordinates = Coordinates(law)
    low, high = coordinates.box()
    starts = (low + (high - low) * quasi_random(STARTS, len(low), 0)).T
    thresholds = stage_thresholds(objective, 3.0)

    def best(precision: str) -> tuple[float, int]:
        solution = solve_lanes(
            law, objective, problem, starts, thresholds=thresholds, precision=precision
        )
        assert solution.value.dtype == np.float64
        k = int(np.argmin(solution.value))
        return float(solution.value[k]), int(solution.status[k])

    with jax.enable_x64(True):
        value, status = best("mixed")
        expected, _ = best("float64")
    assert status == CONVERGED
    assert value == pytest.approx(expected, rel=1e-8)
