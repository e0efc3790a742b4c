import asyncio
import contextlib
import socket
import threading
import time

import pytest

from livewidget.data.errors import SettingError
from livewidget.testing import FaultProxy, lines, wait_for
from livewidget.testing.loop_thread import LoopThread


class Echo:
    """A TCP server that sends back what it gets."""

    def __init__(self):
        self.thread = LoopThread("echo")
        self.server = self.thread.run(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while chunk := await reader.read(1000):
                writer.write(chunk)
        except OSError:
            pass
        finally:
            writer.close()


@pytest.fixture
def proxy():
    before = threading.active_count()
    echo = Echo()
    with FaultProxy(echo.port, splitter=lines) as proxy:
        yield proxy
    echo.thread.post(echo.server.close)
    echo.thread.close()
    assert threading.active_count() == before


async def says(proxy):
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_it_passes_bytes_on_and_counts_them(proxy):
    reader, writer = await says(proxy)
    writer.write(b"hell\n")
    assert await reader.readexactly(5) == b"hell\n"
    await wait_for(lambda: proxy.passed == 10)
    assert proxy.connections == 1
    writer.close()
    await wait_for(lambda: proxy.connections == 0)


async def test_delay_holds_bytes_back(proxy):
    proxy.delay(0.05)
    reader, writer = await says(proxy)
    begun = time.monotonic()
    writer.write(b"\n")
    await reader.readexactly(1)
    assert time.monotonic() - begun >= 0.1
    writer.close()


async def test_drop_swallows_bytes_and_keeps_the_connection(proxy):
    reader, writer = await says(proxy)
    proxy.drop()
    writer.write(b"lost\n")
    await wait_for(lambda: proxy.dropped == 5)
    proxy.heal()
    writer.write(b"hear\n")
    assert await reader.readexactly(5) == b"hear\n"
    writer.close()


async def test_half_open_is_silent_until_healed(proxy):
    reader, writer = await says(proxy)
    proxy.half_open()
    writer.write(b"late\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
    proxy.heal()
    assert await reader.readexactly(5) == b"late\n"
    writer.close()


async def test_cut_resets_old_and_new_connections(proxy):
    reader, writer = await says(proxy)
    writer.write(b"\n")
    await reader.readexactly(1)
    proxy.cut()
    assert await _ended(reader)
    with contextlib.suppress(ConnectionResetError):  # it may not even come to be
        late_reader, late_writer = await says(proxy)
        assert await _ended(late_reader)
        late_writer.close()
    proxy.heal()
    again_reader, again_writer = await says(proxy)
    again_writer.write(b"\n")
    assert await again_reader.readexactly(1) == b"\n"
    for each in (writer, again_writer):
        each.close()


async def test_throttle_carries_so_many_bytes_a_second(proxy):
    proxy.throttle(10_000)
    reader, writer = await says(proxy)
    begun = time.monotonic()
    writer.write(b"x" * 999 + b"\n")
    await reader.readexactly(1_000)
    # There a tenth of a second, and back but for its last piece; less shows no throttle.
    assert time.monotonic() - begun >= 0.15
    writer.close()


@pytest.mark.parametrize("count", [1, 7, 12, 13])
async def test_a_cut_falls_behind_exactly_so_many_bytes(proxy, count):
    proxy.cut_after(count)
    heard = b""

    def listen():  # asyncio would forget what came before a reset
        nonlocal heard
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
            client.sendall(b"line\n" * 3)
            while chunk := client.recv(1):
                heard += chunk

    with pytest.raises(ConnectionResetError):
        await asyncio.to_thread(listen)
    assert heard == (b"line\n" * 3)[:count]
    reader, writer = await says(proxy)
    writer.write(b"line\n")
    assert await reader.readexactly(5) == b"line\n"
    writer.close()


async def test_who_connects_is_refused_while_old_connections_go_on(proxy):
    reader, writer = await says(proxy)
    await wait_for(lambda: proxy.connections == 1)
    port = proxy.port
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await says(proxy)
    writer.write(b"\n")
    assert await reader.readexactly(1) == b"\n"
    proxy.heal()
    assert proxy.port == port
    _, late_writer = await says(proxy)
    for each in (writer, late_writer):
        each.close()


async def test_each_so_manyth_message_comes_twice(proxy):
    proxy.duplicate(every=2)
    reader, writer = await says(proxy)
    writer.write(b"1\n2\n3\n4\n5\n")
    assert await reader.readexactly(14) == b"1\n2\n2\n3\n4\n4\n5\n"
    assert proxy.duplicated == 2
    proxy.heal()
    writer.write(b"6\n7\n")
    assert await reader.readexactly(4) == b"6\n7\n"
    writer.close()


async def test_neighbours_change_places_and_none_is_held_for_good(proxy):
    proxy.reorder(within=5)
    reader, writer = await says(proxy)
    sent = [b"%d\n" % n for n in range(1, 98)]
    writer.writelines(sent)
    heard = [await asyncio.wait_for(reader.readline(), 5) for _ in sent]
    assert heard != sent
    assert heard[0] == sent[0]
    for low in range(1, 96, 5):  # the last of them are held for a moment only
        assert sorted(heard[low : low + 5], key=int) == sent[low : low + 5]
    assert proxy.reordered == sum(a != b for a, b in zip(heard, sent, strict=True))
    writer.close()


async def test_an_unfinished_message_is_sent_on_where_the_server_ends():
    async def serve(reader, writer):
        writer.write(b"whole\npart")
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    with FaultProxy(server.sockets[0].getsockname()[1], splitter=lines) as proxy:
        reader, writer = await says(proxy)
        assert await reader.readexactly(6) == b"whole\n"
        writer.write(b"x")
        assert await reader.read() == b"part"
        writer.close()
    server.close()


def test_what_cannot_be_is_refused():
    with FaultProxy(1) as proxy:
        with pytest.raises(SettingError, match="splitter"):
            proxy.duplicate(every=2)
        with pytest.raises(SettingError, match="bytes_per_s is a number above 0, got 0"):
            proxy.throttle(0)


def test_one_message_has_no_neighbours(proxy):
    with pytest.raises(SettingError, match="within is a whole number from 2 up, got 1"):
        proxy.reorder(within=1)


async def _ended(reader):
    try:
        return await asyncio.wait_for(reader.read(1), 5) == b""
    except ConnectionError:
        return True


async def test_a_client_for_whom_it_is_still_connecting_is_not_left_behind(proxy, monkeypatch):
    asked, connect = threading.Event(), asyncio.open_connection

    async def hang(host, port):
        if port == proxy.port:
            return await connect(host, port)
        asked.set()
        return await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "open_connection", hang)
    reader, writer = await says(proxy)
    await wait_for(asked.is_set)
    await asyncio.to_thread(proxy.close)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), 5)
    writer.close()
