"""The aged buffer under random operations, against a plain list of the rows it took."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.buffers import aged, agedview, parcel, segment
from livewidget.buffers.aged import AgedBuffer
from livewidget.buffers.segment import MINUTE, SECOND
from livewidget.data.batch import Batch, concat
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.sketches.ladder import snap
from livewidget.sketches.outstanding import cut, in_order, stand_for
from livewidget.sketches.quantiles import ERROR

SCHEMA = Schema.of({"time": "time", "y": "float", "n": "int", "s": "text"}, "time")
BASE = 1_700_000_000_000_000_000 // MINUTE * MINUTE
ALL = (-EVER, EVER)


@pytest.fixture(autouse=True)
def small_segments(monkeypatch):
    """Segments of so few rows, merged so soon, that some hundred rows see all of it."""
    monkeypatch.setattr(aged, "SEGMENT_ROWS", 64)
    monkeypatch.setattr(aged, "FEWEST_ROWS", 64)
    monkeypatch.setattr(agedview, "CHUNK_ROWS", 100)
    monkeypatch.setattr(aged, "FAN", 2)
    monkeypatch.setattr(segment, "FAN", 2)
    monkeypatch.setattr(parcel, "FEW", 16)
    monkeypatch.setattr(segment, "BROAD_ROWS", 16)


def batch_of(times, seed=0):
    """Return rows at times; every tenth number is missing."""
    chance = np.random.default_rng(seed)
    size = len(times)
    ys = np.round(chance.normal(size=size), 1)
    ys[chance.random(size) < 0.1] = np.nan
    data = {
        "time": np.array(times, dtype=np.int64).view("datetime64[ns]"),
        "y": ys,
        "n": chance.integers(-5, 5, size),
        "s": [("a", "b", None)[each] for each in chance.integers(0, 3, size)],
    }
    return Batch.of(data, SCHEMA)


def rows_of(batches):
    """Return plain rows, with a word for NaN, which equals nothing."""
    return [
        tuple("nan" if value != value else value for value in row.values())  # noqa: PLR0124
        for batch in batches
        for row in batch.rows()
    ]


def expected(batches, start, stop, width=0, by=None):
    if not batches:
        return []
    whole = cut(in_order(concat(batches)), start, stop)
    return rows_of([stand_for(whole, width, by)])


steps = st.one_of(
    st.lists(st.integers(-2_000, 2_000), min_size=1, max_size=120),
    st.integers(1, 150).map(lambda size: [0] * size),
    st.tuples(st.integers(1, 400), st.integers(1, 300)).map(lambda it: [it[0]] * it[1]),
)


def batches_of(moves):
    """Return batches whose times go on by milliseconds, some of them back."""
    now, batches = 0, []
    for seed, each in enumerate(moves):
        times = []
        for step in each:
            times.append(BASE + 1_000_000 * (now + step))
            now = max(now, now + step)
        batches.append(batch_of(times, seed))
    return batches


@settings(deadline=None, max_examples=60)
@given(
    moves=st.lists(steps, max_size=8),
    by=st.sampled_from([None, "s"]),
    compress=st.booleans(),
    edges=st.lists(st.integers(-5_000, 130_000), min_size=2, max_size=2),
    width=st.sampled_from([1, 7, 500, 1_000, 3_000, 60_000, 240_000]),
)
def test_it_reads_as_a_list_of_all_rows_does(moves, by, compress, edges, width):
    buffer = AgedBuffer(SCHEMA, by=by, compress=compress)
    batches = batches_of(moves)
    for batch in batches:
        buffer.append(batch)
    start, stop = sorted(BASE + 1_000_000 * edge for edge in edges)
    width = snap(1_000_000 * width)
    for low, high in (ALL, (start, stop)):
        assert rows_of(buffer.read(low, high)) == expected(batches, low, high)
        read = list(buffer.read(low, high, width=width))
        assert rows_of(read) == expected(batches, low, high, width, by)
        assert all(len(batch) for batch in read)
    times = [int(time) for batch in batches for time in batch.times]
    assert buffer.span() == ((min(times), max(times)) if times else None)
    assert buffer.taken == len(times)
    assert buffer.since() == -EVER


@settings(deadline=None, max_examples=60)
@given(
    moves=st.lists(steps, min_size=1, max_size=8),
    by=st.sampled_from([None, "s"]),
    ages=st.lists(st.integers(0, 60), max_size=20),
    keep=st.booleans(),
)
def test_what_has_aged_stands_for_what_was_there(moves, by, ages, keep):
    """At widths that are left, aligned, the answers are those of all rows, whatever has aged."""
    buffer = AgedBuffer(SCHEMA, by=by, keep=(lambda batch: batch["n"] == 3) if keep else None)
    batches = batches_of(moves)
    for batch in batches:
        buffer.append(batch)
    for place in ages:
        segments = buffer.view()._state.segments
        if segments:
            buffer._age(place % len(segments))
    assert rows_of(buffer.read(buffer.since(), EVER)) == expected(batches, buffer.since(), EVER)
    for width in (SECOND, 5 * SECOND, MINUTE, 4 * MINUTE):
        since = max(buffer.since(width), -EVER)
        since = -EVER if since == -EVER else -(-since // width) * width
        read = rows_of(buffer.read(since, EVER, width=width))
        assert read == expected(batches, since, EVER, width, by)
        assert_summaries(buffer, batches, by, since, width)
    told = rows_of(buffer.read(*ALL))
    assert set(told) <= set(expected(batches, *ALL))
    if keep and not buffer.kept_let_go:
        alarms = [row for row in expected(batches, *ALL) if row[2] == 3]
        assert [row for row in told if row[2] == 3] == alarms


def assert_summaries(buffer, batches, by, since, width):
    if width not in (SECOND, MINUTE):
        return
    told = list(buffer.summaries(since, EVER, width).rows())
    groups = {}
    for row in in_order(concat(batches)).rows():
        if row["time"] >= since:
            key = (row["time"] // width * width, row["s"] if by else None)
            groups.setdefault(key, []).append(row)
    assert len(told) == len(groups)
    for row in told:
        assert row["every"] == width
        whole = groups.pop((row["time"], row.get("s")))
        for name in ("y", "n"):
            assert_figures(row, name, [it[name] for it in whole if not math.isnan(it[name])])


def assert_figures(row, name, values):
    assert row[f"{name}_count"] == len(values)
    if not values:
        assert math.isnan(row[f"{name}_first"])
        assert math.isnan(row[f"{name}_p50"])
        return
    assert row[f"{name}_sum"] == pytest.approx(sum(values), abs=1e-9)
    told = [row[f"{name}_{it}"] for it in ("min", "max", "first", "last")]
    assert told == [min(values), max(values), values[0], values[-1]]
    for label, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact = sorted(values)[int(part * (len(values) - 1))]
        assert abs(row[f"{name}_{label}"] - exact) <= ERROR * abs(exact) + 1e-12


@settings(deadline=None, max_examples=40)
@given(
    moves=st.lists(steps, min_size=1, max_size=30),
    most=st.integers(65_536, 90_000),
    raw=st.none() | st.integers(0, 60_000),
    retention=st.none() | st.integers(0, 200_000),
)
def test_it_never_takes_more_than_it_may(moves, most, raw, retention):
    buffer = AgedBuffer(
        SCHEMA,
        max_bytes=most,
        raw=raw and raw * 1_000_000,
        retention=retention and retention * 1_000_000,
        compress=False,
    )
    batches = batches_of(moves)
    since = buffer.since()
    for batch in batches:
        buffer.append(batch)
        assert buffer.nbytes <= most
        assert buffer.since() >= since
        since = buffer.since()
    assert rows_of(buffer.read(since, EVER)) == expected(batches, since, EVER)
    stats = buffer.stats()
    assert stats["raw_rows"] + stats["aged_rows"] + stats["let_go"] == buffer.taken
    buffer.fit(0)
    assert not buffer.view()._state.segments
