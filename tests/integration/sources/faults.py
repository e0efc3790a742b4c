"""A random sequence of all faults that a network and a server have, each healed soon."""

from __future__ import annotations

from collections import Counter

from livewidget.testing import FaultProxy, wait_until

from .numbered import SPLITTERS, Ledger, Newest, Sender, feed, serve, wait_for_number


class FaultRun:
    """Numbers from a server through a proxy, with `count` faults in an order of `rng`."""

    def __init__(self, kind, rng):
        self.kind = kind
        self.counts = Counter()
        self._rng = rng

    def run(self, count):
        """Return the ledger at the end."""
        with (
            serve(self.kind) as self.server,
            FaultProxy(self.server.port, splitter=SPLITTERS[self.kind], seed=3) as self.proxy,
            feed(self.kind, self.proxy.port, Newest()) as streamer,
        ):
            wait_until(lambda: self.server.clients or self.kind == "poll")
            self._faults = self._kinds()
            self.sender = Sender(self.server)
            self.sender.start()
            wait_for_number(streamer, 0)  # from here on an event stream has an id to go on behind
            for _ in range(count):
                self._one()
                # Behind what was sent under the fault: only then may the next one come.
                wait_for_number(streamer, self.sender.sent)
            self.sender.end()
            wait_for_number(streamer, self.sender.sent - 1)
            return Ledger(streamer)

    def _kinds(self):
        proxy, server, rng = self.proxy, self.server, self._rng
        faults = {
            "delay": lambda: proxy.delay(rng.uniform(0.001, 0.02)),
            "throttle": lambda: proxy.throttle(rng.uniform(10_000, 60_000)),
            "drop": proxy.drop,
            "half-open": proxy.half_open,
            "refuse": lambda: (proxy.refuse(), proxy.reset()),
            "cut": proxy.cut,
            "reset": proxy.reset,
            "cut within": self._cut_within,
            "server cuts": server.cut,
            "server stops": server.stop,
        }
        if self.kind != "poll":
            faults |= {
                "duplicate": lambda: proxy.duplicate(every=rng.randrange(1, 9)),
                "reorder": lambda: proxy.reorder(within=rng.randrange(2, 9)),
                "server dismisses": server.dismiss,
            }
        if self.kind != "websocket":
            faults["server fails"] = lambda: (server.fail(503), server.cut())
        return faults

    def _one(self):
        if sum(self.counts.values()) % len(self._faults) == 0:
            self._order = self._rng.sample(list(self._faults), len(self._faults))
        name = self._order[sum(self.counts.values()) % len(self._faults)]
        self.counts[name] += 1
        self._faults[name]()
        # 2 to 400 ms, which the silence that counts as a loss lies within.
        wanted = self.sender.sent + int(self._rng.uniform(2, 28) ** 2)
        wait_until(lambda: self.sender.sent >= wanted)
        if name == "drop":
            self.proxy.cut()  # what has lost bytes never goes on
        if self.kind != "websocket":
            self.server.mend()
        self.server.start()
        self.proxy.heal()

    def _cut_within(self):
        self.proxy.cut_after(self._rng.randrange(1, 3_000))
        wait_until(lambda: self.proxy._left is None)
