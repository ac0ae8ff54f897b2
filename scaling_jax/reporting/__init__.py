"""Pictures and reports of fits. Matplotlib is loaded when the first one is drawn."""

from scaling_jax.reporting.basins import basin_minimum as basin_minimum
from scaling_jax.reporting.basins import plot_basins as plot_basins
from scaling_jax.reporting.draws import plot_marginals as plot_marginals
from scaling_jax.reporting.draws import plot_pairs as plot_pairs
from scaling_jax.reporting.lines import plot_curve as plot_curve
from scaling_jax.reporting.predictions import plot_prediction as plot_prediction
from scaling_jax.reporting.report import report_html as report_html
from scaling_jax.reporting.report import write_report as write_report
from scaling_jax.reporting.residuals import (
    plot_predicted_vs_observed as plot_predicted_vs_observed,
)
from scaling_jax.reporting.residuals import plot_residuals as plot_residuals
from scaling_jax.reporting.sections import Illustration as Illustration
from scaling_jax.reporting.sections import Section as Section
from scaling_jax.reporting.starts import plot_starts as plot_starts
from scaling_jax.reporting.surface import plot_loss_vs_compute as plot_loss_vs_compute
