"""Encoded messages on their way to columns, many at once."""

from __future__ import annotations

from livewidget.codecs.base import Columns, Decoder
from livewidget.data.errors import SchemaError
from livewidget.sources.base import Outlet
from livewidget.sources.collector import Collector

MOST_BYTES = 1 << 20  # decoded at once: what is made of more leaves the caches before it is read
_OVERHEAD = 64  # bytes that a held message costs beside its text


class Messages(Collector):
    """Collects messages for a moment, decodes them together and hands them to an outlet."""

    def __init__(self, decoder: Decoder, outlet: Outlet) -> None:
        super().__init__(lambda messages: deliver(decoder, outlet, messages), most=MOST_BYTES)
        self._outlet = outlet

    def add(self, message: bytes) -> bool:  # type: ignore[override]  # its size is known
        """Take one message; True where the outlet asks for patience: await its `ready` then."""
        self._items.append(message)
        self._size += len(message) + _OVERHEAD
        if self._timer is None or self._size >= self._most:
            self._turn()
        return self._outlet.full


def deliver(decoder: Decoder, outlet: Outlet, messages: list[bytes]) -> Columns:
    """Decode messages and emit their rows; what cannot be read is rejected. Returns the columns."""
    decoded = decoder.decode(messages)
    for rejected in decoded.rejected:
        outlet.reject(rejected.payload, rejected.reason)
    if decoded.rows:
        try:
            outlet.emit(decoded.columns)
        except SchemaError as error:  # nothing in these messages is of use
            outlet.reject(decoded.columns, str(error))
    return decoded.columns
