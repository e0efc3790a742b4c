"""The Redis sink against a real server: killed in mid-stream, other runs, others' entries."""

import msgspec
import pytest

from livewidget import DataStreamer, Schema
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, SinkError
from livewidget.sinks.redis import RedisSink
from livewidget.testing import FaultProxy, RedisServer, wait_until

redis = pytest.importorskip("redis", reason="redis-py is not installed")
SECRET = "a-very-secret-word"
TICKS = Schema.of({"time": "time", "n": "int", "price": "float", "symbol": "text"}, "time")


def ticks(first, stop):
    numbers = range(first, stop)
    return {
        "time": [1.7e9 + n for n in numbers],
        "n": list(numbers),
        "price": [n / 4 for n in numbers],
        "symbol": [f"S{n % 3}" for n in numbers],
    }


def batch(first, stop):
    return Batch.of(ticks(first, stop), TICKS)


@pytest.fixture(scope="module")
def server():
    if not RedisServer.is_available():
        pytest.skip("redis-server is not installed")
    with RedisServer(append=True, password=SECRET) as server:
        yield server


@pytest.fixture
def client(server):
    client = redis.Redis(port=server.port, password=SECRET, protocol=2)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def sink(server, client):
    def made(**options):
        return RedisSink(f"{server.url}/0", password=SECRET, **options)

    return made


def numbers(client, stream="livewidget"):
    return [int(fields[b"n"]) for _, fields in client.xrange(stream)]


async def test_an_entry_has_a_field_for_each_column_that_is_not_missing(sink, client):
    async with sink(run=7) as each:
        rows = {"time": [1.5, 2], "n": [1, -2], "price": [0.1, None], "symbol": [None, "é"]}
        await each.write(Batch.of(rows, TICKS))
    assert client.xrange("livewidget") == [
        (b"7-1", {b"time": b"1970-01-01T00:00:01.500000000Z", b"n": b"1", b"price": b"0.1"}),
        (
            b"7-2",
            {b"time": b"1970-01-01T00:00:02.000000000Z", b"n": b"-2", b"symbol": "é".encode()},
        ),
    ]


async def test_an_entry_may_be_a_message(sink, client):
    async with sink(format="json", times="ns", stream="s") as each:
        await each.write(batch(0, 1))
    ((_, fields),) = client.xrange("s")
    assert msgspec.json.decode(fields[b"data"])["time"] == 1_700_000_000 * 10**9


async def test_what_comes_again_is_not_doubled_but_another_run_is_another(sink, client):
    for each in (sink(), sink()):
        async with each:
            await each.write_from(batch(0, 10), 0)
            await each.write_from(batch(5, 15), 5)
    assert numbers(client) == [*range(15)] * 2


async def test_a_named_run_goes_on_in_the_next_process(sink, client):
    for first in (0, 6):
        async with sink(run=1) as each:
            await each.write_from(batch(first, first + 10), first)
    assert numbers(client) == [*range(16)]


async def test_the_oldest_are_trimmed(sink, client):
    async with sink(max_len=100) as each:
        await each.write(batch(0, 5_000))
        await each.write(batch(5_000, 6_000))
    assert 100 <= client.xlen("livewidget") < 1_000
    assert numbers(client)[-1] == 5_999


async def test_what_others_have_in_the_key_is_told(sink, client):
    client.xadd("livewidget", {"a": 1}, id="9-1")
    with pytest.raises(SettingError, match="entries up to 9-1, which are above"):
        await sink(run=8).open()
    client.set("text", "a")
    with pytest.raises(SettingError, match="text is no stream"):
        await sink(stream="text").open()


async def test_somebody_else_who_adds_is_found_out(sink, client):
    async with sink(run=8) as each:
        await each.write_from(batch(0, 5), 0)
        client.xadd("livewidget", {"a": 1})
        with pytest.raises(SinkError, match="equal or smaller"):
            await each.write_from(batch(5, 10), 5)
        await each.close()
        with pytest.raises(SettingError, match="somebody else"):
            await each.open()


async def test_a_wrong_password_is_in_no_message(server):
    sink = RedisSink(f"redis://:{SECRET}x@127.0.0.1:{server.port}")
    with pytest.raises(SinkError, match="invalid username-password") as raised:
        await sink.open()
    assert SECRET not in f"{raised.value}{sink!r}{sink.name}"


def test_killed_in_mid_stream_nothing_is_lost_or_doubled(server, sink, client):
    streamer = DataStreamer(schema=TICKS)
    try:
        output = streamer.send_to(sink(), batch_rows=500)
        for part in range(20):
            streamer.push(ticks(part * 1_000, part * 1_000 + 1_000))
            if part == 5:
                wait_until(lambda: output.written > 0)
                server.kill()
                wait_until(lambda: output.error)
                server.start()
        wait_until(lambda: output.written == 20_000, 30)
    finally:
        streamer.stop()
        server.start()
    assert numbers(client) == [*range(20_000)]
    assert output.rejected == output.dropped == 0


def test_cut_off_at_any_byte_of_an_answer_nothing_is_lost_or_doubled(server, client):
    with FaultProxy(server.port) as proxy:
        streamer = DataStreamer(schema=TICKS)
        try:
            to = f"redis://127.0.0.1:{proxy.port}"
            output = streamer.send_to(to, password=SECRET, batch_rows=100)
            for part in range(16):
                proxy.cut_after(1 + 47 * part)
                streamer.push(ticks(part * 100, part * 100 + 100))
                wait_until(lambda rows=part * 100 + 100: output.written == rows, 30)
        finally:
            streamer.stop()
    assert numbers(client) == [*range(1_600)]
    assert output.retried > 3
