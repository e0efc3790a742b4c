"""Advice says what to change, with its numbers, and keeps silent where all is well."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.buffers.advice import Figures, Lag, Meter, advise
from livewidget.testing import ManualClock

WELL = {
    "rows": 1_000_000,
    "capacity": 1_200_000,
    "high_water": 1_000_000,
    "rate": 10_000.0,
    "window_s": 60.0,
    "memory": 50_000_000,
    "wants": 60_000_000,
    "allowance": 60_000_000,
    "budget": 256_000_000,
    "dropped": {"drop_oldest": 0},
    "lags": {"reader": Lag(100, 0.01)},
    "late": 5,
    "horizon_s": 5.0,
    "compression": 4.0,
    "compressed_rows": 1_000_000,
}
CASES = [
    (
        {"rate": 100_000.0},
        (
            "capacity holds 12 s at today's rate; the window asks for 60 s: "
            "set capacity to 6,000,000 or let it resize"
        ),
    ),
    ({"wants": 90_000_000}, "would use 90 MB and may use 60 MB of a budget of 256 MB"),
    (
        {"dropped": {"block": 7, "thin": 1200, "resize": 0}},
        (
            "1,207 rows were dropped (1,200 by thin, 7 by block); "
            "the fullest was 1,000,000 of 1,200,000"
        ),
    ),
    (
        {"too_late": 15, "latest_s": 11.2},
        "15 of 20 late rows came beyond the horizon of 5 s, by 11.2 s at most: set horizon to 12 s",
    ),
    ({"lags": {"slow": Lag(700_000, 70.0)}}, "'slow' is 700,000 rows (70 s) behind and missed 0"),
    ({"lags": {"slow": Lag(1, 0.0, missed=30)}}, "'slow' is 1 rows (0 s) behind and missed 30"),
    ({"lags": {"slow": Lag(9, 2.0, lapsed=True)}}, "'slow' held the writer up"),
    ({"compression": 1.04}, "1,000,000 rows 1.04 times smaller"),
    ({"store_error": "disk full", "spooled": 4200}, "fails (disk full) while 4,200 rows wait"),
]


def test_nothing_is_said_where_all_is_well_or_nothing_is_known():
    assert advise(Figures(**WELL)) == []
    assert advise(Figures()) == []
    assert advise(Figures(**WELL | {"compression": 1.0, "compressed_rows": 100})) == []


@pytest.mark.parametrize(("change", "said"), CASES, ids=[said[:30] for _, said in CASES])
def test_one_thing_wrong_is_one_sentence(change, said):
    (sentence,) = advise(Figures(**WELL | change))
    assert said in sentence


def test_the_gravest_comes_first():
    said = advise(Figures(**WELL | CASES[0][0] | CASES[8][0]))
    assert [sentence.split()[1] for sentence in said] == ["store", "holds"]


@settings(max_examples=100, deadline=None)
@given(st.floats(1, 1e6), st.floats(1, 1e5), st.integers(1, 10**9))
def test_the_capacity_that_is_advised_is_enough_and_not_wasteful(rate, window, capacity):
    said = advise(Figures(rate=rate, window_s=window, capacity=capacity))
    assert bool(said) == (rate * window > capacity)
    if said:
        advised = int(said[0].split("set capacity to ")[1].split(" ")[0].replace(",", ""))
        assert rate * window <= advised <= max(1.11 * rate * window, rate * window + 1)
        assert advise(Figures(rate=rate, window_s=window, capacity=advised)) == []


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 4), st.integers(0, 1000), st.integers(0, 5000)), max_size=40)
)
def test_the_meter_equals_a_list(events):
    clock = ManualClock()
    meter, came = Meter(clock), []
    for wait, rows, held in events:
        clock.advance(wait)
        meter.add(rows, held)
        came.append((math.floor(clock.monotonic()), rows, held))
        now = clock.monotonic()
        recent = [rows for at, rows, _ in came if at > math.floor(now) - 10]
        span = max(1.0, now - max(0, math.floor(now) - 9))
        assert meter.rate() == pytest.approx(sum(recent) / span)
        assert meter.high_water == max(held for _, _, held in came)
    clock.advance(11)
    assert meter.rate() == 0
    assert not meter._seconds
