"""What bounds the rate is named: on lines of servers of which the slowest is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.monitor.bottleneck import Bottleneck
from livewidget.monitor.stages import (
    BROWSER,
    BUFFER,
    FRAMES,
    LINK,
    PIPELINE,
    SINK,
    SOURCE,
    STORE,
    Stage,
)

from .tandem import ENDLESS, Line

NAMES = (SOURCE, PIPELINE, BUFFER, STORE)
READINGS = 12  # what was the limit until a queue was full is to be forgotten by then
seeds = st.integers(0, 2**32 - 1)
slower = st.floats(1.6, 10.0)  # how much slower than the next the slowest is


def names(limits):
    return tuple(each.stage for each in limits)


def watch(readings, bottleneck=None):
    """What is named after each of the readings."""
    bottleneck = bottleneck or Bottleneck()
    return [names(bottleneck.update(stages)) for stages in readings]


def picture(
    *, cap=30.0, made=30.0, held=0.0, drawn=30.0, draw_ms=5.0, sending=0.01, given=0.0, making=0.05
):
    """The stages of a chart; `given` frames a second of the cap were given up."""
    return (
        Stage(
            name=FRAMES,
            label="frames",
            arrived=cap - given,
            served=made,
            busy=making,
            held=held,
            wanted=cap,
        ),
        Stage(name=LINK, label="link", arrived=made, served=made, busy=sending, queue=10),
        Stage(
            name=BROWSER,
            label="browser",
            arrived=made,
            served=drawn,
            busy=min(1.0, drawn * draw_ms / 1000),
        ),
    )


@settings(deadline=None, max_examples=25)
@given(
    seeds,
    st.integers(0, 3),
    slower,
    st.lists(st.floats(1.0, 3.0), min_size=4, max_size=4),
    st.lists(st.sampled_from([5, 50, 120]), min_size=3, max_size=3),
    st.floats(0.05, 1.5),
)
def test_the_slowest_of_a_line_is_named(seed, place, factor, others, rooms, roughness):
    rates = [300 * factor * each for each in others]
    rates[place] = 300.0
    rng = np.random.default_rng(seed)
    line = Line(NAMES, rates, rooms, READINGS, rng, roughness=roughness)
    told = watch(line.read(second, second + 1) for second in range(READINGS))
    assert told[-1] == (NAMES[place],), (told, rates, rooms, roughness)


@settings(deadline=None, max_examples=15)
@given(seeds, slower, slower, st.sampled_from([5, 50, ENDLESS]), st.sampled_from([STORE, SINK]))
def test_two_at_once_are_both_named(seed, first, second, room, behind):
    rng = np.random.default_rng(seed)
    slow = 150.0 * second
    line = Line((SOURCE, PIPELINE), (slow * first, slow), [room], READINGS, rng)
    # A store and a sink hold nobody: what comes waits for them.
    came = line.left[1][line.left[1] < READINGS + 1]
    fed = Line((PIPELINE, behind), (1e9, 150.0), [ENDLESS], READINGS, rng, arrivals=came)
    readings = [
        (*line.read(at, at + 1), *fed.read(at, at + 1)[1:], *picture()) for at in range(READINGS)
    ]
    assert watch(readings)[-1] == (PIPELINE, behind)


@settings(deadline=None, max_examples=15)
@given(seeds, slower, st.floats(40.0, 500.0), st.sampled_from([5, 50, ENDLESS]))
def test_the_data_and_the_picture_are_judged_apart(seed, factor, draw_ms, room):
    rng = np.random.default_rng(seed)
    line = Line((SOURCE, PIPELINE), (200 * factor, 200.0), [room], READINGS, rng)
    slow = picture(drawn=min(24.0, 950 / draw_ms), draw_ms=draw_ms)
    told = watch((*line.read(at, at + 1), *slow) for at in range(READINGS))
    assert told[-1] == (PIPELINE, BROWSER)


LIVE = Stage(name=SOURCE, label="feed", arrived=1000, served=1000, busy=1.0, state="live")
WELL = Stage(name=BUFFER, label="buffer", arrived=1000, served=1000, busy=0.05, queue=40)
CASES = {
    "nothing, drawing at the cap": ((LIVE, WELL, *picture()), ()),
    "a source that changes seldom": ((LIVE, WELL, *picture(made=4, drawn=4)), (SOURCE,)),
    "a source without a picture": ((LIVE, WELL), (SOURCE,)),
    "nothing, but little to spare": (
        (LIVE, Stage(name=BUFFER, label="b", arrived=9, served=9, busy=0.72)),
        (),
    ),
    "nobody, where a thread has no turn": (
        (
            LIVE,
            Stage(name=PIPELINE, label="p", arrived=900, served=600, growth=300, busy=0.1),
            WELL,
        ),
        (),
    ),
    "a source that waits": (
        (Stage(name=SOURCE, label="feed", state="waiting"), WELL, *picture(made=0, drawn=0)),
        (SOURCE,),
    ),
    "a source that has ended": ((Stage(name=SOURCE, label="f", state="ended"), WELL), ()),
    "a source behind its interval": (
        (Stage(name=SOURCE, label="f", arrived=100, served=40, state="live"), WELL, *picture()),
        (SOURCE,),
    ),
    "a rate limit": (
        (Stage(name=SOURCE, label="f", served=40, held=0.9, state="rate limit"), WELL),
        (SOURCE,),
    ),
    "the link": ((LIVE, WELL, *picture(made=9, drawn=9, held=0.5)), (LINK,)),
    "sending": ((LIVE, WELL, *picture(made=9, drawn=9, sending=0.95)), (LINK,)),
    "the browser": ((LIVE, WELL, *picture(drawn=11, draw_ms=80)), (BROWSER,)),
    "a browser that holds the link": (
        (LIVE, WELL, *picture(made=11, drawn=11, held=0.5, draw_ms=85)),
        (BROWSER,),
    ),
    "both": (
        (LIVE, WELL, *picture(made=16, drawn=10, sending=0.9, draw_ms=95)),
        (LINK, BROWSER),
    ),
    "a browser that frames were given up for": (
        (LIVE, WELL, *picture(given=18, made=12, drawn=12, draw_ms=45)),
        (BROWSER,),
    ),
    "frames were given up, and it would do with all of them again": (
        (LIVE, WELL, *picture(given=18, made=12, drawn=12, draw_ms=25)),
        (),
    ),
    "a slow source, and frames that would be dear were there more": (
        (LIVE, WELL, *picture(made=5, drawn=5, draw_ms=45)),
        (SOURCE,),
    ),
    "frames were given up, and then the source slowed down": (
        (LIVE, WELL, *picture(given=18, made=5, drawn=5, draw_ms=45)),
        (SOURCE,),
    ),
    "the kernel's drawing, which frames were given up for": (
        (LIVE, WELL, *picture(given=18, made=12, drawn=12, making=0.6)),
        (FRAMES,),
    ),
    "the kernel's drawing": (
        (
            LIVE,
            WELL,
            Stage(name=FRAMES, label="frames", arrived=30, served=12, busy=0.9),
            *picture(made=12, drawn=12)[1:],
        ),
        (FRAMES,),
    ),
    "a store that fails": (
        (LIVE, WELL, Stage(name=STORE, label="disk", queue=10, state="failing"), *picture()),
        (STORE,),
    ),
    "a full buffer": (
        (LIVE, Stage(name=BUFFER, label="buffer", held=1.0, state="full"), *picture()),
        (BUFFER,),
    ),
    "a queue that spills": (
        (
            LIVE,
            Stage(name=PIPELINE, label="p", arrived=9e4, served=5e4, busy=0.99, dropped=4e4),
            WELL,
            *picture(),
        ),
        (PIPELINE,),
    ),
    "nobody looks": ((LIVE, WELL, *picture(cap=0, made=0, drawn=0)), (SOURCE,)),
}


@pytest.mark.parametrize(("stages", "expected"), CASES.values(), ids=CASES)
def test_what_is_named(stages, expected):
    bottleneck = Bottleneck()
    assert watch([stages] * 3, bottleneck)[-1] == expected
    for each in bottleneck.limits:
        assert each.text.startswith("The ")
        assert each.text.endswith(".")


def test_one_reading_names_nobody_and_one_that_is_well_clears_nobody():
    slow = (LIVE, WELL, *picture(drawn=11, draw_ms=80))
    well = (LIVE, WELL, *picture())
    assert watch([slow]) == [()]
    told = watch([slow] * 6 + [well] * 9)
    assert told[:2] == [(), (BROWSER,)]
    assert told[-1] == ()
    assert told.count((BROWSER,)) >= 7


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0.4, 1.0), st.floats(-60, 120)), min_size=5, max_size=60))
def test_nobody_is_named_for_a_moment_only(readings):
    bottleneck = Bottleneck()
    told = watch(
        (
            (
                LIVE,
                Stage(name=PIPELINE, label="p", arrived=1000, served=990, busy=busy, growth=growth),
                WELL,
                *picture(),
            )
            for busy, growth in readings
        ),
        bottleneck,
    )
    runs = "".join("x" if each else "." for each in told).split(".")
    assert all(len(run) >= 3 for run in runs[:-1] if run)


def test_a_stage_that_is_gone_is_named_no_longer():
    sink = Stage(name=SINK, label="out", arrived=10, served=5, busy=1.0, queue=99, growth=5)
    told = watch([(LIVE, WELL, sink)] * 3 + [(LIVE, WELL)] * 2)
    assert told[2] == (SINK,)
    assert SINK not in told[3]
