"""A server of bytes made beforehand, in a process of its own: never the slower end.

`python -m benchmarks.blaster KIND COUNT` prints its port, serves each connection the same bytes
and waits for it to close; it ends with its standard input.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)
_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
START = 1_700_000_000.0


def event(place: int) -> dict[str, float]:
    """Return a small event: a time, a millisecond after the last one, and two numbers."""
    bid = 100 + (place * 7919 % 1000) / 100
    return {"time": round(START + place / 1000, 3), "bid": bid, "ask": round(bid + 0.02, 2)}


def text(place: int) -> bytes:
    """Return the JSON of an event."""
    return json.dumps(event(place), separators=(",", ":")).encode()


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """Return one WebSocket frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 65_536:
        return bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big") + payload


def sse(place: int) -> bytes:
    """Return one event of an event stream."""
    return b"id: %d\ndata: %s\n\n" % (place, text(place))


@contextmanager
def blaster(kind: str, count: int, core: int | None = None) -> Iterator[int]:
    """Serve from a process of its own, on a core of its own; yields the port."""
    command = [sys.executable, "-m", "benchmarks.blaster", kind, str(count)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _payload(kind: str, count: int) -> bytes:
    if kind == "sse":
        return b"".join(map(sse, range(count)))
    if kind == "ndjson":  # a thousand events a message
        batches = range(0, count, 1_000)
        return b"".join(frame(b"\n".join(map(text, range(n, n + 1_000)))) for n in batches)
    return b"".join(frame(text(n)) for n in range(count))


def _serve(client: socket.socket, kind: str, payload: bytes) -> None:
    with client:
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(65_536)
        if kind == "sse":
            client.sendall(_STREAM)
        else:
            lines = dict(line.partition(b": ")[::2] for line in request.split(b"\r\n")[1:])
            key = {name.lower(): value for name, value in lines.items()}[b"sec-websocket-key"]
            accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
            client.sendall(_SWITCHING % accept)
        try:
            client.sendall(payload)
            client.recv(65_536)  # its farewell, or the end
        except OSError:
            return


def main() -> None:
    """Serve until the standard input ends."""
    kind, count = sys.argv[1], int(sys.argv[2])
    payload = _payload(kind, count)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)

        def accept() -> None:
            while True:
                client, _ = listening.accept()
                threading.Thread(target=_serve, args=(client, kind, payload), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
