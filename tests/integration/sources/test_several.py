"""Fallback, failover, hot-hot and shards, against real servers."""

import asyncio
import contextlib
import itertools
import random

import pytest

from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.engine.streamer import DataStreamer
from livewidget.resilience import Backoff
from livewidget.resilience.listening import stop_accepting
from livewidget.sources import (
    Failover,
    Fallback,
    HotHot,
    PollSource,
    Shards,
    Source,
    SseSource,
    WebSocketSource,
)
from livewidget.testing import (
    FaultProxy,
    ListSource,
    ManualClock,
    WebSocketServer,
    wait_for,
    wait_until,
)

QUICK = {"base_s": 0.001, "cap_s": 0.01}


def socket(server, **options):
    return WebSocketSource(server.url, backoff=Backoff(**QUICK), **options)


def stream(http):
    return SseSource(f"{http.url}/events", proxy=False, backoff=Backoff(**QUICK))


def poll(http):
    return PollSource(f"{http.url}/state", interval=0.005, proxy=False, backoff=Backoff(**QUICK))


def latest(outlet):
    """The detail of the last state."""
    return outlet.states[-1][1] if outlet.states else ""


def told(outlet, state, detail):
    return (state, detail) in [each[:2] for each in outlet.states]


@pytest.fixture
def other():
    with WebSocketServer() as server:
        yield server


@pytest.fixture
def three(server, http):
    return {"socket": socket(server), "stream": stream(http), "polling": poll(http)}


async def pause(clock, seconds):
    """Let the supervisor fall asleep, then let so much time go by."""
    await wait_for(lambda: clock.sleepers)
    clock.advance(seconds)


async def test_it_goes_down_the_ladder_and_climbs_back(server, http, three, outlet, running):
    clock = ManualClock()
    http.set({"n": -1})
    feed = Fallback(three, probe_s=30.0, clock=clock)
    running(feed, outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": 0})
    await wait_for(lambda: outlet.column("n") == [0])
    assert outlet.states[-1][:2] == (State.LIVE, "by socket")
    assert http.requests == []  # nobody is asked before there is need

    server.stop()
    await wait_for(lambda: http.clients)
    http.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [0, 1])
    await wait_for(lambda: outlet.states[-1][1] == "by stream, 1 of 3 preferred is away")
    assert outlet.gaps == [(None, None, "all connections were lost")]

    server.start()
    await pause(clock, 29.0)
    assert clock.sleepers
    clock.advance(1.0)
    await wait_for(lambda: server.clients)  # beside the stream, which goes on
    http.send({"n": 2})
    await wait_for(lambda: outlet.column("n")[-1] == 2)
    assert http.clients
    assert latest(outlet).startswith("by stream")
    server.send({"n": 3})  # the first event, and not the connection, is what counts
    await wait_for(lambda: feed.children[0].held)
    await pause(clock, 0.5)
    http.send({"n": 3})
    await wait_for(lambda: outlet.column("n")[-1] == 3)
    assert latest(outlet).startswith("by stream")  # which may have had more on its way
    await pause(clock, 0.5)
    await wait_for(lambda: outlet.states[-1][:2] == (State.LIVE, "by socket"))
    await wait_for(lambda: (http.send({"n": 9}), not http.clients)[1])
    server.send({"n": 4})
    await wait_for(lambda: outlet.column("n")[-1] == 4)
    assert [n for n in outlet.column("n") if n != 9] == [0, 1, 2, 3, 3, 4]
    assert len(outlet.gaps) == 1  # climbing back missed nothing

    server.stop()
    await wait_for(lambda: http.clients)
    http.send({"n": 5})
    await wait_for(lambda: outlet.column("n")[-1] == 5)
    assert len(outlet.gaps) == 2  # it was not there while the socket was


async def test_losses_with_events_between_are_no_failures_in_a_row(
    server, http, three, outlet, running
):
    running(Fallback(three, failures=2), outlet)
    for n in range(5):
        await wait_for(lambda: server.clients)
        server.send({"n": n})
        await wait_for(lambda: n in outlet.column("n"))  # noqa: B023
        server.cut()
    await wait_for(lambda: server.clients)
    assert http.requests == []
    assert len(outlet.gaps) == 4


async def test_what_fails_for_good_is_left_at_once_and_the_state_says_by_whom(
    server, http, three, outlet, running
):
    http.set({"n": 1})
    http.guard = lambda path, _: path != "/events"
    server.stop()
    running(Fallback(three), outlet)
    await wait_for(lambda: outlet.column("n") == [1])
    await wait_for(lambda: told(outlet, State.LIVE, "by polling, 2 of 3 preferred are away"))
    assert len([path for path, _ in http.requests if path == "/events"]) == 1


async def test_a_better_one_that_stays_away_is_left_alone_between_probes(
    server, http, three, outlet, running
):
    clock = ManualClock()
    http.set({"n": 1})
    http.guard = lambda path, _: path != "/events"
    server.stop()
    running(Fallback(three, probe_s=30.0, clock=clock), outlet)
    await wait_for(lambda: told(outlet, State.LIVE, "by polling, 2 of 3 preferred are away"))
    for probes in range(2, 5):
        await pause(clock, 30.0)
        await wait_for(lambda: sum(p == "/events" for p, _ in http.requests) == probes)  # noqa: B023
        await wait_for(lambda: sum(p == "/state" for p, _ in http.requests) > 10 * probes)  # noqa: B023
    said = [state for state, _, _ in outlet.states]
    assert said[said.index(State.LIVE) :] == [State.LIVE]  # a probe is nobody's business
    assert outlet.gaps == []


async def test_where_all_are_away_it_says_so_and_is_back_by_the_first_to_return(
    server, http, three, outlet, running
):
    clock = ManualClock()  # no probe is ever due
    running(Fallback(three, clock=clock), outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": 0})
    await wait_for(lambda: outlet.column("n") == [0])
    http.stop()
    server.stop()
    await wait_for(lambda: latest(outlet).startswith("all 3 are away; socket: nothing answers"))
    assert outlet.states[-1][0] is State.RECONNECTING
    http.set({"n": 1})
    http.start()
    await wait_for(lambda: 1 in outlet.column("n"))
    assert outlet.gaps == [(None, None, "all connections were lost")]
    server.start()
    await wait_for(
        lambda: (server.send({"n": 2}), outlet.column("n")[-1] == 2)[1] or clock.advance(30)
    )
    await wait_for(lambda: outlet.states[-1][:2] == (State.LIVE, "by socket"))


async def test_where_all_fail_for_good_from_the_start_it_fails_with_all_reasons(
    http, outlet, running
):
    http.fail(403)
    both = Fallback({"a": stream(http), "b": poll(http)})
    with pytest.raises(SourceError, match=r"^a: \S+ answers HTTP 403; b: \S+ answers HTTP 403$"):
        await running(both, outlet)


async def test_a_server_that_hangs_up_at_once_counts_as_failing(http, outlet, running):
    async def hang_up(client):
        client.transport.abort()

    from websockets.asyncio.server import serve

    http.set({"n": 1})
    async with serve(hang_up, "127.0.0.1", 0) as flapping:
        port = flapping.sockets[0].getsockname()[1]
        first = WebSocketSource(f"ws://127.0.0.1:{port}", backoff=Backoff(**QUICK))
        running(Fallback({"a": first, "b": poll(http)}), outlet)
        await wait_for(lambda: outlet.column("n") == [1])
        await stop_accepting(flapping.sockets)


async def test_what_the_current_one_holds_as_it_is_left_is_delivered(outlet, running):
    class Leaving(ListSource):
        async def run(self, outlet):
            try:
                await super().run(outlet)
            finally:
                outlet.emit({"n": [7]})

    class Late(Source):
        name = "late"

        async def run(self, outlet):
            if not started:
                started.append(1)
                raise SourceError("not yet")
            outlet.state(State.LIVE)
            outlet.emit({"n": [8]})
            await asyncio.Event().wait()

    started, clock = [], ManualClock()
    feed = Fallback([Late(), Leaving([{"n": [1]}], hold=True)], clock=clock)
    running(feed, outlet)
    await wait_for(lambda: outlet.column("n") == [1])
    await pause(clock, 30.0)
    await wait_for(lambda: feed.children[0].held)
    await pause(clock, 30.0)  # the other is silent: it is waited for so long
    await wait_for(lambda: sorted(outlet.column("n")) == [1, 7, 8])
    assert outlet.gaps == []


async def test_the_end_of_the_one_that_delivers_is_the_end(outlet, running):
    both = Fallback([ListSource([{"n": [1]}], name="a"), ListSource([{"n": [2]}], name="b")])
    await running(both, outlet)
    assert outlet.column("n") == [1]


@pytest.mark.parametrize("sticky", [True, False])
async def test_failover_between_urls_stays_or_goes_back(server, other, outlet, running, sticky):
    clock = ManualClock()
    urls, backoff = [server.url, other.url], Backoff(0.0001, 0.0001)
    pair = Failover(urls, sticky=sticky, backoff=backoff, clock=clock)
    running(pair, outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])
    server.stop()
    await wait_for(lambda: other.clients or clock.advance(0.001))
    other.send({"n": 2})
    await wait_for(lambda: outlet.column("n") == [1, 2])
    server.start()
    await wait_for(lambda: outlet.states[-1][1].endswith("1 of 2 preferred is away"))
    assert pair.health().state is State.LIVE
    if sticky:
        clock.advance(100.0)
        other.send({"n": 3})
        await wait_for(lambda: outlet.column("n") == [1, 2, 3])
        assert not server.clients
    else:
        await pause(clock, 30.0)
        await wait_for(lambda: server.clients)
        server.send({"n": 3})
        await wait_for(lambda: pair.children[0].held)
        await pause(clock, 0.5)
        other.send({"n": 3})
        await wait_for(lambda: outlet.column("n") == [1, 2, 3])
        await pause(clock, 0.5)
        await wait_for(lambda: outlet.column("n") == [1, 2, 3, 3] and not other.clients)


async def test_hot_hot_over_cuts_of_one_side_at_a_time_misses_nothing(
    server, other, outlet, running
):
    servers = [server, other]
    feed = HotHot([socket(each) for each in servers], unique="n", overlap_s=0.01)
    assert feed.unique == "n"
    running(feed, outlet)
    await wait_for(lambda: server.clients and other.clients)
    sent = 0

    def send():
        nonlocal sent
        for each in servers:
            each.send({"n": sent})
        sent += 1

    def synchronised():
        send()
        return all(map(feed._cover.covers, feed.children))

    for turn in range(20):
        await wait_for(synchronised)
        servers[turn % 2].cut()
        for _ in range(3):
            send()
        await wait_for(lambda: server.clients and other.clients)
    await wait_for(synchronised)
    await wait_for(lambda: sorted(set(outlet.column("n"))) == list(range(sent)))
    assert outlet.gaps == []
    assert State.RECONNECTING not in [state for state, _, _ in outlet.states]
    assert any(
        detail.startswith("1 of 2 connections live; ws://") for _, detail, _ in outlet.states
    )


async def test_hot_hot_says_of_a_gap_once_where_both_were_away(server, other, outlet, running):
    pair = {"a": socket(server), "b": socket(other)}
    running(HotHot(pair, unique="n", overlap_s=0.01), outlet)
    await wait_for(lambda: server.clients and other.clients)
    for n in (0, 1):
        for each in (server, other):
            each.send({"n": n})
        await wait_for(lambda: outlet.column("n")[-1:] == [n])  # noqa: B023
    await wait_for(lambda: sorted(outlet.column("n")) == [0, 0, 1, 1])
    server.stop()
    await wait_for(lambda: latest(outlet).startswith("1 of 2 connections live; a: "))
    other.stop()
    await wait_for(lambda: latest(outlet).startswith("0 of 2 connections live; a: "))
    assert outlet.states[-1][0] is State.RECONNECTING
    for each in (server, other):
        each.start()
    await wait_for(lambda: server.clients and other.clients)
    for n in (2, 3):
        for each in (server, other):
            each.send({"n": n})
        await wait_for(lambda: outlet.column("n")[-1] == n)  # noqa: B023
    await wait_for(lambda: sorted(outlet.column("n"))[4:] == [2, 2, 3, 3])
    assert outlet.gaps == [(None, None, "all connections were lost")]


async def test_one_that_is_refused_is_tried_again_later(server, http, outlet, running):
    clock = ManualClock()
    http.fail(404)
    feed = HotHot({"a": socket(server), "b": stream(http)}, unique="n", clock=clock)
    running(feed, outlet)
    await wait_for(lambda: latest(outlet).startswith("1 of 2 connections live; b: "))
    await wait_for(lambda: latest(outlet).endswith("answers HTTP 404"))
    assert feed.health().healthy  # that of the better
    http.mend()
    await pause(clock, 30.0)
    await wait_for(lambda: outlet.states[-1][:2] == (State.LIVE, "2 of 2 connections live"))


async def test_a_bug_in_one_is_not_tried_again_and_ends_no_other(server, outlet, running):
    clock = ManualClock()
    broken = ListSource(error=RuntimeError("a bug"), name="broken")
    running(Shards({"a": socket(server), "b": broken}, clock=clock), outlet)
    await wait_for(lambda: "1 of 2 shards live; b: RuntimeError: a bug" in latest(outlet))
    clock.advance(100.0)
    await wait_for(lambda: server.clients)
    server.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])
    assert broken.emitted == 0


async def test_shards_deliver_into_one_and_tell_of_the_one_that_is_away(outlet, running):
    clock = ManualClock()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(WebSocketServer()) for _ in range(4)]
        feed = Shards({f"s{n}": socket(each) for n, each in enumerate(servers)}, clock=clock)
        running(feed, outlet)
        await wait_for(lambda: told(outlet, State.LIVE, "4 of 4 shards live"))
        await wait_for(lambda: all(each.clients for each in servers))
        for n, each in enumerate(servers):
            each.send({"n": n})
        await wait_for(lambda: sorted(outlet.column("n")) == [0, 1, 2, 3])
        lost_at = clock.now()
        servers[2].stop()
        await wait_for(lambda: "3 of 4 shards live; s2: nothing answers" in latest(outlet))
        assert (outlet.states[-1][0], feed.health().quality) == (State.LIVE, 0.0)
        clock.advance(7.0)
        servers[0].send({"n": 4})
        await wait_for(lambda: 4 in outlet.column("n"))
        servers[2].start()
        await wait_for(lambda: servers[2].clients)
        servers[2].send({"n": 5})
        await wait_for(lambda: 5 in outlet.column("n"))
        assert outlet.gaps == [(lost_at, clock.now(), "s2: the connection was lost")]
        await wait_for(lambda: outlet.states[-1][1] == "4 of 4 shards live")


def test_keys_are_spread_evenly_over_connections():
    parts = []
    keys = [f"k{n}" for n in range(10)]
    feed = Shards.over(lambda part: parts.append(part) or ListSource(), keys, 4)
    assert sorted(map(len, parts)) == [2, 2, 3, 3]
    assert sorted(key for part in parts for key in part) == keys
    assert len(feed.children) == 4
    assert len(Shards.over(lambda _: ListSource(), keys[:2], 4).children) == 2
    with pytest.raises(SettingError, match="connections is a number from 1 up"):
        Shards.over(lambda _: ListSource(), keys, 0)


async def test_all_ended_is_the_end_and_all_failed_the_failure(outlet, running):
    await running(Shards([ListSource([{"n": [k]}]) for k in (1, 2)]), outlet)
    assert sorted(outlet.column("n")) == [1, 2]
    with pytest.raises(SourceError, match=r"^a: refused a; b: refused b$"):
        await running(Shards([Refused("a"), Refused("b")]), outlet)


class Refused(Source):
    def __init__(self, name):
        self.name = name

    async def run(self, outlet):
        raise SourceError(f"refused {self.name}")


async def test_what_holds_back_reaches_all(outlet, running):
    outlet.hold()
    parts = [ListSource([{"n": [k]}] * 5) for k in (1, 2)]
    task = running(Shards(parts), outlet)
    await wait_for(lambda: [part.emitted for part in parts] == [1, 1])
    assert not task.done()
    outlet.release()
    await task
    assert [part.emitted for part in parts] == [5, 5]


async def test_one_that_acknowledges_waits_for_the_real_outlet(outlet, running):
    class Careful(Source):
        name = "careful"

        async def run(self, outlet):
            outlet.emit({"n": [1]})
            outlet.reject("x", "bad")
            await outlet.stored()

    await running(HotHot([Careful(), Careful()], unique="n"), outlet)
    assert outlet.asked_stored == 2
    assert len(outlet.rejected) == 2


@pytest.mark.parametrize("kind", [Fallback, Shards])
@pytest.mark.parametrize("sources", [[], {}, "ws://host", ListSource()])
def test_what_is_no_list_of_sources_is_refused(kind, sources):
    with pytest.raises(SettingError, match="sources is"):
        kind(sources)


def test_limits_that_cannot_be_are_named():
    for limits in ({"probe_s": 0}, {"probe_s": "x"}, {"failures": 0}):
        with pytest.raises(SettingError, match=f"^{next(iter(limits))} is a number"):
            Fallback([ListSource()], **limits)
    with pytest.raises(SettingError, match=r"^retry_s is a number"):
        HotHot([ListSource()], unique="n", retry_s=-1)


def test_through_the_engine_every_event_is_in_the_account_and_the_state_is_told(server, http):
    http.set({"time": 1e9 + 100, "n": 100})
    feed = Fallback({"socket": socket(server), "polling": poll(http)})
    with DataStreamer(feed) as streamer:
        wait_until(lambda: server.clients)
        server.send(*({"time": 1e9 + n, "n": n} for n in range(100)))
        wait_until(lambda: streamer.account().received == 100)
        wait_until(lambda: streamer.state[:2] == (State.LIVE, "by socket"))
        server.stop()
        wait_until(lambda: streamer.state[1] == "by polling, 1 of 2 preferred is away")
        wait_until(lambda: streamer.account().received == 101)
        assert streamer.to_dataframe()["n"].tolist() == list(range(101))
        account = streamer.account()
        assert (account.stored, account.rejected, account.dropped) == (101, 0, 0)
        [gap] = streamer.gaps
        assert (gap.start, gap.stop) == (1_000_000_099 * 10**9, 1_000_000_100 * 10**9)


@pytest.mark.parametrize("kind", [HotHot, Fallback])
@pytest.mark.parametrize("seed", range(3))
def test_over_random_cuts_of_either_all_that_is_missing_lies_in_a_gap(
    server, other, kind, seed, record_property
):
    """Numbered events go to both; one way is slower, so that cuts find events on it."""
    moments = random.Random(seed)
    with FaultProxy(server.port) as fast, FaultProxy(other.port) as slow:
        slow.delay(0.003)
        urls = [f"ws://127.0.0.1:{each.port}" for each in (slow, fast)]
        feeds = [WebSocketSource(url, backoff=Backoff(0.001, 0.02)) for url in urls]
        more = {"probe_s": 0.05} if kind is Fallback else {}
        feed = kind(feeds, unique="n", overlap_s=0.25, **more)
        with DataStreamer(feed, max_ahead=None) as streamer:
            wait_until(lambda: other.clients)
            numbers = itertools.count()

            def seen():
                frame = streamer.to_dataframe()
                return set(frame["n"].astype(int)) if len(frame) else set()

            def send():
                n = next(numbers)
                for each in (server, other):
                    each.send({"time": 1e9 + n, "n": n})

            for n in range(1_500):
                send()
                if n % 40 == moments.randrange(40):
                    moments.choice([fast, slow]).reset()
                if n % 400 == 399:
                    fast.reset()
                    slow.reset()
            wait_until(lambda: (send(), max(seen(), default=0) >= 1_500)[1])
            gaps = [(each.start / 1e9 - 1e9, each.stop / 1e9 - 1e9) for each in streamer.gaps]
            missing = set(range(min(seen()), 1_500)) - seen()
    record_property("missing, gaps", f"{len(missing)}, {len(gaps)}")
    assert not [n for n in missing if not any(low < n < high for low, high in gaps)]


def test_one_source_twice_is_refused():
    twice = ListSource()
    with pytest.raises(SettingError, match="stands twice"):
        HotHot([twice, twice], unique="n")


def test_urls_will_do_and_their_secrets_are_not_shown():
    feed = Fallback(["wss://bob:hunter2@a/?k=tok-123", "https://b/?k=tok-123"])
    assert repr(feed) == "Fallback('wss://a/?…, https://b/?…')"


async def test_cancelling_stops_all(server, http, outlet, running):
    task = running(Shards([socket(server), stream(http)]), outlet)
    await wait_for(lambda: server.clients and http.clients)
    task.cancel()
    await asyncio.wait([task])
    await wait_for(lambda: (http.send({"n": 3}), not server.clients and not http.clients)[1])
