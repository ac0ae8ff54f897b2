"""Classes that extend matplotlib's. Imported only where something is drawn: it is slow to load."""

import io
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import Locator, MaxNLocator

_SCREEN_DPI, _PRINT_DPI = 110, 220
# From sparse to dense: multiples of a power of ten that get a tick.
_MULTIPLES = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))


class Picture(Figure):
    """A figure that a notebook shows by itself, though pyplot does not know of it."""

    def savefig(self, fname: Any, *args: Any, **kwargs: Any) -> None:
        """Save the figure; pixels are fine enough to print unless `dpi` says otherwise."""
        kwargs.setdefault("dpi", _PRINT_DPI)
        super().savefig(fname, *args, **kwargs)

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=_SCREEN_DPI)
        return stream.getvalue()


class LogTicks(Locator):
    """Ticks at round numbers of a logarithmic axis, also where it covers less than a decade."""

    def __init__(self, most: int = 7) -> None:
        self.most = most

    def __call__(self) -> np.ndarray:  # noqa: D102
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> np.ndarray:
        """Return the positions of the ticks between two positive numbers."""
        low, high = sorted((vmin, vmax))
        if not (0.0 < low < high < np.inf):
            return np.array([])
        first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
        chosen = np.array([])
        strides = [(stride, (1,)) for stride in (20, 10, 5, 4, 3, 2)]
        for stride, multiples in (*strides, *((1, m) for m in _MULTIPLES)):
            powers = np.arange(first - first % stride, last + 1, stride)
            ticks = np.asarray(10.0 ** powers[:, None] * np.array(multiples)).ravel()
            ticks = ticks[(ticks >= low * (1 - 1e-9)) & (ticks <= high * (1 + 1e-9))]
            if len(chosen) < len(ticks) <= self.most:
                chosen = ticks
        if len(chosen) >= 4:
            return chosen
        steps = MaxNLocator(self.most + 1, steps=[1, 2, 2.5, 5, 10])
        even = np.asarray(steps.tick_values(low, high))
        even = even[(even >= low) & (even <= high)]
        # Over several decades even steps would crowd at one end.
        return even if len(even) > len(chosen) and high < 5.0 * low else chosen
