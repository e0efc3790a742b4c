"""A WebSocket server that sends what is written to every client (RFC 6455)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from livewidget.codecs.encode import encoder_for
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, SinkError, quote
from livewidget.resilience.listening import stop_accepting
from livewidget.sinks.base import MessageSink
from livewidget.sinks.endpoint import Endpoint
from livewidget.sinks.tail import BYTES, Tail

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection

SLOW = ("skip", "disconnect")
_MOST_CLIENTS = 1_000
_TOO_SLOW = 1008  # "policy violation", RFC 6455, 7.4.1
_TOO_MANY = 1013  # "try again later", of the registry of codes
_LINGER_S = 2.0  # for clients to take what is left when the sink closes
_FAREWELL_S = 1.0
_MOST_READ = 1 << 16  # bytes of a message from a client, none of which is of use

# The library logs every connection, a probe of the port with a traceback.
_log = logging.getLogger(__name__)
_log.setLevel(logging.CRITICAL)


class WebSocketSink(MessageSink):
    """Serves `ws://host:port`, any path: each event is a message, in "ndjson" each batch.

    A client gets what is written from its connection on. One that falls `buffer_bytes` behind
    loses the oldest (`slow="skip"`) or the connection ("disconnect", code 1008); `missed` counts
    messages, `disconnected` clients. Web pages may connect from the `origins` named alone (RFC
    6455, 10.2); programs send none and always may. What clients send is ignored.
    """

    def __init__(
        self,
        url: str,
        *,
        format: object = "json",  # noqa: A002  (the word that users look for)
        times: str = "iso",
        buffer_bytes: int = BYTES,
        slow: str = "skip",
        origins: Sequence[str] = (),
    ) -> None:
        if slow not in SLOW:
            raise SettingError(f"slow is 'skip' or 'disconnect', got {quote(slow)}")
        self._endpoint = Endpoint(url)
        self.name = self._endpoint.shown
        self.encoder = encoder_for(format, times=times)
        self._tail = Tail(buffer_bytes)
        self._buffer_bytes = buffer_bytes
        self._slow = slow
        self._origins = origins
        self._server: Server | None = None
        self._positions: dict[asyncio.Task[None], int] = {}  # what each client gets next
        self.missed = self.disconnected = 0

    @property
    def port(self) -> int:
        """The port it listens at: of a URL with port 0 the one that was free."""
        return self._endpoint.port

    @property
    def counts(self) -> dict[str, int]:
        """Clients that are connected, messages missed and clients sent away for being slow."""
        return {
            "clients": len(self._positions),
            "missed": self.missed,
            "disconnected": self.disconnected,
        }

    async def open(self) -> None:
        """Listen. Raises SinkError where the address is taken or is not this machine's."""
        from websockets.asyncio.server import serve

        self._tail = Tail(self._buffer_bytes)
        origins: list[Any] = [None, *self._origins]
        host, port = self._endpoint.host, self._endpoint.port
        options: dict[str, Any] = {"max_size": _MOST_READ, "logger": _log}
        options["close_timeout"] = _FAREWELL_S
        try:
            self._server = await serve(self._serve, host, port, origins=origins, **options)
        except OSError as error:
            raise SinkError(f"{self.name} cannot be served: {error}") from None
        self._endpoint.port = next(iter(self._server.sockets)).getsockname()[1]
        self.name = self._endpoint.shown

    async def write(self, batch: Batch) -> None:
        """Hand the messages to the clients; waits for none of them."""
        self._tail.add(self.encoder.encode(batch))
        if self._slow == "disconnect":
            for feed, position in self._positions.items():
                if position < self._tail.first:
                    feed.cancel()
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Let the clients take what is left, for 2 s, then close all connections properly."""
        server, self._server = self._server, None
        if server is None:
            return
        self._tail.end()
        if self._positions:
            await asyncio.wait(list(self._positions), timeout=_LINGER_S)
        await stop_accepting(server.sockets)
        server.close()
        await server.wait_closed()

    async def _serve(self, client: ServerConnection) -> None:
        if len(self._positions) >= _MOST_CLIENTS:
            await client.close(_TOO_MANY, "too many clients")
            return
        feed = asyncio.create_task(self._feed(client, self._tail.next))
        self._positions[feed] = self._tail.next
        # Reading is how the library learns of pings and farewells.
        reading = asyncio.create_task(_ignore(client))
        try:
            await asyncio.wait({feed, reading}, return_when=asyncio.FIRST_COMPLETED)
            if feed.cancelled():
                self.disconnected += 1
                await _dismiss(client)
        finally:
            del self._positions[feed]
            feed.cancel()
            reading.cancel()
            await asyncio.gather(feed, reading, return_exceptions=True)

    async def _feed(self, client: ServerConnection, position: int) -> None:
        from websockets.exceptions import ConnectionClosed

        me = asyncio.current_task()
        assert me is not None
        try:
            while await self._tail.wait(position):
                messages, gone = self._tail.read(position)
                self.missed += gone
                position += gone + len(messages)
                self._positions[me] = position
                for message in messages:
                    await client.send(message.decode() if self.encoder.text else message)
        except ConnectionClosed:
            return


async def _ignore(client: ServerConnection) -> None:
    async for _ in client:
        pass


async def _dismiss(client: ServerConnection) -> None:
    """Say farewell and cut: the library would wait for one that does not read as long as it is."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            await client.close(_TOO_SLOW, "too slow")
    client.transport.abort()
