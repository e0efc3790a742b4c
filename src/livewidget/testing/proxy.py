"""A TCP proxy that does to a connection what networks do."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from typing import Self

from livewidget.data.errors import SettingError, quote
from livewidget.resilience.listening import stop_accepting
from livewidget.testing.loop_thread import LoopThread
from livewidget.testing.splitting import Scrambler, Splitter

_CHUNK = 65_536
_BEATS = 50  # pieces a second in which throttled bytes go on
_HOLD_S = 0.02  # for how long a message waits for others to change places with
_LINGER_NONE = struct.pack("ii", 1, 0)  # close with a reset, not with a farewell


class FaultProxy:
    """Stands before `host:port` at a port of its own (`port`); a context manager.

    Faults hold for all connections, new ones included, until `heal`. Methods may be called
    from any thread but the proxy's own. `passed` and `dropped` count bytes, `duplicated` and
    `reordered` messages. Messages are told apart by `splitter`, one of `livewidget.testing`'s
    `lines`, `sse_events` and `websocket_messages`; `seed` is that of the shuffling.
    """

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        *,
        splitter: Splitter | None = None,
        seed: int = 0,
    ) -> None:
        self.passed = self.dropped = self.duplicated = self.reordered = 0
        self.port = 0
        self._target = (host, port)
        self._splitter = splitter
        self._rng = random.Random(seed)
        self._writers: set[asyncio.StreamWriter] = set()
        self._connecting: set[asyncio.StreamWriter] = set()  # to the target, for a client that came
        self._thread = LoopThread("fault-proxy")
        self._flowing = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._left: int | None = None  # bytes to the clients before a cut
        self._clear()
        self._thread.run(self._heal())

    @property
    def connections(self) -> int:
        """How many connections go through now."""
        return len(self._writers) // 2

    def delay(self, seconds: float) -> None:
        """Hold every chunk back for so long before it goes on."""
        self._delay_s = seconds

    def throttle(self, bytes_per_s: float) -> None:
        """Carry so many bytes a second, each way of each connection. Raises SettingError."""
        if not bytes_per_s > 0:
            raise SettingError(f"bytes_per_s is a number above 0, got {quote(bytes_per_s)}")
        self._rate = bytes_per_s

    def drop(self) -> None:
        """Swallow every byte, both ways, while the connections stay open."""
        self._dropping = True

    def duplicate(self, every: int) -> None:
        """Send each `every`th message to the clients twice. Raises SettingError: no splitter."""
        self._every = self._messages("every", every, 1)

    def reorder(self, within: int) -> None:
        """Shuffle each `within` messages to the clients. Raises SettingError: no splitter."""
        self._within = self._messages("within", within, 2)

    def half_open(self) -> None:
        """Carry nothing on, both ways, and keep it: the peer is there and says nothing."""
        self._thread.post(self._flowing.clear)

    def refuse(self) -> None:
        """Listen no longer: who connects is refused; the connections there are go on."""
        self._thread.run(self._deafen())

    def cut(self) -> None:
        """Reset every connection, and every new one, until `heal`."""
        self._refusing = True
        self.reset()

    def cut_after(self, count: int) -> None:
        """Reset the connection that carries the `count`th byte from now to a client, behind it.

        Once: a cut within a frame, or within a line.
        """
        self._left = count

    def reset(self) -> None:
        """Reset every connection, once; new ones go through."""
        self._thread.run(self._reset())

    def heal(self) -> None:
        """End all faults."""
        self._clear()
        self._thread.run(self._heal())

    def close(self) -> None:
        """Reset every connection and end the thread."""
        if not self._thread.loop.is_closed():
            self._thread.run(self._close())
            self._thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _clear(self) -> None:
        self._delay_s, self._rate = 0.0, 0.0
        self._dropping = self._refusing = False
        self._left = None
        self._every = self._within = 0

    def _messages(self, name: str, count: int, least: int) -> int:
        if self._splitter is None:
            raise SettingError("messages are told apart by a splitter: FaultProxy(splitter=...)")
        if count < least:
            raise SettingError(f"{name} is a whole number from {least} up, got {quote(count)}")
        return count

    async def _heal(self) -> None:
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _deafen(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await stop_accepting(server.sockets)
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            _abort(writer)
            return
        self._connecting.add(writer)  # whoever closes meanwhile finds it
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _abort(writer)
            return
        finally:
            self._connecting.discard(writer)
        ends = {writer, far_writer}
        for end in ends:
            end.transport.set_write_buffer_limits(high=0)  # what is drained has left
        self._writers |= ends
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump_back(far_reader, writer)),
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
        """Carry on what a client says."""
        try:
            while chunk := await reader.read(_CHUNK):
                if await self._passes(chunk):
                    await self._write(writer, chunk)
        except OSError:
            return

    async def _pump_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry on what is said to a client."""
        split = self._splitter
        scrambler = None if split is None else Scrambler(split, self._rng)
        try:
            while (chunk := await _read(reader, scrambler)) != b"":
                if chunk is not None and not await self._passes(chunk):
                    continue
                await self._write_back(writer, self._scrambled(scrambler, chunk))
            if scrambler is not None:
                await self._write_back(writer, scrambler.end())
        except OSError:
            return

    async def _passes(self, chunk: bytes) -> bool:
        """Wait for as long as a chunk is held back; return whether it goes on then."""
        await self._flowing.wait()
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        if self._dropping:
            self.dropped += len(chunk)
        return not self._dropping

    def _scrambled(self, scrambler: Scrambler | None, chunk: bytes | None) -> bytes:
        """Return what goes on after a chunk, or after None in time."""
        if scrambler is None:
            return chunk or b""
        before = scrambler.duplicated, scrambler.reordered
        if chunk is None:
            out = scrambler.flush(self._within)
        else:
            out = scrambler.feed(chunk, self._every, self._within)
        self.duplicated += scrambler.duplicated - before[0]
        self.reordered += scrambler.reordered - before[1]
        return out

    async def _write_back(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        left = self._left
        if left is None or left > len(data):
            self._left = None if left is None else left - len(data)
            await self._write(writer, data)
            return
        self._left = None
        await self._write(writer, data[:left])
        _abort(writer)
        raise ConnectionAbortedError

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        while data:
            piece = data[: max(1, int(self._rate / _BEATS))] if self._rate else data
            writer.write(piece)
            await writer.drain()
            self.passed += len(piece)
            data = data[len(piece) :]
            if self._rate:
                await asyncio.sleep(len(piece) / self._rate)

    async def _reset(self) -> None:
        for writer in [*self._writers, *self._connecting]:
            _abort(writer)

    async def _close(self) -> None:
        self._refusing = True  # what was accepted and has not begun, too
        await self._deafen()
        for _turn in range(2):  # now it has
            await asyncio.sleep(0)
        await self._reset()
        await asyncio.sleep(0)  # what was aborted is closed in the next turn


async def _read(reader: asyncio.StreamReader, scrambler: Scrambler | None) -> bytes | None:
    """Return the next bytes, b"" at the end; None where messages have been held long enough."""
    if scrambler is None or not scrambler.holding:
        return await reader.read(_CHUNK)
    try:
        async with asyncio.timeout(_HOLD_S):
            return await reader.read(_CHUNK)
    except TimeoutError:
        return None


def _abort(writer: asyncio.StreamWriter) -> None:
    """Reset a connection: what it still had to say is lost."""
    raw = writer.get_extra_info("socket")
    if raw is not None and not writer.transport.is_closing():
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    writer.transport.abort()
