"""The newest messages of a stream, for readers that each go at a pace of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from livewidget.data.errors import SettingError, quote

BYTES = 8 << 20  # some seconds of a fast feed, and little beside a notebook
_CHUNK = 256  # messages handed out at once, so that many readers take turns


class Tail:
    """Messages numbered from 0, the newest within `limit` bytes; one loop.

    A reader brings the number it wants next. One that is slower than the writer finds the oldest
    gone, and is told how many: memory is bounded whatever the number of readers.
    """

    def __init__(self, limit: int = BYTES) -> None:
        if not limit > 0:
            raise SettingError(f"buffer_bytes is a number of bytes above 0, got {quote(limit)}")
        self._limit = limit
        self._kept: list[bytes] = []
        self._dead = 0  # at the front of `_kept`, let go a half at a time
        self._size = 0
        self._ended = False
        self._news = asyncio.Event()
        self.next = 0

    @property
    def first(self) -> int:
        """The number of the oldest message that is kept."""
        return self.next - len(self._kept) + self._dead

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    def add(self, messages: Sequence[bytes]) -> None:
        """Append messages and wake the readers; the newest is kept whatever its size."""
        self._kept += messages
        self.next += len(messages)
        self._size += sum(map(len, messages))
        while self._size > self._limit and self._dead < len(self._kept) - 1:
            self._size -= len(self._kept[self._dead])
            self._kept[self._dead] = b""
            self._dead += 1
        if self._dead > len(self._kept) // 2:
            del self._kept[: self._dead]
            self._dead = 0
        self._wake()

    def end(self) -> None:
        """Say that nothing more will come."""
        self._ended = True
        self._wake()

    def read(self, number: int, most: int = _CHUNK) -> tuple[list[bytes], int]:
        """Return messages from `number` on, at most so many, and how many were gone before them."""
        start = max(number, self.first)
        place = start - self.next + len(self._kept)
        return self._kept[place : place + most], start - number

    async def wait(self, number: int) -> bool:
        """Return True once message `number` is there, False once it never will be."""
        while self.next <= number and not self._ended:
            await self._news.wait()
        return self.next > number

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
