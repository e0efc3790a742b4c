"""Gaps in what is exported."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.events import Gap
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text

COLUMN = "gap"


def marked_batch(batch: Batch, gaps: Sequence[Gap], after: int | None = None) -> Batch:
    """Return a batch, by rising time, with a column `gap`: why nothing came before a row.

    The first row behind each gap has its bounds (ISO 8601, UTC) and its reason, the others nothing.
    Where it is one of several, the rows before it end at `after` (ns UTC).
    """
    codes = np.full(len(batch), -1, dtype=np.int32)
    notes: list[str] = []
    for row, note in _notes(batch.times, gaps):
        if row or batch.times[0] != after:
            codes[row] = len(notes)
            notes.append(note)
    schema = batch.schema
    fields = (*schema.fields, Field(_name(schema.names), Kind.TEXT))
    return Batch(Schema(fields, schema.time), (*batch.columns, Text(codes, tuple(notes))))


def _notes(times: npt.NDArray[np.int64], gaps: Sequence[Gap]) -> Iterator[tuple[int, str]]:
    """Yield the first row behind each gap, and what to say of it."""
    for gap in gaps:
        row = int(np.searchsorted(times, gap.stop))
        if row < len(times) and times[row] == gap.stop:
            yield row, f"{_iso(gap.start)} to {_iso(gap.stop)}: {gap.reason}"


def _name(columns: Container[str]) -> str:
    return COLUMN if COLUMN not in columns else f"{COLUMN}_"


def _iso(at: int) -> str:
    return f"{np.datetime_as_string(np.int64(at).view('datetime64[ns]'), unit='ms')}Z"
