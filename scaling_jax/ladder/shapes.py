"""The shape of a recipe nearest to a size, among those that a ladder's rungs are like."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scaling_jax.ladder.ladder import make_recipe
from scaling_jax.ladder.model import Trainable

# What makes a recipe of each kind larger, first what does so in the finest steps.
SHAPES = {"transformer": ("width", "depth"), "perceptron": ("width",), "linear": ("features",)}
# A factor in the aspect ratio weighs as much as its fourth root in the parameters: the proposed
# number is what was asked for, the ratio only what a model of that size should look like.
_ASPECT_WEIGHT = 0.25
_MULTIPLE = 8  # of hidden widths, as `Recipe` chooses them


class Shapes:
    """The shapes that a ladder's rungs suggest at any size.

    Args:
        rungs: Options of the recipe of every rung, all of one kind.
        corpus: Options of the corpus, which fixes some of a recipe's.
        wanted: What sizes are counted in: ``params`` or ``params_no_embed``.
    """

    def __init__(
        self, rungs: Sequence[Mapping[str, Any]], corpus: Mapping[str, Any], *, wanted: str
    ):
        self._corpus, self._wanted, self._rungs = corpus, wanted, list(rungs)
        self._sizes = [self._size(rung) for rung in rungs]
        self._known = self._aspects()

    def nearest_rung(self, target: float) -> int:
        """Return the position of the rung whose size is nearest, as a ratio."""
        return int(np.argmin(np.abs(np.log(self._sizes) - math.log(target))))

    def nearest(self, target: float) -> dict[str, Any]:
        """Return the options of the recipe nearest to a size.

        All that is not shape is that of the nearest rung; a hidden width that it gives is scaled
        with the width.
        """
        rung = self._rungs[self.nearest_rung(target)]
        grows, *layers = _shape_of(rung)
        if not layers:
            candidates = self._around(rung, grows, target)
            return min(candidates, key=lambda options: self._distance(options, target))
        best, found = math.inf, dict(rung)
        for depth in itertools.count(1):
            candidates = self._around({**rung, "depth": depth}, grows, target)
            for options in candidates:
                distance = self._distance(options, target) + self._oddness(options, target)
                if distance < best:
                    best, found = distance, options
            # Deeper and narrower still is only odder.
            narrow = max(candidates, key=lambda options: options["width"])
            if _aspect(narrow) < self._aspect_at(target) and self._oddness(narrow, target) > best:
                return found
        raise AssertionError("unreachable")

    def _around(self, rung: Mapping[str, Any], grows: str, target: float) -> list[dict[str, Any]]:
        """Return the largest recipe that is not above the size, and the next one."""
        step = getattr(make_recipe(rung, self._corpus), "head_dim", 1)

        def sized(count: int) -> dict[str, Any]:
            options = {**rung, grows: count * step}
            if rung.get("hidden"):
                hidden = rung["hidden"] * count * step / rung["width"] / _MULTIPLE
                exact = rung["width"] == count * step
                options["hidden"] = rung["hidden"] if exact else max(1, round(hidden)) * _MULTIPLE
            return options

        low, high = 0, 1
        while self._size(sized(high)) <= target:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            fits = self._size(sized(middle)) <= target
            low, high = (middle, high) if fits else (low, middle)
        return [sized(count) for count in (low, high) if count]

    def _size(self, options: Mapping[str, Any]) -> int:
        return size_of(make_recipe(options, self._corpus), self._wanted)

    def _distance(self, options: Mapping[str, Any], target: float) -> float:
        return abs(math.log(self._size(options) / target))

    def _oddness(self, options: Mapping[str, Any], target: float) -> float:
        return _ASPECT_WEIGHT * abs(math.log(_aspect(options) / self._aspect_at(target)))

    def _aspects(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the logarithms of sizes, rising, and of the mean aspect ratio at each."""
        found: dict[int, list[float]] = {}
        for size, rung in zip(self._sizes, self._rungs, strict=True):
            if "depth" in _shape_of(rung):
                found.setdefault(size, []).append(math.log(_aspect(rung)))
        sizes = sorted(found)
        return np.log(sizes), np.array([np.mean(found[size]) for size in sizes])

    def _aspect_at(self, target: float) -> float:
        """Return width over depth at a size: between rungs and beyond them on straight lines."""
        sizes, aspects = self._known
        at = math.log(target)
        if len(sizes) == 1:
            return math.exp(aspects[0])
        k = int(np.clip(np.searchsorted(sizes, at), 1, len(sizes) - 1))
        slope = (aspects[k] - aspects[k - 1]) / (sizes[k] - sizes[k - 1])
        return math.exp(aspects[k - 1] + slope * (at - sizes[k - 1]))


def size_of(recipe: Trainable, wanted: str) -> int:
    """Return the parameters of a recipe: ``params`` for all, or ``params_no_embed``."""
    return recipe.params_total if wanted == "params" else recipe.params_no_embed


def _shape_of(options: Mapping[str, Any]) -> tuple[str, ...]:
    return SHAPES[options.get("kind", "transformer")]


def _aspect(options: Mapping[str, Any]) -> float:
    return options["width"] / options["depth"]
