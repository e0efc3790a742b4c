import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.data.events import State
from livewidget.resilience.health import ConnectionHealth, quality

FIGURES = {
    "round_trip_s": st.floats(0, 100),
    "jitter_s": st.floats(0, 100),
    "reconnects": st.integers(0, 1000),
    "silence": st.floats(0, 100),
    "loss": st.floats(0, 1),
    "uptime": st.floats(0, 1),
}
BEST = {"live": True, "uptime": 1.0} | dict.fromkeys(
    ["loss", "round_trip_s", "jitter_s", "reconnects", "silence"], 0.0
)


@given(st.fixed_dictionaries(FIGURES), st.sampled_from(sorted(FIGURES)), st.data())
def test_what_is_worse_is_never_scored_better(figures, name, data):
    other = data.draw(FIGURES[name])
    worse, better = sorted([figures[name], other], reverse=name != "uptime")
    low = quality(live=True, **figures | {name: worse})
    high = quality(live=True, **figures | {name: better})
    assert 0.0 <= low <= high <= 1.0
    assert quality(live=False, **figures) == 0.0


@pytest.mark.parametrize(
    ("figure", "half"),
    [("round_trip_s", 1.0), ("jitter_s", 0.25), ("reconnects", 6), ("silence", 1.0)],
)
def test_each_figure_halves_the_score_where_it_is_said_to(figure, half):
    assert quality(**BEST) == 1.0
    assert quality(**BEST | {figure: half}) == pytest.approx(0.5)


def test_uptime_is_the_part_of_the_time_that_it_stood():
    health = ConnectionHealth()
    assert health.read(0.0).reason == "not connected yet"
    health.begin(0.0)
    health.connected(2.0)
    health.lost(8.0, "it broke off")
    health.lost(9.0, "nothing answers")
    ill = health.read(10.0)
    assert (ill.state, ill.uptime) == (State.RECONNECTING, pytest.approx(0.6))
    assert (ill.healthy, ill.reason) == (False, "away for 2 s: nothing answers")
    assert ill.quality == 0.0
    health.connected(12.0)
    well = health.read(20.0)
    assert (well.uptime, well.reconnects) == (pytest.approx(14 / 20), 1)
    assert (well.healthy, well.reason) == (True, "connected for 8 s")


def test_after_an_end_the_time_counts_anew():
    health = ConnectionHealth()
    health.begin(0.0)
    health.connected(5.0)
    health.ended(10.0)
    assert health.read(99.0).reason == "it has ended"
    health.begin(100.0)
    health.connected(100.0)
    answer = health.read(110.0)
    assert (answer.uptime, answer.reconnects, answer.healthy) == (1.0, 1, True)


def test_silence_counts_from_the_last_sign_of_life():
    health = ConnectionHealth(quiet_s=10.0)
    health.begin(0.0)
    assert health.read(5.0).silent_s is None
    health.connected(5.0)
    health.heard(7.0, 3)
    assert health.read(16.9).healthy
    late = health.read(17.0)
    assert (late.silent_s, late.healthy, late.reason) == (10.0, False, "no message for 10 s")
    assert late.quality == pytest.approx(0.5 * late.uptime)
    patient = ConnectionHealth()
    patient.connected(0.0)
    assert patient.read(1e6).healthy


def test_what_is_missing_in_the_numbers_is_loss():
    health = ConnectionHealth()
    health.connected(0.0)
    health.heard(1.0, 98)
    health.missed(2)
    answer = health.read(1.0)
    assert (answer.loss, answer.missed) == (0.02, 2)
    assert answer.reason == "2.0% of the events did not come"
    assert answer.quality == pytest.approx(0.98)


def test_too_many_reconnects_within_an_hour_are_ill_and_forgotten():
    health = ConnectionHealth()
    for n in range(8):
        health.connected(float(n))
        health.lost(n + 0.5, "cut")
    health.connected(8.0)
    assert health.read(9.0).reason == "8 reconnects within an hour"
    assert health.read(4000.0).healthy


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=50))
def test_round_trips_are_smoothed_and_their_jitter_is_that_of_rfc_3550(trips):
    health = ConnectionHealth()
    smooth, jitter = trips[0], 0.0
    for before, trip in zip([None, *trips], trips, strict=False):
        health.round_trip(trip)
        if before is not None:
            smooth = 7 / 8 * smooth + trip / 8
            jitter += (abs(trip - before) - jitter) / 16
    answer = health.read(0.0)
    assert answer.round_trip_s == pytest.approx(smooth)
    assert min(trips) - 1e-9 <= answer.round_trip_s <= max(trips) + 1e-9
    assert answer.jitter_s is None if len(trips) == 1 else answer.jitter_s == pytest.approx(jitter)


def test_a_slow_round_trip_is_ill():
    health = ConnectionHealth()
    health.connected(0.0)
    for _ in range(50):
        health.round_trip(1.5)
    answer = health.read(1.0)
    assert answer.reason == "a round trip takes 1.5 s"
    assert answer.jitter_s == 0.0
