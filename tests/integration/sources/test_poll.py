"""Polling a real server: validators, pace, cursor, failures; and the choice between the two."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest

from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.engine.streamer import DataStreamer
from livewidget.resilience import Backoff
from livewidget.resilience.pace import Pace
from livewidget.sources import PollSource, resolve
from livewidget.testing import ManualClock, wait_for, wait_until

QUICK = {"base_s": 0.001, "cap_s": 0.01}


def source(url, **options):
    backoff = Backoff(**QUICK)
    return PollSource(url, **{"backoff": backoff, "proxy": False, "interval": 0.01} | options)


def states(outlet):
    return [state for state, _, _ in outlet.states]


async def test_what_is_new_is_taken_once_and_the_server_is_spared_the_rest(http, outlet, running):
    http.set([{"time": 1, "n": 1}, {"time": 2, "n": 2}])
    running(source(f"{http.url}/state"), outlet)
    await wait_for(lambda: outlet.column("n") == [1, 2])
    await wait_for(lambda: len(http.requests) > 4)
    assert "if-none-match" in http.requests[-1][1]
    http.set({"time": 3, "n": 3})
    await wait_for(lambda: outlet.column("n") == [1, 2, 3])
    assert states(outlet) == [State.WAITING, State.LIVE]


async def raw_server(documents, seen):
    """A server by hand that knows no validators: it answers with one document after the other."""
    left = list(documents)

    async def speak(reader, writer):
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                seen.append(request.split()[1].decode())
                body = left.pop(0) if len(left) > 1 else left[0]
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
        except asyncio.IncompleteReadError:
            writer.close()

    return await asyncio.start_server(speak, "127.0.0.1", 0)


def address(server):
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/state"


async def test_an_answer_with_times_is_taken_once_and_one_without_is_a_reading(outlet, running):
    seen = []
    same = [b'{"time": 1, "n": 1}'] * 3 + [b'{"n": 2}'] * 3 + [b'{"time": 9, "n": 9}']
    async with await raw_server(same, seen) as server:
        task = running(source(address(server)), outlet)
        await wait_for(lambda: 9 in outlet.column("n"))
        await wait_for(lambda: len(seen) > 10)
        task.cancel()
        await asyncio.wait([task])
    assert outlet.column("n") == [1, 2, 2, 2, 9]


async def test_a_cursor_asks_for_what_is_newer(outlet, running):
    seen = []
    pages = [b'[{"id": 1}, {"id": 7}]', b"[]", b'[{"id": 8}]', b"[]"]
    async with await raw_server(pages, seen) as server:
        task = running(source(f"{address(server)}?key=a", cursor=("after", "id")), outlet)
        await wait_for(lambda: len(seen) > 4)
        task.cancel()
        await asyncio.wait([task])
    assert outlet.column("id") == [1, 7, 8]
    asked = [parse_qs(urlsplit(each).query) for each in seen[:4]]
    assert [each.get("after") for each in asked] == [None, ["7"], ["7"], ["8"]]
    assert all(each["key"] == ["a"] for each in asked)


async def test_a_cursor_stands_beside_fields_that_are_paths(outlet, running):
    seen = []
    pages = [b'[{"data": {"n": 5}, "meta": {"id": 7}}]', b"[]"]
    options = {"fields": {"n": "data.n"}, "cursor": ("after", "meta.id")}
    async with await raw_server(pages, seen) as server:
        task = running(source(f"{address(server)}?key=a", **options), outlet)
        await wait_for(lambda: len(seen) > 2)
        task.cancel()
        await asyncio.wait([task])
    assert outlet.column("n") == [5]
    assert parse_qs(urlsplit(seen[1]).query)["after"] == ["7"]


async def test_a_failing_server_is_reconnecting_and_leaves_a_gap(http, outlet, running):
    http.set({"n": 1})
    running(source(f"{http.url}/state", time="time"), outlet)
    await wait_for(lambda: 1 in outlet.column("n"))
    http.fail(503)
    await wait_for(lambda: states(outlet).count(State.RECONNECTING) > 2)
    http.set({"n": 2})
    http.mend()
    await wait_for(lambda: 2 in outlet.column("n"))
    assert outlet.gaps == [(None, None, "the server did not answer")]
    assert states(outlet)[-1] is State.LIVE
    http.stop()
    await wait_for(lambda: "nothing answers at" in outlet.states[-1][1])


async def test_retry_after_is_waited_for(http, outlet, running):
    clock = ManualClock()
    http.fail(429, retry_after="30")
    task = running(source(f"{http.url}/state", clock=clock), outlet)
    await wait_for(lambda: clock.sleepers)
    clock.advance(29.9)
    await asyncio.sleep(0.02)
    assert len(http.requests) == 1
    clock.advance(0.2)
    await wait_for(lambda: len(http.requests) == 2)
    task.cancel()


async def test_what_cannot_be_read_is_rejected_and_asked_for_again(http, outlet, running):
    http.set(b"<html>")
    running(source(f"{http.url}/state", max_bytes=1_000), outlet)
    await wait_for(lambda: len(outlet.rejected) == 1)
    http.set(b'{"n": "' + b"x" * 10_000 + b'"}')
    await wait_for(lambda: "more than 1000 bytes" in outlet.rejected[-1][1])
    assert len(outlet.rejected[-1][0]) == 1_000
    http.set({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])


async def test_a_page_that_is_not_there_fails_at_once(http, outlet, running):
    http.fail(404)
    with pytest.raises(SourceError, match="answers HTTP 404"):
        await running(source(f"{http.url}/state"), outlet)


def test_a_pace_follows_what_changes_between_its_bounds():
    pace = Pace(least=1.0, most=10.0)
    waits = [pace.next(new=False) for _ in range(8)]
    assert waits[0] == 1.5
    assert waits[-1] == 10.0
    assert [pace.next(new=True) for _ in range(4)] == [5.0, 2.5, 1.25, 1.0]
    assert Pace(3.0).next(new=True) == 3.0
    for bad in ({"interval": 0}, {"least": 5.0, "most": 1.0}):
        with pytest.raises(SettingError):
            Pace(**bad)


@pytest.mark.parametrize("path", ["events", "state"])
def test_a_url_is_what_the_server_answers(http, path):
    http.set([{"time": 1e9, "y": 1.5}])
    http.fail(503)
    options = {"backoff": Backoff(**QUICK), "proxy": False}
    with DataStreamer(f"{http.url}/{path}", time="time", columns=("y",), **options) as streamer:
        wait_until(lambda: streamer.state[2] > 1)
        http.mend()
        wait_until(lambda: streamer.state[0] is State.LIVE)
        http.send({"time": 1e9, "y": 1.5, "deep": {}}, {"beat": 1})
        wait_until(lambda: streamer.account().received)
        assert streamer.to_dataframe()["y"].tolist() == [1.5]
        assert streamer.state[0] is State.LIVE
        wait_until(lambda: path == "state" or streamer.account().rejected == 1)


def test_the_rate_is_the_interval_where_one_is_set(http):
    source = resolve(f"{http.url}/state", interval=2.0)
    assert source.interval == 2.0
    streamer = DataStreamer(source, sampling_rate=4.0)
    assert source.interval == 0.25
    assert resolve(f"{http.url}/state").interval is None
    del streamer
