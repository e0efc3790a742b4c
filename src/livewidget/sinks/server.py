"""A small HTTP/1.1 server on asyncio (RFC 9112): what the sinks over HTTP share."""

from __future__ import annotations

import asyncio
import contextlib
import http
import secrets
from abc import abstractmethod
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from livewidget.data.errors import SinkError
from livewidget.resilience.listening import stop_accepting
from livewidget.sinks.base import Sink
from livewidget.sinks.endpoint import Endpoint
from livewidget.sinks.tail import Tail

MOST_CLIENTS = 1_000
_MOST_HEAD = 16 << 10  # bytes of a request's line and headers
_IDLE_S = 60.0  # a connection that asks nothing for so long, or takes nothing, is closed
_LINGER_S = 2.0  # for clients to take what is left when the sink closes
_FAREWELL_S = 1.0
_DISCARDED = 4096
_MOST_DIGITS = 18  # what 64 bits hold
_NOT_MODIFIED = 304  # has no body, and a length would be that of the body it stands for


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks; the names of its headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


class BadRequestError(Exception):
    """A request that is answered with `status` and whose connection is closed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class HttpServingSink(Sink):
    """Serves one path (a URL without one: every path). `run` names this run of the server."""

    def __init__(self, endpoint: Endpoint, buffer_bytes: int) -> None:
        self._endpoint = endpoint
        self.name = endpoint.shown
        self.run = ""
        self._tail = Tail(buffer_bytes)
        self._buffer_bytes = buffer_bytes
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port it listens at: of a URL with port 0 the one that was free."""
        return self._endpoint.port

    async def open(self) -> None:
        """Listen. Raises SinkError where the address is taken or is not this machine's."""
        self.run = secrets.token_hex(4)
        self._tail = Tail(self._buffer_bytes)
        host, port = self._endpoint.host, self._endpoint.port
        try:
            server = await asyncio.start_server(self._connected, host, port, limit=_MOST_HEAD)
        except OSError as error:
            raise SinkError(f"{self.name} cannot be served: {error}") from None
        self._server = server
        self._endpoint.port = server.sockets[0].getsockname()[1]
        self.name = self._endpoint.shown

    async def close(self) -> None:
        """Let the clients take what is left, for 2 s, then close all connections."""
        server, self._server = self._server, None
        if server is None:
            return
        self._tail.end()
        await stop_accepting(server.sockets)
        server.close()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=self._linger_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await server.wait_closed()

    _linger_s = _LINGER_S

    @abstractmethod
    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer a request; return whether the connection stays open."""

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MOST_CLIENTS:
            answer(writer, 503, b"too many clients", {"Connection": "close"})
            writer.close()
            return
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except BadRequestError as error:
            answer(writer, error.status, str(error).encode(), {"Connection": "close"})
        except (OSError, EOFError, TimeoutError):
            pass
        finally:
            await _part(writer)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            async with asyncio.timeout(_IDLE_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise BadRequestError(431, "the request's headers are too long") from None
        request = parse_request(head)
        if request.method != "GET":
            raise BadRequestError(405, "only GET is served")
        if self._endpoint.path.strip("/") not in ("", request.path.strip("/")):
            raise BadRequestError(404, "there is nothing here")
        stays = await self._answer(request, reader, writer)
        async with asyncio.timeout(_IDLE_S):
            await writer.drain()
        return stays and request.headers.get("connection", "").lower() != "close"


def parse_request(head: bytes) -> Request:
    """Return the request of a head, up to its empty line. Raises BadRequestError."""
    line, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    try:
        method, target, version = line.split(" ")
        url = urlsplit(target)
        named = [each.split(":", 1) for each in rest]
        headers = {name.lower(): value.strip() for name, value in named}
    except ValueError:
        raise BadRequestError(400, "this is not HTTP") from None
    if not version.startswith("HTTP/1."):
        raise BadRequestError(400, "this is not HTTP/1.1")
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise BadRequestError(413, "a GET has no body here")
    return Request(method, unquote(url.path), dict(parse_qsl(url.query)), headers)


def whole_number(text: str) -> int | None:
    """Return the number that a client wrote, None where it is none that could be meant."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def head_of(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the head of an answer."""
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def answer(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: Mapping[str, str]
) -> None:
    """Write a whole answer; the caller drains."""
    sized = {} if status == _NOT_MODIFIED else {"Content-Length": str(len(body))}
    writer.write(head_of(status, {**headers, **sized}) + body)


async def _part(writer: asyncio.StreamWriter) -> None:
    """Close a connection; cut it where the client does not take what is left."""
    writer.close()
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        pass
    finally:
        writer.transport.abort()


async def while_there(reader: asyncio.StreamReader, work: Awaitable[None]) -> None:
    """Run `work` until it is done or the client has gone. Raises what `work` raises."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_until_gone(reader))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _until_gone(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(_DISCARDED):
            pass
