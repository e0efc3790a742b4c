"""A WebSocket server of bytes made beforehand: the slower end is never this one."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from contextlib import suppress
from typing import Self

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)
_SMALL, _MIDDLE = 126, 65_536  # sizes from which a frame's length takes more bytes
_CHUNK = 65_536
_IDLE_S = 10.0


def frame(payload: bytes) -> bytes:
    """Return one text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < _SMALL:
        return bytes([0x81, size]) + payload
    if size < _MIDDLE:
        return bytes([0x81, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x81, 127]) + size.to_bytes(8, "big") + payload


def request(client: socket.socket) -> bytes:
    """Return the head of an HTTP request. Raises EOFError where there is none."""
    head = b""
    while b"\r\n\r\n" not in head:
        if not (chunk := client.recv(_CHUNK)):
            raise EOFError
        head += chunk
    return head


def switch(client: socket.socket) -> None:
    """Answer the request for a WebSocket."""
    lines = dict(line.partition(b": ")[::2] for line in request(client).split(b"\r\n")[1:])
    key = {name.lower(): value for name, value in lines.items()}[b"sec-websocket-key"]
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324  (as the RFC has it)
    client.sendall(_SWITCHING % accept)


class Blaster:
    """Sends `payload`, frames end to end, to whoever connects, as fast as it is taken.

    A thread that does nothing but hand the kernel its bytes. A context manager.
    """

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, name="bench-blaster", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address for a client."""
        return f"ws://127.0.0.1:{self._listening.getsockname()[1]}"

    def close(self) -> None:
        """Take no more clients."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes it out of `accept`
        self._listening.close()
        self._thread.join(_IDLE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                with client, suppress(OSError, EOFError):
                    client.settimeout(_IDLE_S)
                    switch(client)
                    client.sendall(self._payload)
                    client.recv(_CHUNK)  # its farewell, or the end
