"""WebSocket feeds of JSON: `ws://` and `wss://`."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from livewidget.codecs.formats import decoder_for
from livewidget.data.errors import SourceError
from livewidget.resilience.backoff import Backoff
from livewidget.sources.address import Address
from livewidget.sources.base import LoopClock, Outlet
from livewidget.sources.messages import Messages
from livewidget.sources.reconnecting import ReconnectingSource

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP: may be better the next time

# The library logs requests with their headers at DEBUG: secrets. Its warnings may pass.
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)


class WebSocketSource(ReconnectingSource):
    """Reads JSON messages (an object, an array of objects, NDJSON) and comes back when cut off.

    `fields` are those wanted (None: all that are not nested); one that has none of `needs` is
    rejected. `subscribe` is sent after each connect: a str, bytes, a mapping (as JSON), or a list
    of these. `headers` and `subprotocols` go with the request; certificates are verified unless
    `tls` is a context that does not. A message over `max_bytes` ends the connection; one that
    cannot be read is rejected. A peer that is silent to pings for `ping_s` seconds counts as lost.

    A lost connection is tried again (see `ReconnectingSource`); what was missed is a gap. The
    first connect fails at once where waiting cannot help: a refused certificate or HTTP status,
    no WebSocket behind the URL.
    """

    def __init__(
        self,
        url: str,
        *,
        format: object = "json",  # noqa: A002  (the word that users look for)
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
        address = Address(url, (headers or {}).values())
        super().__init__(address, reconnect=reconnect, backoff=backoff, clock=clock)
        self._decoder = decoder_for(format, fields=fields, needs=needs, max_bytes=max_bytes)
        self._subscriptions = _subscriptions(subscribe)
        self._connected = False
        self._heard = False
        self._options: dict[str, Any] = {
            "additional_headers": headers,
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

    async def _connection(self, outlet: Outlet) -> str | None:
        from websockets.exceptions import ConnectionClosed, WebSocketException

        try:
            async with self._connect() as connection:
                self._connected = True
                for message in self._subscriptions:
                    await connection.send(message)
                await self._receive(connection, outlet)
        except (OSError, EOFError, WebSocketException) as error:
            reason = self._address.scrub(_reason(error, self._address.host))
            if not self._connected and _is_final(error):
                # Without its cause: a traceback would show the request, with its secrets.
                raise SourceError(reason) from None
            farewell = isinstance(error, ConnectionClosed) and error.rcvd is not None
            return None if farewell and not self._reconnect else reason
        return "the connection was closed" if self._reconnect else None

    def _connect(self) -> connect:
        from websockets.asyncio.client import connect

        options = dict(self._options)
        if not self._address.url.lower().startswith("wss"):
            del options["ssl"]  # the library refuses it for ws://, even where it is None
        elif options["ssl"] is None:
            options["ssl"] = True
        return connect(self._address.url, **options)

    async def _receive(self, connection: ClientConnection, outlet: Outlet) -> None:
        self._live(outlet)
        messages = Messages(self._decoder, outlet)
        receive, add = connection.recv, messages.add  # looked up once: this loop is the hot one
        try:
            message = await receive(False)
            if self._heard:
                outlet.gap(None, None, "the connection was lost")
            self._heard = True
            while True:
                if add(message):
                    await outlet.ready()
                message = await receive(False)
        finally:
            messages.close()


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
