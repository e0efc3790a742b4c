"""The care around a connection: health, silence, a breaker, and how soon it is back."""

import http as status
import random
import time
import traceback

import pytest

from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.resilience import Backoff, CircuitBreaker
from livewidget.sources import PollSource, SseSource, Synthetic, WebSocketSource, allow_list
from livewidget.sources.allow_list import AllowList, Rule
from livewidget.testing import FaultProxy, ManualClock, WebSocketServer, wait_for

CAP_S = 5.0


class Highest(random.Random):
    """Draws the longest wait, so that the worst case is tested."""

    def uniform(self, a: float, b: float) -> float:
        return b


def states(outlet):
    return [state for state, _, _ in outlet.states]


async def test_health_tells_what_happened_to_a_websocket(server, outlet, running):
    clock = ManualClock()
    feed = WebSocketSource(server.url, clock=clock, ping_s=0.5, backoff=Backoff(1.0, 1.0))
    assert (feed.health().state, feed.health().reason) == (State.WAITING, "not connected yet")
    running(feed, outlet)
    await wait_for(lambda: server.clients and feed.health().state is State.LIVE)
    clock.advance(6.0)
    server.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])
    await wait_for(lambda: feed.health().jitter_s is not None)  # two pings at least
    health = feed.health()
    assert (health.state, health.healthy, health.uptime) == (State.LIVE, True, 1.0)
    assert health.reason == "connected for 6 s"
    assert health.silent_s == 0.0
    assert 0 < health.round_trip_s < 1
    server.cut()
    await wait_for(lambda: clock.sleepers)
    clock.advance(1.0)
    await wait_for(lambda: feed.health().reconnects == 1)
    assert feed.health().uptime == pytest.approx(6 / 7)


async def test_health_of_what_is_away_and_of_what_was_stopped(server, outlet, running):
    feed = WebSocketSource(server.url, backoff=Backoff(0.001, 0.01))
    task = running(feed, outlet)
    await wait_for(lambda: server.clients)
    server.stop()
    await wait_for(lambda: "nothing answers" in feed.health().reason)
    assert (feed.health().healthy, feed.health().quality) == (False, 0.0)
    task.cancel()
    await wait_for(task.done)
    assert (feed.health().state, feed.health().reason) == (State.ENDED, "it has ended")


async def test_health_over_http(http, outlet, running):
    http.set({"n": 1})
    feeds = [
        PollSource(f"{http.url}/state", interval=0.01, proxy=False),
        SseSource(f"{http.url}/events", proxy=False),
    ]
    for feed in feeds:
        running(feed, outlet)
    await wait_for(lambda: all(feed.health().state is State.LIVE for feed in feeds))
    await wait_for(lambda: feeds[0].health().jitter_s is not None)
    assert feeds[0].health().round_trip_s < 1
    assert all(feed.health().healthy for feed in feeds)


def test_a_source_without_a_connection_has_no_health():
    assert Synthetic.prices().health() is None


async def test_silence_counts_as_lost_and_a_message_as_life(server, outlet, running):
    clock = ManualClock()
    feed = WebSocketSource(server.url, quiet_s=10.0, clock=clock, backoff=Backoff(0.5, 0.5))
    running(feed, outlet)
    await wait_for(lambda: server.clients and clock.sleepers)
    for n in range(5):
        clock.advance(9.0)
        server.send({"n": n})
        await wait_for(lambda: n in outlet.column("n"))  # noqa: B023
        await wait_for(lambda: clock.sleepers)
    assert states(outlet) == [State.WAITING, State.LIVE]
    clock.advance(10.0)
    await wait_for(lambda: len(outlet.states) == 3)
    host = server.url.removeprefix("ws://")
    assert outlet.states[2] == (State.RECONNECTING, f"no message for 10.0 s from {host}", 1)
    await wait_for(lambda: clock.sleepers)
    clock.advance(0.5)
    await wait_for(lambda: states(outlet)[-1] is State.LIVE)


async def test_a_half_open_connection_is_noticed_by_its_silence(server, outlet, running):
    with FaultProxy(server.port) as proxy:
        feed = WebSocketSource(
            f"ws://127.0.0.1:{proxy.port}", quiet_s=0.3, backoff=Backoff(0.001, 0.01)
        )
        running(feed, outlet)
        await wait_for(lambda: server.clients)
        server.send({"n": 1})
        await wait_for(lambda: outlet.column("n") == [1])
        proxy.half_open()
        await wait_for(lambda: State.RECONNECTING in states(outlet))
        assert "no message for 0.3 s" in outlet.states[2][1]


async def test_while_we_do_not_listen_silence_is_not_the_peers(server, outlet, running):
    clock = ManualClock()
    running(WebSocketSource(server.url, quiet_s=10.0, clock=clock), outlet)
    await wait_for(lambda: server.clients and clock.sleepers)
    outlet.hold()
    server.send({"n": 1})
    for _ in range(5):
        await wait_for(lambda: clock.sleepers)
        clock.advance(10.0)
    assert State.RECONNECTING not in states(outlet)


def test_a_silence_that_cannot_be_is_refused():
    with pytest.raises(SettingError, match="quiet_s is a number of seconds above 0, got 0"):
        WebSocketSource("ws://host", quiet_s=0)


async def test_a_breaker_leaves_an_endpoint_alone_and_says_so(server, outlet, running):
    clock = ManualClock()
    breaker = CircuitBreaker(3, open_s=60.0)
    backoff = Backoff(1.0, 1.0, rng=Highest())
    running(WebSocketSource(server.url, clock=clock, breaker=breaker, backoff=backoff), outlet)
    await wait_for(lambda: server.clients)
    server.stop()
    for failures in (1, 2, 3):
        await wait_for(lambda: len(outlet.states) == 2 + failures and clock.sleepers)  # noqa: B023
        clock.advance(1.0 if failures < 3 else 59.0)
    assert outlet.states[-1][1].startswith("left alone for 60 s: nothing answers")
    server.start()
    assert clock.sleepers
    clock.advance(1.0)
    await wait_for(lambda: server.clients)


async def test_after_a_server_returns_it_is_back_within_one_step(server, outlet, running):
    clock = ManualClock()
    feed = WebSocketSource(server.url, clock=clock, backoff=Backoff(rng=Highest()))
    running(feed, outlet)
    await wait_for(lambda: server.clients)
    server.stop()
    for attempt in range(1, 12):  # far into the cap
        await wait_for(lambda: outlet.states[-1][2] == attempt and clock.sleepers)  # noqa: B023
        clock.advance(CAP_S)
    await wait_for(lambda: outlet.states[-1][2] == 12 and clock.sleepers)
    server.start()
    clock.advance(CAP_S - 0.001)
    assert clock.sleepers  # the worst case: it has just looked
    clock.advance(0.001)
    await wait_for(lambda: server.clients and states(outlet)[-1] is State.LIVE)


async def test_the_same_by_the_clock_on_the_wall(server, outlet, running, record_property):
    running(WebSocketSource(server.url, backoff=Backoff()), outlet)
    await wait_for(lambda: server.clients)
    server.stop()
    await wait_for(lambda: outlet.states[-1][2] >= 4)
    server.start()
    since = time.monotonic()
    await wait_for(lambda: states(outlet)[-1] is State.LIVE, CAP_S + 1.0)  # 1 s for the machine
    record_property("seconds until it was back", round(time.monotonic() - since, 3))


@pytest.mark.parametrize("where", ["option", "environment"])
async def test_no_secret_of_a_proxy_is_shown(server, outlet, running, monkeypatch, where):
    proxy = "http://bobby:hunter2%21@127.0.0.1:99999"  # no such port
    for name in ("http_proxy", "https_proxy", "ws_proxy"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("no_proxy", "")
    options = {"proxy": proxy if where == "option" else True, "reconnect": False}
    url = server.url.replace("127.0.0.1", "feed.example")
    for make, scheme in ((WebSocketSource, "ws:"), (SseSource, "http:"), (PollSource, "http:")):
        with pytest.raises(Exception) as caught:  # noqa: PT011  (whatever is said)
            await running(make(url.replace("ws:", scheme), **options), outlet)
        said = "".join(traceback.format_exception(caught.value)) + str(outlet.states)
        assert "hunter2" not in said
        assert "bobby" not in said


async def test_a_websocket_follows_no_redirect_with_its_credentials(outlet, running):
    def elsewhere(connection, _):
        answer = connection.respond(status.HTTPStatus.TEMPORARY_REDIRECT, "")
        answer.headers["Location"] = f"{other.url}/x?token=swordfish"
        return answer

    with WebSocketServer() as other, WebSocketServer(process_request=elsewhere) as server:
        feed = WebSocketSource(server.url, headers={"X-Key": "hunter2"})
        with pytest.raises(SourceError, match=r"HTTP 307: it has moved to ws://\S+/x\?…$"):
            await running(feed, outlet)
        assert other.requests == []


async def test_a_redirect_to_where_nobody_may_go_names_the_list(http, outlet, running, monkeypatch):
    listed = AllowList([Rule("the test's list", hosts=("127.0.0.1",))])
    monkeypatch.setattr(allow_list, "_process", listed)
    http.fail(307, location="https://evil.example/?token=swordfish")
    with pytest.raises(SourceError, match=r"evil\.example is not among the hosts that the test"):
        await running(SseSource(f"{http.url}/events", proxy=False), outlet)
