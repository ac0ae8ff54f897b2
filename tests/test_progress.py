"""A bar for what takes long, on stderr, with the rate of the units really done."""

import contextlib
import io

import pytest

from scaling_jax import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 120 columns to use as stderr; pytest sets its own between fixture and test."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return Terminal()


@contextlib.contextmanager
def counting(stream, total, **options):
    with contextlib.redirect_stderr(stream):
        with progress.counting("bootstrap", total, unit="lanes", **options) as advance:
            yield advance


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so; returns a one-element list."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_quick_work_shows_nothing(terminal, clock):
    with counting(terminal, 100) as advance:
        clock[0] += 1.9
        advance(100)
    assert terminal.getvalue() == ""


def test_slow_work_shows_what_was_done_and_how_fast(terminal, clock):
    with counting(terminal, 4000) as advance:
        clock[0] += 3.0
        advance(500)
        clock[0] += 1.0
        advance(1500)
    text = terminal.getvalue()
    assert "bootstrap" in text
    assert "2000/4000" in text
    assert "500 lanes/s" in text  # 2000 lanes in 4 seconds


def test_nobody_is_shown_a_bar_without_a_terminal(clock):
    stream = io.StringIO()
    with counting(stream, 100) as advance:
        clock[0] += 60.0
        advance(100)
    assert stream.getvalue() == ""


def test_it_is_shown_from_the_beginning_where_asked_for(terminal, clock):
    with counting(terminal, 10, always=True) as advance:
        clock[0] += 0.1
        advance(1)
    assert "1/10" in terminal.getvalue()


def test_padding_is_never_counted_beyond_the_total(terminal, clock):
    with counting(terminal, 10, always=True) as advance:
        clock[0] += 0.1
        advance(256)
    assert "10/10" in terminal.getvalue()


def test_an_interruption_gives_the_terminal_back(terminal, clock):
    def interrupted():
        with counting(terminal, 10, always=True) as advance:
            advance(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "\x1b[?25h" in terminal.getvalue()  # the cursor is visible again


def test_a_log_gets_a_line_now_and_then_where_asked_for(clock):
    stream = io.StringIO()
    with counting(stream, 4000, always=True) as advance:
        for _ in range(40):
            clock[0] += 1.0
            advance(100)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "bootstrap: 100/4000, 100 lanes/s"
    assert lines[-1] == "bootstrap: 4000/4000, 100 lanes/s"
    assert len(lines) == 5  # after 1, 11, 21, 31 and 40 seconds
