"""Words and numbers for people: axis labels with units, sizes such as 7B, powers of ten."""

import numpy as np

from scaling_jax.laws import Law, Variable
from scaling_jax.runs.columns import CANONICAL
from scaling_jax.runs.sizes import format_size

_WORDS = {"loss": "loss", "tokens": "training data", "params": "model size"}
_UNITLESS = ("", "1", "count")


def variable(law: Law, column: str) -> Variable:
    """Return what the law, or else the list of canonical columns, says of a column."""
    for found in (*law.inputs, law.output):
        if found.column == column:
            return found
    return Variable(column)


def words(column: str) -> str:
    """Return the name of a column in plain words.

    Example:
        >>> words("params"), words("learning_rate"), words("my_column")
        ('model size', 'peak learning rate', 'my column')
    """
    known = CANONICAL.get(column)
    if column in _WORDS:
        return _WORDS[column]
    if known is None or not known.meaning:
        return column.replace("_", " ")
    return known.meaning.split(",")[0]


def axis_label(law: Law, column: str) -> str:
    """Return a label with the symbol of the formula and the unit, safe to draw.

    Example:
        >>> import scaling_jax as sj
        >>> law = sj.laws.get("chinchilla")
        >>> axis_label(law, "params"), axis_label(law, "loss")
        ('model size N (parameters)', 'loss L (nats per token)')
    """
    found = variable(law, column)
    symbol = f" {found.symbol}" if found.symbol and found.symbol != column else ""
    return drawable(f"{words(column)}{symbol}{in_brackets(found.unit)}")


def in_brackets(unit: str) -> str:
    """Return a unit to put behind a label; nothing for a number without one."""
    return "" if unit in _UNITLESS else f" ({unit})"


def drawable(text: str, most: int = 90) -> str:
    """Return text that matplotlib draws as it is: dollar signs would start a formula."""
    text = text if len(text) <= most else text[: most - 1] + "…"
    return text.replace("\\", "/").replace("$", r"\$")


def number(value: float) -> str:
    r"""Return a number for a tick or a legend: ``7B``, ``$10^{21}$``, ``2.5``.

    Example:
        >>> number(7e9), number(1e21), number(3e21), number(2.5), number(0.002)
        ('7B', '$10^{21}$', '$3\\times10^{21}$', '2.5', '0.002')
    """
    if value == 0.0 or not np.isfinite(value):
        return f"{value:g}"
    if 1e3 <= abs(value) < 1e15:
        return format_size(value)
    if 1e-4 <= abs(value) < 1e3:
        return f"{value:.4g}"
    mantissa, power = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    front = "" if mantissa == "1" else rf"{mantissa}\times"
    return f"${front}10^{{{int(power)}}}$"
