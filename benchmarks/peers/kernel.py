"""What runs in the kernel beside a peer: the feeder, and its log."""

from __future__ import annotations

import os
import resource
import threading
import time
import traceback
from importlib import import_module
from multiprocessing.connection import Listener
from typing import Any

from benchmarks.peers.base import WINDOW_S, Load
from benchmarks.peers.feed import Feed

BURST_UPDATES = 1_000  # in the burst's second
MOST_BYTES = 3 * 2**30  # of the kernel: what is sent faster than it goes out is kept in memory


class Feeder(threading.Thread):
    """Hands each chart what has come due, `updates` times a second; never more than one behind.

    What came due while a peer was busy goes with the next update: no queue grows here.
    """

    def __init__(self, load: Load, feed: Feed, updates: list[Any], begun: float) -> None:
        super().__init__(daemon=True)
        self._load, self._feed, self._updates, self._begun = load, feed, updates, begun
        self._pushed: list[tuple[float, float]] = []  # wall clock and the newest row's time
        self._made_s = 0.0
        self._burst_until = 0.0
        self.error = ""

    def run(self) -> None:
        """Feed until the kernel ends, the peer fails or there is no room left."""
        try:
            while True:
                began = time.time()
                self._push(began)
                hasty = began < self._burst_until
                period = 1 / (BURST_UPDATES if hasty else self._load.updates)
                time.sleep(max(0.0, period - (time.time() - began)))
                if _resident() > MOST_BYTES:
                    self.error = "stopped: the kernel held 3 GiB of what it could not send in time"
                    return
        except Exception:  # noqa: BLE001 -- whatever a peer raises is its result
            self.error = traceback.format_exc()

    def _push(self, now: float) -> None:
        due = int((now - self._begun) * self._load.rate) - self._feed.made
        if due <= 0:
            return
        began = time.thread_time()
        times, values = self._feed.take(due)
        self._made_s += time.thread_time() - began
        self._pushed.append((now, float(times[-1])))
        for update in self._updates:
            update(times, values)

    def burst(self) -> float:
        """Make a thousand updates of the rows of the next second; when it ends, wall clock."""
        self._burst_until = time.time() + 1
        return self._burst_until

    def told(self) -> dict[str, Any]:
        """Return the log: process, seconds spent on making rows, what stopped it, pushes."""
        about = {"pid": os.getpid(), "made_s": self._made_s, "error": self.error}
        return about | {"pushed": list(self._pushed)}


def _answer(feeder: Feeder, listener: Listener) -> None:
    """Answer the harness beside the kernel's own channels, which a slow page keeps full."""
    with listener.accept() as asked:
        while True:
            try:
                name = asked.recv()
            except EOFError:
                return
            asked.send({"log": feeder.told, "burst": feeder.burst}[name]())


def run(module: str, load: dict[str, Any], address: str) -> Feeder:
    """Show a peer's charts with a full window and begin to feed them.

    The harness asks for the log at `address`, the path of a socket.
    """
    drawn = Load(**load)
    feed = Feed(drawn)
    times, values = feed.take(drawn.rows)
    begun = time.time() - WINDOW_S
    updates = import_module(f"benchmarks.peers.{module}").start(drawn, times, values, begun)
    feeder = Feeder(drawn, feed, list(updates), begun)
    feeder.start()
    threading.Thread(target=_answer, args=(feeder, Listener(address)), daemon=True).start()
    return feeder


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 -- each update
        return int(file.read().split()[1]) * resource.getpagesize()
