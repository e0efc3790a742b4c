"""JSON messages to columns, many at once.

A message is one object, an array of objects, or several of these one on a line (NDJSON).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from livewidget.codecs.decoding import FAILURES, MsgspecDecoder
from livewidget.codecs.paths import Fields

# Between two messages that begin and end with these, a bare line break is legal JSON only
# where both are whole: joined messages can therefore never be read as one another's parts.
_OPEN = frozenset({b"{", b"["})
_CLOSE = frozenset({b"}", b"]"})
_SMALL = 500  # bytes of a message
_BLANK = b" \t\r\n"
_WITHIN = re.compile(rb"\n(?:[^{\[]|(?<![}\]]\n)(?<![}\]]\r\n))")  # a line break inside of a value


class JsonDecoder(MsgspecDecoder):
    """Reads batches of JSON messages. Stateless between calls; one thread at a time.

    `fields` are those to keep, none for every one that is a number, text, a truth value or
    null. A field is a name, or a path into nested objects and lists: `data.price`, `bids.0.price`
    (see `Path`); a mapping gives each column its path: `{"price": "data.price"}`. A missing field
    is NaN or None, and one that is missing throughout a batch has no column in it. A nested field
    is left out; where it is one of `fields`, the row is rejected, as is a row with nothing in it,
    or without any of the columns in `needs`: a heartbeat among quotes. `max_bytes` bounds one
    message; where all fields are kept, `MOST_FIELDS` bound it too.
    """

    def __init__(
        self,
        fields: Fields | None = None,
        *,
        needs: Sequence[str] = (),
        max_bytes: int = 1 << 20,
    ) -> None:
        super().__init__(fields, needs, max_bytes)
        kinds: Any = self._rows.row | list.__class_getitem__(self._rows.row)
        self._decoder = msgspec.json.Decoder(kinds)

    def _values(self, messages: Sequence[bytes]) -> list[Any] | None:
        joined = b"\n".join(messages)
        if not _are_whole(joined, messages):  # lines often come with their ends
            messages = [message.strip(_BLANK) for message in messages]
            joined = b"\n".join(messages)
            if not _are_whole(joined, messages):
                return None
        values: list[Any] = self._decoder.decode_lines(joined)
        if len(values) == len(messages):
            return values
        # NDJSON, or two on one line, which msgspec takes too: as many as lines, or a closer look.
        lines = joined.count(b"\n") + 1
        return None if len(values) != lines or _WITHIN.search(joined) else values

    def _load(self, message: bytes) -> object:
        """Return the value of one JSON text; NaN and Infinity, which Python writes, are numbers."""
        try:
            return msgspec.json.decode(message)
        except FAILURES:
            if b"NaN" not in message and b"Infinity" not in message:
                raise
            return json.loads(message)

    def _parts(self, message: bytes) -> list[bytes]:
        lines = [line for line in message.splitlines() if line.strip()]
        return lines if len(lines) > 1 else []

    def _why(self, error: Exception) -> str:
        # Without the byte's place: reasons are counted, and equal ones belong together.
        return f"not JSON: {str(error).partition(' (byte')[0]}"


def _are_whole(joined: bytes, messages: Sequence[bytes]) -> bool:
    """Tell whether each message begins and ends as one that can be joined with others must."""
    # Many small ones are quicker to search than to look at each: where there are no other line
    # breaks, all of these stand between two messages.
    small = len(joined) < _SMALL * len(messages)
    if small and joined[:1] == b"{" and joined[-1:] == b"}":
        breaks = len(messages) - 1
        if joined.count(b"\n") == joined.count(b"}\n{") == breaks:
            return True
    for message in messages:  # noqa: SIM110  (the fast path of every message: no generator)
        if message[:1] not in _OPEN or message[-1:] not in _CLOSE:
            return False
    return True
