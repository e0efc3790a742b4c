"""Alerts against a twin that walks event by event, however the rows were cut."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.codecs.state import pack, unpack
from livewidget.pipeline.alerts import Alert, Rule
from livewidget.pipeline.operator import Moment, Tally
from livewidget.testing import ManualClock

from ..streams import ROWS, SCHEMA, SECOND, batch_of, cut, plain
from .twin import Slow, Twin


def number(name):
    return lambda row: row[name]


def leaf(name, holds, value, **more):
    return Slow(name, holds=holds, value=value, hidden=True, **more)


TICK = SECOND // 4
BASES = {
    "above": (
        Rule("above", "value > 1"),
        [Slow("above", holds=lambda v: v > 1, value=number("value"))],
    ),
    "held": (
        Rule("held", "value >= 1 for 1s clear below -1"),
        [
            Slow(
                "held",
                holds=lambda v: v >= 1,
                ends=lambda v: v < -1,
                value=number("value"),
                hold=SECOND,
            )
        ],
    ),
    "below": (
        Rule("below", "0 > value", for_="500ms", clear="value >= 2"),
        [
            Slow(
                "below",
                holds=lambda v: v < 0,
                ends=lambda v: v >= 2,
                value=number("value"),
                hold=2 * TICK,
            )
        ],
    ),
    "whole": (
        Rule("whole", "n <= -2 for 0.25"),
        [Slow("whole", holds=lambda v: v <= -2, value=number("n"), hold=TICK)],
    ),
    "two": (
        Rule("two", "value - n > 3 for 750ms"),
        [
            Slow(
                "two",
                holds=lambda v: v > 3,
                value=lambda row: None if row["value"] is None else row["value"] - row["n"],
                hold=3 * TICK,
            )
        ],
    ),
    "mixed": (
        Rule("mixed", "value > 0 and n > 0 for 250ms", clear="n < -1"),
        [
            Slow(
                "mixed",
                holds=lambda v: v[0] > 0 and v[1] > 0,
                ends=lambda v: v[1] < -1,
                value=lambda row: None if row["value"] is None else (row["value"], row["n"]),
                shown=lambda v: v[0],
                hold=TICK,
            )
        ],
    ),
    "word": (
        Rule("word", "word == 'y'"),
        [
            Slow(
                "word",
                holds=lambda v: v == "y",
                value=lambda row: row["word"],
                shown=lambda v: float(v == "y"),
            )
        ],
    ),
    "quiet": (Rule("quiet", "no data for 1s"), [Slow("quiet", "absence", span=SECOND)]),
    "gone": (Rule("gone", "no data for 2s"), [Slow("gone", "absence", span=2 * SECOND)]),
    "fast": (
        Rule("fast", "rate(value) > 2 per 1s clear below 0"),
        [
            Slow(
                "fast",
                holds=lambda v: v > 2,
                ends=lambda v: v < 0,
                value=number("value"),
                rate=SECOND,
            )
        ],
    ),
    "then": (
        Rule("then", "value > 2 then n > 1 within 1s"),
        [
            leaf("then/0", lambda v: v > 2, number("value"), by_rows=True),
            leaf("then/1", lambda v: v > 1, number("n")),
            Slow("then", "pattern", first="then/0", second="then/1", span=SECOND),
        ],
    ),
}
JOINS = {
    "ordered": (
        Rule("ordered", "held then below within 1s"),
        [Slow("ordered", "pattern", first="held", second="below", span=SECOND)],
    ),
    "abreast": (
        Rule("abreast", "above then word within 500ms"),
        [Slow("abreast", "pattern", first="above", second="word", span=2 * TICK)],
    ),
    "both": (
        Rule("both", "above and not below"),
        [
            Slow(
                "both",
                "composite",
                lambda on: on("above") and not on("below"),
                leaves=("above", "below"),
            )
        ],
    ),
    "calm": (
        Rule("calm", "not above"),
        [Slow("calm", "composite", lambda on: not on("above"), leaves=("above",))],
    ),
    "either": (
        Rule("either", "both or quiet", for_="500ms"),
        [
            Slow(
                "either",
                "composite",
                lambda on: on("both") or on("quiet"),
                hold=2 * TICK,
                leaves=("both", "quiet"),
            )
        ],
    ),
}
NEEDS = {
    "ordered": ("held", "below"),
    "abreast": ("above", "word"),
    "calm": ("above",),
    "both": ("above", "below"),
    "either": ("both", "quiet"),
}


@st.composite
def rule_sets(draw):
    """Some rules, with those that they are made of; all in one order."""
    names = draw(st.sets(st.sampled_from([*BASES, *JOINS]), min_size=1))
    for name in ("either", "both", "calm", "abreast", "ordered"):
        names |= set(NEEDS[name]) if name in names else set()
    return [name for name in [*BASES, *JOINS] if name in names]


def rules_of(names):
    every = BASES | JOINS
    return [every[name][0] for name in names], [slow for name in names for slow in every[name][1]]


def told_by(tally):
    return [
        (row["time"], row["rule"], row["key"], row["state"], row["value"], row["since"])
        for _, batch in tally.routed
        for row in batch.rows()
    ]


def same(one, other):
    assert [each[:4] + each[5:] for each in one] == [each[:4] + each[5:] for each in other]
    for left, right in zip(one, other, strict=True):
        assert left[4] == pytest.approx(right[4], nan_ok=True, rel=1e-9) or (
            math.isinf(left[4]) and left[4] == right[4]
        )


@settings(max_examples=100, deadline=None)
@given(ROWS, rule_sets(), st.booleans(), st.booleans(), st.data())
def test_it_tells_what_a_walk_event_by_event_does_however_rows_were_cut(
    rows, names, by, in_order, data
):
    if in_order:
        rows = sorted(rows, key=lambda row: row[0])
    rules, slow = rules_of(names)
    bound = Alert(rules, by="key" if by else None).bind(SCHEMA, ManualClock())
    tally = Tally()
    for batch in data.draw(cut(rows)):
        assert bound.step(batch, tally) is batch
    before = len(told_by(tally))
    twin = Twin(slow, by)
    for row in map(plain, batch_of(rows).rows()):
        twin.row(row)
    same(told_by(tally), twin.told)
    bound.tick(Moment(0, final=True), tally)
    twin.finish()
    rest = sorted(twin.told[before:], key=lambda each: (each[0], each[2]))
    same(told_by(tally)[before:], rest)


@settings(max_examples=30, deadline=None)
@given(ROWS, rule_sets(), st.data())
def test_a_memory_goes_on_as_if_nothing_had_been(rows, names, data):
    rules, _ = rules_of(names)
    whole, parts = Tally(), Tally()
    own = [Rule("own", "value > 0 for 500ms", key="b")]
    alert = Alert([*rules, *own], by="key")
    bound = alert.bind(SCHEMA, ManualClock())
    going = alert.bind(SCHEMA, ManualClock())
    for batch in data.draw(cut(rows)):
        bound.step(batch, whole)
        going.step(batch, parts)
        kept = unpack(pack(going.memory.save()))
        going = alert.bind(SCHEMA, ManualClock())
        going.memory.load(kept)
    bound.tick(Moment(0, final=True), whole)
    going.tick(Moment(0, final=True), parts)
    same(told_by(parts), told_by(whole))


class Now:
    """A clock that stands where it was put."""

    at = 0

    def now(self):
        return self.at

    monotonic = now


@settings(max_examples=50, deadline=None)
@given(ROWS, rule_sets(), st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_the_clock_gives_of_each_key_what_its_rows_would_have_given(rows, names, delays):
    """Rows come at most 750 ms late, which is less than the grace: history gives the same."""
    rules, _ = rules_of(names)
    arrivals = sorted(
        [
            (row[0] + delay * TICK, place)
            for place, (row, delay) in enumerate(zip(rows, delays, strict=False))
        ]
    )
    live, history, clock = Tally(), Tally(), Now()
    alert = Alert(rules, by="key", grace="1s")
    ticking, plainly = alert.bind(SCHEMA, clock), alert.bind(SCHEMA, clock)
    for time, place in arrivals:
        for now in range(clock.at, time + 1, TICK):
            ticking.tick(Moment(now), live)
        clock.at = time
        ticking.step(batch_of([rows[place]]), live)
    plainly.step(batch_of([rows[place] for _, place in arrivals]), history)
    for bound, tally in ((ticking, live), (plainly, history)):
        bound.tick(Moment(clock.at, final=True), tally)
    for key in ("", "a", "b", "c"):
        ours = [each for each in told_by(live) if each[2] == key]
        same(ours, [each for each in told_by(history) if each[2] == key])
