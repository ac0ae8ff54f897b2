"""What is shown of a ladder that is being trained."""

import contextlib
import io

import pytest

from scaling_jax import progress
from scaling_jax.ladder import Ladder
from scaling_jax.ladder.display import Meter, shown
from scaling_jax.ladder.product_rate import product_rate
from scaling_jax.ladder.running import Site
from scaling_jax.ladder.training_loop import Progress

LADDER = Ladder.of(
    {
        "name": "tiny",
        "corpus": {"kind": "stdlib"},
        "recipe": {"depth": 1, "context": 16},
        "training": {"batch_tokens": 64, "learning_rate": 0.01, "tokens": [6400]},
        "rungs": [{"width": 16}, {"width": 32}],
    }
)
SMALL, LARGE = LADDER.groups


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def report(meter, clock, group, step, *, steps=10, seconds=1.0, waited=0.0, loss=2.0):
    """Do some steps in some seconds, after a pause."""
    clock.now += seconds + waited
    flops = steps * group.flops / group.steps
    meter(Progress(group, step, loss, flops, steps * group.batch_tokens, seconds))


def test_speeds_go_by_the_clock_and_utilisation_by_the_time_of_training(clock):
    rate = 4.0 * SMALL.flops / SMALL.steps * 10
    meter = Meter(LADDER.groups, rate=rate, clock=clock)
    clock.now += 500.0  # opening, compiling
    report(meter, clock, SMALL, 10)
    assert meter.tokens_per_second == pytest.approx(640.0)
    assert meter.utilisation == pytest.approx(0.25)
    report(meter, clock, SMALL, 20, waited=2.0)  # an evaluation
    assert meter.tokens_per_second == pytest.approx(1280.0 / 4.0)
    assert meter.utilisation == pytest.approx(0.25)
    left = LADDER.groups[0].flops * 0.8 + LARGE.flops
    assert meter.seconds_left == pytest.approx(left / (SMALL.flops * 0.2 / 4.0))


def test_what_was_long_ago_does_not_count(clock):
    meter = Meter(LADDER.groups, clock=clock)
    report(meter, clock, SMALL, 10, seconds=1.0)
    for step in range(20, 90, 10):
        report(meter, clock, SMALL, step, seconds=20.0)
    assert meter.tokens_per_second == pytest.approx(640.0 / 20.0)


def test_the_share_counts_flops_and_what_ended_before(clock):
    meter = Meter(LADDER.groups, ended=[LARGE], clock=clock)
    total = SMALL.flops + LARGE.flops
    assert meter.share == pytest.approx(LARGE.flops / total)
    assert meter.groups_ended == 1
    report(meter, clock, SMALL, 50)
    assert meter.share == pytest.approx((LARGE.flops + SMALL.flops / 2) / total)
    report(meter, clock, SMALL, SMALL.steps)
    assert (meter.share, meter.groups_ended, meter.seconds_left) == (1.0, 2, 0.0)


def test_a_group_begun_again_is_counted_once(clock):
    """As after a worker of a cluster was lost: it goes on before the step it had reached."""
    meter = Meter(LADDER.groups, clock=clock)
    report(meter, clock, SMALL, 50)
    report(meter, clock, SMALL, 30)
    assert meter.share == pytest.approx(0.3 * SMALL.flops / (SMALL.flops + LARGE.flops))


def test_the_line_says_all_of_it(clock):
    meter = Meter(LADDER.groups, rate=SMALL.flops, clock=clock)
    report(meter, clock, SMALL, SMALL.steps, steps=SMALL.steps, seconds=2.0, loss=2.34567)
    # A token of the larger rung takes 21760 products, one of the smaller 7552.
    assert meter.line == "w16-d1 loss 2.346, 3.2K tokens/s, 50% utilised, 1/2 groups, 6 s left"


def told(stream, monkeypatch, tmp_path):
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with contextlib.redirect_stderr(stream), shown(Site(LADDER, tmp_path, "0" * 64)) as watch:
        for step in range(10, 110, 10):
            now[0] += 4.0
            watch(Progress(SMALL, step, 2.0, SMALL.flops / 10, 640, 4.0))
    return stream.getvalue()


def test_without_a_terminal_a_line_every_ten_seconds(tmp_path, monkeypatch):
    lines = told(io.StringIO(), monkeypatch, tmp_path).splitlines()
    assert len(lines) == 4  # after 4, 16, 28 and 40 seconds
    assert lines[0].startswith("tiny: 3%, w16-d1 loss 2, 160 tokens/s, ")
    assert "% utilised, 0/2 groups, " in lines[0]


def test_on_a_terminal_a_bar(tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    text = told(Terminal(), monkeypatch, tmp_path)
    assert "━" in text
    assert "w16-d1 loss 2, " in text
    assert "26%" in text
    assert "\x1b[?25h" in text  # the cursor is given back


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_product_has_a_speed(dtype):
    assert 1e6 < product_rate(dtype) < 1e17
