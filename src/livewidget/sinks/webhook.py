"""Batches as signed POST requests."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from livewidget.codecs.encode import JsonEncoder
from livewidget.data.batch import Batch
from livewidget.data.errors import RejectedError, SettingError, SinkError, quote
from livewidget.sinks.base import NumberedSink
from livewidget.sinks.notify_webhook import IDEMPOTENCY, MOST_BYTES, SIGNATURE, signature
from livewidget.sinks.posting import Poster, parted, verified_by
from livewidget.sinks.settings import check_seconds, check_whole, run_name

PREFIX = "webhook+"
_TOO_LARGE = 413
_SHOWN = 200  # characters of an answer in an error


class WebhookSink(NumberedSink):
    """POSTs rows to `webhook+https://host/path`, as `{"run": …, "first": …, "rows": [{…}, …]}`.

    `first` is the number of the first of them. A body has `max_bytes` bytes at most, before gzip
    where `compress` is true. The header `Idempotency-Key` is `<run>-<first>`, the same at every
    attempt, and `X-Livewidget-Signature`, with a `secret`, is over the body as it is sent:
    `livewidget.sinks.notify_webhook.verify` checks it. A Retry-After is heeded. Any 2xx is a
    success; a redirect, 401, 403, 404, 408, 425, 429 and all from 500 up are tried again; the rows
    of any other answer are rejected. `tls` verifies the server's certificate; `timeout` is that of
    a request in seconds. What is in the URL beside the host, `headers` and the secret are never
    shown.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        times: str = "iso",
        run: str | None = None,
        compress: bool = False,
        max_bytes: int = MOST_BYTES,
        tls: ssl.SSLContext | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._url = url.removeprefix(PREFIX)
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError("a webhook's URL is webhook+https://host/path, or webhook+http://")
        if secret is not None and not secret:
            raise SettingError("secret is empty: None sends without a signature")
        check_whole("max_bytes", max_bytes, 1)
        check_seconds("timeout", timeout)
        # A path may be the secret itself, as with chat services: the host says enough.
        self.name = f"{PREFIX}{parts.scheme}://{parts.hostname}"
        self._secret = secret.encode() if isinstance(secret, str) else secret
        self._headers = {"Content-Type": "application/json"} | dict(headers or {})
        if compress:
            self._headers["Content-Encoding"] = "gzip"
        self._encoder, self._run = JsonEncoder(times), run_name(run)
        self._compress, self._max_bytes = compress, max_bytes
        self._poster = Poster(self.name, timeout, **verified_by(tls))

    async def open(self) -> None:
        """Do nothing: the first rows find out whether it answers."""

    async def write_from(self, batch: Batch, first: int) -> None:
        """Send rows, in bodies of a bounded size. Raises SinkError, RejectedError."""
        rows = await asyncio.to_thread(self._encoder.encode, batch)
        refused: dict[int, str] = {}
        for start, stop in parted([len(row) for row in rows], self._max_bytes):
            await self._send(rows[start:stop], first + start, first, refused)
        if refused:
            raise RejectedError(f"{self.name}: {next(iter(refused.values()))}", sorted(refused))

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    async def _send(
        self, rows: list[bytes], number: int, first: int, refused: dict[int, str]
    ) -> None:
        body = b'{"run":"%s","first":%d,"rows":[%s]}' % (
            self._run.encode(),
            number,
            b",".join(rows),
        )
        if self._compress:
            body = await asyncio.to_thread(gzip.compress, body)
        headers = self._headers | {IDEMPOTENCY: f"{self._run}-{number}"}
        if self._secret is not None:
            headers[SIGNATURE] = signature(self._secret, body, int(time.time()))
        status, answer = await self._poster.post(self._url, body, headers)
        if status == _TOO_LARGE and len(rows) > 1:
            half = len(rows) // 2
            await self._send(rows[:half], number, first, refused)
            await self._send(rows[half:], number + half, first, refused)
            return
        if 300 <= status < 400:  # noqa: PLR2004  (RFC 9110: redirects)
            raise SinkError(f"{self.name} answers HTTP {status}: redirects are not followed")
        if status >= 400:  # noqa: PLR2004  (RFC 9110: the client's fault)
            said = quote(answer[:_SHOWN].decode("utf-8", "replace").strip(), _SHOWN)
            places = range(number - first, number - first + len(rows))
            refused.update(dict.fromkeys(places, f"HTTP {status}: {said}"))
