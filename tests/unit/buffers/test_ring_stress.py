"""A ring beside a free-running writer: no reader ever sees a torn or a wrong row."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from livewidget.buffers.ring import OVERFLOW, RingBuffer
from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.history import EVER
from livewidget.data.schema import Schema

SCHEMA = Schema.of({"time": "time", "a": "int", "b": "int"}, "time")
ROW = Storage.row_bytes(SCHEMA)
SECONDS = 0.4
READERS = 3


def batch_of(first, size):
    rows = np.arange(first, first + size)
    return Batch(SCHEMA, (rows * 10, rows, 2 * rows + 1))


def whole(batches, *, gaps):
    for batch in batches:
        a = batch["a"]
        assert (batch["b"] == 2 * a + 1).all()
        assert (batch.times == 10 * a).all()
        steps = np.diff(a)
        assert (steps >= 1).all() if gaps else (steps == 1).all()


@pytest.mark.parametrize("policy", [each for each in OVERFLOW if each != "block"])
def test_readers_beside_a_free_writer(policy):
    stress(policy, SECONDS, READERS)


def stress(policy, seconds, readers):
    """Return how often was read; raises what a reader or the writer raised."""
    retention = 300_000 if policy == "drop_newest" else None
    ring = RingBuffer(
        SCHEMA, max_rows=40_000, max_bytes=80_000 * ROW, overflow=policy, retention=retention
    )
    done, reads, errors = threading.Event(), [0], []

    def guarded(job):
        try:
            while not done.is_set():
                job()
        except BaseException as error:  # noqa: BLE001  (it is raised again by the test)
            errors.append(error)
            done.set()

    written = [0]

    def write():
        written[0] += ring.append(batch_of(written[0], 700))

    def read():
        whole([ring.snapshot()], gaps=policy == "thin")
        whole(ring.read(-EVER, EVER), gaps=policy == "thin")
        middle = 10 * max(0, ring.head - 20_000)
        whole(ring.read(middle, middle + 50_000), gaps=policy == "thin")
        whole(ring.read(-EVER, EVER, width=1_000), gaps=True)
        reads[0] += 1

    threads = [threading.Thread(target=guarded, args=(write,))]
    threads += [threading.Thread(target=guarded, args=(read,)) for _ in range(readers)]
    for thread in threads:
        thread.start()
    done.wait(seconds)
    done.set()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    assert reads[0] > 0
    assert written[0] > ring.max_rows
    return reads[0]
