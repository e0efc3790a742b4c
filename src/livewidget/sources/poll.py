"""HTTP polling: `http://` and `https://` URLs that answer with JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from livewidget.codecs.formats import decoder_for
from livewidget.codecs.paths import Fields, beside
from livewidget.data.batch import TIME_NAMES
from livewidget.data.text import Text
from livewidget.resilience.pace import Pace
from livewidget.sources.base import Outlet
from livewidget.sources.http import HttpSource
from livewidget.sources.messages import count, deliver
from livewidget.sources.pull import check_interval

if TYPE_CHECKING:
    from httpx2 import URL, AsyncClient, Response

_NOT_MODIFIED = 304
_SHOWN = 1_000  # bytes of an answer that is too long, kept in its dead letter


class PollSource(HttpSource):
    """Asks again and again, and takes what is new (RFC 9110: ETag, Last-Modified, Retry-After).

    `interval` is in s; None asks in step with what changes (see `Pace`). `fields` are those wanted
    (None: all that are not nested), an event with none of `needs` is rejected. `time` names the
    field with the events' times: an answer that has one and is the same as the last is not new.
    `cursor` is a pair: the query parameter that asks for what is newer, and the field whose last
    value it then gets. An answer over `max_bytes` is rejected. The rest is as of `HttpSource`.

    While the server fails it is asked with growing pauses; then there is a gap, unless a cursor
    fetches what was missed.
    """

    def __init__(
        self,
        url: str,
        *,
        interval: float | None = None,
        format: object = "json",  # noqa: A002  (the word that users look for)
        fields: Fields | None = None,
        needs: Sequence[str] = (),
        time: str | None = None,
        cursor: tuple[str, str] | None = None,
        max_bytes: int = 8 << 20,
        **options: Any,
    ) -> None:
        super().__init__(url, **options)
        self._pace = Pace(None if interval is None else check_interval(interval))
        wanted = fields if cursor is None else beside(fields, cursor[1])
        self._decoder = decoder_for(format, fields=wanted, needs=needs, max_bytes=max_bytes)
        self._times = TIME_NAMES if time is None else (time,)
        self._cursor = cursor
        self._at: str | int | float | None = None  # the cursor's last value
        self._max_bytes = max_bytes
        self._validators: dict[str, str] = {}
        self._url: tuple[str, URL] | None = None
        self._last = b""
        self._heard = self._failed = False
        self._timed = False  # whether the last answer said when its events were

    @property
    def interval(self) -> float | None:
        """Seconds between two questions; None where they follow what changes."""
        return self._pace.interval

    @interval.setter
    def interval(self, seconds: float | None) -> None:
        self._pace.interval = seconds

    @property
    def reached(self) -> str | None:
        """The cursor's last value, as JSON; None without one."""
        return None if self._at is None else json.dumps(self._at)

    def go_on(self, position: str) -> None:
        """Begin by asking for what is newer."""
        if self._cursor is not None:
            self._at = json.loads(position)

    async def _connection(self, outlet: Outlet) -> str:
        from httpx2 import HTTPError

        async with self._client() as client:
            while True:
                try:
                    reason, new = await self._ask(client, outlet)
                except (HTTPError, OSError) as error:
                    reason, new = self._failure(error), False
                if reason:
                    self._failed = self._heard
                    return reason
                if self._live_since is None:
                    self._live(outlet)
                await outlet.ready()
                await self._clock.sleep(self._pace.next(new=new))

    async def _ask(self, client: AsyncClient, outlet: Outlet) -> tuple[str, bool]:
        """Ask once; return why the answer is of no use, or "" and whether it was new."""
        who = await self._credentials(fresh=self._live_since is None)
        url = self._read_url(who.added_to(self._address.url))
        if self._cursor is not None and self._at is not None:
            url = url.copy_set_param(self._cursor[0], self._at)
        headers = {"Accept": "application/json, */*;q=0.5", **self._validators, **who.headers}
        asked = self._clock.monotonic()
        async with client.stream("GET", url, headers=headers) as response:
            self._health.round_trip(self._clock.monotonic() - asked)
            reason = self._check(response, _NOT_MODIFIED)
            if reason or response.status_code == _NOT_MODIFIED:
                self._delivered(0)
                return reason, False
            body = await self._read(response)
            if len(body) > self._max_bytes:
                why = f"an answer of more than {self._max_bytes} bytes"
                outlet.reject(bytes(body[:_SHOWN]), why)
                return "", False
        pairs = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
        self._validators = {
            ask: response.headers[told] for ask, told in pairs.items() if told in response.headers
        }
        return "", self._take(bytes(body), outlet)

    def _read_url(self, text: str) -> URL:
        """Return a URL taken apart: that takes longer than to read a small answer."""
        from httpx2 import URL

        if self._url is None or self._url[0] != text:
            self._url = text, URL(text)
        return self._url[1]

    async def _read(self, response: Response) -> bytearray:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_bytes:
                break
        return body

    def _take(self, body: bytes, outlet: Outlet) -> bool:
        if body == self._last and self._timed:
            return False
        self._last = body
        if self._failed and self._cursor is None:
            outlet.gap(None, None, "the server did not answer")
        self._failed, self._heard = False, True
        columns = deliver(self._decoder, outlet, [body])
        self._delivered(count(columns))
        self._timed = not columns.keys().isdisjoint(self._times)
        if self._cursor is not None and self._cursor[1] in columns:
            column = columns[self._cursor[1]]
            last = (column.decode() if isinstance(column, Text) else column)[-1]
            self._at = last.item() if hasattr(last, "item") else last
        return bool(columns)
