"""A server of bytes made beforehand, in a process of its own: never the slower end.

`python -m benchmarks.blaster KIND COUNT` prints its port and serves until its standard input ends.
A connection gets `COUNT` events as fast as it takes them ("websocket", "ndjson", "sse"), an answer
to each question ("poll"), or events at a steady rate from when there are `COUNT` connections
("many").
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ANSWER = 100  # events in an answer to a poll
BATCH, WIDE = 1_000, 10  # events in a message of "ndjson", numbers in each
EVENTS_S = 100  # a connection, of "many"
_BEATS = 10  # in which the connections take turns
_START = 1_700_000_000.0
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)
_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def blaster(kind: str, count: int = 0) -> Iterator[int]:
    """Serve from a process of its own, on the machine's last core; yields the port."""
    command = [sys.executable, "-m", "benchmarks.blaster", kind, str(count)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def first_core() -> Iterator[None]:
    """Keep this process and its threads on a core that the server is not on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def text(place: int) -> bytes:
    """Return the JSON of a small event: a time, 1 ms after the last one, and two numbers."""
    bid = 100 + (place * 7919 % 1000) / 100
    row = {"time": round(_START + place / 1000, 3), "bid": bid, "ask": round(bid + 0.02, 2)}
    return json.dumps(row, separators=(",", ":")).encode()


def wide(place: int) -> bytes:
    """Return the JSON of an event with `WIDE` numbers."""
    values = {f"s{n}": round(20 + (place * 31 + n * 7) % 997 / 100, 2) for n in range(WIDE)}
    return json.dumps({"time": round(_START + place / 1000, 3)} | values).encode()


def frame(payload: bytes) -> bytes:
    """Return one text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes([0x81, size]) + payload
    if size < 65_536:
        return bytes([0x81, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x81, 127]) + size.to_bytes(8, "big") + payload


def _payload(kind: str, count: int) -> bytes:
    if kind == "sse":
        return b"".join(b"id: %d\ndata: %s\n\n" % (n, text(n)) for n in range(count))
    if kind == "ndjson":
        lines = [wide(n) for n in range(count)]
        return b"".join(frame(b"\n".join(lines[n : n + BATCH])) for n in range(0, count, BATCH))
    return b"".join(frame(text(n)) for n in range(count))


def _request(client: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        if not (chunk := client.recv(65_536)):
            raise EOFError
        request += chunk
    return request


def _switch(client: socket.socket) -> None:
    lines = dict(line.partition(b": ")[::2] for line in _request(client).split(b"\r\n")[1:])
    key = {name.lower(): value for name, value in lines.items()}[b"sec-websocket-key"]
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    client.sendall(_SWITCHING % accept)


def _blast(client: socket.socket, kind: str, payload: bytes) -> None:
    if kind == "sse":
        _request(client)
        client.sendall(_STREAM)
    else:
        _switch(client)
    client.sendall(payload)
    client.recv(65_536)  # its farewell, or the end


def _answer(client: socket.socket) -> None:
    """Answer each question with the next events."""
    rows = [text(n) for n in range(100 * ANSWER)]
    bodies = [b"[%s]" % b",".join(rows[n : n + ANSWER]) for n in range(0, len(rows), ANSWER)]
    for body in itertools.cycle(bodies):
        _request(client)
        client.sendall(_ANSWER % len(body) + body)


def _beat(clients: list[socket.socket], count: int) -> None:
    """Send each client `EVENTS_S` events a second, stamped with the time they are sent at.

    From when there are `count` clients: to connect them takes longer than to serve them.
    """
    while len(clients) < count:
        time.sleep(0.01)
    due = time.monotonic()
    for beat in itertools.count():
        due += 1 / EVENTS_S / _BEATS
        time.sleep(max(0.0, due - time.monotonic()))
        for client in clients[beat % _BEATS :: _BEATS]:
            try:
                client.sendall(frame(b'{"time":%.6f,"value":1.5}' % time.time()))
            except OSError:
                clients.remove(client)


def _serve(client: socket.socket, kind: str, payload: bytes) -> None:
    with client:
        try:
            if kind == "poll":
                _answer(client)
            else:
                _blast(client, kind, payload)
        except (OSError, EOFError):
            return


def _accept(listening: socket.socket, kind: str, count: int, payload: bytes) -> None:
    beating: list[socket.socket] = []
    if kind == "many":
        threading.Thread(target=_beat, args=(beating, count), daemon=True).start()
    while True:
        client, _ = listening.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if kind == "many":
            with suppress(OSError, EOFError):
                _switch(client)
                beating.append(client)
        else:
            threading.Thread(target=_serve, args=(client, kind, payload), daemon=True).start()


def main() -> None:
    """Serve until the standard input ends."""
    kind, count = sys.argv[1], int(sys.argv[2])
    payload = b"" if kind in ("many", "poll") else _payload(kind, count)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        serving = (listening, kind, count, payload)
        threading.Thread(target=_accept, args=serving, daemon=True).start()
        print(listening.getsockname()[1], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
