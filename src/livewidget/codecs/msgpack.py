"""MessagePack messages to columns, many at once.

A message is one map with text for keys, or an array of maps. See the MessagePack specification,
https://github.com/msgpack/msgpack/blob/master/spec.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import msgspec

from livewidget.codecs.decoding import MsgspecDecoder
from livewidget.codecs.paths import Fields

# Messages are joined as one array, this number behind each. A message cut short takes in bytes of
# the next, and then the number is not where it belongs; nobody outside can put it there.
_MARK = int.from_bytes(os.urandom(7)) | (1 << 62)
_MARK_BYTES = msgspec.msgpack.encode(_MARK)
_ARRAY32 = b"\xdd"


class MsgpackDecoder(MsgspecDecoder):
    """Reads batches of MessagePack messages. Stateless between calls; one thread at a time.

    The arguments are those of `JsonDecoder`. Timestamps are times; bytes and the other extensions
    are left out as nested fields are.
    """

    def __init__(
        self,
        fields: Fields | None = None,
        *,
        needs: Sequence[str] = (),
        max_bytes: int = 1 << 20,
    ) -> None:
        super().__init__(fields, needs, max_bytes)
        row = self._rows.row
        kinds: Any = row | list.__class_getitem__(row) | int
        self._decoder = msgspec.msgpack.Decoder(list.__class_getitem__(kinds))

    def _values(self, messages: Sequence[bytes]) -> list[Any] | None:
        head = _ARRAY32 + (2 * len(messages)).to_bytes(4)
        marked = _MARK_BYTES.join([*messages, b""])
        values = self._decoder.decode(head + marked)
        rows: list[Any] = values[::2]
        if int in set(map(type, rows)) or any(mark != _MARK for mark in values[1::2]):
            return None
        return rows

    def _load(self, message: bytes) -> object:
        return msgspec.msgpack.decode(message)

    def _why(self, error: Exception) -> str:
        return f"not MessagePack: {str(error).partition(' (byte')[0]}"
