"""Pruning a perceptron's data: equations as printed, simulations, limits and derivatives."""

from typing import Any

import jax
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erfc
from scipy.stats import norm

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.data_pruning import pareto_error, perceptron_error

# One shape of arguments for all tests: the solver is compiled once.
POINTS = [(2.0, 0.5), (1.0, 0.2), (3.0, 0.3), (1.0, 1.0), (2.0, 1.0), (16.0, 1.0), (32.0, 1.0),
          (1e-3, 1.0), (1e3, 1.0), (4.0, 0.5), (0.5, 0.5), (0.5, 1.0), (4.0, 1.0)]  # fmt: skip


@pytest.fixture(scope="module")
def errors():
    """Return the error of hard and of easy examples at every point."""
    ap, f = np.array(POINTS).T
    with jax.enable_x64(True):
        found = {
            keep: np.asarray(perceptron_error(ap, f, keep=keep))
            for keep in ("hard", "easy")
        }  # fmt: skip
    return {keep: dict(zip(POINTS, x, strict=True)) for keep, x in found.items()}


def printed_residuals(overlap, ap, f):
    """Return what is left of the first printed equation where the second one gives the margin."""
    s = np.sqrt(1 - overlap**2)
    g = -norm.ppf((1 - f) / 2)

    def gaussian(t):
        return np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)

    def h(x):
        return erfc(x / np.sqrt(2)) / 2

    def second(kappa):
        integral = quad(
            lambda t: gaussian(t) * (h(-overlap * t / s) - h(-(overlap * t - g) / s))
            * (kappa - t) ** 2, -12, kappa, limit=200, points=[0.0] if kappa > 0 else None,
        )[0]  # fmt: skip
        return 1 - overlap**2 - 2 * ap / f * integral

    kappa: Any = brentq(second, -1.0, 8.0)
    integral = quad(
        lambda t: gaussian(t) * np.exp(-(overlap**2) * t**2 / (2 * s**2))
        * (1 - np.exp(-g * (g - 2 * overlap * t) / (2 * s**2))) * (kappa - t),
        -12, kappa, limit=200, points=[0.0] if kappa > 0 else None,
    )[0]  # fmt: skip
    return overlap - 2 * ap / (f * np.sqrt(2 * np.pi) * s) * integral


@pytest.mark.parametrize("point", POINTS[:3])
def test_solves_the_equations_as_printed(point, errors):
    """The integrals that we did on paper, done by quadrature."""
    overlap = np.cos(np.pi * errors["hard"][point])
    assert abs(printed_residuals(overlap, *point)) < 1e-6
    assert abs(printed_residuals(overlap - 1e-3, *point)) > 1e-5


def max_margin(examples):
    """Return the direction with the largest margin: coordinate ascent in the dual."""
    gram = examples @ examples.T
    weights, fields = np.zeros(len(gram)), np.zeros(len(gram))
    for _ in range(400):
        for i in range(len(gram)):
            step = max(-weights[i], (1.0 - fields[i]) / gram[i, i])
            if step:
                weights[i] += step
                fields += step * gram[i]
    return weights @ examples


def test_agrees_with_a_simulation(errors):
    dimensions, ap, f = 100, 2.0, 0.5
    overlaps = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        teacher = rng.standard_normal(dimensions)
        teacher /= np.linalg.norm(teacher)
        pool = rng.standard_normal((round(ap / f * dimensions), dimensions))
        fields = pool @ teacher
        kept = np.argsort(np.abs(fields))[: round(ap * dimensions)]
        student = max_margin(pool[kept] * np.sign(fields[kept])[:, None])
        overlaps.append(student @ teacher / np.linalg.norm(student))
    expected = np.cos(np.pi * errors["hard"][ap, f])
    assert np.mean(overlaps) == pytest.approx(expected, abs=0.015)


def test_without_pruning_both_kinds_are_all(errors):
    for point in POINTS:
        if point[1] == 1.0:
            assert errors["hard"][point] == pytest.approx(errors["easy"][point], rel=1e-9)


def test_limits_of_few_and_of_many_examples(errors):
    hard = errors["hard"]
    # One example gives the overlap sqrt(2/pi) * sqrt(ap); many leave half an error an example.
    few = np.sqrt(2 / np.pi * 1e-3)
    assert np.cos(np.pi * hard[1e-3, 1.0]) == pytest.approx(few, rel=2e-3)
    assert 1e3 * hard[1e3, 1.0] == pytest.approx(0.5, abs=1e-3)
    slope = np.log2(hard[32.0, 1.0] / hard[16.0, 1.0])
    assert slope == pytest.approx(-1.0, abs=0.01)


def test_keep_easy_examples_of_few_and_hard_ones_of_many(errors):
    hard, easy = errors["hard"], errors["easy"]
    assert easy[0.5, 0.5] < hard[0.5, 1.0] < hard[0.5, 0.5]
    assert hard[4.0, 0.5] < easy[4.0, 0.5] < hard[4.0, 1.0]


def test_beyond_its_capacity_the_front_has_no_end():
    """At two examples a dimension the front leaves any exponential: smaller f is ever better."""
    fractions = np.array([1e-4, 1e-3, 1e-2, 0.1, 0.5, 1.0])
    with jax.enable_x64(True):
        error, kept = pareto_error(np.array([1.0, 1.8, 2.5]), fractions)
    assert list(np.asarray(kept)) == [1.0, 0.5, 1e-4]
    assert float(error[2]) < 3e-5


def test_derivatives_are_differences():
    step = 1e-5
    ap = np.array([2.0, 2.0 + step, 2.0 - step, 2.0, 2.0])
    f = np.array([0.5, 0.5, 0.5, 0.5 + step, 0.5 - step])
    with jax.enable_x64(True):
        ones = np.ones(5), np.zeros(5)
        value, by_ap = jax.jvp(perceptron_error, (ap, f), ones)
        _, by_f = jax.jvp(perceptron_error, (ap, f), ones[::-1])
    value = np.asarray(value)
    differences = (value[1] - value[2]) / (2 * step), (value[3] - value[4]) / (2 * step)
    np.testing.assert_allclose((by_ap[0], by_f[0]), differences, rtol=1e-6)


def test_refuses_what_is_no_fraction():
    with pytest.raises(ProtocolError, match=r"kept is within \(0, 1\], not 1.5"):
        perceptron_error(2.0, 1.5)
    with pytest.raises(ProtocolError, match="examples_per_param is a positive number, not 0"):
        perceptron_error(0.0)
    with pytest.raises(ProtocolError, match="keep the 'hard' or the 'easy' examples, not 'some'"):
        perceptron_error(2.0, 0.5, keep="some")
