"""Summaries of buckets as a table: count, sum, extremes, ends and quantiles of each column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.buffers.parcel import Parcel
from livewidget.buffers.segment import KEPT, WIDTHS, Segment
from livewidget.buffers.tally import (
    Numbers,
    Tally,
    groups_of,
    keys_of,
    merged,
    number_columns,
    tally,
)
from livewidget.data.batch import Batch, concat
from livewidget.data.convert import Column
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.sketches.outstanding import cut, in_order

EVERY = "every"  # the column that says how wide a row's bucket is
QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
EXACT = ("min", "max", "first", "last")

Part = tuple[Tally, Batch]  # of buckets of one width, and rows among which are those that stand
Values = npt.NDArray[Any]  # float64 or int64


def summary_schema(schema: Schema, by: str | None) -> Schema:
    """Return the columns of the summaries of rows of a schema."""
    fields = [Field(schema.time, Kind.TIME), Field(EVERY, Kind.INT)]
    fields += [] if by is None else [Field(by, Kind.TEXT)]
    for each in schema.fields:
        if each.kind in (Kind.FLOAT, Kind.INT):
            fields.append(Field(f"{each.name}_count", Kind.INT))
            fields.append(Field(f"{each.name}_sum", Kind.FLOAT))
            fields += [Field(f"{each.name}_{name}", each.kind) for name in EXACT]
            fields += [Field(f"{each.name}_{name}", Kind.FLOAT) for name, _ in QUANTILES]
    return Schema(fields, schema.time)


def part_of(
    segment: Segment, every: int, by: str | None, unpacked: Callable[[Parcel], Batch]
) -> Part | None:
    """Return a segment's part of the summaries; of wider buckets where finer ones are gone."""
    if segment.stage == KEPT:
        return None
    width = max(every, WIDTHS[segment.stage])
    told = segment.tally is not None and not width % segment.tally.width
    parcels = segment.standing(width) if told else segment.base
    rows = in_order(concat([unpacked(parcel) for parcel in parcels]))
    if segment.tally is None or not told:
        return tally(rows, width, by), rows
    return merged([segment.tally.tally()], width), rows


def summaries(
    schema: Schema, by: str | None, parts: Sequence[Part], start: int, stop: int
) -> Batch:
    """Return the summaries of buckets that begin in [start, stop), by time, width and key.

    Parts are in the order in which their rows came.
    """
    tables = []
    for width in sorted({whole.width for whole, _ in parts}):
        alike = [part for part in parts if part[0].width == width]
        whole = merged([each for each, _ in alike], width).within(start, stop)
        if len(whole.times):
            low, high = -(-start // width) * width, -(-stop // width) * width
            rows = in_order(concat([rows for _, rows in alike]))
            tables.append(_table(schema, by, whole, cut(rows, low, high)))
    if not tables:
        return Batch.empty(summary_schema(schema, by))
    return in_order(concat(tables))


def _table(schema: Schema, by: str | None, whole: Tally, rows: Batch) -> Batch:
    groups, _, _ = groups_of(rows.times, keys_of(rows, by), whole.width)
    size = len(whole.times)
    columns: list[Column] = [whole.times, np.full(size, whole.width, dtype=np.int64)]
    columns += [] if by is None else [Text(whole.keys, ())]
    for name, numbers in zip(number_columns(rows), whole.columns, strict=True):
        values = rows[name]
        assert isinstance(values, np.ndarray)
        columns += _figures(numbers, _exact(values, groups, size))
    return Batch(summary_schema(schema, by), tuple(columns))


def _figures(numbers: Numbers, exact: Sequence[Values]) -> list[Column]:
    low, high = (np.asarray(each, dtype=np.float64) for each in exact[:2])
    quantiles = [np.clip(numbers.sketches.quantile(part), low, high) for _, part in QUANTILES]
    return [numbers.counts, numbers.sums, *exact, *quantiles]


def _exact(values: Values, groups: npt.NDArray[np.int64], size: int) -> list[Values]:
    """Return min, max, first and last of each group, NaN passed over; rows are by rising time."""
    known = np.flatnonzero(~np.isnan(values))
    known = known[np.argsort(groups[known], kind="stable")]
    groups, values = groups[known], values[known]
    found = [np.full(size, np.nan if values.dtype == np.float64 else 0, values.dtype)] * 4
    if not len(values):
        return found
    starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    lasts = np.append(starts[1:], len(values)) - 1
    told = (
        np.minimum.reduceat(values, starts),
        np.maximum.reduceat(values, starts),
        values[starts],
        values[lasts],
    )
    found = [each.copy() for each in found]
    for column, each in zip(found, told, strict=True):
        column[groups[starts]] = each
    return found
