"""Encoded messages on their way to columns, many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from livewidget.codecs.base import Columns, Decoded, Decoder
from livewidget.codecs.json import JsonDecoder
from livewidget.data.errors import SchemaError
from livewidget.sources.base import Outlet
from livewidget.sources.collector import Collector

MOST_BYTES = 1 << 20  # decoded at once: what is made of more leaves the caches before it is read
_OVERHEAD = 64  # bytes that a held message costs beside its text


class Messages(Collector):
    """Collects messages for a moment, decodes them together and hands them to an outlet.

    `heard` is called after each delivery with its number of events.
    """

    def __init__(
        self, decoder: Decoder, outlet: Outlet, heard: Callable[[int], None] | None = None
    ) -> None:
        super().__init__(self._decode, most=MOST_BYTES)
        self._decoder = decoder
        self._outlet = outlet
        self._heard = heard
        self._full = False  # what the outlet said at the last delivery

    def add(self, message: bytes) -> bool:  # type: ignore[override]  # its size is known
        """Take one message; True where the outlet asks for patience: await `ready` then."""
        self._items.append(message)
        self._size += len(message) + _OVERHEAD
        # Nearly always neither: a message among others costs next to nothing.
        if self._timer is None or self._size >= self._most:
            self._turn()
        return self._full

    async def ready(self) -> None:
        """Return once the outlet has room."""
        await self._outlet.ready()
        self._full = False

    def _decode(self, messages: list[bytes]) -> None:
        columns = deliver(self._decoder, self._outlet, messages)
        if self._heard is not None:
            self._heard(count(columns))
        self._full = self._outlet.full


Beside = Callable[[Columns], Columns]  # the columns of messages, one item a message


def deliver(
    decoder: Decoder, outlet: Outlet, messages: Sequence[bytes], beside: Beside | None = None
) -> Columns:
    """Decode messages and emit their rows; what cannot be read is rejected. Returns the columns.

    `beside` is given the decoded columns and returns what is known of each message but not in it:
    each row has its message's. Where a name is in both, it is the message's own that gives way.
    """
    decoded = decoder.decode(messages)
    if beside is not None and decoded.rows:
        known = _spread(beside(decoded.columns), decoder, decoded, messages)
        decoded.columns = {**decoded.columns, **known}
    return hand_over(decoded, outlet)


def hand_over(decoded: Decoded, outlet: Outlet) -> Columns:
    """Emit decoded rows and reject what was refused. Returns the columns."""
    for rejected in decoded.rejected:
        outlet.reject(rejected.payload, rejected.reason)
    columns = decoded.columns
    if decoded.rows:
        try:
            outlet.emit(columns)
        except SchemaError as error:  # nothing in these messages is of use
            outlet.reject(columns, str(error))
    return columns


def _spread(
    known: Columns, decoder: Decoder, decoded: Decoded, messages: Sequence[bytes]
) -> Columns:
    """Return columns of messages as columns of rows: a message may have had none, or several."""
    if not known or _is_single(decoder, decoded, messages):
        return known
    # How many of each is not told with all of them at once: they are decoded again, one by one.
    rows = [decoder.decode([message]).rows for message in messages]
    places = np.repeat(np.arange(len(messages)), rows)
    return {
        name: [values[place] for place in places] if isinstance(values, list) else values[places]
        for name, values in known.items()
    }


def count(columns: Columns) -> int:
    """Return how many events the columns hold."""
    return max(map(len, columns.values()), default=0)


def _is_single(decoder: Decoder, decoded: Decoded, messages: Sequence[bytes]) -> bool:
    """Tell, for the usual format, that each message gave exactly one row.

    A JSON object that is not rejected gives one row at least; an empty array would give none.
    """
    return (
        isinstance(decoder, JsonDecoder)
        and decoded.rows == len(messages)
        and not decoded.rejected
        and {message[:1] for message in messages} == {b"{"}
    )
