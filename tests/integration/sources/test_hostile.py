"""Servers that speak nonsense, send without end, or hardly at all: a clear word, and no harm."""

import asyncio
import contextlib
import json
import resource
import threading

import pytest

from livewidget import DataStreamer
from livewidget.buffers.queue import Queue
from livewidget.data.errors import SourceError
from livewidget.data.events import State
from livewidget.pipeline import Apply
from livewidget.resilience import Backoff
from livewidget.sources import PollSource, SseSource, WebSocketSource
from livewidget.testing import WebSocketServer, wait_for, wait_until

MIB = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n"
KINDS = {SseSource: HEAD % b"text/event-stream", PollSource: HEAD % b"application/json"}


@contextlib.asynccontextmanager
async def serving(handle):
    tasks, writers = set(), set()

    async def safely(reader, writer):
        tasks.add(asyncio.current_task())
        writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            await handle(writer)
        writer.close()

    server = await asyncio.start_server(safely, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for writer in writers:  # one that is closed waits until all is sent, and nobody reads it
        writer.transport.abort()
    await asyncio.sleep(0)


def made(kind, address, **options):
    scheme = "ws" if kind is WebSocketSource else "http"
    backoff = Backoff(0.001, 0.01)
    if scheme == "http":
        options["proxy"] = False
    return kind(f"{scheme}://{address}/", backoff=backoff, **options)


def last(outlet):
    """The state that was told last, and its detail."""
    return outlet.states[-1][:2] if outlet.states else (State.WAITING, "")


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("kind", [WebSocketSource, SseSource, PollSource])
async def test_what_is_no_http_is_told(kind, outlet, running):
    async def handle(writer):
        writer.write(b"\x00\xffSSH-2.0-OpenSSH_9\r\n\r\n" * 100)
        await writer.drain()

    async with serving(handle) as address:
        task = running(made(kind, address), outlet)
        # A WebSocket fails at once: no later attempt can make one of it. HTTP is tried again.
        await wait_for(lambda: task.done() or last(outlet)[0] is State.RECONNECTING)
        said = str(task.exception()) if task.done() else last(outlet)[1]
    assert address in said
    assert outlet.data == []


@pytest.mark.parametrize("kind", [SseSource, PollSource])
async def test_an_answer_without_end_is_given_up_in_bounded_memory(kind, outlet, running):
    sent = []

    async def handle(writer):
        writer.write(KINDS[kind] + b'data: {"n": "')
        for _ in range(1_024):  # a GiB, if it were read
            writer.write(b"x" * MIB)
            await writer.drain()
            sent.append(MIB)

    before = peak()
    async with serving(handle) as address:
        running(made(kind, address, max_bytes=MIB, reconnect=True), outlet)
        await wait_for(lambda: outlet.rejected or last(outlet)[0] is State.RECONNECTING, 30)
    assert sum(sent) < 64 * MIB
    assert peak() - before < 128 * MIB
    told = [reason for _, reason in outlet.rejected] + [said for _, said, _ in outlet.states]
    assert any(str(MIB) in each or "event" in each.lower() for each in told)
    assert all(len(payload) <= MIB for payload, _ in outlet.rejected)


async def test_a_message_without_end_ends_a_websocket(outlet, running):
    def told():
        return any("message too big" in said for _, said, _ in outlet.states)

    with WebSocketServer(greeting=[json.dumps({"n": "x" * 3 * MIB})]) as server:
        running(WebSocketSource(server.url, backoff=Backoff(0.001, 0.01)), outlet)
        await wait_for(told)
        await asyncio.to_thread(server.close)  # the client goes on knocking meanwhile
    assert outlet.data == []


@pytest.mark.parametrize("kind", [SseSource, PollSource])
async def test_a_byte_now_and_then_is_not_waited_for_without_end(kind, outlet, running):
    """As one byte a minute: here the patience is cut short, not the wait of the server."""

    async def handle(writer):
        for byte in KINDS[kind]:
            writer.write(bytes([byte]))
            await writer.drain()
        await asyncio.Event().wait()

    async with serving(handle) as address:
        with pytest.raises(SourceError, match="no answer in time"):
            await running(made(kind, address, quiet_s=0.2, reconnect=False), outlet)


async def test_a_websocket_that_says_nothing_is_not_waited_for_without_end(outlet, running):
    with WebSocketServer() as server:
        source = WebSocketSource(server.url, quiet_s=0.2, reconnect=False)
        with pytest.raises(SourceError, match=r"0\.2 s"):
            await running(source, outlet)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("wss://127.0.0.1:9", "nothing answers at 127.0.0.1:9"),
        ("http://no-such-host.invalid", "no-such-host.invalid"),
        ("kafka://127.0.0.1:9/topic", "127.0.0.1:9"),
        ("mqtt://127.0.0.1:9/topic", "127.0.0.1:9"),
    ],
)
def test_a_server_that_is_not_there_is_named(url, words):
    options = {} if url.startswith(("wss", "mqtt", "kafka")) else {"proxy": False}
    with DataStreamer(url, reconnect=False, **options) as streamer:
        assert streamer.wait(30)
        state, detail, _ = streamer.state
    assert state is State.FAILED
    assert words in detail
    assert SourceError.__name__ in detail


def test_a_socket_is_not_read_while_the_queue_is_full():
    """The pressure is felt by the server: what it may send waits in its own socket."""
    held = []

    def wait(columns):
        while held:
            held[0].wait(0.01)
            if held[0].is_set():
                held.clear()
        return {"n": columns["n"]}

    gate = threading.Event()
    held.append(gate)
    message = json.dumps([{"time": 1e9 + n, "n": n} for n in range(1_000)])
    with WebSocketServer() as server:
        streamer = DataStreamer(
            server.url,
            pipeline=[Apply(wait, heavy=True)],
            queue=Queue(rows=5_000, batch_rows=1_000),
        )
        with streamer:
            wait_until(lambda: server.clients)
            sending = threading.Thread(target=lambda: [server.send(message) for _ in range(2_000)])
            sending.start()
            wait_until(lambda: streamer.full)
            received = streamer.account().received
            sending.join(1.0)
            assert sending.is_alive(), "the server is held back"
            # What was under way in the sockets and the library, and no more.
            assert streamer.account().received <= received + 200_000
            waiting = streamer.stats()["queued"]
            assert waiting <= 5_000 + 200_000
            gate.set()
            sending.join(60)
            assert not sending.is_alive()
            wait_until(lambda: streamer.account().received == 2_000_000, 60)
        account = streamer.account()
    assert (account.stored, account.dropped) == (2_000_000, 0)
