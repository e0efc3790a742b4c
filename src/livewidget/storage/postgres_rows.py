"""Rows on their way into PostgreSQL and out of it: columns to COPY's bytes, arrays to columns.

In goes binary COPY. Out come arrays, one a column: a result of rows has a message for each of them,
which costs four times as much to read.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.storage.blob import used
from livewidget.storage.postgres_schema import ROW, column

if TYPE_CHECKING:
    from psycopg.sql import Composed

_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TAIL = struct.pack(">h", -1)
_LENGTH = struct.Struct(">i")
_MISSING = _LENGTH.pack(-1)
_ARRAY_HEAD = 20  # bytes: dimensions, whether with NULLs, type, length, lower bound
# PostgreSQL's text takes all but these: each becomes ESC and four digits, and back.
_ODD = re.compile("[\0\x1b\ud800-\udfff]")
_ESCAPED = re.compile("\x1b([0-9a-f]{4})")


def copied(schema: Schema) -> list[str]:
    """Return the columns in the order in which `copy_bytes` has them: text comes last."""
    return [ROW, *(field.name for field in _ordered(schema))]


def copy_bytes(batch: Batch, first: int) -> bytes:
    """Return rows `first` and on as binary COPY takes them."""
    return b"".join((_HEAD, _rows(batch, first), _TAIL))


def _ordered(schema: Schema) -> list[Field]:
    return sorted(schema.fields, key=lambda field: field.kind is Kind.TEXT)


def _rows(batch: Batch, first: int) -> bytes:
    fields = _ordered(batch.schema)
    numbers: list[npt.NDArray[Any]] = [np.arange(first, first + len(batch))]
    texts: list[list[bytes]] = []
    for field in fields:
        column = batch[field.name]
        if isinstance(column, Text):
            texts.append(_items(used(column)))
        else:
            numbers.append(column)
    pairs = [(f"length{n}", ">i4") for n in range(len(numbers))]
    values = [(f"value{n}", f">{it.dtype.kind}8") for n, it in enumerate(numbers)]
    layout = [("count", ">i2"), *chain.from_iterable(zip(pairs, values, strict=True))]
    fixed = np.empty(len(batch), dtype=layout)
    fixed["count"] = len(fields) + 1
    for n, column in enumerate(numbers):
        fixed[f"length{n}"] = 8
        fixed[f"value{n}"] = column
    data = fixed.tobytes()
    if not texts:
        return data
    size = fixed.dtype.itemsize
    heads = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(chain.from_iterable(zip(heads, *texts, strict=True)))


def _items(text: Text) -> list[bytes]:
    """Return each row's text with its length before it."""
    table = [_ODD.sub(_escape, name).encode() for name in text.categories]
    told = [*(_LENGTH.pack(len(item)) + item for item in table), _MISSING]
    return [told[code] for code in text.codes.tolist()]


def selected(schema: Schema) -> Composed:
    """Return the expressions that make arrays of the columns, for `from_arrays`."""
    from psycopg.sql import SQL

    parts = []
    for field in schema.fields:
        if field.kind is Kind.TEXT:
            # A NULL has no bytes in an array, which would then be one of items of any length.
            parts.append("array_agg(coalesce(octet_length({0}), -1)), string_agg({0}, '')")
        else:
            parts.append("array_agg({0})")
    names = [column(field.name) for field in schema.fields]
    return SQL(", ").join(SQL(part).format(name) for part, name in zip(parts, names, strict=True))


def from_arrays(values: Sequence[bytes | None], schema: Schema) -> Batch:
    """Return the batch of what `selected` gave, in binary; None is an array of no rows."""
    columns: list[Column] = []
    rest = iter(values)
    for field in schema.fields:
        data = next(rest)
        if field.kind is Kind.TEXT:
            columns.append(_text(_array(data, ">i4"), next(rest) or b""))
        else:
            columns.append(_array(data, ">f8" if field.kind is Kind.FLOAT else ">i8"))
    return Batch(schema, tuple(columns))


def _array(data: bytes | None, dtype: str) -> npt.NDArray[Any]:
    items = np.dtype([("length", ">i4"), ("value", dtype)])
    if not data:
        return np.empty(0, dtype=items["value"].newbyteorder("="))
    found = np.frombuffer(data, dtype=items, offset=_ARRAY_HEAD)["value"]
    return found.astype(items["value"].newbyteorder("="))


def _text(lengths: npt.NDArray[np.int32], data: bytes) -> Text:
    ends = np.cumsum(np.maximum(lengths, 0)).tolist()
    table: dict[bytes, int] = {}
    codes, start = [], 0
    for end, length in zip(ends, lengths.tolist(), strict=True):
        codes.append(table.setdefault(data[start:end], len(table)) if length >= 0 else -1)
        start = end
    names = tuple(_ESCAPED.sub(_unescape, item.decode()) for item in table)
    return Text(np.array(codes, dtype=np.int32), names)


def _escape(found: re.Match[str]) -> str:
    return f"\x1b{ord(found[0]):04x}"


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))
