"""Several logical streams on one WebSocket, or on a few."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from livewidget.codecs.base import Decoded
from livewidget.codecs.formats import decoder_for
from livewidget.codecs.picking import key_at, part_at
from livewidget.data.batch import Data
from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.data.events import State
from livewidget.sources.base import Outlet
from livewidget.sources.channel import Channel, ChannelQueue
from livewidget.sources.settings import check_count
from livewidget.sources.websocket import WebSocketSource, subscriptions

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

POLICIES = ("block", "drop")
_FAREWELL_S = 1.0  # for an unsubscription to a peer that does not read
_OF_CHANNELS = ("fields", "format", "needs", "subscribe")


class WebSocketHub:
    """Shares up to `connections` WebSockets to one URL among many channels.

    `key` tells whose a message is: the path of a field of the JSON message (`"stream"`,
    `"data.symbol"`), or a function that gets the message as bytes and returns the key as text, or
    None. `payload` is the path of the part that has the events (None: the whole message). What is
    for nobody is counted in `unclaimed`. `options` are those of `WebSocketSource`, whose care for
    a connection it takes.

    A connection is made when its first channel runs, and closed after its last one; a channel goes
    to the one with the fewest, those of one key to the same. After each connect all its keys are
    subscribed again, and every channel has a gap before its next message.

    Each channel has a queue of `queue_bytes`, and what one delivery brings beyond that. Where it is
    full, as its stream cannot keep up, `overflow="block"` holds the connection back, and with it
    all channels on it: nothing is lost, unless the peer or the pings give up. `"drop"` drops the
    channel's own messages: they are counted, and are a gap. All channels run on one loop.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | Callable[[bytes], str | None] = "channel",
        payload: str | None = None,
        connections: int = 1,
        overflow: str = "block",
        queue_bytes: int = 4 << 20,
        **options: Any,
    ) -> None:
        wrong = sorted(options.keys() & set(_OF_CHANNELS))
        if wrong:
            raise SettingError(f"{', '.join(wrong)}: set on each channel, hub.channel(...)")
        if overflow not in POLICIES:
            raise SettingError(f"overflow is 'block' or 'drop', got {quote(overflow)}")
        self.unclaimed = 0
        self._url = url
        self._key = key_at(key) if isinstance(key, str) else key
        self._payload = None if payload is None else part_at(payload)
        self._connections = check_count(connections, "connections")
        self.drops = overflow == "drop"
        self._queue_bytes = check_count(queue_bytes, "queue_bytes")
        self._options = options
        self._lines: list[_Line] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.name = self._line().socket.name  # a bad URL or option is refused here

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def channel(
        self,
        key: str,
        *,
        subscribe: object = None,
        unsubscribe: object = None,
        format: object = "json",  # noqa: A002  (the word that users look for)
        fields: Sequence[str] | None = None,
        needs: Sequence[str] = (),
    ) -> Channel:
        """Return the source of the messages of one key.

        `subscribe` and `unsubscribe` are as `subscribe` of `WebSocketSource`: sent when the first
        source of a key begins and the last one stops. The others are as of `WebSocketSource`.
        """
        decoder = decoder_for(format, fields=fields, needs=needs)
        name = f"{key} of {self.name}"
        sent, unsent = subscriptions(subscribe), subscriptions(unsubscribe)
        return Channel(self, str(key), name, decoder, sent, unsent)

    @property
    def open_connections(self) -> int:
        """How many connections are held, or tried for, now."""
        return len(self._lines)

    def queue(self) -> ChannelQueue:
        """Return a queue for a channel that begins."""
        return ChannelQueue(self._queue_bytes)

    async def join(self, channel: Channel, queue: ChannelQueue, outlet: Outlet) -> None:
        """Put a channel on a connection; called by the channel."""
        loop = asyncio.get_running_loop()
        if self._lines and self._loop is not loop:
            raise SourceError(f"{self!r}: all channels of a hub run on one loop")
        self._loop = loop
        line = self._chosen(channel.key)
        if line.task is None:
            line.task = asyncio.create_task(self._run(line))
        await line.join(channel, queue, outlet)

    async def leave(self, queue: ChannelQueue) -> None:
        """Take a channel off its connection, and close one that nobody is left on."""
        line = next((each for each in self._lines if queue in each.outlets), None)
        if line is None:
            return
        if len(line.outlets) > 1:
            await line.leave(queue)
            return
        self._lines.remove(line)
        if line.task is not None:
            line.task.cancel()
            await asyncio.wait([line.task])

    def dispatch(self, message: bytes) -> tuple[str | None, bytes]:
        """Return whose a message is, and what of it is theirs; None where that cannot be told."""
        try:
            key = self._key(message)
            part = message if key is None or self._payload is None else self._payload(message)
        except Exception:  # noqa: BLE001  (a user's function: what it cannot read is for nobody)
            return None, message
        return key, part

    def _chosen(self, key: str) -> _Line:
        for line in self._lines:
            if key in line.channels:
                return line
        if len(self._lines) < self._connections:
            self._lines.append(self._line())
            return self._lines[-1]
        return min(self._lines, key=lambda line: len(line.channels))

    def _line(self) -> _Line:
        options = dict(self._options)
        if "backoff" in options:  # it counts the attempts of one connection
            options["backoff"] = copy.copy(options["backoff"])
        return _Line(self, self._url, options)

    async def _run(self, line: _Line) -> None:
        reason = None
        try:
            await line.socket.run(line)
        except Exception as error:  # noqa: BLE001  (told to each channel)
            reason = str(error) or type(error).__name__
        if line in self._lines:
            self._lines.remove(line)
        for queue in line.outlets:
            queue.end(reason)


class _Line:
    """One connection and the channels on it: the decoder and the outlet of its socket."""

    def __init__(self, hub: WebSocketHub, url: str, options: dict[str, Any]) -> None:
        self._hub = hub
        self.channels: dict[str, list[tuple[Channel, ChannelQueue]]] = {}
        self.outlets: dict[ChannelQueue, Outlet] = {}
        self.task: asyncio.Task[None] | None = None
        self.socket = _Socket(self, url, options)
        self._state: tuple[State, str, int] | None = None
        self._connection: ClientConnection | None = None
        self._told: set[str] = set()  # the keys subscribed on this connection
        self._full: set[ChannelQueue] = set()
        self._room = asyncio.Event()

    async def join(self, channel: Channel, queue: ChannelQueue, outlet: Outlet) -> None:
        queue.emptied = self._emptied
        self.channels.setdefault(channel.key, []).append((channel, queue))
        self.outlets[queue] = outlet
        if self._state is not None:
            outlet.state(*self._state)
        with _closed_is_no_error():  # then it is subscribed after the next connect
            await self._subscribe(channel.key)

    async def leave(self, queue: ChannelQueue) -> None:
        del self.outlets[queue]
        self._emptied(queue)
        key, channel = next(
            (key, channel)
            for key, there in self.channels.items()
            for channel, each in there
            if each is queue
        )
        left = [each for each in self.channels[key] if each[1] is not queue]
        if left:
            self.channels[key] = left
            return
        del self.channels[key]
        if key in self._told and self._connection is not None:
            self._told.discard(key)
            with _closed_is_no_error():
                async with asyncio.timeout(_FAREWELL_S):
                    for message in channel.unsubscribe:
                        await self._connection.send(message)

    async def opened(self, connection: ClientConnection) -> None:
        """Subscribe all keys on a new connection."""
        self._connection = connection
        self._told.clear()
        for key in list(self.channels):
            await self._subscribe(key)

    def closed(self) -> None:
        self._connection = None

    async def _subscribe(self, key: str) -> None:
        if self._connection is None or key in self._told or key not in self.channels:
            return
        self._told.add(key)
        for message in self.channels[key][0][0].subscribe:
            await self._connection.send(message)

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Put each message into the queues of its key. What comes out is nothing.

        Whether a queue is full is asked between two deliveries: one that keeps up has had its turn
        then, however much one of them brings.
        """
        filled = set()
        for message in messages:
            key, part = self._hub.dispatch(message)
            there = self.channels.get(key) if isinstance(key, str) else None
            if not there or not part:
                self._hub.unclaimed += 1
                continue
            for _, queue in there:
                if queue in self._full and self._hub.drops:
                    queue.refuse()
                else:
                    queue.put(part)
                    filled.add(queue)
        self._full |= {queue for queue in filled if queue.full}
        return Decoded({}, 0)

    def emit(self, data: Data) -> int:
        del data
        return 0  # `decode` gives no rows

    def reject(self, payload: object, reason: str) -> None:
        del payload, reason
        self._hub.unclaimed += 1

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        del start, stop  # of each channel's own
        for queue in self.outlets:
            queue.gap(reason)

    def state(self, state: State, detail: str = "", attempt: int = 0) -> None:
        self._state = (state, detail, attempt)
        for outlet in self.outlets.values():
            outlet.state(state, detail, attempt)

    @property
    def full(self) -> bool:
        return bool(self._full) and not self._hub.drops

    async def ready(self) -> None:
        while self._full:
            self._room.clear()
            await self._room.wait()

    async def stored(self) -> None:
        return

    def _emptied(self, queue: ChannelQueue) -> None:
        self._full.discard(queue)
        self._room.set()


class _Socket(WebSocketSource):
    """A connection that subscribes what the channels on it ask for."""

    def __init__(self, line: _Line, url: str, options: dict[str, Any]) -> None:
        super().__init__(url, format=line, **options)
        self._line = line

    async def _receive(self, connection: ClientConnection, outlet: Outlet) -> None:
        try:
            await self._line.opened(connection)
            await super()._receive(connection, outlet)
        finally:
            self._line.closed()


@contextlib.contextmanager
def _closed_is_no_error() -> Any:
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(ConnectionClosed, TimeoutError):
        yield
