"""Server-Sent Events from a server of the standard library, and from one spoken by hand."""

import asyncio
import itertools
import logging
import random

import pytest

from livewidget.data.errors import SourceError
from livewidget.data.events import State
from livewidget.engine.streamer import DataStreamer
from livewidget.resilience import Backoff
from livewidget.sources import SseSource
from livewidget.testing import FaultProxy, HttpServer, wait_for, wait_until

QUICK = {"base_s": 0.001, "cap_s": 0.01}


def source(url, **options):
    return SseSource(url, **{"backoff": Backoff(**QUICK), "proxy": False} | options)


def states(outlet):
    return [state for state, _, _ in outlet.states]


async def test_events_arrive_in_order_and_a_bad_one_stops_nothing(http, outlet, running):
    running(source(f"{http.url}/events"), outlet)
    await wait_for(lambda: http.clients)
    http.send({"n": 0}, '{"n":\n1}', "{oops", [{"n": 2}, {"n": 3}])
    http.send(": a comment\n\n", "retry: 20\n\n", "id: 9\n\n", raw=True)
    http.send({"n": 4})
    await wait_for(lambda: outlet.column("n") == list(range(5)))
    assert [payload for payload, _ in outlet.rejected] == [b"{oops"]
    assert states(outlet) == [State.WAITING, State.LIVE]


async def test_only_the_types_asked_for_are_taken(http, outlet, running):
    running(source(f"{http.url}/events", events=["trade"]), outlet)
    await wait_for(lambda: http.clients)
    http.send({"n": 1})
    http.send({"n": 2}, kind="trade")
    await wait_for(lambda: outlet.column("n") == [2])


async def test_after_a_cut_it_goes_on_behind_the_last_id(http, outlet, running):
    running(source(f"{http.url}/events"), outlet)
    for n in range(5):
        await wait_for(lambda: http.clients)
        http.send({"n": n})
        await wait_for(lambda: n in outlet.column("n"))  # noqa: B023
        http.cut()
        await wait_for(lambda: not http.clients or states(outlet)[-1] is State.RECONNECTING)
        http.send({"n": n + 0.5})
    await wait_for(lambda: 4.5 in outlet.column("n"))
    assert outlet.column("n") == [n / 2 for n in range(10)]
    assert outlet.gaps == []
    assert http.requests[-1][1]["last-event-id"] == "8"


async def test_without_ids_what_was_missed_is_a_gap(outlet, running):
    with HttpServer(ids=False) as http:
        running(source(f"{http.url}/events"), outlet)
        await wait_for(lambda: http.clients)
        http.send({"n": 1})
        await wait_for(lambda: outlet.column("n") == [1])
        http.stop()
        await wait_for(lambda: State.RECONNECTING in states(outlet))
        http.send({"n": 2})
        http.start()
        await wait_for(lambda: http.clients)
        assert outlet.gaps == []
        http.send({"n": 3})
        await wait_for(lambda: outlet.column("n") == [1, 3])
        assert outlet.gaps == [(None, None, "the connection was lost")]


async def test_a_farewell_is_followed_by_a_return_or_is_the_end(http, outlet, running):
    task = running(source(f"{http.url}/events", reconnect=False), outlet)
    await wait_for(lambda: http.clients)
    http.dismiss()
    await task
    running(source(f"{http.url}/events"), outlet)
    await wait_for(lambda: http.clients)
    http.dismiss()
    await wait_for(lambda: len(http.requests) == 3 and http.clients)


async def test_no_content_is_the_end_of_the_stream(http, outlet, running):
    http.fail(204)
    await running(source(f"{http.url}/events"), outlet)
    assert states(outlet) == [State.WAITING]


async def test_a_busy_server_is_asked_again_and_a_refusal_is_final(http, outlet, running):
    http.fail(503)
    task = running(source(f"{http.url}/events"), outlet)
    await wait_for(lambda: states(outlet).count(State.RECONNECTING) > 2)
    assert outlet.states[1][1].endswith("answers HTTP 503")
    http.fail(401)
    with pytest.raises(SourceError, match="answers HTTP 401"):
        await task


async def test_what_is_no_stream_says_what_it_is(http, outlet, running):
    with pytest.raises(SourceError, match="answers application/json, not text/event-stream"):
        await running(source(f"{http.url}/state"), outlet)


async def test_a_redirect_is_not_followed_with_the_secrets(http, outlet, running):
    http.fail(307, location="http://elsewhere.example/?token=swordfish")
    url, headers = f"{http.url}/events?key=hunter2", {"X-Key": "hunter2"}
    with pytest.raises(SourceError, match=r"moved to http://elsewhere\.example/") as caught:
        await running(source(url, headers=headers), outlet)
    assert http.requests[0][1]["x-key"] == "hunter2"
    assert "hunter2" not in str(caught.value)
    assert "swordfish" not in str(caught.value)


async def test_no_secret_is_in_a_state_an_error_or_the_log(http, outlet, running, caplog):
    caplog.set_level(logging.DEBUG)
    secrets = ["hunter2", "tok-123", "Bearer abc"]
    url = http.url.replace("//", "//bob:hunter2@") + "/events?token=tok-123"
    running(source(url, headers={"X": "Bearer abc"}), outlet)
    await wait_for(lambda: http.clients)
    http.stop()
    await wait_for(lambda: State.RECONNECTING in states(outlet))
    http.start()
    http.fail(401)
    await wait_for(lambda: len(http.requests) > 1)
    assert http.requests[0][1]["x"] == "Bearer abc"
    said = f"{outlet.states} {caplog.text}"
    assert not [secret for secret in secrets if secret in said]


async def test_an_event_without_end_ends_the_connection(http, outlet, running):
    running(source(f"{http.url}/events", max_bytes=1_000), outlet)
    await wait_for(lambda: http.clients)
    http.send("data: " + "x" * 5_000, raw=True)
    await wait_for(lambda: State.RECONNECTING in states(outlet))
    assert "1000 byte" in outlet.states[2][1]


async def test_silence_is_a_loss_and_a_comment_is_a_sign_of_life(http, outlet, running):
    running(source(f"{http.url}/events", quiet_s=0.2), outlet)
    await wait_for(lambda: http.clients)
    for _ in range(10):
        http.send(": here\n", raw=True)
        await asyncio.sleep(0.05)
    assert State.RECONNECTING not in states(outlet)
    await wait_for(lambda: State.RECONNECTING in states(outlet))
    assert "no answer in time" in outlet.states[2][1]


async def test_a_stream_in_pieces_of_one_byte_spoken_by_hand(outlet, running):
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        b'\xef\xbb\xbfdata: {"n": 1}\r\rdata: {"n":\r\ndata: 2}\r\n\r\n'
        b'event: x\nid: 7\ndata:{"n": 3}\n\ndata: {"n": 4}\n'
    )

    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for place in range(len(answer)):
            writer.write(answer[place : place + 1])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await running(source(url, reconnect=False), outlet)
    assert outlet.column("n") == [1, 2, 3]  # the last one was not finished


async def test_cancelling_closes_the_connection(http, outlet, running):
    task = running(source(f"{http.url}/events"), outlet)
    await wait_for(lambda: http.clients)
    task.cancel()
    await asyncio.wait([task])
    http.send({"n": 1}, {"n": 2})
    await wait_for(lambda: (http.send({"n": 3}), not http.clients)[1])


def test_cuts_lose_nothing_where_the_server_numbers_its_events():
    moments = random.Random(5)
    with HttpServer() as http, FaultProxy(http.port) as proxy:
        url = f"http://127.0.0.1:{proxy.port}/events"
        feed = source(url, backoff=Backoff(0.001, 0.01, rng=random.Random(6)))
        with DataStreamer(feed) as streamer:
            wait_until(lambda: http.clients)
            http.send({"time": 1e9, "n": 0})
            wait_until(lambda: streamer.account().received)  # from here on there is an id
            for n in range(1, 1_000):
                http.send({"time": 1e9 + n, "n": n})
                if n % 50 == moments.randrange(50):
                    proxy.reset()
            wait_until(lambda: streamer.account().received >= 1_000, 20)
            seen = streamer.to_dataframe()["n"].tolist()
    assert seen == list(range(1_000)), list(itertools.pairwise(seen))
