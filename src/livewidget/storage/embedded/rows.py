"""Rows as compressed bytes that know whether they are whole: a block of a level.

A record of the log (`record.py`), with all the names it uses, under zstd: packing by
`codecs.numeric` halves that, but takes ten times as long, and three times as long to be read.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.schema import Schema
from livewidget.storage.embedded.parquet import pyarrow
from livewidget.storage.embedded.record import Names, Record, coded, dump, joined, records

_SIZE = struct.Struct("<Q")
_MOST = 1 << 30  # bytes that damaged ones can ask for


def pack(batch: Batch) -> bytes:
    """Return rows, one at least, as bytes. Any thread."""
    names = Names(batch.schema)
    arrays = coded(batch, names)
    head, body = dump(arrays, batch.times, 0, names.since([0] * len(names.columns)), None)
    data = head.pack() + body
    packed: bytes = _zstd().compress(data, asbytes=True)
    return _SIZE.pack(len(data)) + packed


def unpack(data: bytes, schema: Schema) -> Batch:
    """Return the rows of `pack`. Raises StoreError, or kinds of ValueError, for damaged bytes."""
    size = _SIZE.unpack_from(data)[0] if len(data) > _SIZE.size else _MOST
    if size >= _MOST:
        raise StoreError("a block of rows is damaged")
    raw: bytes = _zstd().decompress(data[_SIZE.size :], size, asbytes=True)
    found = [it for it in records(raw, 0, schema, None) if isinstance(it, Record)]
    if len(found) != 1:
        raise StoreError("a block of rows is damaged: it does not have its checksum")
    names = Names(schema)
    names.take_up(found[0].names)
    return joined([found[0].columns], names, schema)


@cache
def _zstd() -> Any:
    return pyarrow().Codec("zstd", 1)
