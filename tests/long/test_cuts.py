"""A WebSocket feed that is cut again and again: every number is stored, or inside a gap."""

from __future__ import annotations

import itertools
import random
import threading
from typing import TYPE_CHECKING

import pytest

from livewidget.engine.streamer import DataStreamer
from livewidget.resilience import Backoff
from livewidget.testing import FaultProxy, WebSocketServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

CUTS = 200
SECOND = 10**9


class Sender(threading.Thread):
    """Sends numbered messages, a second of event time apart, until it is told to stop."""

    def __init__(self, server: WebSocketServer) -> None:
        super().__init__(name="sender")
        self.sent = 0
        self.ended = threading.Event()
        self._server = server

    def run(self) -> None:
        while not self.ended.is_set():
            numbers = range(self.sent, self.sent + 20)
            self._server.send(*({"time": 1e9 + n, "n": n} for n in numbers))
            self.sent += 20


@pytest.mark.timeout(600)
def test_every_number_is_stored_or_inside_a_gap(
    record_property: Callable[[str, object], None],
) -> None:
    moments = random.Random(7)
    backoff = Backoff(0.001, 0.02, rng=random.Random(8))
    with WebSocketServer() as server, FaultProxy(server.port) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}"
        with DataStreamer(url, backoff=backoff) as streamer:
            sender = Sender(server)
            sender.start()
            for cut in range(CUTS):
                _cut(server, proxy, streamer, cut, moments)
            sender.ended.set()
            sender.join()
            wait_until(lambda: server.clients == 1)
            server.send({"time": 1e9 + sender.sent, "n": sender.sent})
            wait_until(lambda: _numbers(streamer)[-1] == sender.sent)
            stored = _numbers(streamer)
            account = streamer.account()
            gaps = streamer.gaps
    record_property("cuts", CUTS)
    record_property("sent", sender.sent + 1)
    record_property("stored", len(stored))
    record_property("gaps", len(gaps))
    assert account.received == account.stored == len(stored)
    assert all(before < after for before, after in itertools.pairwise(stored))
    missing = set(range(sender.sent)) - set(stored)
    told = {
        number
        for gap in gaps
        for number in range(gap.start // SECOND - SECOND + 1, gap.stop // SECOND - SECOND)
    }
    record_property("inside gaps", len(missing))
    before_the_first = set(range(stored[0]))
    assert missing - before_the_first <= told


def _cut(
    server: WebSocketServer,
    proxy: FaultProxy,
    streamer: DataStreamer,
    cut: int,
    moments: random.Random,
) -> None:
    """Wait for a random number of new events, break the connection, wait for the next one."""
    wanted = streamer.account().received + moments.randrange(1, 400)
    wait_until(lambda: streamer.account().received >= wanted)
    requests = len(server.requests)
    if cut % 2:
        server.cut()
    else:
        proxy.reset()
    wait_until(lambda: len(server.requests) > requests and server.clients >= 1)


def _numbers(streamer: DataStreamer) -> list[int]:
    return [int(number) for number in streamer.to_dataframe()["n"]]
