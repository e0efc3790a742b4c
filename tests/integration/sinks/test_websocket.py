"""The WebSocket sink, read by a client made by hand, by its own source and by slow ones."""

import base64
import hashlib
import json
import os
import struct

import pytest

from livewidget.data.batch import Batch
from livewidget.sinks import WebSocketSink
from livewidget.sources import WebSocketSource
from livewidget.testing import wait_for

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TEXT, BINARY, CLOSE = 0x1, 0x2, 0x8
URL = "ws://127.0.0.1:0"


def batch(start, stop, **more):
    numbers = range(start, stop)
    return Batch.of({"time": [1e9 + n for n in numbers], "n": list(numbers)} | more)


async def shake_hands(client, *headers):
    key = base64.b64encode(os.urandom(16))
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    answer = await client.ask("/any", *upgrade, f"Sec-WebSocket-Key: {key.decode()}", *headers)
    expected = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    return answer[0], answer[1].get("sec-websocket-accept") == expected.lower()


async def frame(client):
    first, size = await client.reader.readexactly(2)
    assert size < 128, "a server does not mask"
    if size == 126:
        (size,) = struct.unpack("!H", await client.reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await client.reader.readexactly(8))
    return first, await client.reader.readexactly(size)


@pytest.mark.parametrize(
    ("form", "opcode", "messages"),
    [("json", TEXT, 3), ("ndjson", TEXT, 1), ("msgpack", BINARY, 3)],
)
async def test_a_client_by_hand_reads_whole_frames(connect, form, opcode, messages):
    async with WebSocketSink(URL, format=form) as sink:
        client = await connect(sink.port)
        assert await shake_hands(client) == (101, True)
        await wait_for(lambda: sink.counts["clients"])
        await sink.write(batch(0, 3))
        read = [await frame(client) for _ in range(messages)]
        assert {first for first, _ in read} == {0x80 | opcode}
        if opcode == TEXT:
            lines = b"\n".join(payload for _, payload in read).split(b"\n")
            assert [json.loads(line)["n"] for line in lines] == [0, 1, 2]
        await sink.close()
        assert (await frame(client))[0] == 0x80 | CLOSE


@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_every_numbered_event_reaches_its_own_source(outlet, running, form):
    async with WebSocketSink(URL, format=form) as sink:
        running(WebSocketSource(f"ws://127.0.0.1:{sink.port}", proxy=None), outlet)
        await wait_for(lambda: sink.counts["clients"])
        for start in range(0, 20_000, 200):
            await sink.write(batch(start, start + 200))
    await wait_for(lambda: len(outlet.column("n")) >= 20_000)
    assert outlet.column("n") == list(range(20_000))
    assert outlet.rejected == []
    assert sink.counts == {"clients": 0, "missed": 0, "disconnected": 0}


async def stalled(connect, sink, outlet=None):
    """A client that shakes hands and reads no more, with as much written as no buffer takes.

    Where there is an outlet, its source keeps up.
    """
    clients = sink.counts["clients"]
    client = await connect(sink.port, receive_buffer=4096)
    await shake_hands(client)
    await wait_for(lambda: sink.counts["clients"] > clients)
    for start in range(0, 3_000, 10):
        await sink.write(batch(start, start + 10, filling="x" * 4096))
        if outlet is not None:
            await wait_for(lambda: sum(map(rows, outlet.data)) == start + 10)  # noqa: B023
    return client


def rows(data):
    return len(data["n"])


async def test_a_slow_client_loses_the_oldest_and_holds_nobody_up(connect, outlet, running):
    async with WebSocketSink(URL, buffer_bytes=100_000) as sink:
        client = await stalled(connect, sink)
        running(WebSocketSource(f"ws://127.0.0.1:{sink.port}", proxy=None), outlet)
        await wait_for(lambda: sink.counts["clients"] == 2)
        await sink.write(batch(3_000, 3_001))
        await wait_for(lambda: outlet.column("n") == [3_000])
        numbers = []
        while not numbers or numbers[-1] < 3_000:
            numbers.append(json.loads((await frame(client))[1])["n"])
    assert numbers == sorted(set(numbers))
    assert len(numbers) + sink.missed == 3_001
    assert sink.missed > 1_000


async def test_a_slow_client_may_lose_the_connection_instead(connect, outlet, running):
    async with WebSocketSink(URL, buffer_bytes=100_000, slow="disconnect") as sink:
        running(WebSocketSource(f"ws://127.0.0.1:{sink.port}", proxy=None), outlet)
        await wait_for(lambda: sink.counts["clients"])
        await stalled(connect, sink, outlet)
        await wait_for(lambda: sink.counts["clients"] == 1)
        assert sink.counts == {"clients": 1, "missed": 0, "disconnected": 1}


async def test_web_pages_connect_only_where_they_may(connect):
    async with WebSocketSink(URL, origins=["https://good.example"]) as sink:
        for origin, status in (("https://good.example", 101), ("https://bad.example", 403)):
            client = await connect(sink.port)
            assert (await shake_hands(client, f"Origin: {origin}"))[0] == status


async def test_a_client_that_leaves_is_forgotten_and_a_sink_opens_again(connect):
    sink = WebSocketSink(URL)
    for _ in range(2):
        async with sink:
            client = await connect(sink.port)
            await shake_hands(client)
            await wait_for(lambda: sink.counts["clients"])
            client.writer.transport.abort()
            await wait_for(lambda: not sink.counts["clients"])
            await sink.write(batch(0, 1))
