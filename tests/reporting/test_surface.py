"""Loss against compute: the curves are the fit's, at the budgets and sizes of the runs."""

from typing import Any

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.reporting import plot_loss_vs_compute


def panels(figure: Any) -> list[Any]:
    """Return the axes of a figure, whose declared types say little of what they hold."""
    return figure.axes


def legend_of(axes):
    legend = axes.get_legend()
    return legend.get_title().get_text(), [text.get_text() for text in legend.get_texts()]


def test_isoflop_runs_get_a_curve_for_each_budget(grid_fit, curves_of, pyplot):
    (axes,) = panels(plot_loss_vs_compute(grid_fit))
    found = curves_of(axes, "_compute_flops")
    assert sorted(found, key=lambda label: float(label.split()[1])) == [
        f"_compute_flops {budget}" for budget in ("1e+18", "1e+19", "1e+20", "1e+21")
    ]
    for label, (params, loss, _) in found.items():
        budget = float(label.split()[1])
        np.testing.assert_allclose(loss, grid_fit(params=params, tokens=budget / (6.0 * params)))
    assert axes.get_xlabel() == "model size N (parameters)"
    assert axes.get_ylabel() == "loss L (nats per token)"
    title, entries = legend_of(axes)
    assert title == "training compute C (FLOP)"
    assert entries[1:5] == ["$10^{18}$", "$10^{19}$", "$10^{20}$", "$10^{21}$"]


def test_the_marked_optima_are_the_lowest_points_of_the_curves(grid_fit, curves_of):
    (axes,) = panels(plot_loss_vs_compute(grid_fit))
    (marks,) = [line for line in axes.get_lines() if line.get_label() == "_optima"]
    lowest = [float(np.min(loss)) for _, loss, _ in curves_of(axes, "_compute_flops").values()]
    np.testing.assert_allclose(np.sort(marks.get_ydata()), np.sort(lowest), rtol=1e-4)
    params = np.asarray(marks.get_xdata(), float)
    compute = np.array([1e18, 1e19, 1e20, 1e21])
    np.testing.assert_allclose(
        marks.get_ydata(), grid_fit(params=params, tokens=compute / (6.0 * params)), rtol=1e-6
    )


def test_curves_are_dashed_outside_the_runs(grid_fit, grid_runs, curves_of):
    (axes,) = panels(plot_loss_vs_compute(grid_fit))
    for label, (params, _, inside) in curves_of(axes, "_compute_flops").items():
        at = grid_runs["params"][grid_runs["compute_flops"] == float(label.split()[1])]
        assert params[inside].min() > 0.98 * at.min()
        assert params[inside].max() < 1.02 * at.max()
        assert params.min() < 0.7 * at.min()
        assert params.max() > 1.4 * at.max()
    assert legend_of(axes)[1][-1] == "extrapolation"


def test_isoparameter_curves_lie_at_the_compute_of_their_runs(grid_fit, curves_of, pyplot):
    figure = plot_loss_vs_compute(grid_fit, curves="isoparams")
    axes, bar = panels(figure)
    found = curves_of(axes, "_params")
    assert len(found) == 8  # of 24 sizes
    for label, (compute, loss, _) in found.items():
        params = float(label.split()[1])
        expected = grid_fit(params=params, tokens=compute / (6.0 * params))
        np.testing.assert_allclose(loss, expected, rtol=1e-5)  # the label has six digits
    assert axes.get_xlabel() == "training compute C (FLOP)"
    assert bar.get_ylabel() == "model size N (parameters)"


def test_the_frontier_touches_the_curves_from_below(grid_fit, curves_of):
    axes = panels(plot_loss_vs_compute(grid_fit, curves="isoparams"))[0]
    ((compute, best, inside),) = curves_of(axes, "compute-optimal").values()
    assert compute.max() == pytest.approx(1e22)  # a decade beyond the runs
    assert not inside[-1]
    for cost, loss, _ in curves_of(axes, "_params").values():
        assert np.all(np.interp(np.log(cost), np.log(compute), best) < loss + 2e-3)


def test_compute_that_is_not_a_column_is_labelled_so(grid_runs, grid_fit):
    fit = sj.fit("chinchilla", grid_runs.drop("compute_flops"), sj.Squared(), starts=32)
    axes = panels(plot_loss_vs_compute(fit, curves="isoparams"))[0]
    assert axes.get_xlabel() == "training compute 6·N·D (FLOP)"
    assert len(panels(plot_loss_vs_compute(fit))) == 1  # still recognised as isoFLOP runs


def test_another_cost_of_a_token_is_said(grid_runs, curves_of):
    dearer = grid_runs.drop("compute_flops").with_column(
        "compute_flops", 1.2 * grid_runs["compute_flops"]
    )
    fit = sj.fit("chinchilla", dearer, sj.Squared(), starts=32)
    axes = panels(plot_loss_vs_compute(fit))[0]
    assert "compute-optimal (C = 7.2·N·D)" in legend_of(axes)[1]
    for label, (params, loss, _) in curves_of(axes, "_compute_flops").items():
        budget = float(label.split()[1])
        np.testing.assert_allclose(loss, fit(params=params, tokens=budget / (7.2 * params)))


def test_draws_give_the_frontier_a_band_and_the_optima_intervals(grid_draws):
    axes = panels(plot_loss_vs_compute(grid_draws, curves="isoparams"))[0]
    assert [found.get_label() for found in axes.collections].count("_band") == 1
    axes = panels(plot_loss_vs_compute(grid_draws))[0]
    (intervals,) = [c for c in axes.collections if c.get_label() == "_intervals"]
    (marks,) = [line for line in axes.get_lines() if line.get_label() == "_optima"]
    for segment, params in zip(intervals.get_segments(), marks.get_xdata(), strict=True):
        assert segment[0, 0] < params < segment[1, 0]


def test_a_law_without_params_and_tokens_is_drawn_against_its_input(curve_fit, curves_of):
    (axes,) = panels(plot_loss_vs_compute(curve_fit))
    ((params, loss, _),) = curves_of(axes, "fit").values()
    np.testing.assert_allclose(loss, curve_fit(params=params))
    assert axes.get_xlabel() == "model size N (parameters)"


def test_what_cannot_be_drawn_is_refused(grid_fit, grid_runs):
    with pytest.raises(sj.ScalingError, match="curves are 'isoparams' or 'isoflop', not 'iso'"):
        plot_loss_vs_compute(grid_fit, curves="iso")
    few = sj.fit("chinchilla", grid_runs.take(np.arange(0, 24, 3)), sj.Squared(), starts=32)
    with pytest.raises(sj.ScalingError, match="no three sizes trained with one compute budget"):
        plot_loss_vs_compute(few, curves="isoflop")
