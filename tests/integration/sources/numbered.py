"""Numbered events from servers with faults, and the proof that each number is accounted for.

`python numbered.py KIND PORT BEGUN` serves the numbers that are due since BEGUN (s since the
epoch) until it is killed; one that follows it on its port goes on with them.
"""

from __future__ import annotations

import itertools
import random
import sys
import threading
import time

from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.resilience import Backoff
from livewidget.sources.poll import PollSource
from livewidget.sources.sse import SseSource
from livewidget.sources.websocket import WebSocketSource
from livewidget.testing import (
    HttpServer,
    WebSocketServer,
    sse_events,
    wait_until,
    websocket_messages,
)

KINDS = ("websocket", "sse", "poll")
RATE = 2_000  # events a second
SECOND = 10**9
BAD = 101  # each so manyth event does not fit the schema
SCHEMA = Schema.of({"time": "time", "n": "float", "v": "float"}, "time")
SPLITTERS = {"websocket": websocket_messages, "sse": sse_events, "poll": None}


def event(n):
    """Return the event of a number, which is its time too: a gap's bounds are numbers."""
    return {"time": 1e9 + n, "n": n, "v": 0.5 if (n + 1) % BAD else "no number"}


def serve(kind, port=0):
    return WebSocketServer(port, compression=None) if kind == "websocket" else HttpServer(port)


def feed(kind, port, buffer):
    """Return a streamer of the numbers that a server on `port` sends."""
    care = {"backoff": Backoff(0.001, 0.02, rng=random.Random(8)), "needs": ("n",)}
    http = {"proxy": False, "quiet_s": 0.3} | care
    url = f"http://127.0.0.1:{port}"
    if kind == "websocket":
        source = WebSocketSource(f"ws://127.0.0.1:{port}", proxy=None, ping_s=0.15, **care)
    elif kind == "sse":
        source = SseSource(f"{url}/events", **http)
    else:
        source = PollSource(f"{url}/log", interval=0.01, cursor=("after", "n"), **http)
    return DataStreamer(source, schema=SCHEMA, columns=("n", "v"), buffer=buffer, unique="n")


class Newest(BufferManager):
    """A buffer that knows the highest number in it."""

    highest = -1

    def append(self, batch):
        taken = super().append(batch)
        self.highest = max(self.highest, int(batch["n"].max()))
        return taken


def wait_for_number(streamer, n, timeout_s=20):
    wait_until(lambda: (streamer.drain(), streamer.buffer.highest >= n)[1], timeout_s)


class Sender(threading.Thread):
    """Sends the numbers that come due, from 0 on, until it is told to stop."""

    def __init__(self, server, begun=None):
        super().__init__(name="sender", daemon=True)
        self.sent = 0
        self.ended = threading.Event()
        self._server = server
        self._begun = time.time() if begun is None else begun

    def run(self):
        while not self.ended.wait(0.005):
            self.catch_up()

    def catch_up(self):
        due = int((time.time() - self._begun) * RATE)
        self.send(due - self.sent)

    def send(self, count):
        self._server.send(*map(event, range(self.sent, self.sent + count)))
        self.sent += count

    def end(self):
        """Stop, and send a last number that fits."""
        self.ended.set()
        self.join()
        self.send(1 if (self.sent + 1) % BAD else 2)


class Ledger:
    """Where the numbers from the first that was seen are, at the end of a run."""

    def __init__(self, streamer):
        self.account = streamer.account()
        self.stored = [int(n) for n in streamer.to_dataframe()["n"]]
        self.distinct = set(self.stored)
        self.rejected = {int(payload["n"]) for payload in streamer.dead_letters()["payload"]}
        self.gaps = streamer.gaps
        self.in_gaps = {
            n
            for gap in self.gaps
            for n in range(gap.start // SECOND - SECOND + 1, gap.stop // SECOND - SECOND)
        }
        seen = self.distinct | self.rejected
        self.lost = set(range(min(seen), max(seen))) - seen - self.in_gaps

    @property
    def twice(self):
        return len(self.stored) - len(self.distinct)

    def check(self, kind, duplicated):
        """Nothing is lost or in two places; what can be resumed has no gap."""
        account = self.account
        assert not self.lost
        assert not self.in_gaps & self.distinct
        assert account.in_flight == account.dropped == 0
        assert account.filtered <= duplicated
        assert account.received == account.stored + account.rejected + account.filtered
        assert account.stored == len(self.stored)
        assert all((n + 1) % BAD == 0 for n in self.rejected)
        assert self.twice == 0
        assert kind == "websocket" or not self.gaps
        assert all(before <= after for before, after in itertools.pairwise(self.stored))


def main():
    kind, port, begun = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    server = serve(kind)
    sender = Sender(server, begun)
    server.stop()
    sender.catch_up()  # before anybody may ask
    server.port = port or server.port
    server.start()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    sender.run()


if __name__ == "__main__":
    main()
