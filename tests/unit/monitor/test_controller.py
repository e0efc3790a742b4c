"""The controller steers a simulated page and kernel."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SettingError
from livewidget.monitor.controller import DRAWING, Controller
from livewidget.monitor.ladder import FAST, Setting, Target, ladder
from livewidget.monitor.pressure import BUILDING, Signals

from .plant import Plant

plants = st.builds(
    Plant,
    fixed=st.floats(0.1, 30),
    point=st.floats(0.0, 30),
    build=st.floats(0.05, 20),
    build_point=st.floats(0.0, 10),
    charts=st.sampled_from([1, 5, 20]),
    link_ms=st.floats(1, 60),
    noise=st.sampled_from([0.0, 0.05, 0.1]),
    seed=st.integers(0, 1000),
)
light = st.builds(
    Plant,
    fixed=st.floats(0.1, 6),
    point=st.floats(0.0, 4),
    build=st.floats(0.05, 4),
    build_point=st.floats(0.0, 2),
    link_ms=st.floats(1, 40),
    noise=st.sampled_from([0.0, 0.05]),
    seed=st.integers(0, 1000),
)
_LIGHT = Plant(fixed=1, point=1, build=0.3, build_point=0.1)


def changes(seen: list[tuple[float, Setting]]) -> int:
    return sum(a != b for (_, a), (_, b) in pairwise(seen))


def fits(plant: Plant, setting: Setting, target: Target, room: float = 1.0) -> bool:
    """Whether a setting keeps every budget and the target, with some room."""
    plant_at_rest = plant.queued_ms
    plant.queued_ms = 0.0
    latency = plant.latency_ms(setting)
    plant.queued_ms = plant_at_rest
    return carries(plant, setting, room) and latency < room * target.latency_ms


def carries(plant: Plant, setting: Setting, room: float = 1.0) -> bool:
    """Whether a setting keeps the budgets of the page and of the engine, with some room."""
    return plant.page(setting) < room * DRAWING and plant.engine(setting) < room * BUILDING


def test_what_is_seen_last_is_given_up_first() -> None:
    rungs = ladder(Target(fps=30, least_fps=10))
    told = [(each.detail, each.buckets_per_pixel, each.fps, each.coarser) for each in rungs]
    assert told == [
        ("m4", 1, 30, 0),
        ("minmax", 1, 30, 0),
        ("minmax", 0.5, 30, 0),
        ("minmax", 0.25, 30, 0),
        ("minmax", 0.25, 20, 0),
        ("minmax", 0.25, 15, 0),
        ("minmax", 0.25, 10, 0),
        ("minmax", 0.25, 10, 1),
    ]
    assert str(rungs[2]) == "least and most of each 2 pixels, 30 frames a second"


def test_no_rung_is_slower_than_the_target_allows() -> None:
    assert {each.fps for each in ladder(Target(fps=8, least_fps=8))} == {8}
    # An event that waits 100 ms for its frame is not on the screen within 80.
    assert min(each.fps for each in ladder(Target(fps=30, latency_ms=80))) > 1000 / 80


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"fps": 241}, "fps is at most 240, got 241"),
        ({"fps": 0}, "fps is a positive number, got 0"),
        ({"fps": True}, "fps is a positive number, got True"),
        ({"latency_ms": 0}, "latency_ms is a positive number, got 0"),
        ({"latency_ms": -5.0}, "latency_ms is a positive number, got -5.0"),
        ({"latency_ms": float("nan")}, "latency_ms is a positive number, got nan"),
        ({"latency_ms": "150"}, "latency_ms is a positive number, got '150'"),
        ({"latency_ms": 20}, "latency_ms is at least the time between two frames, 33.3 ms"),
        ({"fps": 20, "least_fps": 30}, "least_fps is at most fps, got 30 of 20"),
    ],
)
def test_an_impossible_target_is_refused(given: dict[str, float], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        Target(**given)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(SettingError, match="quality is one of auto, high, fast; got 'best'"):
        Controller(mode="best")


def test_a_chart_with_room_is_left_alone() -> None:
    controller = Controller()
    assert not changes(_LIGHT.run(controller, 30))
    assert (controller.level, controller.reason, list(controller.decisions)) == (0, "", [])


def test_the_user_pins_a_rung() -> None:
    plant = Plant(fixed=100, point=50)
    high, fast = Controller(mode="high"), Controller(mode="fast")
    assert {each.detail for _, each in plant.run(high, 5)} == {"m4"}
    assert {each.buckets_per_pixel for _, each in plant.run(fast, 5)} == {0.25}
    assert fast.setting == ladder(fast.target)[FAST]
    assert fast.choose("auto") == ladder(fast.target)[1]


def test_a_hidden_chart_stays_as_it_is() -> None:
    controller = Controller()
    terrible = Signals(page_ms=900, build_ms=300, latency_ms=4000, seen_from=0.0, hidden=True)
    assert not changes([(now, controller.step(now, terrible)) for now in range(20)])


def test_four_times_slower_and_the_target_is_held_by_giving_up_quality() -> None:
    controller = Controller()
    plant = Plant(fixed=3, point=4, build=1)
    plant.run(controller, 10)
    assert controller.level == 0
    plant.cpu = 4
    plant.run(controller, 5)
    assert fits(plant, controller.setting, controller.target)
    when, told = controller.decisions[0]
    assert when < 12.1
    assert "pixels, 30 frames a second: drawing takes 100 % of the page's time, of 80 %" in told
    assert "drawing takes" in controller.reason


def test_a_hundredfold_load_and_back() -> None:
    controller = Controller()
    plant = Plant(fixed=2, point=0.3, build=0.5, build_point=0.02)
    plant.run(controller, 10)
    plant.load = 100
    during = plant.run(controller, 10)
    first = next(at for at, each in during if each != during[0][1])
    assert first - during[0][0] <= 1.05
    plant.load = 1
    plant.run(controller, 5)
    assert controller.level == 0
    assert controller.reason == ""


def test_what_waited_before_a_change_says_nothing_of_it() -> None:
    """The events that a burst left waiting are drawn late, and under a setting that has room."""
    controller = Controller()
    for second in range(4):
        heavy = Signals(page_ms=1000, draw_ms=90, drawn=5, sent=12, seen_from=float(second))
        controller.step(second + 1.0, heavy)
    lowest = controller.level
    light = Signals(page_ms=60, draw_ms=4, drawn=12, sent=12, build_ms=1.0)
    for second, latency_ms in ((5.0, 1900.0), (6.0, 760.0), (7.0, 90.0)):
        controller.step(second + 1.0, replace(light, seen_from=second, latency_ms=latency_ms))
    assert controller.level < lowest  # drawn oftener for what waited, and not less for it
    for second in (8.0, 9.0):
        controller.step(second + 1.0, replace(light, seen_from=second, latency_ms=90.0))
    assert controller.level == 0, list(controller.decisions)


def test_a_late_chart_is_drawn_oftener_where_the_page_has_room() -> None:
    """What is late for having to wait for few frames is not helped by few frames."""
    controller = Controller()
    for second in range(8):
        heavy = Signals(page_ms=950, draw_ms=40, drawn=10, sent=10, seen_from=float(second))
        controller.step(second + 1.0, heavy)
    slowest = controller.setting.fps
    assert slowest == controller.target.least_fps
    late = Signals(page_ms=380, draw_ms=8, drawn=10, sent=10, latency_ms=210, build_ms=10)
    for second in range(8, 12):
        controller.step(second + 1.0, replace(late, seen_from=float(second)))
    assert controller.setting.fps > slowest
    assert controller.decisions[-1][1].endswith("210 ms from arrival to pixel, of 150 ms")


def test_a_queue_that_grows_makes_drawing_give_way() -> None:
    controller = Controller()
    for step in range(20):
        controller.step(step / 10, Signals(build_ms=11.0, growth=5000.0))
    assert controller.level > 0
    assert "5,000 more events a second wait" in controller.decisions[0][1]


def test_between_too_much_work_and_too_few_frames_it_does_not_go_to_and_fro() -> None:
    """20 frames a second are just too much for the engine now and then, 15 just too late."""
    for seed in (392, *range(1, 6)):
        plant = Plant(
            fixed=1.0, point=0.0, build=20.0, build_point=8.0, link_ms=52.0, noise=0.1, seed=seed
        )
        controller = Controller()
        plant.run(controller, 90)
        assert all(changes(plant.run(controller, 60)) <= 2 for _ in range(30))


@settings(deadline=None, max_examples=25)
@given(plant=plants)
def test_a_steady_load_is_met_or_the_reason_is_told(plant: Plant) -> None:
    controller = Controller()
    plant.run(controller, 90)
    late = plant.run(controller, 60)
    assert changes(late) <= 2, list(controller.decisions)
    *_, bottom = rungs = ladder(controller.target)[1:]
    if not any(fits(plant, each, controller.target, 1.0 + plant.noise) for each in rungs):
        # Fewer frames would not make an event come sooner: latency alone stops before them.
        assert controller.setting == bottom or carries(plant, controller.setting)
        assert controller.reason.startswith("nothing is left to give up: ")
    elif fits(plant, bottom, controller.target, 0.8 - plant.noise):
        most = sum(fits(plant, each, controller.target, 1.05 + plant.noise) for _, each in late)
        assert most > 0.9 * len(late), (controller.setting, list(controller.decisions))


@settings(deadline=None, max_examples=25)
@given(plant=light, factor=st.sampled_from([4.0, 10.0, 100.0]), burst=st.floats(0.5, 20))
def test_a_burst_is_forgotten_within_five_seconds(
    plant: Plant, factor: float, burst: float
) -> None:
    controller = Controller()
    best = controller.setting
    # With less room than half of a budget it is tried later: a mistake would be seen.
    if not fits(plant, best, controller.target, 0.5 - plant.noise):
        return
    plant.run(controller, 10)
    assert controller.setting == best
    plant.load = factor
    plant.run(controller, burst)
    plant.load = 1.0
    plant.queued_ms = 0.0
    plant.run(controller, 5)
    assert controller.setting == best, list(controller.decisions)


@settings(deadline=None, max_examples=12)
@given(plant=plants, cpu=st.sampled_from([2.0, 4.0, 8.0]))
def test_a_slower_page_is_not_answered_by_going_to_and_fro(plant: Plant, cpu: float) -> None:
    controller = Controller()
    plant.run(controller, 10)
    plant.cpu = cpu
    assert changes(plant.run(controller, 60)) <= 14, list(controller.decisions)
    assert changes(plant.run(controller, 60)) <= 4, list(controller.decisions)


def test_a_mistake_on_another_ladder_bars_no_rung() -> None:
    levels = []
    for aims in (False, True):
        controller = Controller()
        for second, cost in enumerate([450, 450, 290, 290, 290, 450, 450, 290, 290, 290]):
            if aims and second == 7:
                controller.aim(Target(fps=20.0, latency_ms=200.0))
            page_ms, fps = cost * controller.setting.points, controller.setting.fps
            seen = Signals(page_ms=page_ms, draw_ms=9, drawn=fps, sent=fps, build_ms=1.0)
            controller.step(second + 1.0, replace(seen, seen_from=float(second)))
        levels.append(controller.level)
    assert levels == [1, 0]


def test_a_thousand_mistakes_are_no_overflow():
    controller = Controller()
    plant = Plant(fixed=20.0, point=6.0)
    controller._mistakes, controller._climb = 2000, (0.0, 0)
    plant.run(controller, 60)
    assert controller.level > 0
