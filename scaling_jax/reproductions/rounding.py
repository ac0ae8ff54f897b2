"""How many digits of a check are shown: as many as its tolerance resolves.

Fits end in the same place to six digits or more, not to sixteen, on every machine; what is shown
should not change from one to the next.
"""

import math

from scaling_jax.reproductions.record import Check

_FEWEST, _MOST = 2, 6  # significant digits


def published_text(check: Check) -> str:
    """Return the published number as printed.

    Example:
        >>> published_text(Check("A", published=406.4, ours=0.0, tolerance=1.0))
        '406.4'
    """
    return f"{check.published:.10g}"


def ours_text(check: Check) -> str:
    """Return our number with one digit more than the tolerance resolves.

    Example:
        >>> ours_text(Check("alpha", published=0.34, ours=0.347812, tolerance=0.005))
        '0.3478'
    """
    if not math.isfinite(check.ours):
        return str(check.ours)
    return f"{check.ours:.{_digits(check)}g}"


def difference_text(check: Check) -> str:
    """Return the difference of the two numbers as shown, with two digits.

    Example:
        >>> difference_text(Check("alpha", published=0.34, ours=0.347812, tolerance=0.005))
        '+0.0078'
    """
    if not math.isfinite(check.ours):
        return ""
    difference = float(ours_text(check)) - check.published
    if abs(difference) < 1e-12 * max(abs(check.published), 1e-300):
        return "0"
    return f"{difference:+.2g}"


def _digits(check: Check) -> int:
    """Return the significant digits that reach one place below the tolerance."""
    tolerance = check.tolerance * (abs(check.published) if check.relative else 1.0)
    if tolerance <= 0.0 or check.ours == 0.0:
        return _MOST
    places = math.floor(math.log10(abs(check.ours))) - math.floor(math.log10(tolerance))
    return min(max(places + 2, _FEWEST), _MOST)
