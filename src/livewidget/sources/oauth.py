"""OAuth 2.0: tokens that a program gets for itself."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote_plus

from livewidget.data.clock import Clock, SystemClock
from livewidget.data.errors import SourceError
from livewidget.sources.address import Address, proxy_secrets
from livewidget.sources.auth import Auth, Credentials
from livewidget.sources.http import AGAIN, CONNECT_S, client_options, quiet_loggers

EARLY_S = 30.0
_OK = 200


class OAuth2(Auth):
    """The client credentials grant (RFC 6749, 4.4).

    The client shows itself by HTTP Basic (2.3.1), or in the body where `basic` is False. A token
    is used by all connections, until `early_s` seconds, or half its life, before it expires; one
    without `expires_in` until a server refuses it. Only one request for a token is under way at a
    time. An answer 5xx and no answer are tried again with the connection; another error is final.

    One object may serve many sources of one loop. Raises SettingError for a URL that cannot be.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        scope: str | None = None,
        *,
        basic: bool = True,
        early_s: float = EARLY_S,
        tls: ssl.SSLContext | None = None,
        proxy: str | bool | None = True,
        clock: Clock | None = None,
    ) -> None:
        self._address = Address(token_url, [client_secret, *proxy_secrets(proxy=proxy)])
        self._client = client_id, client_secret
        self._form = {"grant_type": "client_credentials"}
        if scope is not None:
            self._form["scope"] = scope
        self._basic = basic
        self._early_s = early_s
        self._options = client_options(tls, proxy=proxy)
        self._clock = clock or SystemClock()
        self._one = asyncio.Lock()
        self._token: Credentials | None = None
        self._due = 0.0  # when the next one is fetched, by the steady clock

    async def credentials(self, *, fresh: bool) -> Credentials:
        """Return the token there is, or fetch one."""
        del fresh  # a token is good until it is due
        async with self._one:
            if self._token is None or self._clock.monotonic() >= self._due:
                self._token = await self._fetch()
            return self._token

    def renew(self) -> bool:
        """Forget the token."""
        self._token = None
        return True

    def secrets(self) -> Iterable[str]:
        """Return the client's secret."""
        return (self._client[1],)

    async def _fetch(self) -> Credentials:
        from httpx2 import AsyncClient, HTTPError

        self._address.check()
        quiet_loggers()
        form, headers = dict(self._form), {"Accept": "application/json"}
        if self._basic:
            pair = ":".join(map(quote_plus, self._client))
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._client[0], "client_secret": self._client[1]}
        asked = self._clock.monotonic()
        try:
            async with AsyncClient(timeout=CONNECT_S, **self._options) as client:
                answer = await client.post(self._address.url, data=form, headers=headers)
        except HTTPError as error:
            text = self._address.scrub(str(error)) or type(error).__name__
            text = f"no token from {self._address.host} ({text})"
            final = "CERTIFICATE_VERIFY_FAILED" in text
            raise (SourceError if final else OSError)(text) from None
        return self._read(answer.status_code, answer, asked)

    def _read(self, status: int, answer: Any, asked: float) -> Credentials:
        host = self._address.host
        try:
            told = answer.json()
        except ValueError:
            told = None
        told = told if isinstance(told, dict) else {}
        if status != _OK:
            # RFC 6749, 5.2: a word from a short list. Only that: the rest is the server's own.
            why = f": {self._address.scrub(str(told['error'])[:80])}" if "error" in told else ""
            text = f"no token from {host}: HTTP {status}{why}"
            raise OSError(text) if status in AGAIN else SourceError(text)
        token, kind = told.get("access_token"), told.get("token_type", "bearer")
        if not isinstance(token, str) or not token.isprintable() or not token:
            raise SourceError(f"the answer of {host} holds no access_token")
        if str(kind).lower() != "bearer":
            raise SourceError(f"{host} gives tokens of the type {str(kind)[:40]!r}, not Bearer")
        self._due = asked + self._life(told.get("expires_in"))
        return Credentials({"Authorization": f"Bearer {token}"})

    def _life(self, expires_in: object) -> float:
        """Return for how many seconds from the asking a token is used."""
        try:
            seconds = float(expires_in)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return float("inf")
        return max(seconds - self._early_s, seconds / 2)
