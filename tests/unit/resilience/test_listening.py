"""A server that closes forgets no connection that it has just accepted."""

import asyncio
import contextlib
import gc
import socket
import warnings

import pytest
from websockets.asyncio.server import serve

from livewidget.resilience.listening import stop_accepting


async def plain():
    async def greet(reader, writer):
        writer.transport.abort()

    return await asyncio.start_server(greet, "127.0.0.1", 0)


async def websocket():
    async def greet(client):
        client.transport.abort()

    return await serve(greet, "127.0.0.1", 0)


@pytest.mark.parametrize("listen", [plain, websocket])
@pytest.mark.parametrize("turns", range(5))
async def test_who_comes_as_a_server_closes_is_taken_on_or_refused(listen, turns):
    server = await listen()
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        with socket.create_connection(next(iter(server.sockets)).getsockname()) as client:
            for _ in range(turns):  # at one of them it is accepted, and not yet taken on
                await asyncio.sleep(0)
            await stop_accepting(server.sockets)
            server.close()
            client.settimeout(0)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                client.recv(1)
        await asyncio.wait_for(server.wait_closed(), 5)
        gc.collect()
    assert not left_open


async def test_who_comes_after_that_is_not_accepted():
    server = await plain()
    await stop_accepting(server.sockets)
    with socket.create_connection(next(iter(server.sockets)).getsockname(), 0.05) as client:
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            client.recv(1)
        server.close()
