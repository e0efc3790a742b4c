import asyncio
import json
import math

import pytest

from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.resilience import Backoff
from livewidget.sources import WebSocketHub, WebSocketSource
from livewidget.testing import FaultProxy, RecordingOutlet, WebSocketServer, wait_for

QUICK = {"base_s": 0.001, "cap_s": 0.01}


def hub_of(server, **options):
    return WebSocketHub(server.url, **{"key": "s", "backoff": Backoff(**QUICK)} | options)


def channel(hub, key, **options):
    return hub.channel(key, subscribe={"sub": key}, unsubscribe={"unsub": key}, **options)


def asked(server):
    return [json.loads(each) for each in server.received]


@pytest.fixture
def start(running):
    def start(source):
        outlet = RecordingOutlet()
        outlet.task = running(source, outlet)
        return outlet

    return start


async def stop(*outlets):
    for outlet in outlets:
        outlet.task.cancel()
    await asyncio.wait([outlet.task for outlet in outlets])


async def subscribed(server, *keys):
    await wait_for(lambda: asked(server) == [{"sub": key} for key in keys])


async def test_one_connection_serves_each_channel_its_own(server, start):
    hub = hub_of(server)
    one, two = start(channel(hub, "one")), start(channel(hub, "two"))
    await subscribed(server, "one", "two")
    server.send({"s": "one", "n": 1}, {"s": "two", "n": 2}, {"s": "one", "n": 3})
    server.send({"s": "three", "n": 4}, "no JSON", {"result": None})
    await wait_for(lambda: hub.unclaimed == 3)
    await wait_for(lambda: one.column("n") == [1, 3] and two.column("n") == [2])
    assert server.clients == len(server.requests) == 1
    assert [state for state, _, _ in one.states] == [State.WAITING, State.LIVE]


async def test_a_channel_comes_and_goes_while_the_others_stay(server, start):
    hub = hub_of(server)
    one = start(channel(hub, "one"))
    await wait_for(lambda: one.states[-1:] and one.states[-1][0] is State.LIVE)
    two, again = start(channel(hub, "two")), start(channel(hub, "two"))
    await subscribed(server, "one", "two")
    assert [state for state, _, _ in two.states] == [State.LIVE]
    server.send({"s": "two", "n": 1})
    await wait_for(lambda: two.column("n") == again.column("n") == [1])
    await stop(two)
    assert len(asked(server)) == 2  # another source of the same key is there still
    await stop(again)
    await wait_for(lambda: asked(server)[2:] == [{"unsub": "two"}])
    await stop(one)
    await wait_for(lambda: not server.clients)
    assert hub.open_connections == 0
    anew = start(channel(hub, "one"))
    await wait_for(lambda: asked(server)[3:] == [{"sub": "one"}])
    server.send({"s": "one", "n": 2})
    await wait_for(lambda: anew.column("n") == [2])


async def test_after_a_cut_all_are_subscribed_again_and_have_a_gap(server, start):
    hub = hub_of(server)
    one, two, silent = (start(channel(hub, key)) for key in ("one", "two", "silent"))
    await subscribed(server, "one", "two", "silent")
    server.send({"s": "one", "n": 1}, {"s": "two", "n": 1})
    await wait_for(lambda: one.data and two.data)
    server.cut()
    await wait_for(lambda: len(asked(server)) == 6)
    assert asked(server)[3:] == asked(server)[:3]
    server.send({"s": "one", "n": 2}, {"s": "silent", "n": 2})
    await wait_for(lambda: one.column("n") == [1, 2] and silent.column("n") == [2])
    assert one.gaps == [(None, None, "the connection was lost")]
    assert silent.gaps == two.gaps == []  # nothing before, nothing behind it yet
    server.send({"s": "two", "n": 2})
    await wait_for(lambda: two.gaps)
    assert State.RECONNECTING in {state for state, _, _ in silent.states}


@pytest.fixture
def plain_server():
    """What is sent takes its room on the way: it is not compressed."""
    with WebSocketServer(compression=None) as server:
        yield server


async def test_a_slow_channel_holds_the_connection_back_and_nothing_is_lost(plain_server, start):
    server = plain_server
    hub = hub_of(server, queue_bytes=10_000)
    slow, fast = start(channel(hub, "slow")), start(channel(hub, "fast"))
    await subscribed(server, "slow", "fast")
    slow.hold()
    sending = asyncio.create_task(asyncio.to_thread(_flood, server, 3_000, 10_000))
    await wait_for(lambda: hub._lines[0].full)
    with pytest.raises(TimeoutError):
        await wait_for(sending.done, 2.0)
    assert hub._lines[0].full
    held = len(fast.column("n"))
    slow.release()
    await sending
    for outlet in (slow, fast):
        await wait_for(lambda: outlet.column("n") == list(range(3_000)))  # noqa: B023
        assert outlet.gaps == []
    assert held < 3_000


async def test_or_its_own_messages_are_dropped_counted_and_a_gap(server, start):
    hub = hub_of(server, queue_bytes=10_000, overflow="drop")
    source = channel(hub, "slow")
    slow, fast = start(source), start(channel(hub, "fast"))
    await subscribed(server, "slow", "fast")
    server.send({"s": "slow", "n": -1})
    await wait_for(lambda: slow.data)
    slow.hold()
    await asyncio.to_thread(_flood, server, 2_000, 1_000)
    await wait_for(lambda: fast.column("n") == list(range(2_000)))
    slow.release()
    await wait_for(lambda: not source._queue._items)
    server.send({"s": "slow", "n": math.inf})
    await wait_for(lambda: slow.column("n")[-1] == math.inf)
    kept = slow.column("n")
    assert 0 < source.dropped == 2_002 - len(kept)
    assert kept == sorted(kept)
    assert slow.gaps == [(None, None, "the channel did not keep up")]
    await stop(slow)
    assert source.dropped == 2_002 - len(kept)


def _flood(server, count, size):
    for n in range(0, count, 1_000):
        each = range(n, n + 1_000)
        server.send(*({"s": s, "n": m, "x": "x" * size} for m in each for s in ("slow", "fast")))


async def test_many_channels_lie_evenly_on_the_connections(server, start):
    hub = hub_of(server, connections=4)
    outlets = [start(channel(hub, f"c{n}")) for n in range(200)]
    await wait_for(lambda: len(server.received) == 200)
    assert server.clients == hub.open_connections == 4
    assert {len(line.channels) for line in hub._lines} == {50}
    server.send(*({"s": f"c{n % 200}", "n": n} for n in range(2_000)))
    # The server sends all to every client: three of four are for nobody there.
    await wait_for(lambda: hub.unclaimed == 6_000)
    await wait_for(lambda: all(len(outlet.column("n")) == 10 for outlet in outlets))
    assert [outlet.column("n")[3] for outlet in outlets] == [600 + n for n in range(200)]


async def test_two_hundred_sources_run_in_one_process(server, start):
    outlets = [start(WebSocketSource(server.url)) for _ in range(200)]
    await wait_for(lambda: server.clients == 200, 30)
    server.send(*({"n": n} for n in range(50)))
    await wait_for(lambda: all(each.column("n") == list(range(50)) for each in outlets), 30)
    await stop(*outlets)
    await wait_for(lambda: not server.clients)


async def test_the_part_of_a_message_that_has_the_events(server, start):
    hub = hub_of(server, key="stream", payload="data")
    one = start(hub.channel("a@trade"))
    await wait_for(lambda: server.clients)
    server.send({"stream": "a@trade", "data": {"p": 1.5}}, {"stream": "a@trade"})
    server.send({"stream": "a@trade", "data": [{"p": 2.5}, {"p": 3.5}]})
    await wait_for(lambda: one.column("p") == [1.5, 2.5, 3.5])
    assert hub.unclaimed == 1


async def test_a_function_tells_whose_a_message_is(server, start):
    hub = hub_of(server, key=lambda message: {b"1": "one", b"2": 2}[message[:1]])
    one = start(hub.channel("one"))
    await wait_for(lambda: server.clients)
    server.send("1", '2{"n": 2}', "boom")
    await wait_for(lambda: hub.unclaimed == 2 and one.rejected)
    assert one.rejected[0][0] == 1


async def test_one_bad_message_is_rejected_at_its_channel(server, start):
    hub = hub_of(server)
    one = start(channel(hub, "one", needs=["n"]))
    await wait_for(lambda: server.clients)
    server.send({"s": "one", "m": 1}, {"s": "one", "n": 2})
    await wait_for(lambda: one.column("n") == [2])
    assert len(one.rejected) == 1


async def test_what_ends_the_connection_ends_all_channels(server, start):
    hub = hub_of(server, reconnect=False)
    one, two = start(channel(hub, "one")), start(channel(hub, "two"))
    await subscribed(server, "one", "two")
    server.send({"s": "one", "n": 1})
    server.dismiss()
    await asyncio.wait([one.task, two.task])
    assert one.task.exception() is two.task.exception() is None
    assert one.column("n") == [1]
    three, four = start(channel(hub, "three")), start(channel(hub, "four"))
    await wait_for(lambda: len(server.received) == 4)
    server.cut()
    await asyncio.wait([three.task, four.task])
    for outlet in (three, four):
        assert isinstance(outlet.task.exception(), SourceError)
        assert "broke off" in str(outlet.task.exception())
    assert hub.open_connections == 0


async def test_stopping_while_nothing_answers_leaves_nothing(server, start):
    with FaultProxy(server.port) as proxy:
        hub = WebSocketHub(f"ws://127.0.0.1:{proxy.port}", key="s", ping_s=0.2)
        one, two = start(channel(hub, "one")), start(channel(hub, "two"))
        await subscribed(server, "one", "two")
        proxy.half_open()
        await stop(one, two)
        assert hub.open_connections == 0


async def test_channels_of_several_loops_are_told_apart(server, start):
    hub = hub_of(server)
    start(channel(hub, "one"))
    await subscribed(server, "one")

    def other_loop():
        with pytest.raises(SourceError, match="one loop"):
            asyncio.run(channel(hub, "two").run(RecordingOutlet()))

    await asyncio.to_thread(other_loop)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"overflow": "burst"}, "overflow is 'block' or 'drop', got 'burst'"),
        ({"connections": 0}, "connections"),
        ({"queue_bytes": 0}, "queue_bytes"),
        ({"fields": ["a"], "subscribe": "x"}, "fields, subscribe: set on each channel"),
    ],
)
def test_an_impossible_setting_is_refused(options, said):
    with pytest.raises(SettingError, match=said):
        WebSocketHub("ws://host", **options)


def test_no_secret_is_shown():
    hub = WebSocketHub("ws://bob:hunter2@host/?token=tok-123")
    shown = f"{hub!r} {hub.channel('one', subscribe={'key': 'tok-456'})!r}"
    assert shown == "WebSocketHub('ws://host/?…') Channel('one of ws://host/?…')"
