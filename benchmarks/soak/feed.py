"""The WebSocket of the soak, with a network that fails on demand before it."""

from __future__ import annotations

import itertools
import json
import math
import threading
import time
from contextlib import suppress
from typing import Self

from livewidget.testing import FaultProxy, WebSocketServer, websocket_messages

MESSAGES_S = 25
EVENTS = 20  # of a message
FAULTS = ("cut", "delay", "garbage", "throttle", "half open", "reset", "reorder", "server stops")
GARBAGE = ('{"time": ', b"\xff\x00\x17", '{"id": "x", "value": "high"}')


class Feed:
    """Serves numbered events at `url`, 500 a second; a context manager.

    `fault` begins one of `FAULTS`, `heal` ends whatever there is. From one thread.
    """

    def __init__(self) -> None:
        self.sent = self.garbage = 0
        self._server = WebSocketServer(compression=None)  # whole messages are shuffled
        self._proxy = FaultProxy(self._server.port, splitter=websocket_messages)
        self.url = f"ws://127.0.0.1:{self._proxy.port}"
        self._spoil = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="soak-feed")
        self._thread.start()

    def fault(self, name: str) -> None:
        """Begin a fault."""
        {
            "cut": self._proxy.cut,
            "delay": lambda: self._proxy.delay(0.5),
            "garbage": self._begin_garbage,
            "throttle": lambda: self._proxy.throttle(5_000),
            "half open": self._proxy.half_open,
            "reset": self._proxy.reset,
            "reorder": lambda: self._proxy.reorder(4),
            "server stops": self._server.stop,
        }[name]()

    def heal(self) -> None:
        """End all faults."""
        self._spoil = False
        self._server.start()
        self._proxy.heal()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._proxy.close()
        self._server.close()

    def _begin_garbage(self) -> None:
        self._spoil = True

    def _run(self) -> None:
        numbers = itertools.count(1)
        while not self._ended.wait(1 / MESSAGES_S):
            now = time.time()
            rows = [
                {"id": next(numbers), "time": now, "value": math.sin(now)} for _ in range(EVENTS)
            ]
            messages: list[object] = ["\n".join(map(json.dumps, rows))]
            spoilt = GARBAGE if self._spoil else ()
            with suppress(TimeoutError):  # a client that reads nothing holds the server up
                self._server.send(*messages, *spoilt)
            self.sent += EVENTS
            self.garbage += len(spoilt)
