"""WebSocket feeds of JSON: `ws://` and `wss://`."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from livewidget.codecs.formats import decoder_for
from livewidget.codecs.paths import Fields
from livewidget.data.errors import RefusedError, SourceError
from livewidget.data.health import Health
from livewidget.resilience.backoff import Backoff
from livewidget.resilience.breaker import CircuitBreaker
from livewidget.sources.address import Address, proxy_secrets
from livewidget.sources.auth import Credentials
from livewidget.sources.base import LoopClock, Outlet
from livewidget.sources.messages import Messages
from livewidget.sources.pull import check_interval
from livewidget.sources.reasons import network_reason
from livewidget.sources.reconnecting import ReconnectingSource

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed

    from livewidget.sources.websocket_client import Connect

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP: may be better the next time
_UNAUTHORIZED = 401

# The library logs requests with their headers at DEBUG: secrets. Its warnings may pass.
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)


class WebSocketSource(ReconnectingSource):
    """Reads JSON messages (an object, an array of objects, NDJSON) and comes back when cut off.

    `fields` are those wanted (None: all that are not nested); one that has none of `needs` is
    rejected. `subscribe` is sent after each connect: a str, bytes, a mapping (as JSON), or a list
    of these. `headers` and `subprotocols` go with the request; certificates are verified unless
    `tls` is a context that does not. A message over `max_bytes` ends the connection; one that
    cannot be read is rejected. A peer that is silent to pings for `ping_s` seconds counts as lost,
    and so does one that sends no message for `quiet_s` (None: it may be silent). `auth` (see
    `sources.auth`) gives headers and query parameters.

    A lost connection is tried again (see `ReconnectingSource`); what was missed is a gap. The
    first connect fails at once where waiting cannot help: a refused certificate or HTTP status,
    no WebSocket behind the URL.
    """

    def __init__(
        self,
        url: str,
        *,
        format: object = "json",  # noqa: A002  (the word that users look for)
        fields: Fields | None = None,
        needs: Sequence[str] = (),
        subscribe: object = None,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: str | bool | None = True,
        max_bytes: int = 1 << 20,
        ping_s: float = 20.0,
        quiet_s: float | None = None,
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
            quiet_s=None if quiet_s is None else check_interval(quiet_s, "quiet_s"),
        )
        self._decoder = decoder_for(format, fields=fields, needs=needs, max_bytes=max_bytes)
        self._subscriptions = subscriptions(subscribe)
        self._connected = False
        self._heard = False
        self._quiet_s = quiet_s
        self._headers = dict(headers or {})
        self._peer: ClientConnection | None = None  # whose pings are measured
        self._measured = 0.0  # s: the last round trip noted
        self._options: dict[str, Any] = {
            "subprotocols": subprotocols,
            "ssl": tls,
            "proxy": proxy or None,  # False too is none, as with httpx2
            "max_size": max_bytes,
            "max_queue": 64,  # frames that the library reads ahead before TCP is made to wait
            "ping_interval": ping_s,
            "ping_timeout": ping_s,
            "close_timeout": 1.0,
            "logger": _log,
        }

    def health(self) -> Health:
        """As of `ReconnectingSource`, with the round trips of the pings."""
        self._note_latency()
        return super().health()

    async def _connection(self, outlet: Outlet) -> str | None:
        from websockets.exceptions import ConnectionClosed, WebSocketException

        try:
            async with self._connect(await self._credentials()) as connection:
                self._connected = True
                for message in self._subscriptions:
                    await connection.send(message)
                if await self._listen(connection, outlet):
                    return f"no message for {self._quiet_s} s from {self._address.host}"
        except (OSError, EOFError, WebSocketException) as error:
            reason = self._address.scrub(_reason(error, self._address))
            # Without its cause: a traceback would show the request, with its secrets.
            if _is_refusal(error) and self._auth is not None:
                raise RefusedError(reason) from None
            if not self._connected and _is_final(error):
                raise SourceError(reason) from None
            farewell = isinstance(error, ConnectionClosed) and error.rcvd is not None
            return None if farewell and not self._reconnect else reason
        return "the connection was closed" if self._reconnect else None

    def _connect(self, who: Credentials) -> Connect:
        from livewidget.sources.websocket_client import Connect

        options = self._options | {"additional_headers": self._headers | dict(who.headers)}
        if not self._address.url.lower().startswith("wss"):
            del options["ssl"]  # the library refuses it for ws://, even where it is None
        elif options["ssl"] is None:
            options["ssl"] = True
        return Connect(who.added_to(self._address.url), **options)

    async def _listen(self, connection: ClientConnection, outlet: Outlet) -> bool:
        """Receive to the end; return whether that was for its silence."""
        self._live(outlet)
        self._measured, self._peer = 0.0, connection
        watch: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(None) as limit:
                if self._quiet_s is not None:
                    watch = asyncio.create_task(self._watch(self._quiet_s, limit, outlet))
                await self._receive(connection, outlet)
        except TimeoutError:
            if limit.expired():
                return True
            raise
        finally:
            self._peer = None
            if watch is not None:
                watch.cancel()
                await asyncio.wait([watch])
        return False

    async def _watch(self, quiet_s: float, limit: asyncio.Timeout, outlet: Outlet) -> None:
        """Let `limit` strike once there was no message for so long."""
        left = quiet_s
        while left > 0:
            await self._clock.sleep(left)
            if outlet.full:  # it is we who do not listen
                left = quiet_s
            else:
                left = quiet_s - (self._health.silent(self._clock.monotonic()) or 0.0)
        limit.reschedule(asyncio.get_running_loop().time())

    async def _receive(self, connection: ClientConnection, outlet: Outlet) -> None:
        messages = Messages(self._decoder, outlet, self._delivered)
        receive, add = connection.recv, messages.add  # looked up once: this loop is the hot one
        try:
            message = await receive(False)
            if self._heard:
                outlet.gap(None, None, "the connection was lost")
            self._heard = True
            while True:
                if add(message):
                    await messages.ready()
                message = await receive(False)
        finally:
            messages.close()

    def _delivered(self, events: int) -> None:
        super()._delivered(events)
        self._note_latency()

    def _note_latency(self) -> None:
        latency = 0.0 if self._peer is None else self._peer.latency
        if latency != self._measured:
            self._measured = latency
            self._health.round_trip(latency)


def subscriptions(subscribe: object) -> list[str | bytes]:
    """Return the messages to send: text and bytes as they are, all else as JSON."""
    if subscribe is None:
        return []
    several = subscribe if isinstance(subscribe, (list, tuple)) else [subscribe]
    return [each if isinstance(each, (str, bytes)) else json.dumps(each) for each in several]


def _is_refusal(error: Exception) -> bool:
    from websockets.exceptions import InvalidStatus

    return isinstance(error, InvalidStatus) and error.response.status_code == _UNAUTHORIZED


def _is_final(error: Exception) -> bool:
    """Tell whether trying the same again cannot help."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

    if isinstance(error, ssl.SSLCertVerificationError):
        return True
    if isinstance(error, InvalidStatus):
        return error.response.status_code not in _AGAIN
    if isinstance(error.__cause__, EOFError):  # cut off within the handshake
        return False
    return isinstance(error, WebSocketException) and not isinstance(error, ConnectionClosed)


def _reason(error: Exception, address: Address) -> str:
    """Return one line for a person; the cause of a handshake's failure says more than it."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    host = address.host
    if isinstance(error, InvalidStatus):
        said = f"{host} answers HTTP {error.response.status_code}"
        location = error.response.headers.get("Location")
        return f"{said}{address.moved(location)}" if location else said
    if isinstance(error, ConnectionClosed):
        return _closing(error, host)
    known = network_reason(error, host)
    if known is not None:
        return known
    return f"{host}: {error.__cause__ or str(error) or type(error).__name__}"


def _closing(error: ConnectionClosed, host: str) -> str:
    if error.rcvd is not None:
        return f"{host} closed the connection: {error.rcvd}"
    if error.sent is not None:
        return f"the connection to {host} was given up: {error.sent}"
    return f"the connection to {host} broke off"
