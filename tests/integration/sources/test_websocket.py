import asyncio
import json
import logging
import socket
import traceback

import msgspec
import pytest

from livewidget.data.errors import SourceError
from livewidget.data.events import State
from livewidget.resilience import Backoff
from livewidget.resilience.listening import stop_accepting
from livewidget.sources import resolve
from livewidget.testing import FaultProxy, ManualClock, wait_for

QUICK = {"base_s": 0.001, "cap_s": 0.01}


def source(url, **options):
    return resolve(url, **{"backoff": Backoff(**QUICK)} | options)


def states(outlet):
    return [state for state, _, _ in outlet.states]


@pytest.fixture
def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_objects_arrays_and_lines_arrive_in_order(server, outlet, running):
    running(source(server.url), outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": 0}, [{"n": 1}, {"n": 2}], '{"n": 3}\n{"n": 4}\n', b'{"n": 5}')
    await wait_for(lambda: outlet.column("n") == list(range(6)))
    assert states(outlet) == [State.WAITING, State.LIVE]
    assert outlet.gaps == []


async def test_nested_fields_of_a_binary_format_become_columns(server, outlet, running):
    fields = {"n": "data.n", "first": "data.bids.0.0"}
    running(source(server.url, format="msgpack", fields=fields), outlet)
    await wait_for(lambda: server.clients)
    encode = msgspec.msgpack.encode
    server.send(*(encode({"data": {"n": n, "bids": [[n / 2, 1]]}}) for n in range(5)), b"\xc1")
    await wait_for(lambda: outlet.column("n") == list(range(5)))
    assert outlet.column("first") == [0, 0.5, 1, 1.5, 2]
    await wait_for(lambda: [payload for payload, _ in outlet.rejected] == [b"\xc1"])


async def test_a_flood_is_decoded_many_at_once_and_nothing_is_missing(server, outlet, running):
    running(source(server.url, fields=["n"]), outlet)
    await wait_for(lambda: server.clients)
    server.send(*({"n": n, "deep": {"x": n}} for n in range(20_000)))
    await wait_for(lambda: sum(map(len, (data["n"] for data in list(outlet.data)))) == 20_000)
    assert outlet.column("n") == list(range(20_000))
    assert len(outlet.data) < 2_000


async def test_one_bad_message_is_rejected_and_stops_nothing(server, outlet, running):
    running(source(server.url), outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": 1}, "{oops", {"n": 2}, b"\xff\xfe", "null", {"n": 3})
    await wait_for(lambda: outlet.column("n") == [1, 2, 3])
    assert [payload for payload, _ in outlet.rejected] == [b"{oops", b"\xff\xfe", None]


async def test_a_cut_connection_comes_back_and_the_gap_is_told(server, outlet, running):
    running(source(server.url), outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])
    server.cut()
    await wait_for(lambda: server.clients and states(outlet)[-1] is State.LIVE)
    assert outlet.gaps == []  # not before there is something after it
    server.send({"n": 2})
    await wait_for(lambda: outlet.column("n") == [1, 2])
    state, detail, attempt = outlet.states[2]
    assert (state, attempt) == (State.RECONNECTING, 1)
    assert "broke off" in detail
    assert outlet.gaps == [(None, None, "the connection was lost")]


async def test_many_cuts_lose_nothing_uncounted(server, outlet, running):
    running(source(server.url), outlet)
    for n in range(10):
        await wait_for(lambda: server.clients)
        server.send({"n": n})
        await wait_for(lambda: n in outlet.column("n"))  # noqa: B023
        server.cut()
    assert outlet.column("n") == list(range(10))
    assert len(outlet.gaps) == 9


async def test_a_server_that_restarts_is_found_again(server, outlet, running):
    running(source(server.url), outlet)
    await wait_for(lambda: server.clients)
    server.stop()
    await wait_for(lambda: [a for _, _, a in outlet.states].count(0) == 2 and _attempts(outlet) > 3)
    assert "nothing answers at 127.0.0.1" in outlet.states[-1][1]
    server.start()
    await wait_for(lambda: server.clients)
    server.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])


def _attempts(outlet):
    return max((attempt for _, _, attempt in outlet.states), default=0)


async def test_attempts_start_anew_only_after_a_connection_that_lasted(server, outlet, running):
    clock = ManualClock()
    running(source(server.url, clock=clock, backoff=Backoff(1.0, 5.0)), outlet)

    async def cut(connection, *, lasting):
        await wait_for(lambda: states(outlet).count(State.LIVE) == connection)
        await wait_for(lambda: server.clients == 1)
        clock.advance(lasting)
        server.cut()
        await wait_for(lambda: clock.sleepers)
        clock.advance(5.0)
        return outlet.states[-1][2]

    assert await cut(1, lasting=0.0) == 1
    assert await cut(2, lasting=4.9) == 2
    assert await cut(3, lasting=5.1) == 1


async def test_a_url_with_no_server_says_so_and_keeps_trying(unused_port, outlet, running):
    task = running(source(f"ws://127.0.0.1:{unused_port}"), outlet)
    await wait_for(lambda: _attempts(outlet) >= 3)
    assert not task.done()
    state, detail, attempt = outlet.states[3]
    assert (state, attempt) == (State.RECONNECTING, 3)
    assert detail == f"nothing answers at 127.0.0.1:{unused_port}"


async def test_limits_make_it_give_up_with_the_reason(unused_port, outlet, running):
    url = f"ws://127.0.0.1:{unused_port}"
    with pytest.raises(SourceError, match="gave up after 2 attempts: nothing answers at"):
        await running(source(url, backoff=Backoff(**QUICK, attempts=2)), outlet)


async def test_a_host_without_an_address_says_so(outlet, running):
    url = "ws://no-such-host.invalid"
    with pytest.raises(SourceError, match=r"there is no address for no-such-host\.invalid"):
        await running(source(url, proxy=None, backoff=Backoff(attempts=0)), outlet)


async def test_what_no_second_try_can_mend_fails_at_once(outlet, running):
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as http:
        host = f"127.0.0.1:{http.sockets[0].getsockname()[1]}"
        with pytest.raises(SourceError, match=f"{host} answers HTTP 403"):
            await running(source(f"ws://{host}/?token=hunter2"), outlet)


async def test_a_server_that_speaks_something_else_fails_at_once(outlet, running):
    async def babble(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as other:
        with pytest.raises(SourceError, match=r"127\.0\.0\.1"):
            await running(source(f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}"), outlet)


async def test_a_handshake_cut_short_is_tried_again(outlet, running):
    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as other:
        running(source(f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}"), outlet)
        await wait_for(lambda: _attempts(outlet) >= 2)
        await stop_accepting(other.sockets)


async def test_subscriptions_are_sent_after_each_connect(server, outlet, running):
    subscribe = [{"op": "subscribe", "args": ["trades"]}, "raw"]
    running(source(server.url, subscribe=subscribe, headers={"X-Key": "hunter2"}), outlet)
    expected = [json.dumps(subscribe[0]), "raw"]
    await wait_for(lambda: server.received == expected)
    assert server.requests[0]["X-Key"] == "hunter2"
    server.cut()
    await wait_for(lambda: server.received == expected * 2)


async def test_no_secret_is_in_a_state_an_error_or_the_log(unused_port, outlet, running, caplog):
    caplog.set_level(logging.DEBUG)
    password, token, key = secrets = ["hunter2", "tok-123", "Bearer abc"]
    url = f"ws://bob:{password}@127.0.0.1:{unused_port}/?token={token}"
    backoff = Backoff(**QUICK, attempts=1)
    with pytest.raises(SourceError) as caught:
        await running(source(url, headers={"X": key}, backoff=backoff), outlet)
    traced = "".join(traceback.format_exception(caught.value))
    said = f"{outlet.states} {traced} {caplog.text}"
    assert not [secret for secret in secrets if secret in said]


async def test_the_log_of_a_live_connection_shows_no_header(server, outlet, running, caplog):
    caplog.set_level(logging.DEBUG)
    running(source(server.url, headers={"X": "Bearer abc"}), outlet)
    await wait_for(lambda: server.clients)
    assert server.requests[0]["X"] == "Bearer abc"
    client_said = [each.getMessage() for each in caplog.records if "server" not in each.name]
    assert not [line for line in client_said if "Bearer abc" in line]


async def test_without_reconnecting_a_farewell_ends_and_a_cut_fails(server, outlet, running):
    task = running(source(server.url, reconnect=False), outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": 1})
    server.dismiss()
    await task
    assert outlet.column("n") == [1]
    task = running(source(server.url, reconnect=False), outlet)
    await wait_for(lambda: server.clients)
    server.cut()
    with pytest.raises(SourceError, match="broke off"):
        await task


async def test_a_farewell_with_a_reason_is_shown(server, outlet, running):
    running(source(server.url), outlet)
    await wait_for(lambda: server.clients)
    server.dismiss(1012, "restarting")
    await wait_for(lambda: State.RECONNECTING in states(outlet))
    assert "1012" in outlet.states[2][1]
    assert "restarting" in outlet.states[2][1]


async def test_a_half_open_connection_is_found_by_its_silence(server, outlet, running):
    with FaultProxy(server.port) as proxy:
        running(source(f"ws://127.0.0.1:{proxy.port}", ping_s=0.3), outlet)
        await wait_for(lambda: server.clients)
        server.send({"n": 1})
        await wait_for(lambda: outlet.column("n") == [1])
        proxy.half_open()
        await wait_for(lambda: State.RECONNECTING in states(outlet))
        proxy.heal()
        await wait_for(lambda: states(outlet)[-1] is State.LIVE and len(server.requests) == 2)
        server.send({"n": 2})
        await wait_for(lambda: outlet.column("n")[-1] == 2)
        assert len(outlet.gaps) == 1


async def test_a_message_over_the_bound_ends_the_connection_not_the_source(server, outlet, running):
    running(source(server.url, max_bytes=1000), outlet)
    await wait_for(lambda: server.clients)
    server.send({"n": "x" * 2000})
    await wait_for(lambda: State.RECONNECTING in states(outlet))
    assert "1009" in outlet.states[2][1]
    await wait_for(lambda: server.clients)
    server.send({"n": 1})
    await wait_for(lambda: outlet.column("n") == [1])


async def test_cancelling_while_waiting_to_reconnect_stops_at_once(unused_port, outlet, running):
    url = f"ws://127.0.0.1:{unused_port}"
    task = running(source(url, backoff=Backoff(3600, 3600)), outlet)
    await wait_for(lambda: State.RECONNECTING in states(outlet))
    task.cancel()
    await asyncio.wait([task], timeout=1)
    assert task.cancelled()


async def test_cancelling_a_live_connection_closes_its_socket(server, outlet, running):
    task = running(source(server.url), outlet)
    await wait_for(lambda: server.clients)
    task.cancel()
    await asyncio.wait([task])
    await wait_for(lambda: not server.clients)


async def test_no_proxy_of_the_environment_is_used_where_it_is_false(
    server, outlet, running, monkeypatch
):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    running(source(server.url, proxy=False), outlet)
    await wait_for(lambda: len(outlet.states) > 1)
    assert states(outlet) == [State.WAITING, State.LIVE]
