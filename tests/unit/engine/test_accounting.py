"""received = stored + filtered + rejected + dropped + in flight, at every moment."""

import gc
import itertools
import random
import signal
import sys
import threading

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import ClosedError, SchemaError
from livewidget.data.schema import Schema
from livewidget.engine import staging
from livewidget.engine.buffer import BufferManager
from livewidget.engine.intake import Intake
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.pipeline.thin import Thin
from livewidget.testing import ManualClock

from .rig import NO_ENGINE

SCHEMA = Schema.of({"time": "time", "number": "int", "sender": "float"}, "time")
MS = 1_000_000


def balanced(account):
    return account.received == (
        account.stored + account.filtered + account.rejected + account.dropped + account.in_flight
    )


def intake_of(store=None, schema=SCHEMA):
    kept = []

    def keep(batch):
        (store or kept.append)(batch)
        return len(batch)

    return Intake(keep, ManualClock(), infer=Batch.of, schema=schema), kept


def rows_of(sender, first, size):
    numbers = np.arange(first, first + size)
    return Batch(SCHEMA, (numbers * MS, numbers, np.full(size, float(sender))))


class Senders:
    """Threads that push as fast as they can, each numbering its rows, some rows being bad."""

    def __init__(self, intake, count=6, rounds=120, until=lambda: True):
        self._until = until
        self.sent = self.refused = self.rejected = 0
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._send, args=(intake, sender, rounds))
            for sender in range(count)
        ]

    def run(self):
        for thread in self._threads:
            thread.start()
        return self._threads

    def _send(self, intake, sender, rounds):
        number = sent = refused = rejected = 0
        for turn in itertools.count():
            if turn >= rounds and self._until():
                break
            size = 1 + (turn * 7 + sender) % 23
            if turn % 10 == 3:
                bad = {"time": [1], "number": ["x"], "sender": [sender]}
                with pytest.raises(SchemaError):
                    intake.push(bad)
                refused += 1
            elif turn % 10 == 7:
                mixed = {
                    "time": np.array([number * MS, "NaT"], dtype="datetime64[ns]"),
                    "number": [number, 5],
                    "sender": [sender, sender],
                }
                intake.emit(mixed)
                number, sent, rejected = number + 1, sent + 1, rejected + 1
            else:
                intake.push(rows_of(sender, number, size))
                number, sent = number + size, sent + size
        with self._lock:
            self.sent += sent
            self.refused += refused
            self.rejected += rejected


@pytest.fixture
def brisk():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("most", [320, 5_000, 1 << 18])
def test_it_balances_at_every_moment_beside_many_senders(brisk, monkeypatch, most):
    monkeypatch.setattr(staging, "STAGED_ROWS", most)
    intake, kept = intake_of()
    samples = [intake.account]
    senders = Senders(intake, until=lambda: len(samples) > 20)
    threads = senders.run()
    while any(thread.is_alive() for thread in threads):
        samples.append(intake.account)
        intake.drain()
    intake.drain()
    samples.append(intake.account)
    last = samples[-1]
    assert all(map(balanced, samples))
    assert len(samples) > 20
    assert (last.received, last.stored) == (senders.sent + senders.rejected, senders.sent)
    assert (last.rejected, last.in_flight, last.dropped) == (senders.rejected, 0, 0)
    assert sum(map(len, kept)) == senders.sent
    for sender in range(6):
        numbers = [n for b in kept for n in b["number"][b["sender"] == sender].tolist()]
        assert numbers == list(range(len(numbers)))


def test_single_events_that_nobody_draws_are_carried_off_before_they_fill_the_memory():
    intake, kept = intake_of()
    for number in range(10_000):
        intake.push(rows_of(0, number, 1))
    assert [len(batch) for batch in kept] == [4_096, 4_096]
    assert intake.account.in_flight == 10_000 - 2 * 4_096
    assert balanced(intake.account)


def test_what_is_thinned_is_counted_as_filtered(brisk):
    intake, kept = intake_of()
    intake.thin = Thin(100.0)
    for thread in (threads := Senders(intake).run()):
        thread.join()
    del threads
    intake.drain()
    account = intake.account
    assert balanced(account)
    assert account.filtered > account.stored > 0
    assert account.stored == sum(map(len, kept))


FAR = 2**62  # ns: the year 2116


def test_an_event_far_ahead_is_rejected_wherever_it_comes_in():
    intake, kept = intake_of()
    good = {"time": [1], "number": [0], "sender": [0]}
    far = {"time": np.array([FAR], dtype="datetime64[ns]"), "number": [1], "sender": [0]}
    mixed = {name: [*good[name], *far[name]] for name in good} | {
        "time": np.array([1, FAR], dtype="datetime64[ns]")
    }
    with pytest.raises(SchemaError, match=r"'time' is 2116.*row 1.*86400.*max_ahead=None"):
        intake.push(mixed)
    assert intake.account.received == 0
    intake.emit(mixed)
    intake.push(Batch.of(mixed, SCHEMA))
    assert (intake.account.rejected, intake.account.in_flight) == (0, 4)
    intake.drain()
    account = intake.account
    assert balanced(account)
    assert (account.received, account.stored, account.rejected) == (4, 2, 2)
    assert [letter.payload["number"] for letter in intake.ledger.dead] == [1, 1]
    assert "unit" in intake.ledger.dead[0].reason
    assert sum(intake.ledger.reasons.values()) == 2
    assert len(intake.ledger.reasons) == 1
    assert max(int(batch.times.max()) for batch in kept) < FAR


def test_a_gap_reaches_from_the_row_before_it_to_the_row_behind_it_that_is_kept():
    intake, _ = intake_of()
    far = {"time": np.array([FAR], dtype="datetime64[ns]"), "number": [1], "sender": [0]}
    intake.gap(None, None, "before the first row there is nothing to miss")
    intake.push(rows_of(0, 0, 2))
    intake.emit(far)
    intake.gap(None, None, "one")
    intake.emit(far)
    intake.push(rows_of(0, 5, 1))
    intake.drain()
    intake.gap(None, None, "two")
    intake.drain()
    intake.push(rows_of(0, 7, 1))
    intake.push(rows_of(0, 8, 1))
    intake.gap(9 * MS, None, "three")
    intake.push(rows_of(0, 12, 1))
    intake.gap(13 * MS, 14 * MS, "four")
    intake.drain()
    found = [(gap.start // MS, gap.stop // MS, gap.reason) for gap in intake.gaps]
    assert found == [(1, 5, "one"), (5, 7, "two"), (9, 12, "three"), (13, 14, "four")]
    assert intake.gap_count == 4


def test_a_flood_from_the_future_is_counted_whole_and_kept_in_part():
    intake, kept = intake_of()
    size = 5_000
    intake.push(Batch(SCHEMA, (np.full(size, FAR), np.arange(size), np.zeros(size))))
    intake.drain()
    assert (intake.account.rejected, intake.account.stored) == (size, 0)
    assert balanced(intake.account)
    assert kept == []
    assert len(intake.ledger.dead) == 1_000
    assert intake.ledger.dead[-1].payload["number"] == size - 1
    assert list(intake.ledger.reasons.values()) == [size]


def test_simulated_time_may_lie_anywhere():
    streamer = DataStreamer(engine=NO_ENGINE, clock=ManualClock(), max_ahead=None)
    streamer.push({"time": [4_000_000_000], "y": [1]})
    streamer.emit({"time": [4_000_000_001], "y": [1]})
    assert streamer.stats()["stored"] == 2


def test_a_refused_push_leaves_nothing_behind():
    intake, kept = intake_of()
    before = intake.account
    for bad in (
        {"time": [1, 2], "number": [1], "sender": [1, 2]},
        {"time": [1, None], "number": [1, 2], "sender": [1, 2]},
        {"time": [1, 2], "number": [1, 2.5], "sender": [1, 2]},
        {"time": [1], "number": [1], "sender": [1], "extra": [1]},
        "rows",
        {},
    ):
        with pytest.raises(SchemaError):
            intake.push(bad)
    intake.drain()
    assert (intake.account, kept, len(intake.ledger.dead)) == (before, [], 0)


def test_a_refused_first_push_decides_no_schema():
    streamer = DataStreamer(engine=NO_ENGINE, clock=ManualClock())
    with pytest.raises(SchemaError, match="NaT"):
        streamer.push({"time": ["2023-01-01", None], "wrong": [1, 2]})
    assert streamer.schema is None
    streamer.push({"time": ["2023-01-01"], "right": [1]})
    assert streamer.schema.names == ("time", "right")


def test_two_first_pushes_at_once_agree_on_a_schema(brisk):
    for _ in range(30):
        streamer = DataStreamer(engine=NO_ENGINE, clock=ManualClock())
        start, outcomes = threading.Barrier(2), []

        def push(name, streamer=streamer, start=start, outcomes=outcomes):
            start.wait()
            try:
                outcomes.append(streamer.push({"time": [1], name: [1]}))
            except SchemaError:
                outcomes.append(0)

        threads = [threading.Thread(target=push, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == [0, 1]
        assert streamer.stats()["stored"] == 1


def test_rows_that_cannot_be_stored_are_counted_as_dropped():
    def fail(_):
        raise MemoryError("no room")

    intake, _ = intake_of(fail)
    intake.push(rows_of(0, 0, 5))
    with pytest.raises(MemoryError):
        intake.drain()
    assert balanced(intake.account)
    assert (intake.account.dropped, intake.account.in_flight) == (5, 0)


def test_a_closed_door_takes_nothing_and_counts_nothing():
    intake, kept = intake_of()
    intake.push(rows_of(0, 0, 3))
    intake.close()
    with pytest.raises(ClosedError):
        intake.push(rows_of(0, 3, 3))
    assert sum(map(len, kept)) == intake.account.received == 3


def test_a_push_beside_a_close_leaves_nothing_waiting():
    streamer = DataStreamer(schema=SCHEMA, engine=NO_ENGINE, clock=ManualClock())
    add = streamer._line.intake._staged.add

    class Late:
        def __getattr__(self, name):
            return getattr(add.__self__, name)

        def add(self, *rows):
            streamer.stop()
            return add(*rows)

    streamer._line.intake._staged = Late()
    assert streamer.push(rows_of(0, 0, 3)) == 3
    account = streamer.account()
    assert (account.received, account.stored, account.in_flight) == (3, 3, 0)


@pytest.fixture
def interrupt_in():
    """Have the main thread interrupted, as by Ctrl-C, after so many seconds of its work."""

    def interrupt(*_):
        raise KeyboardInterrupt

    # By a clock of its own: the timeouts of the tests go by ITIMER_REAL.
    before = signal.signal(signal.SIGVTALRM, interrupt)
    gc.disable()  # what is raised in a callback of the collector reaches nobody
    yield lambda seconds: signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)
    gc.enable()


def test_an_interrupt_tears_no_drain(interrupt_in):
    """As a cell that pushes is interrupted: what was pushed is stored, to the row."""
    engine, moments, interrupted = Engine(), random.Random(3), 0
    for _ in range(100):
        streamer = DataStreamer(schema=SCHEMA, engine=engine)
        batch, pushed = rows_of(0, 0, 1), 0
        try:
            interrupt_in(moments.uniform(0.001, 0.02))
            while pushed < 200_000:
                streamer.push(batch)
                pushed += 1
            interrupt_in(0)  # in here: it may come up to this very moment
        except KeyboardInterrupt:
            interrupted += 1
        streamer.drain()
        account = streamer.account()
        assert account.received == account.stored
        assert account.received - pushed in (0, 1)
    engine.close()
    assert interrupted > 50


def test_dead_letters_are_bounded_and_their_reasons_grouped():
    intake, _ = intake_of()
    for number in range(1500):
        intake.ledger.refuse([({"number": number}, f"reason {number % 200}")], 0, 1)
    assert len(intake.ledger.dead) == 1000
    assert intake.ledger.dead[-1].payload == {"number": 1499}
    assert len(intake.ledger.reasons) == 51
    assert sum(intake.ledger.reasons.values()) == intake.account.rejected == 1500


def test_a_rejected_row_is_kept_with_its_reason():
    streamer = DataStreamer(schema=SCHEMA, engine=NO_ENGINE, clock=ManualClock())
    streamer.emit([{"time": 1, "number": 1, "sender": 1}, {"time": 2, "number": "x", "sender": 1}])
    letters = streamer.dead_letters()
    assert len(letters) == 1
    assert "'number' expects whole numbers" in letters["reason"][0]
    assert letters["payload"][0]["time"] == 2
    assert (streamer.account().stored, streamer.account().in_flight) == (0, 1)
    assert len(streamer.to_dataframe()) == 1


def test_an_event_of_another_kind_is_rejected_and_breaks_no_line():
    streamer = DataStreamer(columns=("bid", "ask"), engine=NO_ENGINE, clock=ManualClock())
    streamer.emit([{"time": 1, "bid": 1.0, "ask": 2.0}, {"time": 2, "beat": 7}])
    streamer.emit({"time": [3], "beat": [8]})
    streamer.emit({"time": [4], "ask": [2.5]})
    assert streamer.to_dataframe()["ask"].tolist() == [2.0, 2.5]
    assert list(streamer.stats()["reasons"].values()) == [2]
    assert balanced(streamer.account())


def test_a_buffer_of_another_schema_is_told_so():
    buffer = BufferManager(SCHEMA)
    with pytest.raises(SchemaError, match="the buffer holds"):
        buffer.append(Batch.of({"time": [1], "y": [2]}))
