"""Encoded messages on their way to columns, many at once."""

from __future__ import annotations

from collections.abc import Callable

from livewidget.codecs.base import Columns, Decoded, Decoder
from livewidget.data.errors import SchemaError
from livewidget.sources.base import Outlet
from livewidget.sources.collector import Collector

MOST_BYTES = 4 << 20  # decoded at once at the latest: some 10 ms of work
_OVERHEAD = 64  # bytes that a held message costs beside its text


class Messages:
    """Collects messages for a moment, decodes them together and hands them to an outlet.

    `heard` is called after each delivery with its number of events.
    """

    def __init__(
        self, decoder: Decoder, outlet: Outlet, heard: Callable[[int], None] | None = None
    ) -> None:
        self._decoder = decoder
        self._outlet = outlet
        self._heard = heard
        self._collector = Collector(self._deliver, most=MOST_BYTES)

    def add(self, message: bytes) -> None:
        """Take one message."""
        self._collector.add(message, len(message) + _OVERHEAD)

    @property
    def full(self) -> bool:
        """Whether the outlet asks for patience: await its `ready` before reading on."""
        return self._outlet.full

    def close(self) -> None:
        """Deliver what is held."""
        self._collector.close()

    def _deliver(self, messages: list[bytes]) -> None:
        columns = deliver(self._decoder, self._outlet, messages)
        if self._heard is not None:
            self._heard(count(columns))


def deliver(decoder: Decoder, outlet: Outlet, messages: list[bytes]) -> Columns:
    """Decode messages and emit their rows; what cannot be read is rejected. Returns the columns."""
    return hand_over(decoder.decode(messages), outlet)


def hand_over(decoded: Decoded, outlet: Outlet) -> Columns:
    """Emit decoded rows and reject what was refused. Returns the columns."""
    for rejected in decoded.rejected:
        outlet.reject(rejected.payload, rejected.reason)
    if decoded.rows:
        try:
            outlet.emit(decoded.columns)
        except SchemaError as error:  # nothing in these messages is of use
            outlet.reject(decoded.columns, str(error))
    return decoded.columns


def count(columns: Columns) -> int:
    """Return how many events the columns hold."""
    return max(map(len, columns.values()), default=0)
