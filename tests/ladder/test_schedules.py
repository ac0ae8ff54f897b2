"""Learning rates against closed forms, and phases that train every budget once."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from scaling_jax.errors import LadderError
from scaling_jax.ladder.schedules import KINDS, Phase, Schedule, phases, shares

BUDGETS = st.lists(st.integers(2, 3000), min_size=1, max_size=6)
SCHEDULES = st.builds(
    Schedule, st.sampled_from(KINDS), st.integers(0, 200), st.floats(0.01, 1.0)
)  # fmt: skip


def whole_run(schedule, budgets, steps):
    """The shares of one run from its first step to its last, phase by phase."""
    found, number = [], None
    planned = phases(schedule, budgets)
    (end,) = (k for k, phase in enumerate(planned) if phase.steps == steps)
    number = planned[end].first
    found = [shares(schedule, planned[end])]
    for phase in reversed(planned[:end]):
        if number and phase.is_trunk and phase.last == number:
            found.insert(0, shares(schedule, phase))
            number = phase.first
    assert number == 0
    return np.concatenate(found)


@given(schedule=SCHEDULES, budgets=BUDGETS)
def test_phases_cover_every_budget_once(schedule, budgets):
    planned = phases(schedule, budgets)
    assert [phase.steps for phase in planned if not phase.is_trunk] == sorted(set(budgets))
    trunk = 0  # where it has come to
    for phase in planned:
        assert phase.first < phase.last
        assert phase.fresh == (phase.first == 0)
        assert phase.first in (0, trunk)
        if phase.is_trunk:
            assert phase.first == trunk
            trunk = phase.last
        else:
            assert phase.last == phase.steps
    for steps in budgets:
        assert len(whole_run(schedule, budgets, steps)) == steps


@given(schedule=SCHEDULES, budgets=BUDGETS, steps=st.integers(2, 3000))
def test_a_run_has_the_rates_that_it_would_have_alone(schedule, budgets, steps):
    beside = whole_run(schedule, [*budgets, steps], steps)
    np.testing.assert_array_equal(beside, whole_run(schedule, [steps], steps))
    assert np.all((beside > 0.0) & (beside <= 1.0))


@pytest.mark.parametrize("steps", [10, 100, 1000])
@pytest.mark.parametrize("share", [0.1, 0.2, 1.0])
def test_the_area_below_a_decay(steps, share):
    """The line falls from 1 to 1/n in n steps: its sum is (n + 1) / 2."""
    rates = whole_run(Schedule("wsd", 0, share), [steps], steps)
    decay = max(1, round(share * steps))
    assert rates.sum() == pytest.approx(steps - decay + (decay + 1) / 2)
    assert rates[-1] == pytest.approx(1 / decay)


@pytest.mark.parametrize("warmup", [1, 7, 40])
@pytest.mark.parametrize("kind", ["wsd", "constant"])
def test_the_area_below_a_warm_up(kind, warmup):
    """The line rises from 1/n to 1 in n steps, and the trunk is flat behind it."""
    (trunk, _) = phases(Schedule(kind, warmup, 0.2), [1000])
    rates = shares(Schedule(kind, warmup, 0.2), trunk)
    assert rates.sum() == pytest.approx(len(rates) - warmup + (warmup + 1) / 2)
    assert rates[warmup - 1] == 1.0


def test_a_cosine_in_closed_form():
    """Half a turn: the middle in the middle, and symmetric about it."""
    schedule, steps = Schedule("cosine", 100), 1100
    rates = whole_run(schedule, [steps], steps)
    assert rates[99] == 1.0
    np.testing.assert_allclose(rates[:100], np.arange(1, 101) / 100)
    assert rates[-1] == pytest.approx(0.1)
    assert rates[100 + 499] == pytest.approx(0.55)  # half way
    # Symmetric about the middle: r(k) + r(n - k) = 1.1.
    tail = rates[100:]
    np.testing.assert_allclose(tail[:-1] + tail[:-1][::-1], 1.1)


def test_a_short_cosine_warms_up_over_a_quarter():
    rates = whole_run(Schedule("cosine", 100), [40], 40)
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    assert rates[-1] == pytest.approx(0.1)


def test_trunk_and_decays_cost_less_than_one_by_one():
    """Budgets that double: trunk 1.6 times the largest less, decays a fifth of each."""
    budgets = [100, 200, 400, 800]
    planned = phases(Schedule("wsd", 10, 0.2), budgets)
    assert sum(phase.last - phase.first for phase in planned) == 640 + sum(budgets) // 5
    assert planned[0] == Phase(0, 80, 0, fresh=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("wds",), "schedule 'wds' is unknown; did you mean wsd"),
        (("wsd", -1), "warmup_steps -1"),
        (("wsd", 10, 0.0), "decay_share 0.0 must be 0 or more, and within"),
        (("wsd", 10, 1.5), "decay_share 1.5"),
    ],
)
def test_what_makes_no_schedule_is_said(arguments, message):
    with pytest.raises(LadderError, match=message):
        Schedule(*arguments)
