"""Whole lines out of pieces of a file. No I/O."""

from __future__ import annotations

from livewidget.codecs.base import Rejected

SHOWN = 1_000  # bytes of a line that is too long, kept in its dead letter


class LineSplitter:
    """Cuts bytes into lines (LF or CRLF) and holds the last one until its end has come.

    At most `max_bytes` of it: of a longer one the first `SHOWN` bytes are kept, the rest is passed
    over up to its end, and then it is rejected. `held` counts the bytes since the last line's end.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._begun = bytearray()
        self.held = 0

    def feed(self, piece: bytes) -> tuple[list[bytes], list[Rejected]]:
        """Take the next bytes; return the lines that end in them, without their ends."""
        first, *others = piece.split(b"\n")
        self._hold(first)
        if not others:
            return [], []
        lines, rejected = self.finish()
        last = others.pop()
        for line in others:
            self._sort(line, len(line), lines, rejected)
        self._hold(last)
        return lines, rejected

    def finish(self) -> tuple[list[bytes], list[Rejected]]:
        """Return what is held as a line: nothing more of it will come."""
        lines: list[bytes] = []
        rejected: list[Rejected] = []
        self._sort(bytes(self._begun), self.held, lines, rejected)
        self.clear()
        return lines, rejected

    def clear(self) -> None:
        """Forget what is held."""
        self._begun.clear()
        self.held = 0

    def _hold(self, part: bytes) -> None:
        self.held += len(part)
        if self.held <= self._limit:
            self._begun += part
        elif len(self._begun) < SHOWN:
            self._begun += part[: SHOWN - len(self._begun)]
        else:
            del self._begun[SHOWN:]

    @property
    def _limit(self) -> int:
        return self._max_bytes + 1  # a CR before the LF is no part of the line

    def _sort(self, line: bytes, size: int, lines: list[bytes], rejected: list[Rejected]) -> None:
        """Put a line of `size` bytes, of which `line` is kept, where it belongs."""
        if size <= self._limit:
            line = line.removesuffix(b"\r")
            size = len(line)
        if size > self._max_bytes:
            rejected.append(Rejected(line[:SHOWN], f"a line of more than {self._max_bytes} bytes"))
        else:
            lines.append(line)
