"""Eight readers beside a free-running writer for a minute: nothing torn, lost or slept through."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livewidget.buffers.consumers import Consumer, Consumers
from livewidget.buffers.ring import RingBuffer
from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = Schema.of({"time": "time", "a": "float", "n": "int"}, "time")
RUN_S = 60
ROWS = 20_000
POLICIES = ("skip", "latest", "hold", "skip")


def _drain(consumer: Consumer, failures: list[str]) -> None:
    at = 0
    while (batch := consumer.take(5000, underflow="wait", timeout=30)) is not None:
        n = np.asarray(batch["n"])
        if not ((np.diff(n) == 1).all() and n[0] >= at and (np.asarray(batch["a"]) == -n).all()):
            failures.append(f"{consumer.name}: torn or out of order at {at}")
        at = int(n[-1]) + 1
    if not consumer.closed:
        failures.append(f"{consumer.name}: a wake-up was lost")


@pytest.mark.timeout(300)
def test_eight_readers_for_a_minute(record_property: Callable[[str, object], None]) -> None:
    ring = RingBuffer(SCHEMA, capacity=ROWS, max_bytes=ROWS * Storage.row_bytes(SCHEMA))
    consumers, failures = Consumers(ring), list[str]()
    everyone = [consumers.add(str(i), policy=POLICIES[i % 4]) for i in range(8)]
    threads = [threading.Thread(target=_drain, args=(each, failures)) for each in everyone]
    for thread in threads:
        thread.start()
    sizes = np.random.default_rng(1).integers(1, 4000, 1000).tolist()
    until, turn = time.monotonic() + RUN_S, 0
    while time.monotonic() < until and not failures:
        size = sizes[turn % len(sizes)]
        turn += 1
        assert consumers.wait_for_room(ring.head + size - ROWS, 60)
        rows = np.arange(ring.head, ring.head + size)
        ring.append(Batch(SCHEMA, (rows, -rows.astype(float), rows)))
        consumers.notify()
    consumers.close()
    for thread in threads:
        thread.join(60)
    record_property("rows", ring.head)
    record_property("missed", {f"{each.name} {each.policy}": each.missed for each in everyone})
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
    assert all(each.read + each.missed == each.cursor == ring.head for each in everyone)
    assert not any(each.missed for each in everyone if each.policy == "hold")
