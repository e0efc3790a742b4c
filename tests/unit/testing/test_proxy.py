import asyncio
import threading
import time

import pytest

from livewidget.testing import FaultProxy, wait_for
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
    with FaultProxy(echo.port) as proxy:
        yield proxy
    echo.thread.post(echo.server.close)
    echo.thread.close()
    assert threading.active_count() == before


async def says(proxy):
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_it_passes_bytes_on_and_counts_them(proxy):
    reader, writer = await says(proxy)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    await wait_for(lambda: proxy.passed == 10)
    assert proxy.connections == 1
    writer.close()
    await wait_for(lambda: proxy.connections == 0)


async def test_delay_holds_bytes_back(proxy):
    proxy.delay(0.05)
    reader, writer = await says(proxy)
    begun = time.monotonic()
    writer.write(b"x")
    await reader.readexactly(1)
    assert time.monotonic() - begun >= 0.1
    writer.close()


async def test_drop_swallows_bytes_and_keeps_the_connection(proxy):
    reader, writer = await says(proxy)
    proxy.drop()
    writer.write(b"lost")
    await wait_for(lambda: proxy.dropped == 4)
    proxy.heal()
    writer.write(b"heard")
    assert await reader.readexactly(5) == b"heard"
    writer.close()


async def test_half_open_is_silent_until_healed(proxy):
    reader, writer = await says(proxy)
    proxy.half_open()
    writer.write(b"later")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
    proxy.heal()
    assert await reader.readexactly(5) == b"later"
    writer.close()


async def test_cut_resets_old_and_new_connections(proxy):
    reader, writer = await says(proxy)
    writer.write(b"x")
    await reader.readexactly(1)
    proxy.cut()
    assert await _ended(reader)
    late_reader, late_writer = await says(proxy)
    assert await _ended(late_reader)
    proxy.heal()
    again_reader, again_writer = await says(proxy)
    again_writer.write(b"y")
    assert await again_reader.readexactly(1) == b"y"
    for each in (writer, late_writer, again_writer):
        each.close()


async def _ended(reader):
    try:
        return await asyncio.wait_for(reader.read(1), 5) == b""
    except ConnectionError:
        return True
