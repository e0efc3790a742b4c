"""Bytes of a connection to the messages in them, and messages twice or out of order. No I/O."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Splitter = Callable[[bytes], tuple[list[bytes], bytes]]
"""From bytes to the whole messages at their beginning, separators included, and the rest."""

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_HEAD = b"H"  # of "HTTP/1.1"; no frame begins with it: a control frame is never a fragment
_CONTROL = 0x8  # opcodes from here on (RFC 6455, 5.2)
_EXTENDED = {126: 2, 127: 8}  # bytes of the length behind these lengths


def lines(data: bytes) -> tuple[list[bytes], bytes]:
    """Split NDJSON, and whatever else ends with a line break."""
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole], rest


def sse_events(data: bytes) -> tuple[list[bytes], bytes]:
    """Split an event stream at its blank lines; the head of the answer is the first message.

    Not for answers in chunks (RFC 9112, 7.1), whose sizes would stand between the events.
    """
    messages, start = [], 0
    for blank in _BLANK_LINE.finditer(data):
        messages.append(data[start : blank.end()])
        start = blank.end()
    return messages, data[start:]


def websocket_messages(data: bytes) -> tuple[list[bytes], bytes]:
    """Split frames (RFC 6455, 5.2); the answer to the handshake is the first message.

    The fragments of a message stay together. Not for permessage-deflate, where a message needs the
    ones before it: serve with `compression=None`.
    """
    messages, start, end = [], 0, 0
    if data.startswith(_HEAD):
        head, blank, _ = data.partition(b"\r\n\r\n")
        if not blank:
            return [], data
        start = end = len(head) + len(blank)
        messages.append(data[:end])
    while (stop := _frame_end(data, end)) is not None:
        final, control = data[end] & 0x80, data[end] & 0x0F >= _CONTROL
        within = control and start < end  # a control frame may stand between fragments
        end = stop
        if final and not within:
            messages.append(data[start:end])
            start = end
    return messages, data[start:]


def _frame_end(data: bytes, start: int) -> int | None:
    """Return where the frame that begins at `start` ends; None where it is not whole."""
    if len(data) < start + 2:
        return None
    length = data[start + 1] & 0x7F
    at = start + 2 + _EXTENDED.get(length, 0)
    if len(data) < at:
        return None
    if length in _EXTENDED:
        length = int.from_bytes(data[start + 2 : at], "big")
    masking_key = 4 if data[start + 1] & 0x80 else 0
    end = at + masking_key + length
    return end if len(data) >= end else None


class Scrambler:
    """The messages of one connection, one way: some of them twice, or out of order.

    The first passes as it is: it may be the answer to a handshake. Only whole messages come out.
    """

    def __init__(self, split: Splitter, rng: random.Random) -> None:
        self.duplicated = self.reordered = 0
        self._split = split
        self._rng = rng
        self._rest = b""
        self._held: list[bytes] = []
        self._seen = 0

    @property
    def holding(self) -> bool:
        """Whether messages wait for others, to change places with them."""
        return bool(self._held)

    def feed(self, data: bytes, every: int, within: int) -> bytes:
        """Take bytes and return those that go on now.

        Each `every`th message comes twice (0: none), each `within` neighbours come shuffled.
        """
        messages, self._rest = self._split(self._rest + data)
        out = []
        for message in messages:
            self._seen += 1
            if self._seen == 1:
                out.append(message)
                continue
            self._held.append(message)
            if every and self._seen % every == 0:
                self.duplicated += 1
                self._held.append(message)
            if len(self._held) >= within:
                out.append(self._shuffled(within))
        return b"".join(out)

    def flush(self, within: int) -> bytes:
        """Return the messages that are held, shuffled where there is a `within`."""
        return self._shuffled(within)

    def end(self) -> bytes:
        """Return all that is left, what is not whole included."""
        return self._shuffled(0) + self._rest

    def _shuffled(self, within: int) -> bytes:
        held, self._held = self._held, []
        if within > 1:
            before = list(held)
            self._rng.shuffle(held)
            self.reordered += sum(a is not b for a, b in zip(before, held, strict=True))
        return b"".join(held)
