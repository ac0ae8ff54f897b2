"""Pruning a perceptron's data: theory beside simulations, and the power law without pruning."""

from collections.abc import Iterator

import jax
import numpy as np

from scaling_jax.protocols.data_pruning import perceptron_error
from scaling_jax.reproductions.record import Check, reproduction

_SOURCE = "the self-consistent equations solved; simulations of 150 dimensions agree"
# (examples kept a dimension, fraction kept): overlap of student and teacher
_OVERLAPS = {(2, 0.5): 0.9100, (2, 0.2): 0.9538, (3, 0.3): 0.98712, (1, 0.2): 0.2558}
_SIMULATED = {
    (2, 0.5): (0.9124, 0.0073),
    (2, 0.2): (0.9555, 0.0066),
    (3, 0.3): (0.9875, 0.0008),
    (1, 0.2): (0.2530, 0.0073),
}
_ERRORS = {1: 0.26571, 2: 0.18848, 4: 0.11366}
_TAIL = {8: 0.4872, 16: 0.4970, 32: 0.4996}


@reproduction(of="data_pruning_perceptron")
def perceptron_overlaps_and_errors() -> Iterator[Check]:
    """Overlaps with pruning, errors without, and the exponent of the error without pruning."""
    points = [*_OVERLAPS, *((ap, 1.0) for ap in (*_ERRORS, *_TAIL))]
    with jax.enable_x64(True):
        error = np.asarray(perceptron_error(*np.array(points, float).T))
    ours = dict(zip(points, error, strict=True))
    for (ap, f), overlap in _OVERLAPS.items():
        found, case = float(np.cos(np.pi * ours[ap, f])), f"R at ap = {ap}, f = {f}"
        digit = 5e-6 if ap == 3 else 5e-5
        yield Check(case, overlap, found, digit, source=_SOURCE)
        mean, spread = _SIMULATED[ap, f]
        yield Check(f"{case}, simulated", mean, found, spread, source="simulation, 6 seeds")
    for ap, value in _ERRORS.items():
        yield Check(
            f"error at ap = {ap}, all kept", value, float(ours[ap, 1.0]), 5e-6, source=_SOURCE
        )
    for ap, value in _TAIL.items():
        scaled = ap * float(ours[ap, 1.0])
        yield Check(f"ap * error at ap = {ap}, all kept", value, scaled, 5e-5, source=_SOURCE)
    exponent = float(np.log2(ours[32, 1.0] / ours[16, 1.0]))
    yield Check("exponent without pruning", -1.0, exponent, 0.01, source="power law, about -1")
