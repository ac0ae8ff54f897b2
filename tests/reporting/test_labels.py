"""Labels say what is shown, in which unit, and are drawn as they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.reporting.canvas import LogTicks
from scaling_jax.reporting.labels import axis_label, drawable, number


@pytest.mark.parametrize(
    ("law", "column", "label"),
    [
        ("chinchilla", "tokens", "training data D (tokens)"),
        ("chinchilla", "compute_flops", "training compute C (FLOP)"),
        ("farseer", "loss", "loss L (bits per character)"),
        ("parscale", "streams", "parallel streams P"),
        ("hestness_error", "error", "error rate eps (fraction)"),
    ],
)
def test_axes_name_quantity_symbol_and_unit(law, column, label):
    assert axis_label(sj.laws.get(law), column) == label


def test_text_of_users_starts_no_formula():
    assert drawable(r"a $x_1$ \frac") == r"a \$x_1\$ /frac"
    assert len(drawable("x" * 500)) == 90


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.3e10, "13B"), (999.5e6, "1B"), (1e22, "$10^{22}$"), (0.0, "0"), (-2.5, "-2.5")],
)
def test_numbers_read_as_people_write_them(value, text):
    assert number(value) == text


@given(st.floats(-12, 25), st.floats(0.005, 15), st.integers(4, 8))
def test_log_axes_have_few_round_ticks(start, decades, most):
    low, high = 10.0**start, 10.0 ** (start + decades)
    ticks = LogTicks(most).tick_values(low, high)
    assert 2 <= len(ticks) <= most + 1
    assert np.all((ticks >= low * 0.999999) & (ticks <= high * 1.000001))
    texts = [f"{tick:.6g}" for tick in ticks]
    assert len(set(texts)) == len(texts)


def test_an_axis_over_decades_has_ticks_at_powers_of_ten():
    assert LogTicks().tick_values(2e17, 3e22).tolist() == pytest.approx(
        [1e18, 1e19, 1e20, 1e21, 1e22]
    )
