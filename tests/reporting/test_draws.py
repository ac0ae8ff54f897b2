"""Pictures of draws show the draws' own quantiles, and refuse what is no distribution."""

from dataclasses import replace

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.reporting import plot_marginals, plot_pairs
from scaling_jax.uncertainty.convergence import Sampler


@pytest.fixture(scope="module")
def draws(grid_fit):
    return sj.laplace(grid_fit, draws=500)


def test_marginals_show_medians_and_derived_quantities(draws):
    exponent = draws.derive(lambda p: p["beta"] / (p["alpha"] + p["beta"]))
    figure = plot_marginals(draws, ["alpha", "beta"], derived={"a": exponent})
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_xlabel() for axes in shown] == ["alpha", "beta", "a"]
    lines = [np.asarray(axes.get_lines()[0].get_xdata())[0] for axes in shown]
    np.testing.assert_allclose(
        lines, [np.median(draws["alpha"]), np.median(draws["beta"]), np.median(exponent)]
    )
    assert "500 draws by laplace" in figure.get_suptitle()
    figure.canvas.draw()


def test_pairs_are_a_triangle(draws):
    figure = plot_pairs(draws, ["E", "A", "alpha"])
    assert sum(axes.axison for axes in figure.axes) == 6
    assert len(plot_pairs(draws).axes) == 25
    figure.canvas.draw()


def test_divergent_transitions_are_marked(draws):
    diverging = np.zeros((2, 250), bool)
    diverging[0, :3] = True
    one = np.zeros((2, 250, 5))
    sampler = Sampler(
        ("a",) * 5,
        one,
        one[..., 0],
        diverging,
        one[..., 0],
        one[..., 0],
        one[..., 0],
        np.ones(5),
        (),
        one,
    )
    bad = replace(draws, sampler=sampler)
    assert "red: 3 divergent" in plot_pairs(bad, ["E", "alpha"]).get_suptitle()


def test_what_is_no_distribution_is_refused(draws):
    with pytest.raises(sj.ScalingError, match="no distribution to plot"):
        plot_pairs(sj.Draws.of(draws.fit))
    with pytest.raises(sj.ScalingError, match="no parameter 'gamma'"):
        plot_marginals(draws, ["gamma"])
    with pytest.raises(sj.ScalingError, match=r"a has the shape \(3,\)"):
        plot_marginals(draws, derived={"a": np.ones(3)})
