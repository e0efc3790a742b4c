"""The state of an operator as bytes: MessagePack, in which numpy arrays are an extension type.

Nothing is ever executed on reading: what is not plain data or an array of numbers is refused.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import msgspec
import numpy as np

from livewidget.data.errors import StateError, quote

MAGIC = b"lwstate1"
MOST_BYTES = 256 * 2**20
_ARRAY = 1  # the code of the extension
_KINDS = "biuf"
_MOST_AXES = 4


def pack(state: dict[str, Any]) -> bytes:
    """Return plain data (str, int, float, bool, None, bytes, lists, dicts) and arrays as bytes.

    A magic word, a CRC-32 of the rest, then MessagePack. Raises StateError for anything else.
    """
    try:
        body = msgspec.msgpack.encode(state, enc_hook=_array)
    except (TypeError, OverflowError, NotImplementedError) as error:
        raise StateError(f"a state is plain data and arrays of numbers: {error}") from None
    return MAGIC + zlib.crc32(body).to_bytes(4, "big") + body


def unpack(data: bytes) -> dict[str, Any]:
    """Return the state that `pack` was given; arrays are writable copies.

    Raises StateError for bytes that are damaged, too many, or none of its.
    """
    head = len(MAGIC)
    if len(data) > MOST_BYTES:
        raise StateError(f"a state has at most {MOST_BYTES:,} bytes, got {len(data):,}")
    if data[:head] != MAGIC:
        raise StateError(f"a state begins with {MAGIC!r}, got {quote(bytes(data[:head]))}")
    body = data[head + 4 :]
    if zlib.crc32(body) != int.from_bytes(data[head : head + 4], "big"):
        raise StateError("the state is damaged: its checksum is another")
    try:
        state = msgspec.msgpack.decode(body, ext_hook=_from_extension)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise StateError(f"the state cannot be read: {error}") from None
    if not isinstance(state, dict):
        raise StateError(f"a state is a dict, got {quote(state)}")
    return state


def _array(value: Any) -> Any:
    if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
        return value.item()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in _KINDS:
        raise NotImplementedError(f"got {quote(value)}")
    head = msgspec.msgpack.encode((value.dtype.newbyteorder("<").str, value.shape))
    whole = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    return msgspec.msgpack.Ext(_ARRAY, len(head).to_bytes(2, "big") + head + whole.tobytes())


def _from_extension(code: int, data: memoryview) -> Any:
    if code != _ARRAY:
        raise ValueError(f"there is no extension {code}")
    size = int.from_bytes(data[:2], "big")
    name, shape = msgspec.msgpack.decode(data[2 : 2 + size], type=tuple[str, tuple[int, ...]])
    dtype = np.dtype(name)
    if dtype.kind not in _KINDS or len(shape) > _MOST_AXES or min(shape, default=0) < 0:
        raise ValueError(f"an array of {quote(name)} and {shape} is none of ours")
    if math.prod(shape) * dtype.itemsize != len(data) - 2 - size:
        raise ValueError(f"an array of {shape} does not have {len(data) - 2 - size} bytes")
    return np.frombuffer(data, dtype=dtype, offset=2 + size).reshape(shape).copy()
