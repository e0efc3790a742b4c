"""Streams for models, and a run of an operator over them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from livewidget.codecs.state import pack, unpack
from livewidget.data.batch import Batch, concat
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.operator import Tally
from livewidget.testing import ManualClock

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
SCHEMA = Schema.of(
    {"time": "time", "key": "text", "value": "float", "n": "int", "label": "float"}, "time"
)


def batch(values, *, keys=None, labels=None, step=SECOND, start=START):
    """A batch of values a step apart."""
    values = np.asarray(values, dtype=np.float64)
    size = len(values)
    columns = (
        start + step * np.arange(size, dtype=np.int64),
        Text.encode(list(keys) if keys is not None else ["a"] * size),
        values,
        np.clip(np.nan_to_num(values), -1e9, 1e9).astype(np.int64),
        np.asarray(labels if labels is not None else np.zeros(size), dtype=np.float64),
    )
    return Batch(SCHEMA, columns)


def wave(size, *, seed=0, keys=1, spikes=()):
    """A noisy season of several keys in turn, with spikes and missing values."""
    random = np.random.default_rng(seed)
    at = np.arange(size)
    values = 10 + 3 * np.sin(at / 40) + random.normal(0, 0.5, size)
    values[list(spikes)] += 30
    values[random.random(size) < 0.02] = np.nan
    return batch(values, keys=[f"k{each % keys}" for each in at])


def run(operator, batches):
    """Return what comes out as one batch, and all that was sent to outputs."""
    bound = operator.bind(batches[0].schema, ManualClock())
    tally = Tally()
    out = []
    for each in batches:
        done = bound.step(each, tally)
        assert done.schema == bound.schema
        assert len(done) == len(each)
        out.append(done)
    assert not tally.filtered
    assert not tally.rejected
    return concat(out), tally.routed


def resumed(make, batches, at):
    """As `run`, with the memory written and read by another operator after `at` batches."""
    first = make().bind(batches[0].schema, ManualClock())
    tally = Tally()
    out = [first.step(each, tally) for each in batches[:at]]
    state = unpack(pack(first.memory.save()))
    second = make().bind(batches[0].schema, ManualClock())
    second.memory.load(state)
    out += [second.step(each, tally) for each in batches[at:]]
    return concat(out), tally.routed


def pieces(whole, edges):
    """The rows of a batch cut at edges."""
    edges = [0, *sorted(edges), len(whole)]
    return [whole.take(slice(a, b)) for a, b in pairwise(edges) if b > a]


def same(one, other):
    """Whether two batches hold the same to the last bit."""
    for name in one.schema.names:
        left, right = one[name], other[name]
        if isinstance(left, Text):
            names = [[None, *text.categories] for text in (left, right)]
            pairs = zip(left.codes.tolist(), right.codes.tolist(), strict=True)
            assert all(names[0][a + 1] == names[1][b + 1] for a, b in pairs), name
        else:
            np.testing.assert_array_equal(left, right, err_msg=name)
