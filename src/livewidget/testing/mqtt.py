"""An MQTT server to bind a chart or a test to where no other one is installed."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self
from uuid import uuid4

from livewidget.resilience.listening import stop_accepting
from livewidget.testing.loop_thread import LoopThread
from livewidget.testing.mqtt_packets import (
    CONTINUED,
    LENGTH_BYTES,
    Packet,
    Publication,
    Reader,
    matches,
    numbered,
    packet,
    publish,
    read_connect,
    read_publish,
)

IN_FLIGHT = 20  # messages sent ahead of a client's answers, as other servers do
WAITING = 100_000  # for a client that is away or behind; the newest are then dropped
_ACCEPTED, _REFUSED = 0, 5  # of a CONNACK


class MqttBroker:
    """Serves MQTT 3.1.1 at `mqtt://127.0.0.1:port` from a thread of its own; a context manager.

    QoS 0 to 2 both ways, wildcards, retained messages, and sessions that outlive `stop` and
    `start`. There are no wills, and silent clients are not thrown out. With `tls` it is
    `mqtts://localhost:port`; with `username` nobody else comes in. `received` holds what clients
    published, `dropped` counts what waited in vain. Methods may be called from any thread but the
    server's own, and return when done.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        username: str | None = None,
        password: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.received: list[Publication] = []
        self.dropped = 0
        self._login = None if username is None else (username, password.encode())
        self._tls = tls
        self._retained: dict[str, Publication] = {}
        self._sessions: dict[str, _Session] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._thread = LoopThread("mqtt-broker")
        try:
            self.start()
        except BaseException:
            self._thread.close()
            raise

    @property
    def url(self) -> str:
        """The address for a client; a topic comes after it."""
        scheme = "mqtt://127.0.0.1" if self._tls is None else "mqtts://localhost"
        return f"{scheme}:{self.port}"

    @property
    def clients(self) -> int:
        """How many are connected and have subscribed."""
        here = [each for each in list(self._sessions.values()) if each.writer is not None]
        return sum(bool(each.filters) for each in here)

    @property
    def unanswered(self) -> int:
        """How many messages from QoS 1 up are not yet acknowledged by those they are for."""
        return sum(len(each.sent) + len(each.waiting) for each in list(self._sessions.values()))

    def publish(self, topic: str, *payloads: bytes, qos: int = 0, retain: bool = False) -> None:
        """Send messages to all that have subscribed to their topic."""
        messages = [Publication(topic, payload, qos, retain) for payload in payloads]
        self._thread.run(self._publish(messages))

    def cut(self) -> None:
        """Break every connection off, as a failing network does."""
        self._thread.run(self._cut())

    def stop(self) -> None:
        """Cut everyone and stop listening; `start` listens again, on the same port."""
        if self._server is not None:
            self._thread.run(self._stop())

    def start(self) -> None:
        """Listen (the constructor has done so already)."""
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
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        server, self._server = self._server, None
        assert server is not None
        await stop_accepting(server.sockets)
        server.close()
        await self._cut()

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._serving)

    async def _publish(self, messages: list[Publication]) -> None:
        for message in messages:
            self._spread(message)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        session = None
        try:
            session = await self._welcome(reader, writer)
            while session is not None and await self._answer(session, *await _read(reader)):
                await writer.drain()
        except (OSError, EOFError, ValueError):
            return
        finally:
            self._writers.discard(writer)
            writer.transport.abort()
            if session is not None and session.writer is writer:
                session.writer = None
                if session.clean:
                    self._sessions.pop(session.client_id, None)

    async def _welcome(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> _Session | None:
        kind, _, body = await _read(reader)
        if kind is not Packet.CONNECT:
            return None
        who = read_connect(body)
        if self._login not in (None, (who.username, who.password)):
            writer.write(packet(Packet.CONNACK, bytes([0, _REFUSED])))
            await writer.drain()
            return None
        name = who.client_id or uuid4().hex
        session = self._sessions.get(name)
        if session is not None and session.writer is not None:
            session.writer.transport.abort()  # one client of a name at a time
        known = session is not None and not who.clean and not session.clean
        if session is None or not known:
            session = self._sessions[name] = _Session(name, who.clean, self._drop)
        writer.write(packet(Packet.CONNACK, bytes([known, _ACCEPTED])))
        session.resume(writer)
        return session

    def _drop(self) -> None:
        self.dropped += 1

    async def _answer(self, session: _Session, kind: Packet, flags: int, body: bytes) -> bool:
        """Do what a packet asks for. False where it is a farewell."""
        if kind is Packet.PUBLISH:
            self._take(session, *read_publish(flags, body))
        elif kind is Packet.PUBREL:
            number = Reader(body).number()
            session.begun.discard(number)
            session.write(numbered(Packet.PUBCOMP, number))
        elif kind in (Packet.PUBACK, Packet.PUBREC, Packet.PUBCOMP):
            session.settle(kind, Reader(body).number())
        elif kind is Packet.SUBSCRIBE:
            self._subscribe(session, Reader(body))
        elif kind is Packet.UNSUBSCRIBE:
            reader = Reader(body)
            number = reader.number()
            while reader:
                session.filters.pop(reader.field().decode(), None)
            session.write(numbered(Packet.UNSUBACK, number))
        elif kind is Packet.PINGREQ:
            session.write(packet(Packet.PINGRESP))
        return kind is not Packet.DISCONNECT

    def _take(self, session: _Session, message: Publication, number: int) -> None:
        """Take what a client publishes: at QoS 2 once, however often it comes."""
        fresh = message.qos < 2 or number not in session.begun  # noqa: PLR2004
        if message.qos == 1:
            session.write(numbered(Packet.PUBACK, number))
        elif message.qos:
            session.begun.add(number)
            session.write(numbered(Packet.PUBREC, number))
        if fresh:
            self.received.append(message)
            self._spread(message)

    def _spread(self, message: Publication) -> None:
        if message.retain:
            if message.payload:
                self._retained[message.topic] = message
            else:
                self._retained.pop(message.topic, None)
        for session in list(self._sessions.values()):
            wanted = [qos for each, qos in session.filters.items() if matches(each, message.topic)]
            if wanted:
                session.deliver(replace(message, qos=min(message.qos, max(wanted)), retain=False))

    def _subscribe(self, session: _Session, reader: Reader) -> None:
        number, codes, kept = reader.number(), bytearray(), []
        while reader:
            wanted, qos = reader.field().decode(), reader.take(1)[0]
            session.filters[wanted] = qos
            codes.append(qos)
            kept += [(each, qos) for each in self._retained.values() if matches(wanted, each.topic)]
        session.write(packet(Packet.SUBACK, number.to_bytes(2, "big") + codes))
        for message, qos in kept:
            session.deliver(replace(message, qos=min(message.qos, qos)))


@dataclass(slots=True)
class _Session:
    """What a server knows of a client, connected or not."""

    client_id: str
    clean: bool
    drop: Callable[[], None]
    filters: dict[str, int] = field(default_factory=dict)  # to the QoS asked for
    sent: dict[int, Publication | None] = field(default_factory=dict)  # None: only a PUBREL is due
    waiting: deque[Publication] = field(default_factory=deque)
    begun: set[int] = field(default_factory=set)  # of QoS 2, from this client
    writer: asyncio.StreamWriter | None = None
    number: int = 0

    def write(self, data: bytes) -> None:
        """Send, where somebody is there."""
        if self.writer is not None:
            self.writer.write(data)

    def deliver(self, message: Publication) -> None:
        """Send a message now, or, from QoS 1 up, as soon as the client can take it."""
        if not message.qos:
            self.write(publish(message))
        elif len(self.waiting) >= WAITING:
            self.drop()
        else:
            self.waiting.append(message)
            self._pump()

    def resume(self, writer: asyncio.StreamWriter) -> None:
        """Go on over a new connection, with what was not acknowledged first."""
        self.writer = writer
        for number, message in self.sent.items():
            if message is None:
                self.write(numbered(Packet.PUBREL, number))
            else:
                self.write(publish(message, number, again=True))
        self._pump()

    def settle(self, kind: Packet, number: int) -> None:
        """Take a client's answer to a message."""
        if kind is Packet.PUBREC:
            self.sent[number] = None
            self.write(numbered(Packet.PUBREL, number))
        else:
            self.sent.pop(number, None)
            self._pump()

    def _pump(self) -> None:
        while self.waiting and self.writer is not None and len(self.sent) < IN_FLIGHT:
            message = self.waiting.popleft()
            self.number = self.number % 65_535 + 1
            while self.number in self.sent:
                self.number = self.number % 65_535 + 1
            self.sent[self.number] = message
            self.write(publish(message, self.number))


async def _read(reader: asyncio.StreamReader) -> tuple[Packet, int, bytes]:
    """Return the next packet's kind, flags and body. Raises ValueError where it is none."""
    first = (await reader.readexactly(1))[0]
    size = 0
    for place in range(LENGTH_BYTES):
        each = (await reader.readexactly(1))[0]
        size |= (each & ~CONTINUED) << 7 * place
        if not each & CONTINUED:
            return Packet(first >> 4), first & 15, await reader.readexactly(size)
    raise ValueError("a packet's length has too many bytes")
