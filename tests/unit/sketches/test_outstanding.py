"""The rows that stand for buckets, against a loop over plain lists."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch, concat
from livewidget.data.schema import Schema
from livewidget.sketches.ladder import LADDER, serves, snap
from livewidget.sketches.outstanding import cut, in_order, join, outstanding
from livewidget.sketches.pyramid import pick, pyramid

SCHEMA = Schema.of({"time": "time", "a": "float", "b": "int", "key": "text"}, "time")
ROW = st.tuples(
    st.integers(-400, 4_000),
    st.sampled_from([math.nan, -math.inf, math.inf, 0.0, -0.0, 1.0, 2.0, 3.5]),
    st.integers(-3, 3),
    st.sampled_from(["x", "y", None]),
)


def batch_of(rows):
    times, a, b, key = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Batch.of(
        {
            "time": np.array(times, dtype="datetime64[ns]"),
            "a": np.array(a, dtype=float),
            "b": np.array(b, dtype=np.int64),
            "key": list(key),
        },
        SCHEMA,
    )


def slow(rows, width, *, keyed):
    """Return the places of outstanding rows of sorted rows, bucket by bucket."""
    groups = {}
    for place, (time, _, _, key) in enumerate(rows):
        groups.setdefault((time // width, key if keyed else None), []).append(place)
    found = set()
    for group in groups.values():
        found |= {group[0], group[-1]}
        for column in (1, 2):
            known = [place for place in group if rows[place][column] == rows[place][column]]
            if known:
                found |= {known[0], known[-1]}
                found.add(min(known, key=lambda place: rows[place][column]))
                found.add(max(known, key=lambda place: rows[place][column]))
    return sorted(found)


@settings(deadline=None, max_examples=150)
@given(st.lists(ROW, max_size=60), st.sampled_from([1, 7, 100, 1_000, 10_000]), st.booleans())
def test_they_are_those_of_a_loop(rows, width, keyed):
    rows.sort(key=lambda row: row[0])
    found = outstanding(batch_of(rows), width, "key" if keyed else None)
    assert found.tolist() == slow(rows, width, keyed=keyed)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.lists(ROW, max_size=80), min_size=1, max_size=4),
    st.sampled_from([5, 30, 100, 700]),
    st.tuples(st.integers(-500, 4_500), st.integers(-500, 4_500)),
    st.booleans(),
)
def test_levels_of_any_parts_answer_as_the_whole_does(parts, wanted, bounds, keyed):
    start, stop = sorted(bounds)
    width, by = snap(wanted), "key" if keyed else None
    batches = [in_order(batch_of(part)) for part in parts]
    picked = [pick(pyramid(each, by), each, start, stop, width) for each in batches]
    found = join(picked, start, stop, width, by)
    whole = cut(in_order(concat(batches)), start, stop)
    expected = whole.take(outstanding(whole, width, by))
    assert list(map(str, found.rows() if found else [])) == list(map(str, expected.rows()))


def test_each_level_saves_much():
    size = 100_000
    times = (np.arange(size) * 1_000_000).astype("datetime64[ns]")
    batch = Batch.of({"time": times, "a": np.random.default_rng(1).random(size)})
    levels = pyramid(batch)
    sizes = [size, *map(len, levels.values())]
    assert len(levels) >= 4
    assert all(4 * after <= before for before, after in pairwise(sizes))


@pytest.mark.parametrize("width", [1, 2, 4, 5, 9, 10, 999, 10**9 + 1, 25_300_000_000, 10**15])
def test_a_width_is_snapped_to_one_that_a_rung_serves(width):
    snapped = snap(width)
    assert width / 2 < snapped <= width
    rungs = [rung for rung in LADDER if serves(rung, snapped)]
    assert 6 * max(rungs) > snapped or max(rungs) == LADDER[-1]


def test_each_rung_divides_the_next():
    assert all(not above % below for below, above in pairwise(LADDER))
