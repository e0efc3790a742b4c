"""Server-Sent Events: `http://` and `https://` URLs that answer with an event stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from livewidget.codecs.formats import decoder_for
from livewidget.codecs.paths import Fields
from livewidget.data.errors import SourceError
from livewidget.sources.base import Outlet
from livewidget.sources.http import HttpSource, bounded_wait
from livewidget.sources.messages import Messages

if TYPE_CHECKING:
    from httpx2 import Response

STREAM = "text/event-stream"
_NO_CONTENT = 204  # "a client is told to stop reconnecting" by it


class SseSource(HttpSource):
    """Reads the events of a stream, whose data is JSON (WHATWG HTML, 9.2 Server-sent events).

    `fields` are those wanted (None: all that are not nested); an event with none of `needs` is
    rejected. `events` names the types taken (None: all). An event over `max_bytes` ends the
    connection. The rest is as of `HttpSource`; comments count as signs of life.

    After a loss it goes on behind the last event's id, by Last-Event-ID, at first behind
    `last_event_id`, or what is in the store that it fills. Where the server gives no ids, what was
    missed is a gap. The server's `retry` is the least wait, and its status 204 the end.
    """

    def __init__(
        self,
        url: str,
        *,
        format: object = "json",  # noqa: A002  (the word that users look for)
        fields: Fields | None = None,
        needs: Sequence[str] = (),
        events: Sequence[str] | None = None,
        last_event_id: str = "",
        max_bytes: int = 1 << 20,
        **options: Any,
    ) -> None:
        super().__init__(url, **options)
        self._decoder = decoder_for(format, fields=fields, needs=needs, max_bytes=max_bytes)
        self._events = None if events is None else frozenset(events)
        self._max_bytes = max_bytes
        self._heard = False
        self.last_event_id = last_event_id
        self._emitted = ""  # the id of the last event that was handed on

    @property
    def reached(self) -> str | None:
        """The id of the last event emitted; None where the server gives none."""
        return self._emitted or None

    def go_on(self, position: str) -> None:
        """Begin behind an event's id."""
        self.last_event_id = position

    def _delivered(self, events: int) -> None:
        super()._delivered(events)
        self._emitted = self.last_event_id

    async def _connection(self, outlet: Outlet) -> str | None:
        from httpx2 import HTTPError, SSEError

        headers = {"Accept": STREAM, "Cache-Control": "no-store", "Accept-Encoding": "identity"}
        if self.last_event_id:
            headers["Last-Event-ID"] = self.last_event_id
        try:
            who = await self._credentials()
            url = who.added_to(self._address.url)
            async with (
                self._client() as client,
                client.stream("GET", url, headers={**headers, **who.headers}) as response,
            ):
                reason = self._check(response, _NO_CONTENT)
                if reason or response.status_code == _NO_CONTENT:
                    return reason or None
                await self._listen(response, outlet)
        except SSEError as error:
            return str(error)
        except (HTTPError, OSError) as error:
            return self._failure(error)
        return "the connection was closed" if self._reconnect else None

    async def _listen(self, response: Response, outlet: Outlet) -> None:
        from httpx2 import EventSource

        kind = response.headers.get("content-type", "no content type").partition(";")[0].strip()
        if kind.lower() != STREAM:
            raise SourceError(f"{self._address.host} answers {kind}, not {STREAM}")
        self._live(outlet)
        response.encoding = "utf-8-sig"  # the standard's only one, with or without its mark
        messages = Messages(self._decoder, outlet, self._delivered)
        missing = self._heard and not self.last_event_id
        try:
            async for event in EventSource(response, max_event_size=self._max_bytes):
                self.last_event_id = event.id
                if event.retry is not None:
                    self._least_wait_s = bounded_wait(event.retry / 1000)
                if not event.data or (self._events is not None and event.event not in self._events):
                    continue
                if missing:
                    outlet.gap(None, None, "the connection was lost")
                missing, self._heard = False, True
                if messages.add(event.data.encode()):
                    await messages.ready()
        finally:
            messages.close()
