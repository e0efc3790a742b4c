"""Streams of batches for operators, and a run that keeps the account of every batch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.schema import DTYPES, Kind, Schema
from livewidget.data.text import Text, is_missing
from livewidget.pipeline.operator import Tally
from livewidget.testing import ManualClock

SCHEMA = Schema.of(
    {"time": "time", "key": "text", "value": "float", "n": "int", "word": "text", "seen": "time"},
    "time",
)
SECOND = 1_000_000_000
NAT = np.iinfo(np.int64).min

VALUES = (
    st.none()
    | st.integers(-5, 5).map(float)
    | st.floats(-1e6, 1e6)
    | st.sampled_from([float("inf"), -float("inf")])
)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda tick: tick * SECOND // 4),
        st.sampled_from([None, "a", "b", "c"]),
        VALUES,
        st.integers(-3, 3),
        st.sampled_from([None, "x", " Y", "y", "zz"]),
        st.none() | st.integers(0, 5),
    ),
    min_size=1,
    max_size=40,
)


def batch_of(rows):
    """A batch of tuples in the order of the schema; times in ns, None is missing."""
    times, keys, values, numbers, words, seen = zip(*rows, strict=True)
    floats = np.array([np.nan if each is None else each for each in values], dtype=np.float64)
    stamps = np.array([NAT if each is None else each for each in seen], dtype=np.int64)
    columns = (
        np.array(times, dtype=np.int64),
        Text.encode(keys),
        floats,
        np.array(numbers, dtype=np.int64),
        Text.encode(words),
        stamps,
    )
    return Batch(SCHEMA, columns)


@st.composite
def cut(draw, rows):
    """The rows as batches, each coded by itself, cut anywhere."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(rows) - 1)), max_size=4)))
    edges = [0, *(each for each in cuts if each < len(rows)), len(rows)]
    return [batch_of(rows[a:b]) for a, b in pairwise(edges)]


def run(operator, batches, clock=None):
    """Return the rows that come out as dicts, and one tally of all; the account is exact."""
    bound = operator.bind(batches[0].schema, clock or ManualClock())
    total, rows = Tally(), []
    for batch in batches:
        before = list(map(plain, batch.rows()))
        tally = Tally()
        out = bound.step(batch, tally)
        assert len(batch) == len(out) + tally.filtered + tally.rejected
        assert len(tally.letters) == tally.rejected
        assert out.schema == bound.schema
        check(out)
        assert list(map(plain, batch.rows())) == before  # no array was written to
        rows += map(plain, out.rows())
        total.filtered += tally.filtered
        total.rejected += tally.rejected
        total.letters += tally.letters
        total.routed += tally.routed
    return rows, total


def check(batch):
    for field, values in zip(batch.schema.fields, batch.columns, strict=True):
        assert isinstance(values, Text) == (field.kind is Kind.TEXT)
        array = values.codes if isinstance(values, Text) else values
        assert array.dtype == DTYPES[field.kind]
        assert array.shape == (len(batch),)


def plain(row):
    """A row with None for every missing value, so that rows compare."""
    return {
        name: None if value == NAT or is_missing(value) else value for name, value in row.items()
    }


def column(rows, name):
    return [row[name] for row in rows]
