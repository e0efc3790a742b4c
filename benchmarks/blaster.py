"""A server of bytes made beforehand, in a process of its own: never the slower end.

`python -m benchmarks.blaster KIND COUNT` prints its port and serves until its standard input ends.
A connection gets `COUNT` events as fast as it takes them ("websocket", "ndjson", "sse"), an answer
to each question ("poll"), or events at a steady rate from when there are `COUNT` connections
("many").
"""

from __future__ import annotations

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

from livewidget.app.bench.server import frame, request, switch

ANSWER = 100  # events in an answer to a poll
BATCH, WIDE = 1_000, 10  # events in a message of "ndjson", numbers in each
EVENTS_S = 100  # a connection, of "many"
_BEATS = 10  # in which the connections take turns
_START = 1_700_000_000.0
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


def _payload(kind: str, count: int) -> bytes:
    if kind == "sse":
        return b"".join(b"id: %d\ndata: %s\n\n" % (n, text(n)) for n in range(count))
    if kind == "ndjson":
        lines = [wide(n) for n in range(count)]
        return b"".join(frame(b"\n".join(lines[n : n + BATCH])) for n in range(0, count, BATCH))
    return b"".join(frame(text(n)) for n in range(count))


def _blast(client: socket.socket, kind: str, payload: bytes) -> None:
    if kind == "sse":
        request(client)
        client.sendall(_STREAM)
    else:
        switch(client)
    client.sendall(payload)
    client.recv(65_536)  # its farewell, or the end


def _answer(client: socket.socket) -> None:
    """Answer each question with the next events."""
    rows = [text(n) for n in range(100 * ANSWER)]
    bodies = [b"[%s]" % b",".join(rows[n : n + ANSWER]) for n in range(0, len(rows), ANSWER)]
    for body in itertools.cycle(bodies):
        request(client)
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
                switch(client)
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
