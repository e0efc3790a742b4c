"""The time that stages work is counted, also while they do."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.engine.meter import Meter, Share


class Ticks:
    def __init__(self):
        self.ns = 0

    def __call__(self):
        return self.ns


def test_work_counts_while_it_is_under_way():
    clock = Ticks()
    meter = Meter(clock)
    with meter:
        clock.ns += 2_000_000_000
        assert meter.seconds == 2.0
        meter.rows += 10
    clock.ns += 5_000_000_000
    assert (meter.seconds, meter.rows) == (2.0, 10)


def test_what_overlaps_counts_once():
    clock = Ticks()
    meter = Meter(clock)
    with meter:
        clock.ns += 10**9
        with meter:
            clock.ns += 10**9
        clock.ns += 10**9
    assert meter.seconds == 3.0


def test_a_state_is_marked_as_often_as_one_likes():
    clock = Ticks()
    meter = Meter(clock)
    for on in (False, True, True, False, False, True):
        meter.mark(on=on)
        clock.ns += 10**9
    assert meter.seconds == 3.0


def test_work_that_raises_ends():
    clock = Ticks()
    meter = Meter(clock)

    def work():
        with meter:
            clock.ns += 10**9
            raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        work()
    clock.ns += 10**9
    assert meter.seconds == 1.0


def test_what_somebody_else_timed_is_added():
    meter = Meter()
    meter.add(0.25, 7)
    assert (meter.seconds, meter.rows) == (0.25, 7)


def test_any_thread_reads_while_one_writes():
    begun, meter = time.perf_counter(), Meter()
    over = threading.Event()

    def write():
        while not over.is_set():
            with meter:
                meter.rows += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = [(meter.seconds, time.perf_counter()) for _ in range(20_000)]
    finally:
        over.set()
        thread.join()
    assert all(0 <= seconds <= at - begun for seconds, at in seen)
    assert 0 < meter.seconds <= time.perf_counter() - begun


def test_work_that_ends_while_it_is_read_counts_once_and_no_longer():
    now = [0]

    def clock():
        if ends and now[0] == 5:  # between the reader's two looks
            ends.pop()()
            now[0] = 100
        return now[0]

    ends = []
    meter = Meter(clock)
    meter.__enter__()
    now[0] = 5
    ends.append(meter.__exit__)
    assert meter.seconds == 5e-9


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 5.0), st.floats(0.0, 1.0)), min_size=1, max_size=30))
def test_shares_are_of_the_time_between_readings(steps):
    share, now, total = Share(), 0.0, 0.0
    share("a", total, now)
    for seconds, part in steps:
        now, total = now + seconds, total + seconds * part
        assert abs(share("a", total, now) - part) < 1e-6
        share.change("b", total, now)


def test_a_total_that_begins_anew_is_no_fall_and_a_value_may_fall():
    share = Share()
    assert share("a", 10.0, 0.0) == 0.0
    assert share("a", 4.0, 1.0) == 0.0
    assert share("a", 6.0, 2.0) == 2.0
    assert share("a", 9.0, 2.0) == 0.0
    share.change("q", 10.0, 0.0)
    assert share.change("q", 4.0, 2.0) == -3.0
