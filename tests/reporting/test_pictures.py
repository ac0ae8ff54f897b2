"""The other pictures: data in the axes, units on them, and nothing changed around them."""

import dataclasses
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.reporting import (
    plot_curve,
    plot_loss_vs_compute,
    plot_predicted_vs_observed,
    plot_prediction,
    plot_residuals,
    plot_starts,
)
from scaling_jax.reporting.residuals import medians

OF_A_FIT = [
    plot_loss_vs_compute,
    plot_curve,
    plot_residuals,
    plot_predicted_vs_observed,
    plot_prediction,
    plot_starts,
]
ON_AXES = [plot for plot in OF_A_FIT if plot is not plot_residuals]


def panels(figure: Any) -> list[Any]:
    """Return the axes of a figure, whose declared types say little of what they hold."""
    return figure.axes


def png(figure: Any) -> bytes:
    return figure._repr_png_()


@pytest.mark.parametrize("plot", OF_A_FIT, ids=lambda plot: plot.__name__)
def test_pictures_leave_pyplot_alone_and_show_themselves(plot, grid_fit, pyplot):
    figure = plot(grid_fit)
    assert png(figure).startswith(b"\x89PNG")
    for axes in panels(figure):
        assert axes.get_ylabel() or axes is not panels(figure)[0]
        assert axes.get_xlabel() or axes.get_ylabel()


@pytest.mark.parametrize("plot", ON_AXES, ids=lambda plot: plot.__name__)
def test_pictures_can_be_drawn_on_the_callers_axes(plot, curve_fit):
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots(1, 2)[1]
    axes.set_title("mine")
    assert plot(curve_fit, ax=axes) is figure
    assert axes.get_title() == "mine"
    assert axes.get_title(loc="left") == ""
    assert axes.has_data()


def test_pictures_look_the_same_whatever_the_callers_style(curve_fit, pyplot):
    plain = png(plot_curve(curve_fit))
    with pyplot.style.context("dark_background"):
        assert png(plot_curve(curve_fit)) == plain


def test_saved_pictures_are_fine_enough_to_print(curve_fit, tmp_path):
    from matplotlib.image import imread

    figure = plot_curve(curve_fit)
    figure.savefig(tmp_path / "print.png")
    figure.savefig(tmp_path / "screen.png", dpi=50)
    assert imread(tmp_path / "print.png").shape[1] == round(6.6 * 220)
    assert imread(tmp_path / "screen.png").shape[1] == round(6.6 * 50)


def test_importing_reporting_loads_nothing_heavy():
    code = (
        "import sys, scaling_jax.reporting\n"
        "heavy = ('matplotlib', 'pandas', 'rich', 'scipy')\n"
        "sys.exit(','.join(m for m in sys.modules if m.split('.')[0] in heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# plot_curve


def test_curves_by_levels_of_the_other_input(grid_fit, grid_runs, curves_of):
    figure = plot_curve(grid_fit, "tokens", by="params")
    found = curves_of(panels(figure)[0], "_params")
    assert len(found) == 8
    for label, (tokens, loss, inside) in found.items():
        expected = grid_fit(params=float(label.split()[1]), tokens=tokens)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
        assert np.any(inside)
    cloud = panels(figure)[0].collections[0].get_offsets()
    np.testing.assert_allclose(cloud[:, 0], grid_runs["tokens"])
    np.testing.assert_allclose(cloud[:, 1], grid_runs["loss"])


def test_unknown_inputs_are_refused(grid_fit, curve_fit):
    with pytest.raises(sj.ScalingError, match="does not take 'token'; did you mean tokens"):
        plot_curve(grid_fit, "token")
    with pytest.raises(sj.ScalingError, match="need levels of another input, not of params"):
        plot_curve(grid_fit, "params", by="params")
    with pytest.raises(sj.ScalingError, match="does not take 'params_'"):
        plot_prediction(grid_fit, "params_")
    with pytest.raises(sj.ScalingError, match="takes a value of no other input, not of tokens"):
        plot_prediction(curve_fit, at={"tokens": 1e9})
    with pytest.raises(sj.ScalingError, match="predictions have their inputs"):
        plot_prediction(sj.predict(curve_fit, params=1e9), at={"tokens": 1e9})


# plot_residuals, plot_predicted_vs_observed


def test_residuals_are_percent_of_the_observed_loss(grid_fit, grid_runs):
    figure = plot_residuals(grid_fit)
    labels = [axes.get_xlabel() for axes in panels(figure)]
    assert labels == [
        "model size N (parameters)", "training data D (tokens)", "training compute C (FLOP)",
    ]  # fmt: skip
    assert panels(figure)[0].get_ylabel() == "predicted / observed loss − 1 (%)"
    percent = 100.0 * (grid_fit.predicted / grid_runs["loss"] - 1.0)
    for axes, name in zip(panels(figure), ("params", "tokens", "compute_flops"), strict=True):
        points = axes.collections[0].get_offsets()
        np.testing.assert_allclose(points[:, 0], grid_runs[name])
        np.testing.assert_allclose(points[:, 1], percent, atol=1e-9)


def test_natural_residuals_have_the_units_of_the_output(curve_runs):
    fit = sj.fit("kaplan_n", curve_runs, sj.Squared(scale="natural"), starts=16)
    (axes,) = panels(plot_residuals(fit))
    assert axes.get_ylabel() == "predicted − observed loss (nats per token)"
    drawn = axes.collections[0].get_offsets()[:, 1]
    np.testing.assert_allclose(drawn, fit.predicted - curve_runs["loss"], atol=1e-9)


def test_medians_show_a_trend_through_outliers():
    rng = np.random.default_rng(0)
    x = 10 ** rng.uniform(7, 10, 400)
    y = np.log10(x) + rng.standard_t(1.5, 400) * 0.05
    places, values = medians(x, y)
    np.testing.assert_allclose(values, np.log10(places), atol=0.1)


def test_few_runs_have_no_medians(curve_runs):
    fit = sj.fit("kaplan_n", curve_runs.take(np.arange(5)), sj.Squared(), starts=16)
    labels = panels(plot_residuals(fit))[0].get_legend_handles_labels()[1]
    assert labels == ["runs"]


def test_predicted_against_observed_has_one_scale(grid_fit, grid_runs):
    axes = panels(plot_predicted_vs_observed(grid_fit))[0]
    points = axes.collections[0].get_offsets()
    np.testing.assert_allclose(points[:, 0], grid_runs["loss"])
    np.testing.assert_allclose(points[:, 1], grid_fit.predicted)
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlabel() == "observed loss L (nats per token)"
    assert axes.get_ylabel() == "predicted loss L (nats per token)"


def test_clouds_of_points_become_an_image_inside_vector_files(grid_fit):
    from scaling_jax.reporting import style

    axes = style.new_figure().add_subplot()
    many = np.arange(1.0, 5001.0)
    assert style.points(axes, many, many).get_rasterized()
    assert not style.points(axes, many[:100], many[:100]).get_rasterized()


# plot_starts


def test_starts_are_counted_as_the_fit_counts_them(grid_fit):
    axes = panels(plot_starts(grid_fit))[0]
    same = next(line for line in axes.get_lines() if "same optimum" in line.get_label())
    assert len(same.get_xdata()) == round(grid_fit.agreement * len(grid_fit.starts))
    assert np.all(np.asarray(same.get_ydata()) <= 1e-6)


def test_starts_that_failed_are_counted_and_huge_objectives_do_not_break_the_axis(grid_fit):
    objective = grid_fit.starts.objective.copy()
    objective[:4] = [np.inf, np.inf, 1e300, 1.0]
    starts = dataclasses.replace(grid_fit.starts, objective=objective)
    axes = panels(plot_starts(dataclasses.replace(grid_fit, starts=starts)))[0]
    labels = axes.get_legend_handles_labels()[1]
    assert "not finite: 2" in labels
    assert axes.get_ylim()[1] < 1e8


def test_a_loaded_fit_has_no_starts(grid_fit):
    with pytest.raises(sj.ScalingError, match="no starts to plot"):
        plot_starts(dataclasses.replace(grid_fit, starts=None))


# plot_prediction


def shaded(axes):
    """Return the (left, right) of the shaded regions."""
    label = "beyond the runs"
    return [
        (patch.get_x(), patch.get_x() + patch.get_width())
        for patch in axes.patches
        if patch.get_label().lstrip("_") == label
    ]


def test_shading_begins_where_the_runs_end(curve_draws, curves_of):
    axes = panels(plot_prediction(curve_draws, reach=2.0))[0]
    high = float(np.max(curve_draws.fit.runs["params"]))
    (region,) = shaded(axes)
    assert region[0] == pytest.approx(high, rel=0.02)
    assert region[1] == axes.get_xlim()[1]
    ((params, _, inside),) = curves_of(axes, "prediction").values()
    assert params[inside].max() <= 1.02 * high
    assert params.max() == pytest.approx(100.0 * high)


def test_far_from_every_run_all_is_shaded(grid_fit, curves_of):
    axes = panels(plot_prediction(grid_fit, "params", at={"tokens": 1e15}))[0]
    assert shaded(axes) == [axes.get_xlim()]
    ((_, _, inside),) = curves_of(axes, "prediction").values()
    assert not np.any(inside)
    assert axes.get_legend().get_title().get_text() == "D = $10^{15}$"


def test_a_path_of_predictions_is_a_line_with_their_interval(grid_draws, curves_of):
    params = np.geomspace(1e7, 1e12, 30)
    prediction = sj.predict(grid_draws, params=params, tokens=20.0 * params)
    axes = panels(plot_prediction(prediction, level=0.5))[0]
    ((x, middle, inside),) = curves_of(axes, "prediction").values()
    np.testing.assert_allclose(x, params)
    np.testing.assert_allclose(middle, prediction.median)
    assert inside.tolist() == [kind == "interpolation" for kind in prediction.kind]
    (band,) = [c for c in axes.collections if c.get_label() == "50% of the draws"]
    low, high = prediction.interval(0.5)
    corners = band.get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(low.min())
    assert corners[:, 1].max() == pytest.approx(high.max())
    # The line leaves the region of the runs between two queries.
    last = params[np.flatnonzero(inside)[-1]]
    edge = shaded(axes)[-1][0]
    assert last <= edge <= last * (params[1] / params[0])


def test_single_predictions_have_bars_and_say_which_are_extrapolated(curve_draws, curve_runs):
    held_out = curve_runs.take(np.arange(12, 20))
    prediction = sj.predict(curve_draws, held_out).new_run
    axes = panels(plot_prediction(prediction, truth=held_out))[0]
    labels = axes.get_legend_handles_labels()[1]
    assert "extrapolated" in labels
    assert "interpolated" not in labels
    assert axes.get_legend().get_title().get_text() == "bars: 90% of new runs"
    (truth,) = [line for line in axes.get_lines() if line.get_label() == "held-out runs"]
    np.testing.assert_allclose(truth.get_xdata(), held_out["params"])
    np.testing.assert_allclose(truth.get_ydata(), held_out["loss"])


def test_curves_reach_the_held_out_runs(curve_fit, curve_runs, curves_of):
    axes = panels(plot_prediction(curve_fit, truth=curve_runs, reach=0.1))[0]
    ((params, _, _),) = curves_of(axes, "prediction").values()
    assert params.max() > np.max(curve_runs["params"])


def test_a_fit_that_is_not_identified_says_so_on_every_picture(grid_fit):
    vague = dataclasses.replace(grid_fit, rank=4)
    for plot in OF_A_FIT:
        titles = [axes.get_title(loc="left") for axes in panels(plot(vague))]
        assert any("not identified" in title for title in titles), plot.__name__
    assert "not identified" not in panels(plot_curve(grid_fit))[0].get_title(loc="left")


def test_columns_with_dollars_and_negative_numbers_are_drawn():
    column = "a $x_1 cost$ <b>"
    law = sj.Law(
        name="line",
        function=lambda *, a, b, **columns: a + b * columns[column],
        inputs=(sj.Variable(column, "$T"),),
        output=sj.Variable("sc$ore$"),
        parameters=tuple(
            sj.Parameter(name, bounds=(-np.inf, np.inf), start=(-1.0, 1.0)) for name in "ab"
        ),
    )
    x = np.linspace(-5.0, 5.0, 20)
    runs = sj.RunTable.from_columns({column: x, "sc$ore$": 2.0 - 0.3 * x}, source="$odd$ \\file")
    fit = sj.fit(law, runs, sj.Squared(scale="natural"), starts=8)
    for plot in OF_A_FIT:
        assert png(plot(fit))
    axes = panels(plot_prediction(fit))[0]
    assert shaded(axes)[-1][0] == pytest.approx(5.0, rel=1e-6)
