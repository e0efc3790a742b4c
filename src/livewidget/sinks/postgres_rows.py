"""Rows as the text format of PostgreSQL's COPY."""

from __future__ import annotations

from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.convert import NAT, Column
from livewidget.data.schema import Kind
from livewidget.data.text import Text

_MISSING = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_text(batch: Batch, first: int, times: str) -> bytes:
    """Return the rows, each with its number before it, a line each.

    What is missing is NULL, and text that is empty is empty. `times` are "timestamptz", ISO 8601
    in UTC, or "ns", whole numbers. Half a character (a lone surrogate) becomes "?".
    """
    columns = [list(map(str, range(first, first + len(batch))))]
    for field, column in zip(batch.schema.fields, batch.columns, strict=True):
        columns.append(_words(column, field.kind, times))
    lines = map("\t".join, zip(*columns, strict=True))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _words(column: Column, kind: Kind, times: str) -> list[str]:
    if isinstance(column, Text):
        table = [*(name.translate(_ESCAPES) for name in column.categories), _MISSING]
        return [table[code] for code in column.codes.tolist()]
    if kind is Kind.FLOAT:
        missing = np.isnan(column)
        values: list[Any] = list(map(repr, column.tolist()))  # the shortest that is the number
    else:
        missing = column == NAT if kind is Kind.TIME else np.zeros(0, dtype=bool)
        if kind is Kind.TIME and times != "ns":
            values = np.datetime_as_string(column.view("M8[ns]"), timezone="UTC").tolist()
        else:
            values = list(map(str, column.tolist()))
    for row in np.flatnonzero(missing).tolist():
        values[row] = _MISSING
    return values
