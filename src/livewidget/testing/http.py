"""An HTTP server to bind a chart or a test to: an event stream, and a document to poll."""

from __future__ import annotations

import hashlib
import json
import queue
import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from livewidget.sinks.sse import event_text

LOG_ROWS = 1_000
_END: Any = object()


class HttpServer:
    """Serves `http://127.0.0.1:port` by the standard library; a context manager.

    With `tls` it is `https://localhost:port`.

    `/events` is a stream of Server-Sent Events that numbers what `send` sends and, with `ids`,
    goes on behind a Last-Event-ID. `/log?after=N` is a JSON array of what was sent behind number
    N, the oldest `LOG_ROWS` of it. `/state` is the JSON of `set`, with an ETag. `fail` has every
    request answered with a status and headers, until `mend`. `requests` holds the path and the
    headers of each. `guard`, where it is set, says of a path and headers whether they may pass:
    401 otherwise. `posts` holds what answers a POST, by path: from headers and body to a status and
    a document. All methods may be called from any thread.
    """

    def __init__(
        self, port: int = 0, *, ids: bool = True, tls: ssl.SSLContext | None = None
    ) -> None:
        self.ids = ids
        self._tls = tls
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.sent: list[bytes] = []
        self.log: list[str] = []
        self.document = b"{}"
        self.failure: tuple[int, dict[str, str]] | None = None
        self.guard: Callable[[str, dict[str, str]], bool] | None = None
        self.posts: dict[str, Callable[[dict[str, str], bytes], tuple[int, object]]] = {}
        self.listeners: set[queue.SimpleQueue[Any]] = set()
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port = port
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        """The address of the server; the paths come after it."""
        scheme = "http://127.0.0.1" if self._tls is None else "https://localhost"
        return f"{scheme}:{self.port}"

    @property
    def clients(self) -> int:
        """How many listen to the event stream now."""
        return len(self.listeners)

    def send(self, *events: object, kind: str = "", raw: bool = False) -> None:
        """Send events to every listener; what is not text goes as JSON, `raw` text as it is."""
        with self._lock:
            for event in events:
                text = event if isinstance(event, str) else json.dumps(event)
                self.log.append(text)
                self.sent.append(text.encode() if raw else self._event(text, kind))
                for listener in self.listeners:
                    listener.put(self.sent[-1])

    def set(self, document: object) -> None:
        """Change what `/state` answers; what is not bytes goes as JSON."""
        self.document = _bytes(document)

    def fail(self, status: int, **headers: str) -> None:
        """Answer every request with a status; `retry_after="1"` is the header Retry-After."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        self.failure = status, named

    def mend(self) -> None:
        """Answer as usual again."""
        self.failure = None

    def dismiss(self) -> None:
        """End every event stream properly."""
        with self._lock:
            for listener in self.listeners:
                listener.put(_END)

    def cut(self) -> None:
        """Break every connection off."""
        with self._lock:
            for each in list(self._sockets):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def stop(self) -> None:
        """Cut everyone and stop listening; `start` listens again, on the same port."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            self.dismiss()
            self.cut()

    def start(self) -> None:
        """Listen (the constructor has done so already)."""
        if self._server is None:
            owner = self

            class Handler(_Handler):
                home = owner

            self._server = _Server(("127.0.0.1", self.port), Handler)
            if self._tls is not None:
                listening = self._tls.wrap_socket(
                    self._server.socket, server_side=True, do_handshake_on_connect=False
                )
                self._server.socket = listening
            self.port = self._server.server_address[1]
            target = self._server.serve_forever
            threading.Thread(target=target, args=(0.02,), name="http-server", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def opened(self, connection: socket.socket) -> None:
        """Note a connection."""
        with self._lock:
            self._sockets.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._sockets.discard(connection)

    def listen(self, last_id: str | None) -> queue.SimpleQueue[Any]:
        """Return a listener, which has all behind an id already."""
        listener: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with self._lock:
            if last_id is not None and self.ids:
                for event in self.sent[int(last_id) + 1 :]:
                    listener.put(event)
            self.listeners.add(listener)
        return listener

    def leave(self, listener: queue.SimpleQueue[Any]) -> None:
        """Forget a listener."""
        with self._lock:
            self.listeners.discard(listener)

    def _event(self, text: str, kind: str) -> bytes:
        event_id = str(len(self.sent)) if self.ids else ""
        return event_text(text.encode(), event_id=event_id, kind=kind)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    home: ClassVar[HttpServer]
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.home.opened(self.connection)

    def finish(self) -> None:
        self.home.closed(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        headers = self._noted()
        if self.home.failure is not None:
            status, answer = self.home.failure
            self._answer(status, b"", answer)
        elif self.home.guard is not None and not self.home.guard(self.path, headers):
            self._answer(401, b"", {"WWW-Authenticate": "Bearer"})
        elif self.path.startswith("/events"):
            self._events()
        elif self.path.startswith("/log"):
            self._log()
        else:
            self._state()

    def do_POST(self) -> None:
        headers = self._noted()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        answer = self.home.posts.get(self.path)
        status, document = (404, None) if answer is None else answer(headers, body)
        self._answer(status, _bytes(document), {"Content-Type": "application/json"})

    def _noted(self) -> dict[str, str]:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.home.requests.append((self.path, headers))
        return headers

    def _state(self) -> None:
        body = self.home.document
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        known = self.headers.get("If-None-Match") == tag
        headers = {"ETag": tag, "Content-Type": "application/json"}
        self._answer(304 if known else 200, b"" if known else body, headers)

    def _log(self) -> None:
        asked = parse_qs(urlsplit(self.path).query).get("after", ["-1"])
        begin = int(asked[0]) + 1
        rows = ",".join(self.home.log[begin : begin + LOG_ROWS])
        self._answer(200, f"[{rows}]".encode(), {"Content-Type": "application/json"})

    def _events(self) -> None:
        listener = self.home.listen(self.headers.get("Last-Event-ID"))
        try:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            while (event := listener.get()) is not _END:
                self.wfile.write(event)
        except OSError:
            return
        finally:
            self.home.leave(listener)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _bytes(document: object) -> bytes:
    return document if isinstance(document, bytes) else json.dumps(document).encode()
