import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import RunTableError
from scaling_jax.reporting import basin_minimum, plot_basins

RATES = np.array([0.001, 0.002, 0.004, 0.008, 0.016])


def basin(best: float) -> np.ndarray:
    return 2.0 + np.log(RATES / best) ** 2


def test_the_minimum_of_a_parabola_is_found_in_any_order():
    order = [3, 0, 4, 1, 2]
    assert basin_minimum(RATES[order], basin(0.0035)[order]) == pytest.approx(0.0035)


@pytest.mark.parametrize("best", [1e-5, 1.0])
def test_a_minimum_beyond_the_runs_is_the_last_run(best):
    ends = {1e-5: RATES[0], 1.0: RATES[-1]}
    assert basin_minimum(RATES, basin(best)) == pytest.approx(ends[best])


def table(widths, rates, losses) -> sj.RunTable:
    return sj.RunTable.from_columns({"width": widths, "learning_rate": rates, "loss": losses})


def test_every_level_has_its_curve_and_the_line_of_its_minimum():
    both = np.concatenate([basin(0.003), basin(0.006)])
    runs = table(np.repeat([32.0, 64.0], 5), np.tile(RATES, 2), both)
    (axes,) = plot_basins(runs).axes
    first, at, second, also_at = axes.get_lines()
    assert np.asarray(first.get_ydata()) == pytest.approx(basin(0.003))
    assert np.asarray(second.get_ydata()) == pytest.approx(basin(0.006))
    found = [float(np.asarray(line.get_xdata())[0]) for line in (at, also_at)]
    assert found == pytest.approx([0.003, 0.006])


def test_one_run_of_a_level_is_refused():
    with pytest.raises(RunTableError, match=r"width = 64 has runs at one learning_rate only"):
        plot_basins(table([32.0, 32.0, 64.0], [0.1, 0.2, 0.1], [2.0, 3.0, 2.0]))
