"""Sides of a join with rows of their own, fed in any order and cut anywhere."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from livewidget.data.batch import Batch, concat
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.joins.base import Side
from livewidget.pipeline.operator import Moment, Tally
from livewidget.testing import ManualClock

SECOND = 1_000_000_000
LEFT = Schema.of({"time": "time", "key": "text", "a": "float", "n": "int"}, "time")
RIGHT = Schema.of({"at": "time", "key": "text", "b": "float", "n": "int", "word": "text"}, "at")

_KEYS = st.sampled_from([None, "x", "y", "z"])
_VALUES = st.none() | st.floats(-1e3, 1e3, allow_subnormal=False)
_TICKS = st.integers(0, 40)
LEFTS = st.lists(st.tuples(_TICKS, _KEYS, _VALUES, st.integers(-9, 9)), max_size=25)
RIGHTS = st.lists(
    st.tuples(_TICKS, _KEYS, _VALUES, st.integers(-9, 9), st.sampled_from([None, "u", "v"])),
    max_size=25,
)


def batch_of(schema, rows):
    """A batch of tuples in the order of the schema; times in quarters of a second."""
    if not rows:
        return Batch.empty(schema)
    columns = []
    for field, values in zip(schema.fields, zip(*rows, strict=True), strict=True):
        if field.kind == "text":
            columns.append(Text.encode(values))
        elif field.kind == "time":
            columns.append(np.array(values, dtype=np.int64) * (SECOND // 4))
        elif field.kind == "int":
            columns.append(np.array(values, dtype=np.int64))
        else:
            columns.append(np.array([np.nan if it is None else it for it in values], dtype=float))
    return Batch(schema, tuple(columns))


def by_time(rows):
    return sorted(rows, key=lambda row: row[0])


def bind(joiner, schemas, clock=None):
    labels = ("left", "right", "third")
    sides = [Side(*each) for each in zip(labels, schemas, strict=False)]
    return joiner.bind(sides, clock or ManualClock())


def at_once(joiner, schemas, *sides):
    """What comes of whole sides, one after another, as one batch."""
    bound = bind(joiner, schemas)
    out, tally = [], Tally()
    for place, rows in enumerate(sides):
        if rows:
            out.append(bound.step(place, batch_of(schemas[place], rows), tally))
    out += [bound.end(place, tally) for place in range(len(sides))]
    out.append(bound.tick(Moment(0, final=True), tally))
    return concat(out)


def in_pieces(draw, joiner, schemas, *sides):
    """The same, with the sides cut and mixed as hypothesis likes it, the order of each kept."""
    bound, tally, out = bind(joiner, schemas), Tally(), []
    rest = [list(rows) for rows in sides]
    while any(rest):
        place = draw(st.sampled_from([n for n, rows in enumerate(rest) if rows]))
        size = draw(st.integers(1, min(7, len(rest[place]))))
        piece, rest[place] = rest[place][:size], rest[place][size:]
        out.append(bound.step(place, batch_of(schemas[place], piece), tally))
        if draw(st.booleans()):
            out.append(bound.tick(Moment(0), tally))
        if not rest[place] and draw(st.booleans()):
            out.append(bound.end(place, tally))
    out.append(bound.tick(Moment(0, final=True), tally))
    result = concat(out)
    assert (np.diff(result.times) >= 0).all()
    return result


def rows_of(batch):
    """Rows as tuples with None for what is missing, so that they compare."""
    low = np.iinfo(np.int64).min
    return [
        tuple(None if value != value or value == low else value for value in row.values())  # noqa: PLR0124
        for row in batch.rows()
    ]
