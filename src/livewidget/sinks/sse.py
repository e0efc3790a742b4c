"""A server of Server-Sent Events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio

from livewidget.codecs.encode import encoder_for
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.sinks.base import MessageSink
from livewidget.sinks.endpoint import Endpoint
from livewidget.sinks.server import HttpServingSink, Request, head_of, while_there, whole_number
from livewidget.sinks.tail import BYTES

_HEARTBEAT_S = 15.0  # as the standard advises: proxies drop what is silent for longer
_STUCK_S = 60.0  # a client that takes nothing for so long is gone
_HEAD = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "Connection": "close",
}


class SseSink(HttpServingSink, MessageSink):
    """Serves `sse://host:port/path`, to clients `http://host:port/path`: each event by itself.

    With the format "ndjson" each batch is one. A client gets what is written from its connection
    on; one that comes back with a Last-Event-ID goes on behind it, as far as `buffer_bytes` of
    history reach. Ids begin with a name of the run, so that a server that was started anew is not
    taken for the old one. What a client missed for being slow or late is told it in a comment, and
    counted in `missed` (messages).
    """

    def __init__(
        self,
        url: str,
        *,
        format: object = "json",  # noqa: A002  (the word that users look for)
        times: str = "iso",
        buffer_bytes: int = BYTES,
    ) -> None:
        super().__init__(Endpoint(url), buffer_bytes)
        self.encoder = encoder_for(format, times=times)
        if not self.encoder.text:
            raise SettingError("format is text for Server-Sent Events: 'json', 'ndjson' or 'csv'")
        self._clients = 0
        self.missed = 0

    @property
    def counts(self) -> dict[str, int]:
        """Clients that listen, and messages that some of them missed."""
        return {"clients": self._clients, "missed": self.missed}

    async def write(self, batch: Batch) -> None:
        """Hand the events to the clients; waits for none of them."""
        self._tail.add(self.encoder.encode(batch))
        await asyncio.sleep(0)

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        writer.write(head_of(200, _HEAD))
        self._clients += 1
        try:
            position = self._position(request.headers.get("last-event-id", ""))
            await while_there(reader, self._feed(position, writer))
        finally:
            self._clients -= 1
        return False

    def _position(self, last_id: str) -> int:
        run, _, text = last_id.partition("-")
        number = whole_number(text)
        if run != self.run or number is None:
            return self._tail.next
        return min(number + 1, self._tail.next)

    async def _feed(self, position: int, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(_HEARTBEAT_S):
                    if not await self._tail.wait(position):
                        return
            except TimeoutError:
                writer.write(b": still here\n\n")
            messages, gone = self._tail.read(position)
            if gone:
                self.missed += gone
                writer.write(f": {gone} missed\n\n".encode())
            position += gone
            events = [
                event_text(message, event_id=f"{self.run}-{number}")
                for number, message in enumerate(messages, position)
            ]
            writer.write(b"".join(events))
            position += len(messages)
            async with asyncio.timeout(_STUCK_S):
                await writer.drain()


def event_text(data: bytes, *, event_id: str = "", kind: str = "") -> bytes:
    """Return one event as it goes over the wire; `data` is UTF-8 text of one or several lines."""
    head = (f"id: {event_id}\n" if event_id else "") + (f"event: {kind}\n" if kind else "")
    return head.encode() + b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"
