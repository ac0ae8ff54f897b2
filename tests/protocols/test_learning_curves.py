"""How much faster one learning curve is than another."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.protocols.learning_curves import acceleration_ratio, relative_changes


def test_two_power_laws_with_the_same_exponent_differ_by_the_ratio_of_their_scales():
    steps = np.arange(1.0, 8001.0)
    law = sj.laws.get("optimal_learning")
    slow, fast = (
        np.asarray(law(dict(L0=1.0, B=B, beta=0.5), dict(step=steps))) for B in (400.0, 160.0)
    )
    assert acceleration_ratio(steps, slow, fast) == pytest.approx(400.0 / 160.0, rel=1e-3)


def test_equal_curves_have_the_ratio_one():
    loss = [3.0, 2.0, 1.5]
    assert acceleration_ratio([1, 2, 3], loss, loss) == 1.0


def test_a_curve_that_never_gets_there_is_refused():
    with pytest.raises(FitError, match=r"ends at 1\.6 and never reaches the last loss"):
        acceleration_ratio([1, 2, 3], [3.0, 2.0, 1.5], [3.0, 2.0, 1.6])


def test_changes_are_relative_to_the_first_policy():
    assert relative_changes(dict(beta=-0.5), dict(beta=-0.6)) == pytest.approx(dict(beta=0.2))
