"""Two small fits that the tests of pictures and reports share."""

import numpy as np
import pytest

import scaling_jax as sj

BUDGETS = (1e18, 1e19, 1e20, 1e21)
SIZES = 6
TRUTH = {"E": 1.82, "A": 478.0, "B": 2143.0, "alpha": 0.347, "beta": 0.367}


def surface(params, tokens):
    return TRUTH["E"] + TRUTH["A"] / params ** TRUTH["alpha"] + TRUTH["B"] / tokens ** TRUTH["beta"]


def noise(count, size=0.003):
    return np.exp(size * np.random.default_rng(0).normal(size=count))


@pytest.fixture(scope="session")
def grid_runs():
    """Six sizes at each of four compute budgets."""
    compute = np.repeat(BUDGETS, SIZES)
    optimum = 0.1 * np.sqrt(compute)
    params = optimum * np.tile(np.geomspace(0.2, 5.0, SIZES), len(BUDGETS))
    tokens = compute / (6.0 * params)
    loss = surface(params, tokens) * noise(len(compute))
    return sj.RunTable.from_columns(
        {"params": params, "tokens": tokens, "compute_flops": compute, "loss": loss},
        source="a grid",
    )


@pytest.fixture(scope="session")
def grid_fit(grid_runs):
    return sj.fit("chinchilla", grid_runs, sj.Squared(), starts=32)


@pytest.fixture(scope="session")
def grid_draws(grid_fit):
    return sj.laplace(grid_fit, draws=50)


@pytest.fixture(scope="session")
def curve_runs():
    """Twenty sizes, one input."""
    params = np.geomspace(1e7, 1e10, 20)
    loss = (8.8e13 / params) ** 0.076 * noise(20)
    return sj.RunTable.from_columns({"params": params, "loss": loss}, source="a curve")


@pytest.fixture(scope="session")
def curve_fit(curve_runs):
    """The smaller half of them fitted."""
    return sj.fit("kaplan_n", curve_runs.take(np.arange(12)), sj.Squared(), starts=16)


@pytest.fixture(scope="session")
def curve_draws(curve_fit):
    return sj.laplace(curve_fit, draws=50)


@pytest.fixture
def pyplot():
    """Check that a test leaves pyplot and the settings of matplotlib as they were."""
    import matplotlib as mpl
    from matplotlib import pyplot

    before = dict(mpl.rcParams)
    yield pyplot
    assert dict(mpl.rcParams) == before
    assert pyplot.get_fignums() == []


@pytest.fixture
def curves_of():
    """Return what finds the fitted curves in axes, their solid and dashed parts joined."""

    def find(axes, prefix):
        found, drawn = {}, axes.get_lines()
        for solid, dashed in zip(drawn[:-1], drawn[1:], strict=True):
            if solid.get_label().startswith(prefix):
                assert dashed.get_label() == "_extrapolated"
                y = np.where(np.isnan(solid.get_ydata()), dashed.get_ydata(), solid.get_ydata())
                inside = np.isfinite(solid.get_ydata())
                found[solid.get_label()] = np.asarray(solid.get_xdata()), y, inside
        return found

    return find
