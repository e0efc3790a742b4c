"""What passes a queue and a pipeline: the account, the policies, the pressure, the ends."""

import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget import Batch, BufferManager, DataStreamer, Schema
from livewidget.buffers.queue import Queue
from livewidget.data.errors import ClosedError, SchemaError, SettingError, SourceError
from livewidget.data.events import State
from livewidget.engine.thread import Engine
from livewidget.pipeline.calculate import Calculate, Filter
from livewidget.pipeline.operator import Bound, Operator
from livewidget.pipeline.shape import Apply
from livewidget.sources.base import Source
from livewidget.testing import ListSource, ManualClock, wait_until

SCHEMA = Schema.of({"time": "time", "n": "float", "kind": "text"}, "time")


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def rows(start, stop, kind="a"):
    return {
        "time": [1e9 + n for n in range(start, stop)],
        "n": list(range(start, stop)),
        "kind": [kind] * (stop - start),
    }


def balanced(account):
    return account.received == (
        account.stored + account.filtered + account.rejected + account.dropped + account.in_flight
    )


class Slow(Operator):
    """Holds each batch until it is let go; `seen` tells how much of it has begun."""

    name = "slow"
    heavy = True

    def __init__(self):
        self.go = threading.Semaphore(0)
        self.seen = 0

    def bind(self, schema, clock):
        def step(batch, tally):
            self.seen += len(batch)
            self.go.acquire(timeout=30)
            return batch

        return Bound(schema, step)


class Numbers(Source):
    """Emits numbered rows for ever, as fast as it is let; `sent` counts them."""

    name = "numbers"

    def __init__(self, size=10, most=None):
        self.sent, self.size, self.most = 0, size, most

    async def run(self, outlet):
        outlet.state(State.LIVE)
        while self.most is None or self.sent < self.most:
            outlet.emit(rows(self.sent, self.sent + self.size))
            self.sent += self.size
            await outlet.ready()
            await asyncio.sleep(0)


def test_rows_pass_the_pipeline_in_order_and_are_accounted_for(engine):
    source = ListSource([rows(n, n + 7) for n in range(0, 700, 7)])
    chain = [Calculate(double="n * 2"), Filter("n % 2 == 0")]
    with DataStreamer(source, pipeline=chain, engine=engine) as streamer:
        assert streamer.wait(10)
        frame = streamer.to_dataframe()
    assert frame["n"].tolist() == list(range(0, 700, 2))
    assert frame["double"].tolist() == list(range(0, 1400, 4))
    account = streamer.account()
    assert (account.received, account.stored, account.filtered) == (700, 350, 350)
    assert account.in_flight == 0


def test_what_is_pushed_passes_too_and_stop_lets_it_come_through(engine):
    streamer = DataStreamer(pipeline=[Calculate(half="n / 2")], engine=engine)
    for n in range(100):
        streamer.push(rows(n, n + 1))
    streamer.stop()
    assert streamer.to_dataframe()["half"].tolist() == [n / 2 for n in range(100)]
    with pytest.raises(ClosedError):
        streamer.push(rows(0, 1))
    assert streamer.account().stored == 100


def test_a_schema_that_does_not_serve_is_an_error_at_the_line_that_made_it(engine):
    with pytest.raises(SchemaError, match="there is no column 'price'"):
        DataStreamer(schema=SCHEMA, pipeline=[Filter("price > 0")], engine=engine)


def test_a_pipeline_that_cannot_be_bound_fails_the_stream_and_says_why(engine):
    streamer = DataStreamer(
        ListSource([rows(0, 5)], hold=True), pipeline=[Filter("price > 0")], engine=engine
    ).start()
    assert streamer.wait(10)
    state, detail, _ = streamer.state
    assert state is State.FAILED
    assert "there is no column 'price'" in detail
    wait_until(lambda: streamer.account().in_flight == 0)
    assert streamer.account().rejected == 5
    assert streamer.dead_letters()["operator"].tolist() == ["pipeline"] * 5
    streamer.stop()


def test_a_store_that_fails_fails_the_stream(engine):
    class Full(BufferManager):
        def append(self, batch):
            raise MemoryError("there is no room left")

    source = ListSource([rows(0, 5)], hold=True)
    streamer = DataStreamer(
        source, pipeline=[Filter("n >= 0")], buffer=Full(), engine=engine
    ).start()
    assert streamer.wait(10)
    assert streamer.state[:2] == (State.FAILED, "MemoryError: there is no room left")
    account = streamer.account()
    assert (account.received, account.dropped, account.in_flight) == (5, 5, 0)
    streamer.stop()


def test_the_rows_that_an_operator_fails_on_are_dead_letters_and_the_others_pass(engine):
    def brittle(columns):
        if (columns["n"] % 10 == 3).any():
            raise ZeroDivisionError("three")
        return {"n": columns["n"]}

    source = ListSource([rows(0, 50), rows(50, 100)])
    streamer = DataStreamer(source, pipeline=[Apply(brittle)], engine=engine).start()
    assert streamer.wait(10)
    kept = streamer.to_dataframe()["n"].tolist()
    assert kept == [n for n in range(100) if n % 10 != 3]
    letters = streamer.dead_letters()
    assert [letter["n"] for letter in letters["payload"]] == list(range(3, 100, 10))
    assert set(letters["reason"]) == {"ZeroDivisionError: three"}
    assert set(letters["operator"]) == {Apply(brittle).name}
    assert streamer.account().rejected == 10


def test_a_failure_that_passes_is_tried_again(engine):
    calls = []

    def flaky(columns):
        calls.append(len(columns["n"]))
        if len(calls) < 3:
            raise OSError("not yet")
        return {"n": columns["n"]}

    source = ListSource([rows(0, 10)])
    streamer = DataStreamer(source, pipeline=[Apply(flaky)], retries=2, engine=engine).start()
    assert streamer.wait(10)
    assert streamer.account().stored == 10
    assert calls == [10, 10, 10]


def test_block_holds_the_source_back_and_loses_nothing(engine):
    slow, source = Slow(), Numbers()
    queue = Queue(rows=100, batch_rows=50)
    streamer = DataStreamer(source, pipeline=[slow], queue=queue, engine=engine).start()
    wait_until(lambda: streamer.full)
    # The queue, what waits for the worker, and the batch that filled it.
    most = 100 + 3 * 50 + 10 + 10
    wait_until(lambda: source.sent >= 100)
    for _ in range(3):
        held = source.sent
        assert held <= slow.seen + most
        slow.go.release()
        seen = slow.seen
        wait_until(lambda seen=seen: slow.seen > seen)
    account = streamer.account()
    assert account.dropped == 0
    assert balanced(account)
    for _ in range(10_000):
        slow.go.release()
    streamer.stop()
    account = streamer.account()
    assert account.received == account.stored == source.sent
    assert streamer.to_dataframe()["n"].tolist() == list(range(source.sent))


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "sample"])
def test_the_other_policies_bound_the_memory_and_count_what_they_drop(engine, policy):
    slow, source = Slow(), Numbers(most=5_000)
    queue = Queue(rows=100, batch_rows=10, overflow=policy)
    streamer = DataStreamer(source, pipeline=[slow], queue=queue, engine=engine).start()
    wait_until(lambda: source.sent == 5_000)
    stats = streamer.stats()
    assert stats["queued"] <= 100
    assert stats["dropped"] > 4_000
    for _ in range(10_000):
        slow.go.release()
    assert streamer.wait(10)
    account = streamer.account()
    assert account.received == 5_000
    assert account.in_flight == 0
    assert balanced(account)
    kept = streamer.to_dataframe()["n"].tolist()
    assert kept == sorted(set(kept))
    if policy == "drop_newest":
        assert kept[:100] == list(range(100))
    else:
        assert kept[-1] == (4_999 if policy == "drop_oldest" else kept[-1])


def test_urgent_rows_come_first(engine):
    slow = Slow()
    queue = Queue(batch_rows=10, high="kind == 'alarm'", low="kind == 'debug'")
    streamer = DataStreamer(pipeline=[slow], queue=queue, schema=SCHEMA, engine=engine)
    for n in range(0, 300, 10):
        for kind in ("debug", "plain", "alarm"):
            streamer.push(rows(n, n + 10, kind))
    for _ in range(1_000):
        slow.go.release()
    streamer.stop()
    # A frame comes by its times: the order of arrival is in the ring.
    lease = streamer.buffer.lease()
    names = [lease.categories("kind")[code] for code in lease.column("kind")]
    early = names[30:230]
    assert early.count("alarm") > early.count("plain") > early.count("debug") > 0
    assert len(names) == 900


def test_workers_keep_the_order_of_each_key(engine):
    running = threading.local()

    def tag(columns):
        running.name = threading.current_thread().name
        return {"n": columns["n"], "kind": columns["kind"]}

    batches = [
        {"time": [1e9 + n] * 4, "n": [n] * 4, "kind": ["a", "b", "c", "d"]} for n in range(200)
    ]
    streamer = DataStreamer(
        ListSource(batches), pipeline=[Apply(tag)], workers=3, by="kind", engine=engine
    ).start()
    assert streamer.wait(10)
    lease = streamer.buffer.lease()
    kinds, numbers = lease.column("kind"), lease.column("n")
    assert streamer.account().stored == 800
    for code in range(4):
        assert numbers[kinds == code].tolist() == list(range(200))


def test_several_workers_need_a_key(engine):
    with pytest.raises(SettingError, match="name it with by="):
        DataStreamer(pipeline=[Filter("n > 0")], workers=2, engine=engine)
    with pytest.raises(SettingError, match="workers is a whole number from 0 to 63, got -1"):
        DataStreamer(workers=-1, engine=engine)


def test_what_is_stored_is_known_once_it_is(engine):
    asked, slow = [], Slow()

    class Asking(Source):
        name = "asking"

        async def run(self, outlet):
            outlet.emit(rows(0, 5))
            await outlet.stored()
            asked.append(streamer.account().stored)
            outlet.emit(rows(5, 10))
            await asyncio.Event().wait()

    streamer = DataStreamer(Asking(), pipeline=[slow], engine=engine).start()
    wait_until(lambda: slow.seen == 5)
    assert asked == []
    slow.go.release()
    wait_until(lambda: asked)
    assert asked == [5]
    for _ in range(10):
        slow.go.release()
    streamer.stop()


def test_at_most_once_does_not_wait_for_what_is_stored(engine):
    slow, told = Slow(), threading.Event()

    class Asking(Source):
        name = "asking"

        async def run(self, outlet):
            outlet.emit(rows(0, 5))
            await outlet.stored()
            told.set()
            await asyncio.Event().wait()

    streamer = DataStreamer(
        Asking(), pipeline=[slow], delivery="at_most_once", engine=engine
    ).start()
    assert told.wait(10)
    slow.go.release()
    streamer.stop()
    with pytest.raises(SettingError, match="delivery is one of"):
        DataStreamer(delivery="exactly_once", engine=engine)


def test_an_event_with_an_id_that_was_there_is_filtered(engine):
    source = ListSource([rows(0, 10), rows(5, 15), rows(0, 3)])
    streamer = DataStreamer(source, unique="n", engine=engine).start()
    assert streamer.wait(10)
    assert streamer.to_dataframe()["n"].tolist() == list(range(15))
    account = streamer.account()
    assert (account.received, account.stored, account.filtered) == (23, 15, 8)


def test_a_source_may_ask_for_it(engine):
    source = ListSource([rows(0, 10), rows(5, 15)])
    source.unique = "n"
    streamer = DataStreamer(source, engine=engine).start()
    assert streamer.wait(10)
    assert streamer.account().stored == 15


def test_numbers_that_are_skipped_are_a_gap(engine):
    source = ListSource([rows(0, 3), rows(5, 8), rows(8, 9), rows(12, 14)])
    streamer = DataStreamer(source, sequence="n", engine=engine).start()
    assert streamer.wait(10)
    gaps = [(gap.start // 10**9, gap.stop // 10**9, gap.reason) for gap in streamer.gaps]
    second = 1_000_000_000
    assert gaps == [
        (second + 2, second + 5, "n 3 to 4 missing"),
        (second + 8, second + 12, "n 9 to 11 missing"),
    ]


def test_a_gap_stands_where_it_was_in_the_queue(engine):
    class Gappy(Source):
        name = "gappy"

        async def run(self, outlet):
            outlet.emit(rows(0, 3))
            outlet.gap(None, None, "cut")
            outlet.emit(rows(10, 12))

    streamer = DataStreamer(Gappy(), pipeline=[Filter("n >= 0")], engine=engine).start()
    assert streamer.wait(10)
    [gap] = streamer.gaps
    assert (gap.start, gap.stop) == ((10**9 + 2) * 10**9, (10**9 + 10) * 10**9)
    told = streamer.to_dataframe(gaps=True)["gap"].fillna("").tolist()
    mark = "2001-09-09T01:46:42.000Z to 2001-09-09T01:46:50.000Z: cut"
    assert told == ["", "", "", mark, ""]
    assert "gap" not in streamer.to_dataframe().columns
    late = streamer.to_dataframe(start="2001-09-09T01:46:51", gaps=True)
    assert late["gap"].fillna("").tolist() == [""]


def test_suspended_a_source_is_held_and_what_is_pushed_is_filtered(engine):
    source = Numbers()
    streamer = DataStreamer(source, engine=engine).start()
    wait_until(lambda: source.sent > 100)
    streamer.suspend()
    assert streamer.state[0] is State.SUSPENDED
    wait_until(lambda: _is_still(source))
    held = source.sent
    assert streamer.push(rows(0, 2)) == 0
    assert streamer.account().filtered == 2
    assert source.sent == held
    streamer.resume()
    assert streamer.state[0] is State.LIVE
    wait_until(lambda: source.sent > held)
    streamer.stop()
    assert balanced(streamer.account())


def _is_still(source):
    before = source.sent
    threading.Event().wait(0.05)
    return source.sent == before


def test_a_source_that_restarts_is_cut_off_and_run_again(engine):
    runs = []

    class Restarting(Numbers):
        restarts = True

        async def run(self, outlet):
            runs.append(self.sent)
            await super().run(outlet)

    source = Restarting()
    streamer = DataStreamer(source, engine=engine).start()
    wait_until(lambda: source.sent > 100)
    streamer.suspend()
    streamer.suspend()
    wait_until(lambda: _is_still(source))
    assert len(runs) == 1
    streamer.resume()
    wait_until(lambda: len(runs) == 2)
    streamer.suspend()
    wait_until(lambda: _is_still(source))
    streamer.stop()
    assert streamer.state[0] is State.ENDED
    wait_until(lambda: not engine._tasks)


def test_a_rate_limit_holds_the_source(engine):
    source, clock = Numbers(size=1), ManualClock()
    streamer = DataStreamer(
        source, rate_limit=200.0, max_ahead=None, clock=clock, engine=engine
    ).start()
    for seconds in range(1, 4):
        wait_until(lambda: clock.sleepers == 1)
        # A tenth of a second's worth may come at once, and the event that went beyond.
        assert source.sent == 20 + 1 + 200 * (seconds - 1)
        for _ in range(200):
            clock.advance(0.005)
            wait_until(lambda: clock.sleepers == 1)
    streamer.stop()
    with pytest.raises(SettingError, match="rate_limit is a number of events a second above 0"):
        DataStreamer(source, rate_limit=0, engine=engine)


async def test_the_batches_of_a_stream_can_be_iterated(engine):
    source = ListSource([rows(n, n + 5) for n in range(0, 100, 5)])
    seen = []
    async with DataStreamer(source, engine=engine) as streamer:
        seen = [n async for batch in streamer for n in batch["n"].tolist()]
    assert seen == list(range(100))


async def test_a_slow_reader_holds_the_source_and_one_that_leaves_lets_it_go(engine):
    source = Numbers(size=1_000)
    streamer = DataStreamer(source, engine=engine)
    async for batch in streamer:
        assert isinstance(batch, Batch)
        await asyncio.to_thread(wait_until, lambda: streamer.full)
        break
    await asyncio.to_thread(wait_until, lambda: not streamer.full)
    await asyncio.to_thread(streamer.stop)


def test_who_pushes_from_a_thread_waits_for_a_slow_reader(engine):
    streamer = DataStreamer(schema=SCHEMA, engine=engine)
    subscription = streamer.subscribe(Queue(rows=100))
    pushed, held = [], []

    def push():
        while len(pushed) < 2_000 or not held:
            streamer.push(rows(10 * len(pushed), 10 * len(pushed) + 10))
            pushed.append(1)

    thread = threading.Thread(target=push)
    thread.start()
    wait_until(lambda: streamer._line.changed._threads)  # it is held
    held.append(len(pushed))

    async def read():
        seen = []
        async for batch, _ in subscription.read():
            seen += batch["n"].tolist()
            if not thread.is_alive() and len(seen) == 10 * len(pushed):
                break
        return seen

    assert asyncio.run(read()) == list(range(10 * len(pushed)))
    assert subscription.dropped == 0
    streamer.stop()


async def test_a_failure_is_raised_to_whoever_iterates(engine):
    source = ListSource([rows(0, 5)], error=OSError("the disk is gone"))
    seen = []

    async def read():
        async for batch in DataStreamer(source, engine=engine):
            seen.extend(batch["n"].tolist())

    with pytest.raises(SourceError, match="the disk is gone"):
        await read()
    assert seen == [0, 1, 2, 3, 4]


def test_dead_letters_are_exported_and_played_again(engine, tmp_path):
    streamer = DataStreamer(schema=SCHEMA, engine=engine)
    streamer.emit([{"time": 1e9, "n": "x", "kind": "a"}])
    streamer.reject(b"\xff{", "not JSON")
    assert streamer.dead_letters()["operator"].tolist() == ["schema", "decode"]
    path = tmp_path / "dead.ndjson"
    assert streamer.export_dead_letters(path) == 2
    lines = path.read_text().splitlines()
    assert '"payload":{"time":1000000000.0,"n":"x","kind":"a"}' in lines[0]
    assert '"operator":"decode"' in lines[1]
    assert streamer.replay_dead_letters() == 0
    account = streamer.account()
    assert (account.received, account.rejected) == (4, 4)
    streamer.stop()


def test_dead_letters_that_fit_now_are_stored(engine):
    allowed = []

    def check(columns):
        if not allowed:
            raise ValueError("not yet")
        return {"n": columns["n"]}

    streamer = DataStreamer(pipeline=[Apply(check)], schema=SCHEMA, engine=engine)
    streamer.push(rows(0, 3))
    wait_until(lambda: streamer.account().rejected == 3)
    allowed.append(True)
    assert streamer.replay_dead_letters() == 3
    streamer.stop()
    assert streamer.to_dataframe()["n"].tolist() == [0, 1, 2]
    assert len(streamer.dead_letters()) == 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 40), max_size=20),
    st.sampled_from(["block", "drop_oldest", "drop_newest", "sample", "resize"]),
    st.integers(0, 2),
    st.integers(1, 50),
)
def test_the_account_is_exact_whatever_the_policy(sizes, policy, workers, batch_rows):
    engine = Engine()
    try:
        queue = Queue(rows=60, batch_rows=batch_rows, overflow=policy)
        streamer = DataStreamer(
            pipeline=[Filter("n % 3 != 0")],
            schema=SCHEMA,
            by="kind",
            workers=workers,
            queue=queue,
            engine=engine,
        )
        sent = 0
        for size in sizes:
            data = rows(sent, sent + size)
            data["kind"] = [f"k{n % 5}" for n in range(size)]
            if size:
                streamer.emit(data)
            sent += size
            assert balanced(streamer.account())
        streamer.stop()
        account = streamer.account()
        assert account.received == sent
        assert account.in_flight == 0
        assert balanced(account)
        stored = streamer.to_dataframe()
        numbers = stored["n"].to_numpy() if len(stored) else np.empty(0)
        assert not (numbers % 3 == 0).any()
        if policy in ("block", "resize"):
            assert sorted(numbers.tolist()) == [n for n in range(sent) if n % 3]
    finally:
        engine.close()
