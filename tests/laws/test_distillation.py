"""What is particular to the law of distillation."""

import numpy as np
import pytest

import scaling_jax as sj

pytestmark = pytest.mark.usefixtures("float64")


@pytest.fixture
def law():
    return sj.laws.get("distillation_scaling").published("busbridge")


def test_a_weak_teachers_student_is_as_good_as_it(law):
    point = dict(params=1e10, tokens=5e11, supervised_loss=1.9, teacher_loss=3.2)
    assert float(law(**point)) == pytest.approx(3.2, abs=1e-9)


def test_far_from_the_gap_the_teacher_only_scales_the_excess(law):
    """At teachers far better than the student the bracket is one."""
    theta = law.params
    point = dict(params=1.4e8, tokens=2e9, supervised_loss=3.2, teacher_loss=1.8)
    powers = theta["A"] * 1.4e8 ** -theta["alpha"] + theta["B"] * 2e9 ** -theta["beta"]
    expected = 1.8 + 1.8 ** -theta["c0"] * powers ** theta["gamma"]
    assert float(law(**point)) == pytest.approx(expected, rel=5e-3)


def test_infinite_students_reach_their_teacher(law):
    point = dict(params=np.inf, tokens=np.inf, supervised_loss=1.9, teacher_loss=2.0)
    assert float(law.law(law.params, point)) == 2.0
