"""A WebSocket server to bind a chart or a test to, with faults on demand."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterable
from typing import Any, Self

from livewidget.resilience.listening import stop_accepting
from livewidget.testing.loop_thread import LoopThread


class WebSocketServer:
    """Serves `ws://127.0.0.1:port` from a thread of its own; a context manager.

    With `tls` it is `wss://localhost:port`. `options` go to `websockets.asyncio.server.serve`.
    Everything sent goes to every client. `greeting` messages go to each client when it
    connects. `received` holds what clients sent, `requests` the headers they came with.
    All methods may be called from any thread but the server's own, and return when done.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        greeting: Iterable[object] = (),
        tls: ssl.SSLContext | None = None,
        **options: Any,
    ) -> None:
        self.port = port
        self.received: list[str | bytes] = []
        self.requests: list[Any] = []
        self._greeting = [_text(each) for each in greeting]
        # The end waits for handshakes: a client on the loop that asks for the end makes none.
        defaults = {"open_timeout": 5, "close_timeout": 1, "max_size": None, "ssl": tls}
        self._options: dict[str, Any] = defaults | options
        self._clients: set[Any] = set()
        self._connections: set[Any] = set()  # those that are still being greeted, too
        self._server: Any = None
        self._thread = LoopThread("websocket-server")
        self._lock = threading.Lock()
        try:
            self.start()
        except BaseException:
            self._thread.close()
            raise

    @property
    def url(self) -> str:
        """The address for a client."""
        secure = self._options["ssl"] is not None
        return f"{'wss://localhost' if secure else 'ws://127.0.0.1'}:{self.port}"

    @property
    def clients(self) -> int:
        """How many clients are connected now; one that said farewell or was cut is none."""
        from websockets.protocol import OPEN

        return sum(each.state is OPEN for each in list(self._clients))

    def send(self, *messages: object) -> None:
        """Send to every client; what is not text or bytes goes as JSON."""
        self._thread.run(self._send([_text(each) for each in messages]))

    def cut(self) -> None:
        """Break every connection off, without a farewell, as a failing network does."""
        self._thread.run(self._cut())

    def dismiss(self, code: int = 1000, reason: str = "") -> None:
        """Close every connection properly, with a code and a reason."""
        self._thread.run(self._dismiss(code, reason))

    def stop(self) -> None:
        """Cut everyone and stop listening; `start` listens again, on the same port."""
        with self._lock:
            if self._server is not None:
                self._thread.run(self._stop())

    def start(self) -> None:
        """Listen (the constructor has done so already)."""
        with self._lock:
            if self._server is None:
                self._thread.run(self._start())

    def close(self) -> None:
        """Stop for good and end the thread."""
        if not self._thread.loop.is_closed():
            self.stop()
            self._thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _start(self) -> None:
        from websockets.asyncio.server import serve

        self._server = await serve(self._serve, "127.0.0.1", self.port, **self._options)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        server, self._server = self._server, None
        await stop_accepting(server.sockets)
        await self._cut()
        server.close()
        await server.wait_closed()

    async def _serve(self, client: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        self.requests.append(client.request.headers)
        self._connections.add(client)
        try:
            for message in self._greeting:
                await client.send(message)
            self._clients.add(client)
            async for message in client:
                self.received.append(message)
        except ConnectionClosed:
            return
        finally:
            self._clients.discard(client)
            self._connections.discard(client)

    async def _send(self, messages: list[str | bytes]) -> None:
        from websockets.exceptions import ConnectionClosed

        for client in list(self._clients):
            try:
                for message in messages:
                    await client.send(message)
            except ConnectionClosed:
                self._clients.discard(client)

    async def _cut(self) -> None:
        for client in list(self._connections):
            client.transport.abort()
            await client.wait_closed()

    async def _dismiss(self, code: int, reason: str) -> None:
        for client in list(self._clients):
            await client.close(code, reason)


def _text(message: object) -> str | bytes:
    return message if isinstance(message, (str, bytes)) else json.dumps(message)
