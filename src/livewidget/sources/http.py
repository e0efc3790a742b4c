"""What the sources over HTTP share: the client, and what a status or a failure means."""

from __future__ import annotations

import email.utils
import logging
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from livewidget.data.clock import Clock
from livewidget.data.errors import RefusedError, SourceError
from livewidget.resilience.backoff import Backoff
from livewidget.resilience.breaker import CircuitBreaker
from livewidget.sources.address import Address, proxy_secrets
from livewidget.sources.base import LoopClock
from livewidget.sources.reconnecting import ReconnectingSource

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP: may be better the next time
CONNECT_S = 10.0
MOST_WAIT_S = 300.0  # the longest that a server's Retry-After is followed
_OK, _UNAUTHORIZED = 200, 401

# These log each request with its URL at INFO: secrets.
_LOGGERS = ("httpx2", "httpcore2")


class HttpSource(ReconnectingSource):
    """A source that asks a URL, `http://` or `https://`, with `headers`.

    Certificates are verified by the system's authorities unless `tls` is a context that does
    otherwise; proxies are those of the environment unless `proxy` is a URL or False. Redirects are
    not followed: `headers` would go to whoever is named there. `quiet_s` is how long, in s, the
    server may say nothing before the connection counts as lost. `auth` (see `sources.auth`) gives
    headers and query parameters. The rest is as of `ReconnectingSource`.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: str | bool | None = True,
        quiet_s: float = 60.0,
        reconnect: bool = True,
        backoff: Backoff | None = None,
        clock: LoopClock | None = None,
        auth: object = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        super().__init__(
            Address(url, [*(headers or {}).values(), *proxy_secrets(proxy=proxy)]),
            reconnect=reconnect,
            backoff=backoff,
            clock=clock,
            auth=auth,
            breaker=breaker,
        )
        self._headers = dict(headers or {})
        self._quiet_s = quiet_s
        self._options = client_options(tls, proxy=proxy)

    def _client(self) -> AsyncClient:
        from httpx2 import AsyncClient, Timeout

        quiet_loggers()
        timeout = Timeout(self._quiet_s, connect=CONNECT_S)
        return AsyncClient(headers=self._headers, timeout=timeout, **self._options)

    def _check(self, response: Response, *also: int) -> str:
        """Return why an answer is of no use now, "" where it is.

        `also` are statuses that are fine besides 200. Raises SourceError where asking again
        cannot help.
        """
        status = response.status_code
        if status == _OK or status in also:
            return ""
        reason = f"{self._address.host} answers HTTP {status}"
        if response.is_redirect:
            moved = self._address.moved(response.headers.get("location", ""))
            raise SourceError(f"{reason}{moved}")
        if status == _UNAUTHORIZED:
            raise RefusedError(reason)
        if status not in AGAIN:
            raise SourceError(reason)
        self._next_wait_s = retry_after(response.headers.get("retry-after"), self._clock)
        return reason

    def _failure(self, error: Exception) -> str:
        """Return one line for a person. Raises SourceError where trying again cannot help."""
        from httpx2 import ConnectError, TimeoutException, UnsupportedProtocol

        host = self._address.host
        if isinstance(error, OSError):  # of `auth`
            return self._address.scrub(str(error))
        if isinstance(error, TimeoutException):
            return f"there was no answer in time from {host}"
        text = self._address.scrub(str(error)) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in text:
            raise SourceError(f"{host}: its certificate is not valid ({text})") from None
        if isinstance(error, UnsupportedProtocol):
            raise SourceError(f"{host}: {text}") from None
        if isinstance(error, ConnectError):
            return f"nothing answers at {host}"
        return f"the connection to {host} broke off ({text})"


def client_options(tls: ssl.SSLContext | None, *, proxy: str | bool | None) -> dict[str, Any]:
    """Return what both clients over HTTP are made with."""
    options: dict[str, Any] = {"trust_env": proxy is True}
    if tls is not None:
        options["verify"] = tls
    if isinstance(proxy, str):
        options["proxy"] = proxy
    return options


def quiet_loggers() -> None:
    """Keep the libraries from logging what may be a secret."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:  # a level that somebody has set is theirs
            logger.setLevel(logging.WARNING)


def retry_after(value: str | None, clock: Clock) -> float:
    """Return the seconds that a Retry-After header asks for, 0 without one (RFC 9110, 10.2.3)."""
    if value is None:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - clock.now() / 1e9
        except ValueError:
            return 0.0
    return bounded_wait(seconds)


def bounded_wait(seconds: float) -> float:
    """Return a wait that a server asks for, from 0 to `MOST_WAIT_S`; 0 for NaN."""
    return min(max(0.0, seconds), MOST_WAIT_S)
