import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_jax.ladder.corpora.windows import Windows, batches, order

contexts = st.integers(1, 9)
lengths = st.integers(2, 400)


def steps(windows, **options):
    return list(batches(windows, **options))


@given(context=contexts, length=lengths)
def test_windows_predict_every_token_once_and_share_one(context, length):
    windows = Windows(np.arange(length), context)
    taken = windows.take(np.arange(len(windows)))
    assert taken.shape == (len(windows), context + 1)
    assert taken[:, 1:].ravel().tolist() == list(range(1, len(windows) * context + 1))
    assert (taken[1:, 0] == taken[:-1, -1]).all()
    assert 0 <= length - 1 - len(windows) * context < context  # too few left for another one


@given(windows=st.integers(1, 60), seed=st.integers(0, 2**64 - 1), epoch=st.integers(0, 5))
def test_an_epoch_takes_every_window_once(windows, seed, epoch):
    assert sorted(order(windows, seed, epoch).tolist()) == list(range(windows))


@given(
    count=st.integers(1, 40),
    batch=st.integers(1, 50),
    seed=st.integers(0, 9),
    epochs=st.integers(1, 3),
)
def test_batches_are_the_orders_of_the_epochs_one_behind_the_other(count, batch, seed, epochs):
    windows = Windows(np.arange(count + 1), 1)
    last = epochs * count // batch
    seen = [window[0] for block in steps(windows, seed=seed, batch=batch, first=0, last=last)
            for window in block.tolist()]  # fmt: skip
    orders = np.concatenate([order(count, seed, epoch) for epoch in range(epochs)])
    assert seen == orders[: last * batch].tolist()


@pytest.mark.parametrize(("first", "last"), [(0, 1), (5, 9), (63, 65), (100, 170), (7, 7), (9, 3)])
def test_any_step_is_found_without_the_ones_before(first, last):
    windows = Windows(np.arange(1000, dtype=np.uint16), 7)
    whole = steps(windows, seed=3, batch=5, first=0, last=170)
    part = steps(windows, seed=3, batch=5, first=first, last=last)
    assert len(part) == max(0, last - first)
    np.testing.assert_array_equal(np.array(part), np.array(whole[first:last]).reshape(-1, 5, 8)
                                  if part else np.array(part))  # fmt: skip


def test_windows_come_as_int32_from_a_stream_of_small_integers():
    (batch,) = batches(Windows(np.arange(9, dtype=np.uint8), 2), seed=0, batch=4, first=0, last=1)
    assert batch.dtype == np.int32
    assert batch.shape == (4, 3)


def test_the_order_is_the_one_that_runs_were_trained_on():
    # Frozen: another order would make a run that is resumed see some windows twice.
    assert order(8, seed=0, epoch=0).tolist() == [5, 6, 4, 2, 3, 0, 1, 7]
    assert order(8, seed=1, epoch=0).tolist() == [1, 3, 0, 7, 5, 4, 2, 6]
    assert order(8, seed=0, epoch=1).tolist() == [3, 5, 6, 4, 0, 7, 1, 2]


def test_orders_of_neighbouring_seeds_and_epochs_are_unrelated():
    orders = [order(5000, seed, epoch) for seed in range(3) for epoch in range(3)]
    correlations = np.corrcoef(orders)[~np.eye(9, dtype=bool)]
    assert np.abs(correlations).max() < 0.06  # four standard errors


def test_places_in_an_order_are_uniform():
    # Mean place of one window over many seeds: uniform has standard error 100/sqrt(12 * 2000).
    places = [int(np.flatnonzero(order(100, seed, 0) == 17)[0]) for seed in range(2000)]
    assert abs(np.mean(places) - 49.5) < 4 * 100 / np.sqrt(12 * 2000)


def test_validation_windows_are_spread_evenly():
    windows = Windows(np.arange(1001), 10)
    assert windows.spread(4)[:, 0].tolist() == [0, 250, 500, 750]
    assert windows.spread(1000)[:, 0].tolist() == list(range(0, 1000, 10))


def test_a_run_that_stops_early_leaves_no_thread_behind():
    before = set(threading.enumerate())
    running = batches(Windows(np.arange(1001), 10), seed=0, batch=4, first=0, last=10**9)
    next(running)
    running.close()  # type: ignore[attr-defined]
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_an_error_while_reading_ahead_reaches_the_caller():
    class Broken(Windows):
        def take(self, windows):
            if windows.size > 1:
                raise OSError("the disk is gone")
            return super().take(windows)

    with pytest.raises(OSError, match="the disk is gone"):
        steps(Broken(np.arange(99), 3), seed=0, batch=4, first=0, last=9)
