"""KafkaSource through rebalances, killed members and a killed server: nothing may be missing."""

import asyncio
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("confluent_kafka", reason="confluent-kafka, of the extra kafka, is missing")
from kafka_server import started

from livewidget.data.errors import SourceError
from livewidget.data.events import State
from livewidget.resilience import Backoff
from livewidget.sources import KafkaSource
from livewidget.testing import RecordingOutlet, wait_for

SHORT = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300}
MANY = 4000


@pytest.fixture
def kafka(tmp_path):
    server = started(tmp_path / "kafka")
    yield server
    server.kill()


class Flow:
    """Numbered messages, a few at a time, from a thread; the second half once `go_on` is set."""

    def __init__(self, kafka):
        self.half, self.go_on = threading.Event(), threading.Event()
        self._kafka = kafka
        self.thread = threading.Thread(target=self._produce)
        self.thread.start()

    def _produce(self):
        for low in range(0, MANY, 50):
            if low == MANY // 2:
                self.half.set()
                self.go_on.wait(60)
            self._kafka.produce("flow", [{"n": n} for n in range(low, low + 50)])


@pytest.fixture
def flowing(kafka):
    kafka.create("flow", 4)
    flow = Flow(kafka)
    yield flow
    flow.go_on.set()
    flow.thread.join()


def joined(feed):
    """Whether the group has given this source partitions."""
    return feed._member is not None and feed._member._taken


def source(kafka, **options):
    settings = {"group": "group", "start": "earliest", "batch": 20, "commit_s": 0.2}
    return KafkaSource(
        kafka.servers,
        "flow",
        **settings | {"config": SHORT, "backoff": Backoff(0.05, 0.3)} | options,
    )


def numbers(outlet):
    return [int(n) for data in list(outlet.data) for n in data["n"]]


def complete(*lists):
    return {n for each in lists for n in each} == set(range(MANY))


def twice(read):
    """The numbers that came more than once; number n is at offset n // 4 of partition n % 4."""
    return [n for n, count in Counter(read).items() if count > 1]


async def test_a_second_member_joins_and_the_first_leaves(kafka, flowing, running, record_property):
    # Cooperative rebalancing is not tried: this server leaves bare consumers waiting in it too.
    first, second = RecordingOutlet(), RecordingOutlet()
    task = running(source(kafka), first)
    await wait_for(lambda: len(numbers(first)) > 200, 30)
    committed = kafka.committed("group", "flow")
    feed = source(kafka)
    running(feed, second)
    await wait_for(lambda: joined(feed), 30)
    flowing.go_on.set()
    await wait_for(lambda: len(numbers(second)) > 100, 30)
    task.cancel()
    await asyncio.wait([task])
    await wait_for(lambda: complete(numbers(first), numbers(second)), 60)
    again = twice(numbers(first) + numbers(second))
    record_property("events", MANY)
    record_property("duplicates", len(again))
    assert not twice(numbers(first))
    assert not twice(numbers(second))
    # A server may refuse the commit of a member that is just parted with (this one does).
    assert all(n // 4 >= committed.get(n % 4, 0) for n in again)
    assert first.gaps == second.gaps == []
    await wait_for(lambda: sum(kafka.committed("group", "flow").values()) == MANY)


@pytest.mark.skip(
    reason="noida-db throws no silent member out, and started anew in place of that it lets the "
    "survivor go on only sometimes; why is not known: needs a server that evicts"
)
async def test_a_member_is_killed_and_only_what_it_had_not_committed_comes_again(
    kafka, flowing, running, record_property, tmp_path
):
    script = Path(__file__).with_name("kafka_member_process.py")
    path = tmp_path / "read"
    command = [sys.executable, str(script), kafka.servers, "flow", "group"]
    with path.open("wb") as file:
        killed = await asyncio.create_subprocess_exec(*command, stdout=file)
    try:
        await wait_for(lambda: path.read_bytes().count(b"\n") > 300, 30)
        committed = kafka.committed("group", "flow")
        outlet = RecordingOutlet()
        feed = source(kafka)
        running(feed, outlet)
        await wait_for(lambda: joined(feed), 30)
    finally:
        killed.kill()
        await killed.wait()
    # A server throws a silent member out after its session's timeout. This one never does, but
    # begins its groups anew when it is started anew.
    await asyncio.to_thread(flowing.half.wait)
    await asyncio.to_thread(kafka.stop)
    await asyncio.to_thread(kafka.start)
    flowing.go_on.set()
    lines = path.read_bytes().split(b"\n")[:-1]  # the last may be torn
    read = [int(line) for line in lines]
    await wait_for(lambda: complete(read, numbers(outlet)), 60)
    again = twice(read + numbers(outlet))
    record_property("events", MANY)
    record_property("duplicates", len(again))
    assert all(n // 4 >= committed.get(n % 4, 0) for n in again)
    assert not twice(numbers(outlet))


@pytest.mark.parametrize("group", ["group", None])
async def test_a_server_is_killed_and_comes_back(kafka, running, group):
    kafka.create("flow", 4)
    outlet = RecordingOutlet()
    kafka.produce("flow", [{"n": n} for n in range(1000)])
    running(source(kafka, group=group), outlet)
    await wait_for(lambda: set(numbers(outlet)) == set(range(1000)), 30)
    await asyncio.to_thread(kafka.saved)
    kafka.kill()
    await wait_for(lambda: outlet.states[-1][0] is State.RECONNECTING, 30)
    assert outlet.states[-1][1] == f"nothing answers at {kafka.servers}"
    await asyncio.to_thread(kafka.start)
    await wait_for(lambda: outlet.states[-1][0] is State.LIVE, 30)
    await asyncio.to_thread(kafka.produce, "flow", [{"n": n} for n in range(1000, 2000)])
    await wait_for(lambda: set(numbers(outlet)) == set(range(2000)), 60)
    assert not twice(numbers(outlet))
    assert outlet.gaps == []


async def test_a_server_that_has_forgotten_is_read_from_where_it_begins(kafka, running):
    kafka.create("flow")
    outlet = RecordingOutlet()
    kafka.produce("flow", [{"n": n} for n in range(100)])
    running(source(kafka, group=None), outlet)
    await wait_for(lambda: len(numbers(outlet)) == 100, 30)
    await asyncio.to_thread(kafka.saved)
    await asyncio.to_thread(kafka.produce, "flow", [{"n": n} for n in range(100, 200)])
    await wait_for(lambda: len(numbers(outlet)) == 200, 30)
    kafka.kill()  # with it goes what it had not saved
    await asyncio.to_thread(kafka.start)
    await asyncio.to_thread(kafka.produce, "flow", [{"n": n} for n in range(200, 250)])
    await wait_for(lambda: set(numbers(outlet)) == set(range(250)), 60)
    assert [gap[2] for gap in outlet.gaps] == ["flow[0] begins anew at offset 0"]


async def test_a_server_that_is_away_does_not_keep_the_source_from_stopping(kafka, running):
    kafka.create("flow", 4)
    outlet = RecordingOutlet()
    kafka.produce("flow", [{"n": n} for n in range(10)])
    task = running(source(kafka), outlet)
    await wait_for(lambda: len(numbers(outlet)) == 10, 30)
    kafka.kill()
    await wait_for(lambda: outlet.states[-1][0] is State.RECONNECTING, 30)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=4)
    assert done == {task}
    # librdkafka lets a commit under way go after the session's timeout, and then the thread ends.
    await wait_for(lambda: not [t for t in threading.enumerate() if "source" in t.name], 20)


@pytest.mark.parametrize(
    ("patience", "told"),
    [
        ({"backoff": Backoff(0.05, 0.1, attempts=2)}, "gave up after 2 attempts: nothing answers"),
        ({"reconnect": False}, "nothing answers"),
    ],
)
async def test_patience_may_end(kafka, running, patience, told):
    kafka.create("flow", 1)
    kafka.produce("flow", [{"n": 1}])
    outlet = RecordingOutlet()
    task = running(source(kafka, group=None, **patience), outlet)
    await wait_for(lambda: numbers(outlet) == [1], 30)
    kafka.kill()
    with pytest.raises(SourceError, match=told):
        await task
