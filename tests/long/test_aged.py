"""A ring and what is behind it for a minute, with readers and a memory that comes and goes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from livewidget.buffers.aged import AgedBuffer
from livewidget.buffers.ring import RingBuffer
from livewidget.buffers.segment import SECOND
from livewidget.data.batch import Batch
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.sketches.outstanding import in_order, stand_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SCHEMA = Schema.of({"time": "time", "n": "int"}, "time")
RUN_S = 60
STEP = 20_000  # ns: 50,000 rows a second
LATE = 500  # steps that a row is late at most


def _batch(first: int, stop: int) -> Batch:
    rows = np.arange(first, stop)
    times: npt.NDArray[np.int64] = (rows - rows * 7_919 % LATE) * STEP
    return Batch(SCHEMA, (times, rows))


def _numbers(batches: Iterable[Batch]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *(np.asarray(it["n"]) for it in batches)])


def _check(buffer: AgedBuffer) -> int:
    """Compare a view with the rows that it took; return how many it has as they came."""
    view = buffer.view()
    since = max(-LATE * STEP, view.since())
    told = _numbers(view.read(since, EVER))
    rows = in_order(_batch(max(0, since // STEP - LATE), view.taken))
    rows = rows.take(rows.times >= since)
    assert np.array_equal(told, np.asarray(rows["n"]))
    # The last minute by what stands for its seconds: most of it is no longer there as it came.
    start = max(-(-view.since(SECOND) // SECOND), view.taken * STEP // SECOND - 60) * SECOND
    every = _numbers(view.read(start, EVER, width=SECOND))
    rows = in_order(_batch(max(0, start // STEP - LATE), view.taken))
    rows = stand_for(rows.take(rows.times >= start), SECOND)
    assert np.array_equal(every, np.asarray(rows["n"]))
    return len(rows)


@pytest.mark.timeout(300)
def test_readers_for_a_minute(record_property: Callable[[str, object], None]) -> None:
    errors: list[BaseException] = []
    checks: list[int] = []
    done = threading.Event()
    chance = np.random.default_rng(1)
    with ThreadPoolExecutor(1) as pool:
        buffer = AgedBuffer(SCHEMA, max_bytes=2**20, submit=pool.submit)
        ring = RingBuffer(SCHEMA, max_rows=20_000, on_evict=buffer.append)

        def guarded(job: Callable[[], object]) -> None:
            try:
                while not done.is_set():
                    job()
            except BaseException as error:  # noqa: BLE001  (it is raised again below)
                errors.append(error)
                done.set()

        def resize() -> None:
            buffer.max_bytes = int(chance.integers(2**17, 2**21))
            done.wait(0.05)

        jobs = [*[lambda: checks.append(_check(buffer))] * 3, resize]
        threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        until, sizes = time.monotonic() + RUN_S, np.random.default_rng(2)
        while time.monotonic() < until and not done.is_set():
            ring.append(_batch(ring.head, ring.head + int(sizes.integers(1, 4_000))))
        done.set()
        for thread in threads:
            thread.join(60)
    record_property("rows", ring.head)
    record_property("checks", len(checks))
    if errors:
        raise errors[0]
    assert len(checks) > 100
    assert buffer.taken == ring.handed
    _check(buffer)
