import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.monitor.figures import ClockOffset, Process, Quantiles, Rate, quantile


def test_a_rate_is_the_growth_over_its_window():
    rate = Rate(window=2.0)
    assert rate(100, 0.0) == 0.0
    assert rate(150, 1.0) == 50.0
    assert rate(200, 2.0) == 50.0
    for second in range(3, 10):
        assert rate(200, float(second)) == (25.0 if second == 3 else 0.0)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=60), st.floats(0, 1e6))
def test_a_steady_rate_is_told_steadily(steps, pace):
    rate, now = Rate(), 0.0
    rate(0.0, now)
    for step in steps:
        now += step
        assert rate(pace * now, now) == pytest.approx(pace, rel=1e-6, abs=1e-6)


def test_a_rate_forgets_what_is_behind_its_window():
    rate = Rate(window=2.0)
    for i in range(10_000):
        rate(i, i / 100)
    assert len(rate._seen) <= 202


def test_quantiles_of_the_newest_samples():
    quantiles = Quantiles(size=100)
    assert quantiles.read() is None
    quantiles.add([1e9] * 50)
    quantiles.add(list(range(1, 101)))
    assert quantiles.read() == [
        round(float(each), 1) for each in np.percentile(range(1, 101), [50, 99])
    ]


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_is_what_numpy_says(samples, share):
    expected = np.quantile(samples, share)
    assert quantile(sorted(samples), share) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_an_even_exchange_tells_the_offset_exactly():
    clock = ClockOffset()
    assert clock.ms == 0.0
    clock.add(sent=1000, received=6010, answered=6030, heard=1040)
    assert clock.ms == 5000


def test_the_shortest_trip_wins_and_old_ones_are_forgotten():
    clock = ClockOffset(size=3)
    clock.add(0, 100 + 5, 100 + 5, 10)
    clock.add(0, 100 + 90, 100 + 90, 100)
    assert clock.ms == 100
    for _ in range(3):
        clock.add(0, 700 + 50, 700 + 50, 100)
    assert clock.ms == 700


@settings(deadline=None)
@given(
    st.floats(-1e7, 1e7),
    st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300), st.floats(0, 2000)), min_size=1),
)
def test_the_error_is_at_most_half_the_best_trip(offset, trips):
    clock, now = ClockOffset(size=1000), 0.0
    for out, back, held in trips:
        received = now + out + offset
        heard = now + out + held + back
        clock.add(now, received, received + held, heard)
        now = heard
    best = min(out + back for out, back, _ in trips)
    assert abs(clock.ms - offset) <= best / 2 + 1e-3


@pytest.mark.parametrize(
    "exchange",
    [(0, 0, 5000, 10), (0, 1e308, -1e308, 10), (0, -1e308, 1e308, 10)],
    ids=["set forward", "endless", "before it began"],
)
def test_an_exchange_that_cannot_be_is_passed_over(exchange):
    clock = ClockOffset()
    clock.add(0, 105, 105, 10)
    clock.add(*exchange)
    assert clock.ms == 100


def test_whole_milliseconds_of_a_browser_are_no_reason_to_pass_one_over():
    clock = ClockOffset()
    clock.add(sent=0.9, received=101, answered=102, heard=1.3)
    assert clock.ms == pytest.approx(100.4)


def test_the_process_is_read_at_most_once_an_interval():
    process = Process(interval=0.5)
    process.read(0.0)
    process.memory = -1
    process.read(0.4)
    assert process.memory == -1
    process.read(0.5)
    assert process.memory > 10 * 2**20


def test_the_cpu_time_of_the_process_is_told_in_percent_of_a_core(monkeypatch):
    spent = iter([1.0, 1.5, 2.5])
    monkeypatch.setattr("livewidget.monitor.figures.time.process_time", lambda: next(spent))
    process = Process(interval=0.5)
    process.read(10.0)
    assert process.cpu == 0.0  # of before nothing is known
    process.read(12.0)
    assert process.cpu == 50.0
