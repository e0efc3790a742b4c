"""WebSocket feeds of JSON: `ws://` and `wss://`."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from livewidget.codecs.json import JsonDecoder
from livewidget.data.errors import SchemaError, SourceError
from livewidget.data.events import State
from livewidget.resilience.backoff import Backoff
from livewidget.sources.address import Address
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock
from livewidget.sources.collector import Collector

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed

_MOST_BYTES = 4 << 20  # decoded at once at the latest: some 10 ms of work
_OVERHEAD = 64  # bytes that a held message costs beside its text
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP: may be better the next time

# The library logs requests with their headers at DEBUG: secrets. Its warnings may pass.
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)


class WebSocketSource(Source):
    """Reads JSON messages (an object, an array of objects, NDJSON) and comes back when cut off.

    `fields` are those wanted (None: all that are not nested); one that has none of `needs` is
    rejected. `subscribe` is sent after each connect: a str, bytes, a mapping (as JSON), or a list
    of these. `headers` and `subprotocols` go with the request; certificates are verified unless
    `tls` is a context that does not. A message over `max_bytes` ends the connection; one that
    cannot be read is rejected. A peer that is silent to pings for `ping_s` seconds counts as lost.

    A lost connection is tried again with full jitter (see `Backoff`), without end unless
    `backoff` has limits; what was missed is a gap. The first connect fails at once where
    waiting cannot help: a refused certificate or HTTP status, no WebSocket behind the URL.
    With `reconnect=False` the first close ends the source.
    """

    def __init__(
        self,
        url: str,
        *,
        fields: Sequence[str] | None = None,
        needs: Sequence[str] = (),
        subscribe: object = None,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: str | bool | None = True,
        max_bytes: int = 1 << 20,
        ping_s: float = 20.0,
        reconnect: bool = True,
        backoff: Backoff | None = None,
        clock: LoopClock | None = None,
    ) -> None:
        self._address = Address(url, (headers or {}).values())
        self.name = self._address.shown
        self._decoder = JsonDecoder(fields, needs=needs, max_bytes=max_bytes)
        self._subscriptions = _subscriptions(subscribe)
        self._reconnect = reconnect
        self._backoff = backoff or Backoff()
        self._clock = clock or SystemLoopClock()
        self._connected = False
        self._heard = False
        self._options: dict[str, Any] = {
            "additional_headers": headers,
            "subprotocols": subprotocols,
            "ssl": tls,
            "proxy": proxy,
            "max_size": max_bytes,
            "max_queue": 64,  # frames that the library reads ahead before TCP is made to wait
            "ping_interval": ping_s,
            "ping_timeout": ping_s,
            "close_timeout": 1.0,
            "logger": _log,
        }

    async def run(self, outlet: Outlet) -> None:
        """Deliver until cancelled, given up on, or closed where `reconnect` is off."""
        outlet.state(State.WAITING, f"connecting to {self._address.host}")
        while True:
            begun = self._clock.monotonic()
            reason = await self._connection(outlet)
            if not self._reconnect:
                return
            now = self._clock.monotonic()
            if now - begun >= self._backoff.cap_s:
                self._backoff.reset()
            delay = self._backoff.next(now)
            if delay is None:
                raise SourceError(f"gave up after {self._backoff.attempt} attempts: {reason}")
            outlet.state(State.RECONNECTING, reason, self._backoff.attempt)
            await self._clock.sleep(delay)

    async def _connection(self, outlet: Outlet) -> str:
        """Run one connection to its end and return why it ended; raises where that is final."""
        from websockets.exceptions import ConnectionClosed, WebSocketException

        try:
            async with self._connect() as connection:
                self._connected = True
                for message in self._subscriptions:
                    await connection.send(message)
                await self._receive(connection, outlet)
        except (OSError, EOFError, WebSocketException) as error:
            reason = self._address.scrub(_reason(error, self._address.host))
            hopeless = not self._connected and _is_final(error)
            clean = isinstance(error, ConnectionClosed) and error.rcvd is not None
            if hopeless or not (self._reconnect or clean):
                # Without its cause: a traceback would show the request, with its secrets.
                raise SourceError(reason) from None
            return reason
        return "the connection was closed"

    def _connect(self) -> connect:
        from websockets.asyncio.client import connect

        options = dict(self._options)
        if not self._address.url.lower().startswith("wss"):
            del options["ssl"]  # the library refuses it for ws://, even where it is None
        elif options["ssl"] is None:
            options["ssl"] = True
        return connect(self._address.url, **options)

    async def _receive(self, connection: ClientConnection, outlet: Outlet) -> None:
        outlet.state(State.LIVE, self._address.host)
        collector = Collector(lambda held: self._deliver(outlet, held), most=_MOST_BYTES)
        missing = self._heard
        try:
            while True:
                message = await connection.recv(decode=False)
                if missing:
                    outlet.gap(None, None, "the connection was lost")
                missing, self._heard = False, True
                collector.add(message, len(message) + _OVERHEAD)
        finally:
            collector.close()

    def _deliver(self, outlet: Outlet, messages: list[bytes]) -> None:
        decoded = self._decoder.decode(messages)
        for rejected in decoded.rejected:
            outlet.reject(rejected.payload, rejected.reason)
        if decoded.rows:
            try:
                outlet.emit(decoded.columns)
            except SchemaError as error:  # nothing in these messages is of use
                outlet.reject(decoded.columns, str(error))


def _subscriptions(subscribe: object) -> list[str | bytes]:
    if subscribe is None:
        return []
    several = subscribe if isinstance(subscribe, (list, tuple)) else [subscribe]
    return [each if isinstance(each, (str, bytes)) else json.dumps(each) for each in several]


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


def _reason(error: Exception, host: str) -> str:
    """Return one line for a person; the cause of a handshake's failure says more than it."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    if isinstance(error, InvalidStatus):
        return f"{host} answers HTTP {error.response.status_code}"
    if isinstance(error, ConnectionClosed):
        return _closing(error, host)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{host}: its certificate is not valid ({error.verify_message})"
    for kind, text in _REASONS.items():
        if isinstance(error, kind):
            return f"{text} {host}"
    if "Connect call failed" in str(error):  # asyncio's text where a name has several addresses
        return f"nothing answers at {host}"
    return f"{host}: {error.__cause__ or str(error) or type(error).__name__}"


def _closing(error: ConnectionClosed, host: str) -> str:
    if error.rcvd is not None:
        return f"{host} closed the connection: {error.rcvd}"
    if error.sent is not None:
        return f"the connection to {host} was given up: {error.sent}"
    return f"the connection to {host} broke off"


_REASONS = {
    socket.gaierror: "there is no address for",
    TimeoutError: "there was no answer in time from",
    ConnectionRefusedError: "nothing answers at",
}
