"""The document to poll, asked by hand and by its own source."""

import asyncio
import json

import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import SinkError
from livewidget.sinks import HttpSink
from livewidget.sources import PollSource
from livewidget.testing import wait_for

URL = "http://127.0.0.1:0/latest"


def batch(start, stop):
    numbers = range(start, stop)
    return Batch.of({"time": [1e9 + n for n in numbers], "n": list(numbers)})


async def numbers(client, target):
    status, named, body = await client.ask(target)
    assert (status, named["content-type"]) == (200, "application/json")
    return [int(each["n"]) for each in json.loads(body)]


async def test_the_newest_are_answered_and_those_behind_a_cursor(connect):
    async with HttpSink(URL, newest=3) as sink:
        client = await connect(sink.port)
        assert await numbers(client, "/latest") == []
        await sink.write(batch(0, 10))
        assert await numbers(client, "/latest") == [7, 8, 9]
        assert await numbers(client, "/latest?newest=5") == [5, 6, 7, 8, 9]
        assert await numbers(client, "/latest?newest=500") == list(range(10))
        assert await numbers(client, "/latest?since=0") == list(range(10))
        cursors = [each["cursor"] for each in json.loads((await client.ask("/latest"))[2])]
        assert await numbers(client, f"/latest?since={cursors[0]}") == [8, 9]
        assert await numbers(client, f"/latest?since={cursors[-1]}") == []
        assert await numbers(client, "/latest?since=4711") == list(range(10)), "another run's"
        assert sink.counts == {"asked": 9}


async def test_what_has_not_changed_is_not_sent_again(connect):
    async with HttpSink(URL) as sink:
        await sink.write(batch(0, 1))
        client = await connect(sink.port)
        _, named, body = await client.ask("/latest")
        known = f"If-None-Match: {named['etag']}"
        assert body
        status, named, body = await client.ask("/latest", known)
        assert (status, body, "content-length" in named) == (304, b"", False)
        await sink.write(batch(1, 2))
        assert (await client.ask("/latest", known))[0] == 200


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/other", "GET", 404),
        ("/latest", "POST", 405),
        ("/latest?since=x", "GET", 400),
        ("/latest?newest=-1", "GET", 400),
        ("/latest?since=" + "9" * 5_000, "GET", 400),
        ("/" + "x" * 20_000, "GET", 431),
    ],
)
async def test_a_wrong_question_has_its_status_and_the_next_client_its_answer(
    connect, target, method, status
):
    async with HttpSink(URL) as sink:
        client = await connect(sink.port)
        assert (await client.ask(target, method=method))[0] == status
        assert await numbers(await connect(sink.port), "/latest") == []


async def test_every_numbered_event_reaches_its_own_source(outlet, running):
    async with HttpSink(URL) as sink:
        url = f"http://127.0.0.1:{sink.port}/latest?since=0"
        cursor = ("since", "cursor")
        running(PollSource(url, interval=0.01, cursor=cursor, proxy=False), outlet)
        for start in range(0, 20_000, 200):
            await sink.write(batch(start, start + 200))
        # Cheap to ask: it is asked again and again, on the loop that does the work.
        await wait_for(lambda: sum(len(each["n"]) for each in outlet.data) >= 20_000, 30)
    assert outlet.column("n") == list(range(20_000))


async def test_a_field_of_the_servers_own_name_is_refused():
    async with HttpSink(URL) as sink:
        with pytest.raises(SinkError, match="'cursor' is the server's own"):
            await sink.write(Batch.of({"time": [1e9], "cursor": [1]}))


async def test_closing_leaves_no_task_and_waits_for_nobody(connect):
    before = asyncio.all_tasks()
    async with HttpSink(URL) as sink:
        client = await connect(sink.port)
        await client.ask("/latest")  # and stays
    assert asyncio.all_tasks() == before
    assert await client.reader.read() == b""
