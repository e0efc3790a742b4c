"""`http://` and `https://` URLs: an event stream or something to poll, as the server answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from livewidget.codecs.paths import Fields
from livewidget.data.health import Health
from livewidget.sources.base import Outlet
from livewidget.sources.http import HttpSource
from livewidget.sources.poll import PollSource
from livewidget.sources.sse import STREAM, SseSource


class WebSource(HttpSource):
    """Asks once what the URL is, then is an `SseSource` or a `PollSource` for good.

    `options` are those of both: to set one that only one of them has, hand in that source.
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
        **options: Any,
    ) -> None:
        super().__init__(url, **options)
        wanted: dict[str, Any] = {"format": format, "fields": fields, "needs": needs} | options
        self._sse = SseSource(url, **wanted)
        self._poll = PollSource(url, interval=interval, time=time, **wanted)
        self._chosen: HttpSource | None = None

    @property
    def interval(self) -> float | None:
        """As of `PollSource`."""
        return self._poll.interval

    @interval.setter
    def interval(self, seconds: float | None) -> None:
        self._poll.interval = seconds

    @property
    def reached(self) -> str | None:
        """As of `SseSource`."""
        return self._sse.reached

    def go_on(self, position: str) -> None:
        """As of `SseSource`."""
        self._sse.go_on(position)

    async def run(self, outlet: Outlet) -> None:
        """Find out what it is, then be that."""
        if self._chosen is None:
            await super().run(outlet)
        assert self._chosen is not None
        await self._chosen.run(outlet)

    def health(self) -> Health:
        """As of what it is."""
        return super().health() if self._chosen is None else self._chosen.health()

    async def _connection(self, outlet: Outlet) -> str | None:
        from httpx2 import HTTPError

        del outlet  # nothing is delivered before it is known what it is
        try:
            return await self._choose() or None
        except (HTTPError, OSError) as error:
            return self._failure(error)

    async def _choose(self) -> str:
        headers = {"Accept": f"{STREAM}, application/json, */*;q=0.5"}
        who = await self._credentials()
        url, headers = who.added_to(self._address.url), {**headers, **who.headers}
        async with self._client() as client, client.stream("GET", url, headers=headers) as answer:
            reason = self._check(answer)
            if not reason:
                kind = answer.headers.get("content-type", "").lower()
                self._chosen = self._sse if kind.startswith(STREAM) else self._poll
            return reason
