"""Sizes as people write them: ``7B``, ``1.4T``, ``1e24``, ``1,000,000``."""

import math
import re

from scaling_jax.errors import ScalingError

_SUFFIXES = {
    "": 0, "k": 3, "m": 6, "b": 9, "g": 9, "t": 12, "p": 15, "e": 18, "z": 21, "y": 24,
    "thousand": 3, "thousands": 3, "million": 6, "millions": 6, "billion": 9, "billions": 9,
    "trillion": 12, "trillions": 12,
}  # fmt: skip

# Commas or underscores only where they separate thousands: 1,5 is a mistake, not fifteen.
_SIZE = re.compile(
    r"(?P<digits>\d{1,3}(?:[,_]\d{3})+(?:\.\d*)?|\d+\.?\d*|\.\d+)"
    r"(?:e(?P<power>[+-]?\d{1,4}))?\s*(?P<suffix>[a-z]*)",
    re.IGNORECASE | re.ASCII,
)


class SizeError(ScalingError, ValueError):
    """A text that is not a positive size."""


def parse_size(text: str | float) -> float:
    """Return the number that a size stands for.

    Args:
        text: A positive number with, if wanted, an exponent, commas between thousands, and a
            suffix K, M, B or G, T, P, E, Z, Y (in either case, but E) or thousand, million,
            billion, trillion.

    Raises:
        SizeError: The text is not a positive, finite size.

    Example:
        >>> [parse_size(text) for text in ("7B", "1.4T", "1e24", "1,000,000", "125m")]
        [7000000000.0, 1400000000000.0, 1e+24, 1000000.0, 125000000.0]
    """
    cleaned = str(text).strip().removeprefix("+")
    match = _SIZE.fullmatch(cleaned)
    suffix = match["suffix"] if match else ""
    # 1E is an exa, but 1e more likely an exponent that was cut off.
    shift = None if suffix == "e" else _SUFFIXES.get(suffix.lower())
    if match is None or shift is None:
        raise SizeError(
            f"{_shortened(text)} is not a size; write a positive number such as 7e9, 7B, 1.4T "
            "or 1,000,000"
        )
    digits = match["digits"].replace(",", "").replace("_", "")
    # One decimal literal, so that 1.1B is the float64 nearest to 1.1e9.
    value = float(f"{digits}e{int(match['power'] or 0) + shift}")
    if not 0.0 < value < math.inf:
        raise SizeError(f"{_shortened(text)} is not a positive, finite size; write one such as 7e9")
    return value


def format_size(value: float, digits: int = 3) -> str:
    """Return a size as people write it, rounded to `digits` significant digits.

    Args:
        value: Any number; K, M, B and T are used up to 1e15, powers of ten beyond.
        digits: Significant digits.

    Example:
        >>> [format_size(value) for value in (7e9, 1.4e12, 5.76e23, 6795600349.0, 950.0)]
        ['7B', '1.4T', '5.76e23', '6.8B', '950']
    """
    rounded = float(f"{value:.{digits - 1}e}")  # before the suffix is chosen: 999,999 is 1M
    if rounded == 0.0 or not math.isfinite(rounded):
        return f"{rounded:g}"
    if 1.0 <= abs(rounded) < 1e15:
        step = min(int(math.log10(abs(rounded)) / 3.0 + 1e-9), 4)
        return f"{rounded / 1000.0**step:.{max(digits, 3)}g}" + ("", "K", "M", "B", "T")[step]
    mantissa, _, power = f"{rounded:.{digits - 1}e}".partition("e")
    if -4 <= int(power) < 0:
        return f"{rounded:.{digits}g}"
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(power)}"


def _shortened(text: str | float) -> str:
    text = str(text)
    return repr(text if len(text) <= 40 else text[:37] + "...")
