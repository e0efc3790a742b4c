"""POST requests of a sink: what a failure means, without a secret, and for how long to wait."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from livewidget.data.errors import SinkError
from livewidget.sinks.notify_webhook import retry_after

if TYPE_CHECKING:
    from httpx2 import AsyncClient

AGAIN = frozenset({401, 403, 404, 408, 425, 429})  # and all from 500 up: somebody may mend it
_CONNECT_S = 10.0
_LOGGERS = ("httpx2", "httpcore2")  # they log each request with its URL


class Poster:
    """A client for one server, which it calls `name`. All on one loop; connects when it must."""

    def __init__(self, name: str, timeout: float, **options: Any) -> None:
        self._name = name
        self._timeout_s = timeout
        self._options = options  # of the client: auth, verify
        self._client: AsyncClient | None = None
        self._not_before = 0.0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and answer, once the time that the server asked to wait is over.

        Raises SinkError where there is no answer, or one by which it may be tried again.
        """
        from httpx2 import HTTPError

        await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
        try:
            answer = await self._opened().post(url, content=body, headers=headers)
        except (HTTPError, OSError) as error:  # without its text, which has the URL
            raise SinkError(f"{self._name} does not answer ({type(error).__name__})") from None
        status: int = answer.status_code
        if status in AGAIN or status >= 500:  # noqa: PLR2004  (RFC 9110: the server's fault)
            wait_s = retry_after(answer.headers.get("retry-after"), time.time())
            self._not_before = time.monotonic() + wait_s
            raise SinkError(f"{self._name} answers HTTP {status}")
        return status, answer.content

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> AsyncClient:
        from httpx2 import AsyncClient, Timeout

        if self._client is None:
            for name in _LOGGERS:
                logger = logging.getLogger(name)
                if logger.level == logging.NOTSET:  # a level that somebody has set is theirs
                    logger.setLevel(logging.WARNING)
            timeout = Timeout(self._timeout_s, connect=min(self._timeout_s, _CONNECT_S))
            self._client = AsyncClient(timeout=timeout, follow_redirects=False, **self._options)
        return self._client


def verified_by(tls: ssl.SSLContext | None) -> dict[str, Any]:
    """Return the client's option for a context of one's own."""
    return {} if tls is None else {"verify": tls}


def parted(sizes: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows that have `most` bytes, or are one row."""
    ends = list(accumulate(sizes, initial=0))
    start = 0
    for place in range(1, len(sizes) + 1):
        if place == len(sizes) or ends[place + 1] - ends[start] > most:
            yield start, place
            start = place
