"""The SSE sink, read by hand and by its own source."""

import json

import pytest

from livewidget.data.batch import Batch
from livewidget.resilience import Backoff
from livewidget.sinks import SseSink, sse
from livewidget.sources import SseSource
from livewidget.testing import FaultProxy, wait_for

URL = "sse://127.0.0.1:0/events"


def batch(start, stop, **more):
    numbers = range(start, stop)
    return Batch.of({"time": [1e9 + n for n in numbers], "n": list(numbers)} | more)


def number(event):
    return json.loads(event[-1].removeprefix("data: "))["n"]


async def listening(connect, sink, *headers):
    clients = sink.counts["clients"]
    client = await connect(sink.port)
    status, named, _ = await client.ask("/events", *headers)
    assert (status, named["content-type"]) == (200, "text/event-stream; charset=utf-8")
    await wait_for(lambda: sink.counts["clients"] > clients)
    return client


async def test_events_have_ids_behind_which_a_client_goes_on(connect):
    async with SseSink(URL) as sink:
        client = await listening(connect, sink)
        await sink.write(batch(0, 5))
        events = [await client.event() for _ in range(5)]
        assert [number(each) for each in events] == list(range(5))
        ids = [each[0].removeprefix("id: ") for each in events]
        assert len(set(ids)) == 5
        client.writer.close()
        await wait_for(lambda: not sink.counts["clients"])
        await sink.write(batch(5, 7))
        again = await listening(connect, sink, f"Last-Event-ID: {ids[2]}")
        assert [number(await again.event()) for _ in range(4)] == [3, 4, 5, 6]


@pytest.mark.parametrize(
    "last_id", ["deadbeef-2", "2", "-", "{run}-y", "{run}-" + "9" * 5_000, "{run}-99", ""]
)
async def test_an_id_of_another_run_is_not_taken_for_one_of_this(connect, last_id):
    async with SseSink(URL) as sink:
        await sink.write(batch(0, 5))
        client = await listening(connect, sink, f"Last-Event-ID: {last_id.format(run=sink.run)}")
        await sink.write(batch(5, 6))
        assert number(await client.event()) == 5


async def test_what_the_history_no_longer_holds_is_told_and_counted(connect):
    async with SseSink(URL, buffer_bytes=1_000) as sink:
        client = await listening(connect, sink)
        await sink.write(batch(0, 1))
        event = await client.event()
        await sink.write(batch(1, 101))
        again = await listening(connect, sink, f"Last-Event-ID: {event[0].removeprefix('id: ')}")
        (comment,) = await again.event()
        missed = int(comment.removeprefix(": ").removesuffix(" missed"))
        first = number(await again.event())
        assert 50 < missed == first - 1
        assert sink.missed >= missed


async def test_a_batch_of_lines_is_one_event(connect):
    async with SseSink(URL, format="ndjson") as sink:
        client = await listening(connect, sink)
        await sink.write(batch(0, 3))
        lines = [line.removeprefix("data: ") for line in (await client.event())[1:]]
        assert [json.loads(line)["n"] for line in lines] == [0, 1, 2]


async def test_a_silent_stream_has_a_heartbeat(connect, monkeypatch):
    monkeypatch.setattr(sse, "_HEARTBEAT_S", 0.01)
    async with SseSink(URL) as sink:
        client = await listening(connect, sink)
        assert await client.event() == [": still here"]


async def test_every_numbered_event_reaches_its_own_source_across_cuts(outlet, running):
    async with SseSink(URL) as sink:
        with FaultProxy(sink.port) as proxy:
            url = f"http://127.0.0.1:{proxy.port}/events"
            running(SseSource(url, backoff=Backoff(0.001, 0.01), proxy=False), outlet)
            await wait_for(lambda: sink.counts["clients"])
            for start in range(0, 5_000, 50):
                await sink.write(batch(start, start + 50))
                if start % 1_000 == 0:  # after the first events: an id there is none before them
                    await wait_for(lambda: start in outlet.column("n"))  # noqa: B023
                    proxy.reset()
            await wait_for(lambda: 4_999 in outlet.column("n"))
    assert outlet.column("n") == list(range(5_000))
    assert outlet.gaps == []
    assert sum(state == "reconnecting" for state, _, _ in outlet.states) >= 5


async def test_a_stalled_client_holds_nobody_up(connect, outlet, running):
    async with SseSink(URL, buffer_bytes=100_000) as sink:
        slow = await connect(sink.port, receive_buffer=4096)
        await slow.ask("/events")
        await wait_for(lambda: sink.counts["clients"])
        for start in range(0, 3_000, 10):
            await sink.write(batch(start, start + 10, filling="x" * 4096))
        running(SseSource(f"http://127.0.0.1:{sink.port}/events", proxy=False), outlet)
        await wait_for(lambda: sink.counts["clients"] == 2)
        await sink.write(batch(3_000, 3_001))
        await wait_for(lambda: outlet.column("n") == [3_000])
