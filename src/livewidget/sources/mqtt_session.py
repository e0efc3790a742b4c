"""One client of an MQTT server, over all its connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

from livewidget.data.errors import MissingExtraError

if TYPE_CHECKING:
    from aiomqtt import Message

GATHER_S = 0.005  # what comes in this time is decoded together
# Where the server waits for answers: it sends some 20 messages ahead, and then no more.
HURRY_S = 0.001
CONNECT_S = 5.0
ANSWER_S = 10.0
LEAVE_S = 1.0

# The library logs every packet at DEBUG, and as errors what is told as a state.
_log = logging.getLogger(__name__)
_log.setLevel(logging.CRITICAL)
_log.addHandler(logging.NullHandler())


def library() -> Any:
    """Return aiomqtt. Raises MissingExtraError where it is not installed."""
    try:
        import aiomqtt
    except ImportError:
        raise MissingExtraError("aiomqtt", "mqtt") from None
    return aiomqtt


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """Where a client connects, and as whom. With `manual` it acknowledges only when told to."""

    host: str
    port: int
    username: str | None
    password: str | None
    client_id: str | None
    tls: ssl.SSLContext | None
    keepalive_s: int
    manual: bool


class Inbox(asyncio.Queue["list[Message]"]):
    """Messages until they are taken, all at once. On one loop.

    Not more than `bound` wait; `overflow` is called with each one more. With `answering` those to
    be acknowledged do not count: by the protocol no more than 65,535 come without an answer.
    """

    def __init__(
        self, bound: int, overflow: Callable[[Message], None], *, answering: bool = False
    ) -> None:
        super().__init__()
        self._bound = bound
        self._overflow = overflow
        self._answering = answering
        self._gather_s = HURRY_S if answering else GATHER_S
        self._messages: list[Message] = []
        self._filled = asyncio.Event()

    def put_nowait(self, message: Any) -> None:
        """Take one message: the client does it as it reads."""
        if len(self._messages) >= self._bound and not (self._answering and message.qos):
            self._overflow(message)
            return
        self._messages.append(message)
        self._filled.set()

    async def get(self) -> list[Message]:
        """Wait for a message, and return it with those that come within a moment."""
        await self._filled.wait()
        await asyncio.sleep(self._gather_s)
        return self.take()

    def take(self) -> list[Message]:
        """Return all that is there."""
        self._filled.clear()
        messages, self._messages = self._messages, []
        return messages


class Session:
    """A client over all its connections: an async context manager, entered once for each.

    One object, for it remembers what is half-way through at QoS 2. On one loop.
    """

    def __init__(self, login: Login, inbox: Inbox) -> None:
        self.inbox = inbox
        self.persistent = login.client_id is not None
        self.resumed = False  # whether the server still had what this client asked for before
        self._client = library().Client(
            login.host,
            login.port,
            username=login.username,
            password=login.password,
            identifier=login.client_id,
            clean_session=not self.persistent,
            keepalive=login.keepalive_s,
            tls_context=login.tls,
            timeout=ANSWER_S,
            logger=_log,
            # Answers are small: gathered by TCP, each would wait for the one before to arrive.
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
            queue_type=lambda maxsize: inbox,  # noqa: ARG005
        )
        # The client beneath, which acknowledges, and tells more than the one above passes on.
        self._paho = self._client._client  # noqa: SLF001
        self._paho.connect_timeout = CONNECT_S
        self._paho.manual_ack_set(login.manual)
        self._paho.on_connect = self._answered(self._paho.on_connect)

    async def __aenter__(self) -> Self:
        """Connect. Raises MqttError where that fails."""
        # A connection that broke off leaves it done, and the next would not wait for its answer.
        self._client._connected = asyncio.Future()  # noqa: SLF001
        entering = asyncio.ensure_future(self._client.__aenter__())
        try:
            await asyncio.shield(entering)
        except asyncio.CancelledError:
            # A thread connects: it cannot be cancelled, and what it opens must be closed.
            entering.add_done_callback(self._let_go)
            await asyncio.wait([entering], timeout=LEAVE_S)
            raise
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        """Say goodbye where there is somebody to hear it, and close."""
        with contextlib.suppress(Exception):  # why it was left is told by what left it
            async with asyncio.timeout(LEAVE_S):
                await self._client.__aexit__(*error)
        self._close()

    async def subscribe(self, topics: list[tuple[str, int]]) -> list[int]:
        """Ask for topics, each with its QoS. Returns the codes of the answer."""
        return [getattr(code, "value", code) for code in await self._client.subscribe(topics)]

    def batches(self) -> AsyncIterator[list[Message]]:
        """Yield what has come, again and again. Raises MqttError when the connection is lost."""
        return cast("AsyncIterator[list[Message]]", self._client.messages)  # of the inbox's `get`

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the server that it need not keep these."""
        for message in messages:
            if message.qos:
                self._paho.ack(message.mid, message.qos)

    def _answered(self, inner: Callable[..., None]) -> Callable[..., None]:
        def on_connect(client: object, userdata: object, flags: Any, *rest: object) -> None:
            self.resumed = bool(flags.session_present)
            inner(client, userdata, flags, *rest)

        return on_connect

    def _let_go(self, entering: asyncio.Future[Any]) -> None:
        if not entering.cancelled():
            entering.exception()
        self._close()

    def _close(self) -> None:
        """Close the socket, which the library leaves open after some failures."""
        self._paho._sock_close()  # noqa: SLF001  (and has the loop forget it)
        gone = self._client._disconnected  # noqa: SLF001  (else asyncio logs that nobody asked)
        if gone.done() and not gone.cancelled():
            gone.exception()
