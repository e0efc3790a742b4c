"""How large an Arrow IPC message is once decompressed, told before anything is.

Read by hand from the message's flatbuffer (Message.fbs of the Arrow format, version 1.5): pyarrow
decompresses whatever a buffer claims to hold, and 80 MB of zeros fit into 3 kB.
"""

from __future__ import annotations

import struct
from typing import Any

_DICTIONARY, _RECORDS = 2, 3  # MessageHeader
_TYPE, _HEADER = 1, 2  # the fields of a Message
_DATA = 1  # of a DictionaryBatch
_BUFFERS, _COMPRESSION = 2, 3  # of a RecordBatch
_BUFFER_BYTES = 16


def unpacked_bytes(metadata: bytes, body: Any) -> int:
    """Return how many bytes the buffers of a message take in memory.

    `metadata` is its flatbuffer, `body` what follows it (anything with a buffer, or None). Raises
    struct.error where the flatbuffer leads out of its bounds.
    """
    message = _offset(metadata, 0)
    kind, header = _field(metadata, message, _TYPE), _field(metadata, message, _HEADER)
    if not kind or not header or body is None:
        return 0
    batch = header + _offset(metadata, header)
    if metadata[kind] == _DICTIONARY:
        data = _field(metadata, batch, _DATA)
        batch = data + _offset(metadata, data)
    elif metadata[kind] != _RECORDS:
        return 0
    if not _field(metadata, batch, _COMPRESSION):
        return len(body)
    return _claimed(metadata, batch, memoryview(body))


def _claimed(metadata: bytes, batch: int, body: memoryview) -> int:
    """Return what the buffers of a batch claim: the int64 before each, -1 where it is plain."""
    place = _field(metadata, batch, _BUFFERS)
    if not place:
        return 0
    vector = place + _offset(metadata, place)
    total = 0
    for index in range(_offset(metadata, vector)):
        at, length = struct.unpack_from("<qq", metadata, vector + 4 + _BUFFER_BYTES * index)
        if length > 0 and 0 <= at <= len(body):
            (claim,) = struct.unpack_from("<q", body, at)
            total += length if claim < 0 else claim
    return total


def _offset(buffer: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", buffer, place)[0])


def _field(buffer: bytes, table: int, index: int) -> int:
    """Return where a field of a flatbuffer's table is, 0 where it is absent."""
    (back,) = struct.unpack_from("<i", buffer, table)
    virtual = table - back
    if virtual < 0:
        raise struct.error("a table without its vtable")
    (size,) = struct.unpack_from("<H", buffer, virtual)
    slot = 4 + 2 * index
    if slot + 2 > size:
        return 0
    (offset,) = struct.unpack_from("<H", buffer, virtual + slot)
    return table + offset if offset else 0
