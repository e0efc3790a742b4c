"""A document of the newest events, for clients that poll (RFC 9110)."""

from __future__ import annotations

import asyncio

from livewidget.codecs.encode import JsonEncoder
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, SinkError, quote
from livewidget.sinks.endpoint import Endpoint
from livewidget.sinks.server import BadRequestError, HttpServingSink, Request, answer, whole_number
from livewidget.sinks.tail import BYTES

CURSOR = "cursor"
_MOST = 10_000  # events in one answer


class HttpSink(HttpServingSink):
    """Serves `http://host:port/path`: a JSON array of the newest events, with an ETag.

    `newest` is how many; `?newest=20` asks for another number. `?since=17` asks for those behind
    the one whose field "cursor" is 17, the oldest first, at most 10,000 at once; the first has 1.
    A `PollSource` of the URL with `?since=0` and with `cursor=("since", "cursor")` therefore gets
    all events, as far as `buffer_bytes` reach. `asked` counts requests.
    """

    _linger_s = 0.0  # nobody is owed anything when it closes

    def __init__(
        self,
        url: str,
        *,
        format: object = "json",  # noqa: A002  (the word that users look for)
        times: str = "iso",
        newest: int = 100,
        buffer_bytes: int = BYTES,
    ) -> None:
        super().__init__(Endpoint(url), buffer_bytes)
        if format not in ("json", "ndjson"):
            raise SettingError(f"format is 'json' for a document to poll, got {quote(format)}")
        if not 0 < newest <= _MOST:
            raise SettingError(f"newest is a number of events up to {_MOST}, got {quote(newest)}")
        self._encoder = JsonEncoder(times)
        self._newest = newest
        self.asked = 0

    @property
    def counts(self) -> dict[str, int]:
        """Requests that were answered."""
        return {"asked": self.asked}

    async def write(self, batch: Batch) -> None:
        """Take the events into the document. Raises SinkError where one has a field "cursor"."""
        if CURSOR in batch.schema.names:
            raise SinkError(f"{self.name}: the field {CURSOR!r} is the server's own")
        self._tail.add(
            [
                b'{"%s":%d,%s' % (CURSOR.encode(), number, message[1:])
                for number, message in enumerate(self._encoder.encode(batch), self._tail.next + 1)
            ]
        )
        await asyncio.sleep(0)

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        del reader
        self.asked += 1
        tag = f'"{self.run}-{self._tail.next}"'
        headers = {"ETag": tag, "Content-Type": "application/json", "Cache-Control": "no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            answer(writer, 304, b"", headers)
        else:
            answer(writer, 200, b"[%s]" % b",".join(self._asked_for(request)), headers)
        return True

    def _asked_for(self, request: Request) -> list[bytes]:
        since = _number(request, "since")
        if since is None:
            newest = min(_number(request, "newest") or self._newest, _MOST)
            return self._tail.read(self._tail.next - newest, newest)[0]
        # A cursor ahead of all is of an earlier run: all is new.
        return self._tail.read(since if since <= self._tail.next else 0, _MOST)[0]


def _number(request: Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    number = whole_number(text)
    if number is None:
        raise BadRequestError(400, f"{name} is a whole number")
    return number
