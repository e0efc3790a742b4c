"""A TCP proxy that does to a connection what networks do."""

from __future__ import annotations

import asyncio
from typing import Self

from livewidget.testing.loop_thread import LoopThread

_CHUNK = 65_536


class FaultProxy:
    """Stands before `host:port` at a port of its own (`port`); a context manager.

    Faults hold for all connections, new ones included, until `heal`. Methods may be called
    from any thread but the proxy's own. `passed` and `dropped` count bytes.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.passed = 0
        self.dropped = 0
        self._target = (host, port)
        self._delay_s = 0.0
        self._dropping = False
        self._refusing = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = LoopThread("fault-proxy")
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server = self._thread.run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def connections(self) -> int:
        """How many connections go through now."""
        return len(self._writers) // 2

    def delay(self, seconds: float) -> None:
        """Hold every chunk back for so long before it goes on."""
        self._delay_s = seconds

    def drop(self) -> None:
        """Swallow every byte, both ways, while the connections stay open."""
        self._dropping = True

    def half_open(self) -> None:
        """Carry nothing on, both ways, and keep it: the peer is there and says nothing."""
        self._thread.post(self._flowing.clear)

    def cut(self) -> None:
        """Reset every connection, and every new one, until `heal`."""
        self._refusing = True
        self.reset()

    def reset(self) -> None:
        """Reset every connection, once; new ones go through."""
        self._thread.run(self._reset())

    def heal(self) -> None:
        """End all faults."""
        self._delay_s, self._dropping, self._refusing = 0.0, False, False
        self._thread.post(self._flowing.set)

    def close(self) -> None:
        """Reset every connection and end the thread."""
        if not self._thread.loop.is_closed():
            self._thread.run(self._close())
            self._thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for end in ends:
                end.transport.abort()
            self._writers -= ends

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                await self._flowing.wait()
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                if self._dropping:
                    self.dropped += len(chunk)
                    continue
                writer.write(chunk)
                await writer.drain()
                self.passed += len(chunk)
        except OSError:
            return

    async def _reset(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _close(self) -> None:
        self._server.close()
        await self._reset()
