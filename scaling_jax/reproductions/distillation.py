"""The law of distillation at points, and where training on labels overtakes it."""

from collections.abc import Iterator

import numpy as np

from scaling_jax.laws import get
from scaling_jax.protocols import distillation as choices
from scaling_jax.reproductions.record import Check, reproduction

_STUDENTS = (1.5e8, 3e8, 1e9)  # weaker than the teacher by far, so that its size does not matter


@reproduction(of="distillation_scaling")
def distillation_points() -> Iterator[Check]:
    """Evaluate a student of 1B parameters and 20B tokens under five teachers."""
    labels = float(choices.supervised_loss(1e9, 2e10))
    yield Check("loss on labels", 2.375, labels, 5e-4, source="computed")
    law = get("distillation_scaling").published("busbridge")
    teachers = (1.8, 2.0, 2.2, 2.4, 2.6)
    printed = (2.255, 2.277, 2.317, 2.421, 2.601)
    for teacher, published in zip(teachers, printed, strict=True):
        at = dict(params=1e9, tokens=2e10, teacher_loss=teacher, supervised_loss=labels)
        loss = float(law(**at))
        yield Check(f"L_S, L_T = {teacher:g}", published, loss, 6e-4, source="computed")


@reproduction(of="distillation_scaling")
def distillation_crossover() -> Iterator[Check]:
    """Find the tokens at which training on labels overtakes an existing teacher's students."""
    text = "stated in the text"
    found = [choices.crossover_tokens(params, 2.0) for params in _STUDENTS]
    small = [
        float(choices.student_loss(n, 1e10, 2.0) < choices.supervised_loss(n, 1e10))
        for n in _STUDENTS
    ]
    large = [
        float(choices.student_loss(n, 10 * t, 2.0) > choices.supervised_loss(n, 10 * t))
        for n, t in zip(_STUDENTS, found, strict=True)
    ]
    yield Check("students for which distillation wins at 1e10 tokens", 3.0, sum(small), 0.5,
                source=text)  # fmt: skip
    yield Check("students for which labels win beyond the crossover", 3.0, sum(large), 0.5,
                source=text)  # fmt: skip
    rising = float(np.all(np.diff(found) > 0.0))
    yield Check("the crossover grows with the student (1: yes)", 1.0, rising, 0.5, source=text)


@reproduction(of="distillation_scaling")
def distillation_capacity_gap() -> Iterator[Check]:
    """Look for a best teacher: a stronger one than that hurts the student."""
    d1 = get("distillation_scaling").published("busbridge").params["d1"]
    teachers = np.linspace(1.3, 3.5, 2201)
    student = choices.student_loss(3e8, 2e10, teachers)
    best = int(np.argmin(student))
    worse = float(student[0] > student[best] and 0 < best < len(teachers) - 1)
    yield Check("a stronger teacher than the best one hurts (1: yes)", 1.0, worse, 0.5)
    # Beyond the gap the student is as good as its teacher: its excess has gone.
    beyond = 1.4 * d1 * float(choices.supervised_loss(3e8, 2e10))
    excess = float(choices.student_loss(3e8, 2e10, beyond)) - beyond
    yield Check("excess over a teacher far beyond the gap", 0.0, excess, 1e-6)
