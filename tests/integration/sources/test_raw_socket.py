"""The client against a server that shares no code with it: RFC 6455 by hand."""

import asyncio
import base64
import hashlib
import re
import struct

from livewidget.data.events import State
from livewidget.resilience import Backoff
from livewidget.resilience.listening import stop_accepting
from livewidget.sources import resolve
from livewidget.testing import wait_for

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TEXT, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x0, 0x8, 0x9, 0xA


def frame(opcode, payload, *, final=True):
    head = bytes([(0x80 if final else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    return head + bytes([126]) + struct.pack("!H", len(payload)) + payload


async def shake_hands(reader, writer):
    request = await reader.readuntil(b"\r\n\r\n")
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", request, re.IGNORECASE).group(1)
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    return request


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    assert second & 0x80, "a client masks what it sends"
    assert second & 0x7F < 126
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(second & 0x7F)
    return first & 0xF, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


async def serve(handle):
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_fragments_pings_and_split_bytes_are_understood(outlet, running):
    heard = []

    async def handle(reader, writer):
        await shake_hands(reader, writer)
        message = frame(TEXT, b'{"n": 1}') + frame(PING, b"are you there")
        message += frame(TEXT, b'{"n"', final=False) + frame(CONTINUATION, b": 2}")
        for byte in message:  # one byte a packet
            writer.write(bytes([byte]))
            await writer.drain()
        while len(heard) < 2:
            heard.append(await read_frame(reader))
        writer.write(frame(CLOSE, struct.pack("!H", 1000)))
        heard.append(await read_frame(reader))
        writer.close()

    server, url = await serve(handle)
    async with server:
        source = resolve(url, subscribe="hello", reconnect=False)
        await running(source, outlet)
    assert outlet.column("n") == [1, 2]
    assert sorted(heard[:2]) == [(TEXT, b"hello"), (PONG, b"are you there")]
    assert heard[2][0] == CLOSE


async def test_a_broken_protocol_is_a_lost_connection(outlet, running):
    async def handle(reader, writer):
        await shake_hands(reader, writer)
        writer.write(frame(TEXT, b'{"n": 1}') + b"\x83\x00")  # an opcode that there is not
        await reader.read()
        writer.close()

    server, url = await serve(handle)
    async with server:
        running(resolve(url, ping_s=0.05, backoff=Backoff(0.001, 0.01)), outlet)
        await wait_for(lambda: len(outlet.data) >= 2)
        await stop_accepting(server.sockets)
    reconnecting = [each for each in outlet.states if each[0] is State.RECONNECTING]
    assert "1002" in reconnecting[0][1]
