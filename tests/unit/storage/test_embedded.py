"""The embedded store beside a list: the same rows, whatever is closed, pruned or opened again."""

import uuid

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.storage.embedded import (
    EmbeddedStore,
    levels,
    log,
    parquet,
    partition,
    reading,
    writing,
)
from livewidget.testing import ListStore

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
SCHEMA = Schema.of({"time": "time", "v": "float", "n": "int", "key": "text"}, "time")
STEP = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 90), st.integers(-400, 30)),
    st.tuples(st.just("repeat"), st.integers(1, 60), st.just(0)),
    st.tuples(st.just("read"), st.integers(0, 900), st.integers(0, 900)),
    st.tuples(st.just("reopen"), st.just(0), st.just(0)),
    st.tuples(st.just("settle"), st.just(0), st.just(0)),
    st.tuples(st.just("prune"), st.integers(0, 400), st.just(0)),
)
fixtures_too = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def batch_of(times, first=0):
    numbers = np.arange(first, first + len(times))
    keys = [None if n % 7 == 0 else f"k{n % 3}" for n in numbers]
    values = np.where(numbers % 5 == 0, np.nan, np.sin(numbers * 7.0))
    stamps = np.asarray(times, dtype=np.int64).view("M8[ns]")
    return Batch.of({"time": stamps, "v": values, "n": numbers, "key": keys}, SCHEMA)


def told(store, start=-EVER, stop=EVER, width=0):
    return [str(row) for each in store.read(start, stop, width=width) for row in each.rows()]


def numbered(store, first=0, stop=None):
    found = []
    for number, batch in store.rows_from(first, stop):
        assert batch["n"].tolist() == list(range(number, number + len(batch)))
        found += batch["n"].tolist()
    return found


def same(store, twin, low, high):
    for width in (0, SECOND, 10 * SECOND, 60 * SECOND, 3600 * SECOND):
        assert told(store, low, high, width) == told(twin, low, high, width)


@pytest.fixture
def small(monkeypatch):
    """Groups, blocks and levels so small that some hundred rows fill many."""
    for module in (log, parquet, partition, reading):
        monkeypatch.setattr(module, "GROUP_ROWS", 16)
    for name, value in (("SAVES", 3), ("BLOCK_ROWS", 8), ("_SLICE", 32), ("_SAMPLE", 20)):
        monkeypatch.setattr(levels, name, value)
    monkeypatch.setattr(reading, "CHUNK_ROWS", 24)
    monkeypatch.setattr(reading, "_MANY", 4)
    monkeypatch.setattr(reading, "_LARGE", 8)
    monkeypatch.setattr(writing, "_RECORD_ROWS", 16)
    monkeypatch.setattr(writing, "_FEW_ROWS", 2)


@fixtures_too
@given(
    st.lists(STEP, min_size=3, max_size=25),
    st.sampled_from([None, "key"]),
    st.sampled_from([7, 64, 150, 10_000]),
    st.sampled_from(["os", "interval", "strict"]),
)
def test_it_answers_as_a_list_does(tmp_path, small, steps, by, partition_rows, sync):
    options = {"by": by, "partition_rows": partition_rows, "partition_s": 100, "sync": sync}
    store, twin = EmbeddedStore(tmp_path / str(uuid.uuid4()), **options), ListStore(by=by)
    store.open()
    every, now = [], 0
    for kind, a, b in steps:
        if kind == "append":
            times = START + (now + b + np.arange(a) * 3 // 2) * SECOND
            now += a
            every.append((batch_of(np.sort(times)[:: -1 if a % 2 else 1], store.rows), store.rows))
            store.append(*every[-1])
            twin.append(*every[-1])
        elif kind == "repeat":
            for part, first in every[-a:]:
                store.append(part, first)
        elif kind == "reopen":
            store.close()
            store.open(SCHEMA)
        elif kind == "settle":
            assert store.settle()
        elif kind == "prune":
            store.prune(START + a * SECOND)
        else:
            low = max(START + min(a, b) * SECOND, store.since())
            same(store, twin, low, max(low, START + max(a, b) * SECOND))
    since = store.since()
    same(store, twin, since, EVER)
    assert store.rows == twin.rows
    kept = [n for part, first in every for n, time in enumerate(part.times, first) if time >= since]
    found = numbered(store)
    assert set(kept) <= set(found)
    assert found == sorted(found)
    middle = START + now // 2 * SECOND
    late = [n for part, first in every for n, t in enumerate(part.times, first) if t >= middle]
    assert store.first_since(middle) <= min([n for n in late if n in found], default=store.rows)
    store.close()
