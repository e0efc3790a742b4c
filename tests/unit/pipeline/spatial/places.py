"""Places that come and go, as batches; operators run on any cut of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.operator import Moment, Tally
from livewidget.testing import ManualClock

SECOND = 1_000_000_000
SCHEMA = Schema.of({"time": "time", "who": "text", "lat": "float", "lon": "float"}, "time")


def places(size=1_500, seed=0, groups=4, middle=(48.2, 16.4), spread=0.001):
    """Some groups of places that wander, and noise, ten a second."""
    rng = np.random.default_rng(seed)
    own = rng.integers(0, groups + 1, size)
    centres = np.array(middle) + rng.uniform(-0.05, 0.05, (groups + 1, 2))
    drift = np.linspace(0, 0.01, size)[:, np.newaxis] * rng.normal(size=(groups + 1, 2))[own]
    at = centres[own] + drift + rng.normal(size=(size, 2)) * spread
    noise = own == groups
    at[noise] = np.array(middle) + rng.uniform(-0.1, 0.1, (int(noise.sum()), 2))
    who = Text(rng.integers(0, 2, size).astype(np.int32), ("bike", "car"))
    times = np.arange(size, dtype=np.int64) * SECOND // 10
    return Batch(SCHEMA, (times, who, at[:, 0].copy(), at[:, 1].copy()))


def pieces(batch, seed):
    rng = np.random.default_rng(seed)
    edges = [0, *sorted(rng.integers(1, len(batch), 12).tolist()), len(batch)]
    parts = [batch.take(slice(a, b)) for a, b in pairwise(edges)]
    return [part for part in parts if len(part)]


def run(operator, batches, *, final=True):
    bound = operator.bind(batches[0].schema, ManualClock())
    out = []
    for batch in batches:
        tally = Tally()
        rows = bound.step(batch, tally)
        assert len(batch) + tally.made == len(rows) + tally.filtered
        out.append(rows)
    if final:
        out.append(bound.tick(Moment(0, final=True), Tally()))
    result = concat(out)
    assert result.schema == bound.schema
    return result


def same(one, other):
    assert one.schema == other.schema
    for left, right in zip(one.columns, other.columns, strict=True):
        if isinstance(left, Text):
            assert left.decode().tolist() == right.decode().tolist()
        else:
            np.testing.assert_array_equal(left, right)


def window(batch, end, seconds):
    times = batch.times
    return batch.take((times > end - seconds * SECOND) & (times <= end))
