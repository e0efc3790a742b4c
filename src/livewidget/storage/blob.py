"""A batch as bytes that know whether they are whole: what servers keep of chunks and levels.

`LWB`, a version (1), the crc32 of all that follows, the rows (uint32), then each column of the
schema: for text the categories that are used, as JSON with their length before them (uint32); then
the numbers or codes as `codecs.numeric` packs them, the codec's and the dtype's name with their
lengths (uint8), the bytes with theirs (uint32). All little-endian.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.codecs.numeric.packed import Packed, pack, unpack
from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.errors import StoreError
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text

MAGIC = b"LWB\x01"
_HEAD = struct.Struct("<4sII")
_SIZE = struct.Struct("<I")


def dump(batch: Batch) -> bytes:
    """Return a batch as bytes. Any thread."""
    parts = [_SIZE.pack(len(batch))]
    for column in batch.columns:
        if isinstance(column, Text):
            text = used(column)
            names = json.dumps(text.categories).encode()
            parts += [_SIZE.pack(len(names)), names]
            values: npt.NDArray[Any] = text.codes
        else:
            values = column
        packed = pack(np.ascontiguousarray(values))
        for word in (packed.codec.encode(), packed.dtype.encode()):
            parts += [bytes([len(word)]), word]
        parts += [_SIZE.pack(len(packed.data)), packed.data]
    body = b"".join(parts)
    return MAGIC + _SIZE.pack(zlib.crc32(body)) + body


def load(data: bytes, schema: Schema) -> Batch:
    """Return the batch of `dump`. Raises StoreError for bytes of another version or torn ones."""
    if data[: len(MAGIC)] != MAGIC:
        raise StoreError("a chunk is of another version, or is none")
    if len(data) < _HEAD.size or zlib.crc32(memoryview(data)[8:]) != _HEAD.unpack_from(data)[1]:
        raise StoreError("a chunk is torn: its bytes do not have their checksum")
    rows = _HEAD.unpack_from(data)[2]
    reader = _Reader(data, _HEAD.size)
    try:
        return Batch(schema, tuple(_column(field, rows, reader) for field in schema.fields))
    except (ValueError, struct.error) as error:
        raise StoreError(f"a chunk cannot be read: {error}") from None


def used(text: Text) -> Text:
    """Return the same text with the categories that its rows use, and no others."""
    found, codes = np.unique(text.codes, return_inverse=True)
    missing = int(len(found) > 0 and found[0] < 0)
    names = tuple(text.categories[code] for code in found[missing:].tolist())
    return Text((codes - missing).astype(np.int32), names)


class _Reader:
    """Bytes, and how far they have been read."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data = data
        self._place = place

    def take(self, size: int) -> bytes:
        self._place += size
        return self._data[self._place - size : self._place]

    def sized(self) -> bytes:
        return self.take(_SIZE.unpack(self.take(_SIZE.size))[0])

    def word(self) -> str:
        return self.take(self.take(1)[0]).decode()


def _column(field: Field, rows: int, reader: _Reader) -> Column:
    names = tuple(json.loads(reader.sized())) if field.kind is Kind.TEXT else ()
    codec, dtype = reader.word(), reader.word()
    values: npt.NDArray[Any] = unpack(Packed(codec, dtype, rows, reader.sized()))
    if len(values) != rows:
        raise ValueError(f"column {field.name!r} has {len(values)} of {rows} values")
    return Text(values, names) if field.kind is Kind.TEXT else values
