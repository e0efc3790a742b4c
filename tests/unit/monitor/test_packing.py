"""Whether frames are compressed, on a simulated link."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from livewidget.monitor.packing import (
    BARRED_S,
    IDLE_S,
    RETRY_S,
    TRY_S,
    WAITS_MS,
    Link,
    Packing,
)

from .link_plant import MOST_S, LinkPlant

JAMMED = Link(waits_ms=900.0, told_at=0.0, rate=1e5, ratio=0.38)


def changes(seen: list[tuple[float, bool]]) -> int:
    return sum(a != b for (_, a), (_, b) in pairwise(seen))


def texts(packing: Packing) -> list[str]:
    return [text for _, text in packing.decisions]


def test_where_nothing_waits_nothing_is_packed() -> None:
    packing = Packing()
    assert not any(on for _, on in LinkPlant(rate=90e3).run(packing, 60))
    assert (packing.trying, packing.reason, texts(packing)) == (False, "", [])


def test_a_link_that_is_too_slow_is_relieved_within_three_seconds() -> None:
    packing, plant = Packing(), LinkPlant()
    plant.run(packing, 5)
    plant.rate = 130e3
    plant.run(packing, 3)
    assert packing.on
    (told,) = texts(packing)
    assert told.startswith("frames are compressed to 60 %: the link holds 0.")
    assert told.endswith(" s of them back")
    plant.run(packing, 20)
    assert plant.waits_s == 0
    assert packing.on


def test_a_way_that_is_long_is_no_link_that_is_slow() -> None:
    packing = Packing()
    assert not any(on for _, on in LinkPlant(way_ms=700, noise=80).run(packing, 120))


@pytest.mark.parametrize(
    "other",
    [{"page": 0.6}, {"engine": 0.6}, {"ratio": 0.96}, {"ratio": None}, {"told_at": None}],
)
def test_who_is_busy_is_the_limit_and_not_the_link(other: dict[str, Any]) -> None:
    packing = Packing()
    assert not packing.step(0.0, replace(JAMMED, **other))
    assert not packing.trying


def test_quality_waits_no_longer_where_the_page_turns_out_to_be_busy() -> None:
    packing = Packing()
    assert packing.step(0.0, JAMMED)  # told while its load had just begun to rise
    assert packing.trying
    packing.step(0.4, replace(JAMMED, told_at=0.4, page=0.6))
    assert not packing.trying


def test_a_little_waiting_is_believed_when_it_is_seen_again() -> None:
    packing, little = Packing(), replace(JAMMED, waits_ms=1.5 * WAITS_MS)
    assert not packing.step(0.0, little)
    assert not packing.step(0.5, little)  # the same word
    assert packing.trying  # and meanwhile nothing is given up for it
    assert packing.step(1.0, replace(little, told_at=1.0))


def test_a_little_waiting_once_is_nothing() -> None:
    packing = Packing()
    for second in range(20):
        late = 1.5 * WAITS_MS if second % 2 else 0.0
        assert not packing.step(second, replace(JAMMED, waits_ms=late, told_at=second))


def test_quality_waits_for_it_and_not_for_ever() -> None:
    packing = Packing()
    assert packing.step(0.0, JAMMED)
    assert packing.trying
    packing.step(TRY_S - 0.1, replace(JAMMED, told_at=3.0))
    assert packing.trying
    packing.step(TRY_S, replace(JAMMED, told_at=3.0))
    assert packing.on
    assert not packing.trying


def test_a_page_that_becomes_busy_is_not_waited_for() -> None:
    packing = Packing()
    packing.step(0.0, JAMMED)
    packing.step(1.0, replace(JAMMED, page=0.95, told_at=1.0))
    assert not packing.trying


def test_where_it_saves_little_after_all_it_ends_and_is_not_tried_at_once() -> None:
    packing = Packing()
    packing.step(0.0, JAMMED)
    assert not packing.step(1.0, replace(JAMMED, ratio=0.97))
    assert texts(packing)[-1] == (
        "frames are compressed no longer: they come to 97 % of what they are without"
    )
    assert not any(packing.step(1.0 + t, JAMMED) for t in range(1, int(BARRED_S)))
    assert packing.step(2.0 + BARRED_S, JAMMED)


def test_an_engine_that_it_keeps_too_busy_is_relieved() -> None:
    packing, plant = Packing(), LinkPlant(rate=130e3, engine=0.45, packs=0.3)
    plant.run(packing, 6)
    assert not packing.on
    assert texts(packing)[-1].endswith("the engine works for 75 % of the time")


def test_it_ends_when_the_load_has_gone() -> None:
    packing, plant = Packing(), LinkPlant(rate=130e3)
    plant.run(packing, 20)
    plant.rate = 40e3
    seen = plant.run(packing, IDLE_S + 5)
    ended = next(at for at, on in seen if not on)
    assert ended - seen[0][0] >= IDLE_S - 1
    assert texts(packing)[-1].endswith("for 30 s the link could have carried them as they are")


def test_a_load_that_only_packing_carries_keeps_it() -> None:
    packing, plant = Packing(), LinkPlant(rate=130e3)
    plant.run(packing, 20)
    assert all(on for _, on in plant.run(packing, RETRY_S - 20))


def test_a_link_that_became_better_is_found_out() -> None:
    packing, plant = Packing(), LinkPlant(rate=130e3)
    plant.run(packing, 20)
    plant.carries = 1e6
    plant.run(packing, RETRY_S + 20)
    assert not packing.on


def test_it_can_be_taken_away() -> None:
    packing = Packing()
    packing.step(0.0, JAMMED)
    packing.allowed = False
    assert not packing.step(0.1, JAMMED)
    assert not packing.trying


loads = st.lists(
    st.tuples(st.floats(5e3, 400e3), st.floats(0.05, 0.95), st.floats(1, 90)),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=15)
@given(
    loads=loads,
    ratio=st.floats(0.2, 1.0),
    packs=st.floats(0, 0.4),
    noise=st.floats(0, 150),
    seed=st.integers(0, 99),
)
@example(
    loads=[(5e3, 0.5, 1), (3e5, 0.25, 1), (5e3, 0.5, 1), (100_384, 0.25, 58), (5e3, 0.75, 2)],
    ratio=0.5,
    packs=0.0,
    noise=0.0,
    seed=0,
)
def test_it_does_not_go_to_and_fro(
    loads: list[tuple[float, float, float]], ratio: float, packs: float, noise: float, seed: int
) -> None:
    packing = Packing()
    plant = LinkPlant(ratio=ratio, packs=packs, noise=noise, seed=seed)
    for rate, busy, seconds in loads:
        plant.rate, plant.engine = rate, busy
        assert changes(plant.run(packing, seconds)) <= 4
    ends = [at for at, text in packing.decisions if "no longer" in text]
    # Once idle it may be wanted again at once, and then end for another reason, which bars it.
    assert all(b - a >= min(IDLE_S, BARRED_S) for a, b in zip(ends, ends[2:], strict=False))
    # Whatever the load goes on to be, it comes to rest.
    plant.run(packing, 600)
    assert changes(plant.run(packing, 600)) <= 3, texts(packing)


@settings(deadline=None, max_examples=30)
@given(over=st.floats(1.1, 3.0), ratio=st.floats(0.2, 0.85), way=st.floats(1, 400))
def test_a_jam_is_found_and_what_can_be_carried_is(over: float, ratio: float, way: float) -> None:
    packing, plant = Packing(), LinkPlant(ratio=ratio, way_ms=way)
    plant.run(packing, 10)
    plant.rate = over * plant.carries
    plant.run(packing, 4)
    assert packing.on
    plant.run(packing, 60)
    if over * ratio < 1 - MOST_S / 60:
        assert plant.waits_s == 0
