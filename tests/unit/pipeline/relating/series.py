"""Two or three columns that go together somewhat, as batches; operators run on any cut of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from livewidget.data.batch import Batch, concat
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.operator import Moment, Tally
from livewidget.testing import ManualClock

SECOND = 1_000_000_000
SCHEMA = Schema.of({"time": "time", "key": "text", "a": "float", "b": "float", "n": "int"}, "time")
_VALUE = (
    st.none() | st.integers(-4, 4).map(float) | st.floats(-1e3, 1e3).map(lambda it: round(it, 3))
)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(["x", "y", "z", None]),
        _VALUE,
        _VALUE,
        st.integers(-5, 5),
    ),
    min_size=1,
    max_size=40,
)


def batch_of(rows):
    times, keys, a, b, n = zip(*rows, strict=True)
    floats = [np.array([np.nan if it is None else it for it in each], float) for each in (a, b)]
    times = np.array(times, dtype=np.int64) * (SECOND // 4)
    return Batch(SCHEMA, (times, Text.encode(keys), *floats, np.array(n, dtype=np.int64)))


def frame_of(rows):
    """As pandas sees it: late rows stand at the newest time."""
    batch = batch_of(rows)
    frame = batch.to_dataframe(tz=None)
    frame["time"] = np.maximum.accumulate(batch.times).view("datetime64[ns]")
    return frame.set_index("time")


def run(operator, batches, *, clock=None, final=True):
    """Return all that comes out; the account of each batch is exact."""
    bound = operator.bind(batches[0].schema, clock or ManualClock())
    out = []
    for batch in batches:
        tally = Tally()
        rows = bound.step(batch, tally)
        assert len(batch) + tally.made == len(rows) + tally.filtered
        assert rows.schema == bound.schema
        out.append(rows)
    if final and bound.tick is not None:
        tally = Tally()
        assert len(bound.tick(Moment(0), Tally())) == 0
        out.append(bound.tick(Moment(0, final=True), tally))
        assert tally.made == len(out[-1])
    return concat(out)


@st.composite
def cuts(draw, rows):
    edges = sorted({0, len(rows), *draw(st.sets(st.integers(0, len(rows)), max_size=4))})
    return [batch_of(rows[a:b]) for a, b in pairwise(edges)]


def same(one, other):
    assert one.schema == other.schema
    for left, right in zip(one.columns, other.columns, strict=True):
        if isinstance(left, Text):
            assert left.decode().tolist() == right.decode().tolist()
        else:
            np.testing.assert_array_equal(left, right)
