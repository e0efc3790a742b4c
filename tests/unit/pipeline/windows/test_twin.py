"""Windows of every kind against a twin over the whole history, however rows were cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.codecs.state import pack, unpack
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.operator import Moment, Tally
from livewidget.pipeline.windows.operator import Window
from livewidget.testing import ManualClock

from . import twin
from .metrics_twin import Chain, count, least, mean, most, total

SCHEMA = Schema.of({"time": "time", "key": "text", "value": "float"}, "time")
SECOND = 1_000_000_000
PARTS = {
    "n": ("value", count("value")),
    "total": ("value", total("value")),
    "mean": ("value", mean("value")),
    "least": ("value", least("value")),
    "most": ("value", most("value")),
}
ORDERED = {"n": ("value", count("value")), "chain": ("value", Chain("value"))}

STEPS = st.sampled_from([0, 0, 1, 1, 2, 3, 5, -1, -1, -2, -4, -9, 14])
KEYS = st.sampled_from([None, "a", "b", "c"])
VALUES = st.none() | st.integers(0, 9).map(float)


@st.composite
def streams(draw):
    """Rows whose times go on by steps, some of them back; on edges mostly, and below zero."""
    time, rows = draw(st.integers(-30, 10)), []
    for step, key, value in draw(st.lists(st.tuples(STEPS, KEYS, VALUES), min_size=1, max_size=40)):
        time += step
        rows.append((time, key, value))
    return rows


def batch_of(rows):
    times, keys, values = zip(*rows, strict=True)
    floats = np.array([np.nan if value is None else value for value in values], dtype=float)
    stamps = np.array(times, dtype=np.int64) * SECOND
    return Batch(SCHEMA, (stamps, Text.encode(keys), floats))


@st.composite
def cuts(draw, rows):
    edges = draw(st.sets(st.integers(1, max(1, len(rows) - 1)), max_size=6))
    return [0, *sorted(edge for edge in edges if edge < len(rows)), len(rows)]


def given_by(operator, rows, edges, *, restart=None):
    """Run rows in batches; with `restart`, go on in another process before that batch."""
    clock = ManualClock()
    bound = operator.bind(SCHEMA, clock)
    out, total_ = [], Tally()
    for turn, (low, high) in enumerate(pairwise(edges)):
        if turn == restart:
            state = unpack(pack(bound.memory.save()))
            bound = operator.bind(SCHEMA, clock)
            bound.memory.load(state)
        tally, batch = Tally(), batch_of(rows[low:high])
        done = bound.step(batch, tally)
        assert tally.filtered + tally.rejected == len(batch)
        assert tally.made == len(done)
        out += done.rows()
        total_.add(tally)
    tally = Tally()
    out += bound.tick(Moment(0, final=True), tally).rows()
    total_.add(tally)
    return out, total_


def number(value):
    return None if isinstance(value, float) and np.isnan(value) else value


def told(rows, columns):
    """Results of the operator, as the twin says them."""
    return [
        (
            row.get("result", "final"),
            row["time"] // SECOND,
            row["window_start"] // SECOND,
            row["key"],
            *(number(row[name]) for name in columns),
        )
        for row in rows
    ]


def summed(values, columns):
    there = [value for value in values if value is not None]
    every = {
        "n": float(len(there)),
        "total": sum(there) if there else None,
        "mean": sum(there) / len(there) if there else None,
        "least": min(there, default=None),
        "most": max(there, default=None),
        "chain": Chain.of(there),
        "chain_size": float(len(there)),
    }
    return [every[name] for name in columns]


def expected(out, columns):
    return [
        (what, at, start, key, *summed(values, columns)) for what, at, start, _, key, values in out
    ]


def settle(made, aggregate):
    columns = [name for name in aggregate if name != "chain"]
    return columns + ["chain", "chain_size"] * ("chain" in aggregate) if made else columns


TIMED = st.sampled_from(
    [
        {"size": 1},
        {"size": 5},
        {"size": 5, "origin": 3},
        {"size": 10, "slide": 5},
        {"size": 6, "slide": 4},
        {"size": 9, "slide": 1, "origin": -7},
        {"size": 12, "slide": 5},
    ]
)


def check(operator_settings, twin_class, twin_settings, rows, data, aggregate=PARTS):
    window = Window(aggregate=aggregate, by="key", **operator_settings)
    edges = data.draw(cuts(rows))
    restart = data.draw(st.none() | st.integers(0, len(edges) - 2))
    out, _ = given_by(window, rows, edges, restart=restart)
    slow = twin_class(twin.Settings(**twin_settings))
    columns = settle(made=True, aggregate=aggregate)
    assert told(out, columns) == expected(slow.run(rows), columns)
    assert window.counts["late"] == slow.late
    return out


def in_seconds(settings_):
    """The settings of an operator, in ns from seconds; `origin` counts in ns."""
    return {
        name: value * SECOND if name == "origin" else value for name, value in settings_.items()
    }


@settings(max_examples=60, deadline=None)
@given(
    streams(),
    TIMED,
    st.sampled_from([0, 1, 3, 8]),
    st.sampled_from([0, 0, 2, 7]),
    st.sampled_from([None, None, 1, 4]),
    st.booleans(),
    st.data(),
)
def test_windows_by_time_are_those_of_the_twin(rows, span, wait, lateness, early, in_order, data):
    if in_order:
        rows = sorted(rows, key=lambda row: row[0])
    mine = {**in_seconds(span), "wait": wait, "lateness": lateness, "early": early}
    its = {"slide": span["size"], **span, "wait": wait, "lateness": lateness, "early": early or 0}
    check(mine, twin.Timed, its, rows, data)


@settings(max_examples=40, deadline=None)
@given(streams(), TIMED, st.sampled_from([0, 2, 6]), st.sampled_from([None, 3]), st.data())
def test_metrics_that_need_it_get_their_rows_in_order(rows, span, wait, early, data):
    mine = {**in_seconds(span), "wait": wait, "early": early}
    its = {"slide": span["size"], **span, "wait": wait, "early": early or 0, "ordered": True}
    check(mine, twin.Timed, its, rows, data, ORDERED)


@settings(max_examples=60, deadline=None)
@given(
    streams(),
    st.sampled_from([1, 2, 5]),
    st.sampled_from([0, 2, 6]),
    st.sampled_from([0, 0, 3, 9]),
    st.sampled_from([None, 2]),
    st.data(),
)
def test_sessions_are_those_of_the_twin(rows, gap, wait, lateness, early, data):
    mine = {"gap": gap, "wait": wait, "lateness": lateness, "early": early}
    check(mine, twin.Sessions, {**mine, "early": early or 0}, rows, data)


@settings(max_examples=40, deadline=None)
@given(streams(), st.sampled_from([(1, 1), (3, 3), (4, 2), (6, 4), (5, 1), (7, 3)]), st.data())
def test_windows_of_rows_are_those_of_the_twin(rows, size, data):
    mine = {"rows": size[0], "slide": size[1]}
    check(mine, twin.Counted, mine, rows, data)


@pytest.mark.parametrize("span", [{"size": 5}, {"size": 10, "slide": 2}, {"gap": 2}, {"rows": 4}])
def test_without_keys_all_rows_are_of_one(span):
    rows = [(time, None, 1.0) for time in range(20)]
    out, _ = given_by(Window(aggregate=PARTS, **span), rows, [0, 7, 20])
    slow = {"size": twin.Timed, "gap": twin.Sessions, "rows": twin.Counted}[next(iter(span))]
    size = span.get("size") or span.get("rows", 0)
    expected_ = slow(twin.Settings(**{"slide": size, **span})).run(rows)
    assert [(row["time"] // SECOND, row["n"]) for row in out] == [
        (at, len(values)) for _, at, _, _, _, values in expected_
    ]
