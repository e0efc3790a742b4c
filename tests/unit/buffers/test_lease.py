"""Leases: views that know when the writer has come round, a real writer included."""

import sys
import threading

import numpy as np
import pytest

from livewidget.buffers.ring import RingBuffer
from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.errors import LeaseOvertakenError
from livewidget.data.schema import Schema

SCHEMA = Schema.of({"time": "time", "a": "float", "b": "float", "n": "int"}, "time")
ROW = Storage.row_bytes(SCHEMA)
ENOUGH = 300


def batch_of(first, size):
    rows = np.arange(first, first + size)
    return Batch(SCHEMA, (rows, rows.astype(float), -rows.astype(float), rows))


def ring_of(rows, capacity=None):
    return RingBuffer(SCHEMA, capacity=capacity or rows, max_bytes=rows * ROW)


def test_a_lease_is_valid_until_its_first_row_is_overwritten():
    ring = ring_of(10)
    ring.append(batch_of(0, 10))
    old, young = ring.lease(), ring.lease(5)
    ring.append(batch_of(10, 5))
    assert (old.valid, old.overtaken, young.valid) == (False, 5, True)
    assert young.column("n").tolist() == [5, 6, 7, 8, 9]
    with pytest.raises(LeaseOvertakenError, match="0 to 10"):
        old.check()
    ring.append(batch_of(15, 1))
    assert (young.valid, young.overtaken) == (False, 1)


def test_leaving_the_context_tells_though_torn_rows_led_to_an_error():
    ring = ring_of(4)
    ring.append(batch_of(0, 4))
    with pytest.raises(LeaseOvertakenError), ring.lease():
        ring.append(batch_of(4, 1))

    def lose_and_fail():
        with ring.lease():
            ring.append(batch_of(5, 1))
            raise ZeroDivisionError

    with pytest.raises(LeaseOvertakenError):
        lose_and_fail()


def test_growth_leaves_a_lease_as_it_is():
    ring = ring_of(1000, capacity=4)
    ring.append(batch_of(0, 4))
    lease = ring.lease()
    ring.append(batch_of(4, 900))
    assert lease.valid
    assert lease.column("n").tolist() == [0, 1, 2, 3]


def test_rows_that_growth_left_behind_are_not_vouched_for():
    """A reader may note the tail, lose its turn to a growing writer, and then take the views."""
    ring = RingBuffer(SCHEMA, capacity=8, retention=3, max_bytes=100 * ROW)
    ring.append(batch_of(0, 8))
    ring.append(batch_of(8, 20))
    from livewidget.buffers.lease import Lease

    lease = Lease(SCHEMA, ring.held[0], 1, 8, ring.dictionaries)
    assert not lease.valid


def test_an_empty_lease_has_nothing_to_lose():
    ring = ring_of(4)
    lease = ring.lease()
    ring.append(batch_of(0, 100))
    assert lease.valid
    assert ring.lease(0, 50).valid


@pytest.fixture
def brisk():
    """Threads change often: without it a reader hardly ever meets its writer half-way."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(params=[1, 64, 1000])
def writer(request, brisk):
    """A ring, and a thread that writes to it as fast as it can."""
    ring, done = ring_of(4096, capacity=256), threading.Event()

    def write():
        while not done.is_set():
            ring.append(batch_of(ring.head, request.param))

    thread = threading.Thread(target=write)
    thread.start()
    yield ring
    done.set()
    thread.join()


def consistent(rows, a, b, times, start):
    return (
        (a == rows).all()
        and (b == -rows).all()
        and (times == rows).all()
        and (not len(rows) or (rows[0] == start and (np.diff(rows) == 1).all()))
    )


def test_a_lease_that_says_valid_holds_whole_rows_beside_a_free_writer(writer):
    valid = overtaken = 0
    for turn in range(1_000_000):
        # Now all that is kept, now the youngest: the one is mostly lost, the other mostly kept.
        lease = writer.lease(None if turn % 2 else writer.head - 500)
        copies = [lease.column(name).copy() for name in ("n", "a", "b", "time")]
        if lease.valid:
            valid += 1
            assert consistent(*copies, lease.start)
        else:
            overtaken += 1
            with pytest.raises(LeaseOvertakenError):
                lease.check()
        if valid >= ENOUGH and overtaken >= 1:
            break
    assert valid >= ENOUGH
    assert overtaken >= 1


def test_a_snapshot_comes_back_whole_beside_a_free_writer(writer):
    for _ in range(50):
        batch = writer.snapshot()
        assert consistent(*(batch[name] for name in ("n", "a", "b")), batch.times, batch["n"][:1])
