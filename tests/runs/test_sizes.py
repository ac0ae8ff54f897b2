import contextlib
import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from scaling_jax.runs.sizes import SizeError, format_size, parse_size


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7B", 7e9),
        ("7b", 7e9),
        ("7 B", 7e9),
        ("1.4T", 1.4e12),
        ("125m", 125e6),
        ("2.7b", 2.7e9),
        ("10G", 1e10),
        ("300k", 3e5),
        ("5P", 5e15),
        ("3E", 3e18),
        ("3e5", 3e5),
        ("1e24", 1e24),
        ("2.5e3M", 2.5e9),
        ("1Z", 1e21),
        ("1y", 1e24),
        ("1,000,000", 1e6),
        ("1_000_000", 1e6),
        ("12,345.5K", 12345.5e3),
        (" +7e9 ", 7e9),
        (".5B", 5e8),
        ("1.5 billion", 1.5e9),
        ("2 Trillion", 2e12),
        ("1.1B", 1.1e9),  # 1.1 * 1e9 is not the float64 nearest to 1.1e9
        (7e9, 7e9),
        (70_000_000_000, 7e10),
    ],
)
def test_reads_what_people_write(text, value):
    assert parse_size(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "B", "seven", "7Q", "7BB", "1,5", "1,00,000", "7B tokens", "-7B", "0", "0K", "nan", "inf",
     "1e400", "1e-400", "0x10", "7 7", "1e", "٧B", True, None],
)  # fmt: skip
def test_refuses_the_rest_in_one_sentence(text):
    with pytest.raises(SizeError, match="size") as caught:
        parse_size(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 160


@given(st.text(max_size=30))
def test_any_text_is_a_positive_number_or_an_error(text):
    with contextlib.suppress(SizeError):
        assert 0.0 < parse_size(text) < math.inf


@pytest.mark.parametrize(
    ("value", "text"),
    [(7e9, "7B"), (70e9, "70B"), (1.4e12, "1.4T"), (999_999, "1M"), (999_400, "999K"), (1000, "1K"),
     (950, "950"), (1, "1"), (0.5, "0.5"), (3e-4, "0.0003"), (3e-7, "3e-7"), (1e15, "1e15"),
     (5.7612e23, "5.76e23"), (999_999_999_999_999, "1e15"), (0, "0"), (-7e9, "-7B"),
     (math.inf, "inf"), (math.nan, "nan")],
)  # fmt: skip
def test_formats_as_people_write(value, text):
    assert format_size(value) == text


def test_formats_more_digits_where_asked():
    assert format_size(6_795_600_349, digits=5) == "6.7956B"


@given(st.floats(1e-30, 1e300))
def test_what_is_formatted_reads_back_to_the_same_digits(value):
    assert parse_size(format_size(value)) == pytest.approx(value, rel=5.001e-3)


@given(st.integers(1, 999), st.integers(0, 27))
def test_three_digits_read_back_exactly(digits, power):
    value = float(f"{digits}e{power}")
    assert parse_size(format_size(value)) == value
