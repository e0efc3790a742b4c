"""POST requests that are signed, so that who gets them knows whose they are."""

from __future__ import annotations

import contextlib
import email.utils
import hashlib
import hmac
import logging
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from livewidget.data.errors import SettingError, quote
from livewidget.sinks.delivery import DeliveryError

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

SIGNATURE = "X-Livewidget-Signature"
IDEMPOTENCY = "Idempotency-Key"
AGAIN = frozenset({408, 425, 429})  # and all from 500 up: may be better the next time
MOST_WAIT_S = 300.0  # the longest that a server's Retry-After is followed
MOST_BYTES = 2**20  # of a body: what receivers take, many by default
_READ_BYTES = 4_096  # of an answer: the status is what counts
_SHOWN = 200  # characters of an answer in an error
_CONNECT_S = 10.0
_LOGGERS = ("httpx2", "httpcore2")  # they log each request with its URL: secrets


class SignedPost:
    """Sends bodies to `url` by POST, signed with `secret`. All on one loop; opens nothing at first.

    The header `X-Livewidget-Signature` is `t=<seconds>,v1=<hex>`, as Stripe has it: HMAC-SHA256
    with the secret over the time, a full stop and the body, to be compared in constant time and
    refused where the time is old (`verify` does both). `Idempotency-Key` is the same at every
    attempt for one body: who has seen it need not act again. Certificates are verified, by `tls`
    where it is given. Redirects are not followed: a signature is for nobody else. What is in the
    URL beside host and path, `headers` and the secret are never shown.
    Raises SettingError for a URL or a secret that cannot be.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: str | bool | None = True,
        timeout: float = 10.0,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError("a webhook's URL is http://host/path or https://host/path")
        if secret is not None and not secret:
            raise SettingError("secret is empty: None sends without a signature")
        self.url = url
        # A path may be the secret itself, as with chat services: the host says enough.
        self.name = f"{parts.scheme}://{parts.hostname}"
        self._secret = secret.encode() if isinstance(secret, str) else secret
        self._headers = dict(headers or {})
        self._timeout_s = timeout
        self.most_bytes = most_bytes
        self._options: dict[str, Any] = {"trust_env": proxy is True}
        if tls is not None:
            self._options["verify"] = tls
        if isinstance(proxy, str):
            self._options["proxy"] = proxy
        self._client: AsyncClient | None = None

    async def send(self, body: bytes, *, key: str, content_type: str = "application/json") -> None:
        """Send once. Raises DeliveryError, which says whether to try again and when."""
        if len(body) > self.most_bytes:
            size = f"{len(body):,} bytes, at most {self.most_bytes:,}"
            raise DeliveryError(f"a message to {self.name} is too large: {size}", again=False)
        headers = self._headers | {"Content-Type": content_type, IDEMPOTENCY: key}
        if self._secret is not None:
            headers[SIGNATURE] = signature(self._secret, body, int(time.time()))
        await self._send(body, headers)

    async def close(self) -> None:
        """Let go of the connections. `send` opens them anew."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _send(self, body: bytes, headers: Mapping[str, str]) -> None:
        from httpx2 import HTTPError, InvalidURL, TimeoutException

        try:
            stream = self._opened().stream("POST", self.url, content=body, headers=headers)
            async with stream as answer:
                await self._check(answer)
        except TimeoutException:
            raise DeliveryError(f"there was no answer in time from {self.name}") from None
        except (HTTPError, InvalidURL, OSError) as error:
            text = str(error)
            if "CERTIFICATE_VERIFY_FAILED" in text:
                reason = f"{self.name}: its certificate is not valid"
                raise DeliveryError(reason, again=False) from None
            raise DeliveryError(f"{self.name} cannot be reached ({type(error).__name__})") from None

    async def _check(self, answer: Response) -> None:
        status = answer.status_code
        if 200 <= status < 300:  # noqa: PLR2004  (RFC 9110: success)
            return
        reason = f"{self.name} answers HTTP {status}"
        if answer.is_redirect:
            raise DeliveryError(f"{reason}: redirects are not followed", again=False)
        if status in AGAIN or status >= 500:  # noqa: PLR2004  (RFC 9110: the server's fault)
            wait_s = retry_after(answer.headers.get("retry-after"), time.time())
            raise DeliveryError(reason, wait_s=wait_s)
        said = await _beginning(answer)
        raise DeliveryError(f"{reason}: {quote(said, _SHOWN)}" if said else reason, again=False)

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

    def __repr__(self) -> str:
        return f"SignedPost({self.name!r})"


def signature(secret: bytes, body: bytes, at: int) -> str:
    """Return the value of the header for a body that is sent at `at`, s since the epoch."""
    digest = hmac.new(secret, b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def verify(
    secret: str | bytes, body: bytes, header: str, *, now: float | None = None, age_s: float = 300.0
) -> bool:
    """Say whether a body bears the secret's signature, and one no older than `age_s` seconds."""
    secret = secret.encode() if isinstance(secret, str) else secret
    stamp = header.partition(",")[0].removeprefix("t=")
    if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 12:  # noqa: PLR2004  (seconds)
        return False
    genuine = hmac.compare_digest(signature(secret, body, int(stamp)).encode(), header.encode())
    return genuine and abs((time.time() if now is None else now) - int(stamp)) <= age_s


def retry_after(value: str | None, now: float) -> float:
    """Return the seconds that a Retry-After header asks for, 0 without one (RFC 9110, 10.2.3)."""
    if value is None:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except ValueError:
            return 0.0
    return min(max(0.0, seconds), MOST_WAIT_S)  # NaN becomes 0


async def _beginning(answer: Response) -> str:
    """Return the first words of an answer, however long it is."""
    read = b""
    with contextlib.suppress(Exception):
        async for chunk in answer.aiter_bytes():
            read += chunk
            if len(read) >= _READ_BYTES:
                break
    return read[:_SHOWN].decode("utf-8", "replace").strip()
