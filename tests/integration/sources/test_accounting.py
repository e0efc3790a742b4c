"""What a streamer says it got, against the numbers that the sender put on its messages."""

import itertools
import random

from livewidget.engine.streamer import DataStreamer
from livewidget.resilience import Backoff
from livewidget.testing import FaultProxy, WebSocketServer, wait_until

MESSAGES = 5_000


def quick():
    return Backoff(0.001, 0.01, rng=random.Random(4))


def balanced(account):
    return account.received == (
        account.stored + account.filtered + account.rejected + account.dropped + account.in_flight
    )


def test_every_message_of_a_steady_feed_is_stored_or_rejected():
    with WebSocketServer() as server, DataStreamer(server.url, backoff=quick()) as streamer:
        wait_until(lambda: server.clients)
        for n in range(0, MESSAGES, 100):
            batch = [{"time": 1e9 + each, "n": each} for each in range(n, n + 100)]
            server.send(*batch, "no JSON")
        bad = MESSAGES // 100
        wait_until(lambda: streamer.account().received == MESSAGES + bad)
        frame = streamer.to_dataframe()
        account = streamer.account()
        assert (account.stored, account.rejected) == (MESSAGES, bad)
        assert balanced(account)
        assert frame["n"].tolist() == list(range(MESSAGES))
        assert list(streamer.stats()["reasons"].values()) == [bad]


def test_what_cuts_took_away_lies_in_gaps_and_nothing_comes_twice():
    with (
        WebSocketServer() as server,
        FaultProxy(server.port) as proxy,
        DataStreamer(f"ws://127.0.0.1:{proxy.port}", backoff=quick()) as streamer,
    ):
        wait_until(lambda: server.clients)
        for n in range(1_000):
            server.send({"time": 1e9 + n, "n": n})
            if n % 100 == 50:
                proxy.reset()
            if n % 100 == 60:
                # Ten messages on, wait for the next connection: one more request than before.
                wait_until(lambda: len(server.requests) > n // 100 + 1 and server.clients == 1)  # noqa: B023
        server.send({"time": 1e9 + 1_000, "n": 1_000})
        wait_until(lambda: 1_000 in _numbers(streamer))
        seen = _numbers(streamer)
        assert balanced(streamer.account())
        assert all(before < after for before, after in itertools.pairwise(seen))
        told = [(gap.start // 10**9 - 10**9, gap.stop // 10**9 - 10**9) for gap in streamer.gaps]
        holes = {(a, b) for a, b in itertools.pairwise(seen) if b > a + 1}
        assert holes <= set(told)
        assert len(told) == 10


def _numbers(streamer):
    return [int(n) for n in streamer.to_dataframe()["n"]]
