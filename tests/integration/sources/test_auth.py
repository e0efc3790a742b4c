import asyncio
import base64
import http as status
import logging
from urllib.parse import parse_qs

import pytest

from livewidget.data.errors import RefusedError, SourceError
from livewidget.data.events import State
from livewidget.resilience import Backoff
from livewidget.sources import (
    ApiKey,
    Basic,
    Bearer,
    OAuth2,
    PollSource,
    SseSource,
    WebSocketSource,
    resolve,
)
from livewidget.testing import ManualClock, WebSocketServer, wait_for

SECRET, CLIENT = "hunter2-swordfish", "client-secret-9"
QUICK = {"base_s": 0.001, "cap_s": 0.01}


def options(**more):
    return {"proxy": False, "backoff": Backoff(**QUICK)} | more


class Tokens:
    """An authorization server that numbers its tokens, and what it takes as good."""

    def __init__(self, server, *, expires_in=3600):
        self.expires_in = expires_in
        self.asked = []
        self.given = []
        self.good = set()
        self.failure = None
        server.posts["/token"] = self.answer
        server.guard = self.passes

    def answer(self, headers, body):
        self.asked.append((headers, parse_qs(body.decode())))
        if self.failure is not None:
            return self.failure
        self.given.append(f"token-{len(self.given)}-abc")
        self.good = {f"Bearer {self.given[-1]}"}
        told = {"access_token": self.given[-1], "token_type": "Bearer"}
        return 200, told | ({} if self.expires_in is None else {"expires_in": self.expires_in})

    def passes(self, path, headers):
        del path
        return headers.get("authorization") in self.good


@pytest.fixture
def tokens(http):
    return Tokens(http)


def oauth(http, **more):
    return OAuth2(f"{http.url}/token", "me:you", CLIENT, "read", proxy=False, **more)


def sent(server):
    """The header of each request, whatever the client."""
    return [headers.get("authorization") for _, headers in server.requests]


@pytest.mark.parametrize("path", ["/events", "/state"])
async def test_every_kind_reaches_an_http_server(http, outlet, running, path):
    make = SseSource if path == "/events" else PollSource
    http.set({"n": 1})
    kinds = [Bearer(SECRET), Basic("bob", SECRET), ApiKey(SECRET), lambda: {"X": SECRET}]
    for auth in kinds:
        running(make(f"{http.url}{path}", auth=auth, **options()), outlet)
    await wait_for(lambda: len(http.requests) == len(kinds))
    pair = base64.b64encode(f"bob:{SECRET}".encode()).decode()
    assert sorted(filter(None, sent(http))) == sorted([f"Bearer {SECRET}", f"Basic {pair}"])
    assert [each for _, each in http.requests if each.get("x-api-key") == SECRET]
    assert [each for _, each in http.requests if each.get("x") == SECRET]


async def test_a_key_in_the_query_goes_with_each_question_and_is_shown_nowhere(
    http, outlet, running, caplog
):
    caplog.set_level(logging.DEBUG)
    key = ApiKey("swordfish 9", query="key")
    feed = PollSource(f"{http.url}/state?a=1", interval=0.01, auth=key, **options())
    http.set({"n": 1})
    running(feed, outlet)
    await wait_for(lambda: len(http.requests) > 2)
    http.fail(403)
    await wait_for(lambda: outlet.states)
    assert {path for path, _ in http.requests} == {"/state?a=1&key=swordfish+9"}
    client_said = f"{outlet.states} {caplog.text} {feed!r} {feed.name} {outlet.rejected}"
    assert "swordfish" not in client_said


async def test_a_url_that_is_first_asked_what_it_is_gets_the_credentials_too(http, outlet, running):
    http.guard = lambda _, headers: headers.get("authorization") == f"Bearer {SECRET}"
    http.set({"n": 1})
    running(resolve(f"{http.url}/state", auth=Bearer(SECRET), **options()), outlet)
    await wait_for(lambda: outlet.column("n") == [1])


async def test_a_websocket_brings_its_credentials_at_every_connect(server, outlet, running):
    asked = []

    async def auth():
        asked.append(1)
        return {"Authorization": f"Bearer {SECRET}-{len(asked)}"}

    more = {"auth": auth, "headers": {"X-Other": "kept"}}
    running(WebSocketSource(server.url, **more, backoff=Backoff(**QUICK)), outlet)
    await wait_for(lambda: server.clients)
    server.cut()
    await wait_for(lambda: len(server.requests) == 2)
    assert [each["Authorization"] for each in server.requests] == [
        f"Bearer {SECRET}-1",
        f"Bearer {SECRET}-2",
    ]
    assert server.requests[1]["X-Other"] == "kept"


async def test_a_token_is_fetched_as_the_standard_says_and_used_by_all(
    http, tokens, outlet, running
):
    auth = oauth(http)
    http.set({"n": 1})
    for path, make in (("/events", SseSource), ("/state", PollSource), ("/events", SseSource)):
        running(make(f"{http.url}{path}", auth=auth, **options()), outlet)
    await wait_for(lambda: sent(http).count("Bearer token-0-abc") == 3)
    [(headers, form)] = tokens.asked  # one request for three that wanted it at once
    assert form == {"grant_type": ["client_credentials"], "scope": ["read"]}
    pair = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == f"me%3Ayou:{CLIENT}"


async def test_the_client_may_show_itself_in_the_body(http, tokens):
    auth = oauth(http, basic=False)
    await auth.credentials(fresh=True)
    [(headers, form)] = tokens.asked
    assert "authorization" not in headers
    assert (form["client_id"], form["client_secret"]) == (["me:you"], [CLIENT])


async def test_a_token_is_renewed_before_it_expires_while_polling(http, tokens, outlet, running):
    clock = ManualClock()
    tokens.expires_in = 100
    auth = oauth(http, clock=clock)
    http.set({"n": 1})
    running(
        PollSource(f"{http.url}/state", interval=10.0, auth=auth, clock=clock, **options()), outlet
    )
    for _ in range(10):
        await wait_for(lambda: clock.sleepers)
        clock.advance(10.0)
    await wait_for(lambda: clock.sleepers)
    # Due after 70 s, which is 30 before the end: eight questions before, then a new one.
    used = [each for each in sent(http) if each.startswith("Bearer")]
    assert used == ["Bearer token-0-abc"] * 7 + ["Bearer token-1-abc"] * 4
    assert [state for state, _, _ in outlet.states] == [State.WAITING, State.LIVE]


@pytest.mark.parametrize(("expires_in", "life"), [(100, 70), (40, 20), (1, 0.5), (None, 1e9)])
async def test_how_long_a_token_is_used(http, tokens, expires_in, life):
    clock = ManualClock()
    tokens.expires_in = expires_in
    auth = oauth(http, clock=clock)
    await auth.credentials(fresh=True)
    clock.advance(life * 0.99)
    await auth.credentials(fresh=True)
    assert len(tokens.given) == 1
    clock.advance(life * 0.02)
    await asyncio.gather(*(auth.credentials(fresh=True) for _ in range(5)))
    assert len(tokens.given) == (1 if expires_in is None else 2)


async def test_a_token_that_is_refused_early_is_renewed_once(http, tokens, outlet, running):
    http.set({"n": 0})
    running(PollSource(f"{http.url}/state", interval=0.01, auth=oauth(http), **options()), outlet)
    for n in range(3):
        token = f"Bearer token-{n}-abc"
        await wait_for(lambda: token in tokens.good and outlet.column("n")[-1:] == [n])  # noqa: B023
        http.set({"n": n + 1})
        tokens.good = set()  # the server forgets its tokens
    assert State.RECONNECTING not in [state for state, _, _ in outlet.states]


@pytest.mark.parametrize("path", ["/events", "/state"])
async def test_a_second_refusal_is_final_and_shows_no_token(http, tokens, outlet, running, path):
    http.guard = lambda *_: False
    make = SseSource if path == "/events" else PollSource
    with pytest.raises(RefusedError, match=r"answers HTTP 401$"):
        await running(make(f"{http.url}{path}", auth=oauth(http), **options()), outlet)
    assert len(tokens.given) == 2
    http.requests.clear()
    with pytest.raises(RefusedError):
        await running(make(f"{http.url}{path}", auth=Bearer(SECRET), **options()), outlet)
    assert len(http.requests) == 1  # a fixed token is no better the second time


async def test_a_websocket_that_refuses_a_token_gets_a_new_one_once(http, tokens, outlet, running):
    def judge(connection, request):
        if request.headers.get("Authorization") in tokens.good:
            return None
        return connection.respond(status.HTTPStatus.UNAUTHORIZED, "no")

    with WebSocketServer(process_request=judge) as server:
        auth = oauth(http)
        running(WebSocketSource(server.url, auth=auth, backoff=Backoff(**QUICK)), outlet)
        await wait_for(lambda: server.clients)
        tokens.good = set()
        server.cut()
        await wait_for(lambda: server.clients and len(tokens.given) == 2)
        http.posts["/token"] = lambda *_: (200, {"access_token": "of-no-use", "expires_in": 9})
        server.cut()
        tokens.good = set()
        with pytest.raises(RefusedError, match=r"answers HTTP 401$"):
            await running(WebSocketSource(server.url, auth=auth), outlet)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ((401, {"error": "invalid_client"}), r"HTTP 401: invalid_client$"),
        ((400, {"error": f"bad {CLIENT}"}), r"HTTP 400: bad …$"),
        ((302, None), r"HTTP 302$"),
        ((200, {"token": "x"}), r"holds no access_token$"),
        ((200, [1]), r"holds no access_token$"),
        ((200, b"<html>"), r"holds no access_token$"),
        ((200, {"access_token": "a\r\nX: b"}), r"holds no access_token$"),
        ((200, {"access_token": "abc", "token_type": "mac"}), r"type 'mac', not Bearer$"),
    ],
)
async def test_an_authorization_server_that_refuses_is_final(
    http, tokens, outlet, running, failure, said
):
    tokens.failure = failure
    with pytest.raises(SourceError, match=said) as caught:
        await running(SseSource(f"{http.url}/events", auth=oauth(http), **options()), outlet)
    assert CLIENT not in str(caught.value)


async def test_an_authorization_server_that_is_away_is_tried_again(http, tokens, outlet, running):
    tokens.failure = 503, None
    running(SseSource(f"{http.url}/events", auth=oauth(http), **options()), outlet)
    await wait_for(lambda: len(outlet.states) > 3)
    assert outlet.states[1][0] is State.RECONNECTING
    assert "no token from 127.0.0.1" in outlet.states[1][1]
    tokens.failure = None
    await wait_for(lambda: http.clients)


async def test_no_secret_of_any_kind_is_said_anywhere(http, tokens, outlet, running, caplog):
    caplog.set_level(logging.DEBUG)
    feeds = []
    with WebSocketServer() as server:
        for auth in (
            Bearer(SECRET),
            Basic("bobby", SECRET),
            ApiKey(SECRET, query="k"),
            oauth(http),
        ):
            for make, url in ((SseSource, f"{http.url}/events"), (WebSocketSource, server.url)):
                more = options(auth=auth)
                feeds.append(make(url, **more if make is SseSource else more | {"proxy": None}))
                running(feeds[-1], outlet)
        await wait_for(lambda: server.clients == 4 and len(http.requests) > 4)
        server.send('{"n": 1', {"n": 2})
        await wait_for(lambda: outlet.rejected)
    http.stop()
    await wait_for(lambda: len(outlet.states) > 16)
    said = f"{outlet.states} {outlet.rejected} {feeds} {[each.health() for each in feeds]}"
    said += "".join(each.getMessage() for each in caplog.records if "server" not in each.name)
    pair = base64.b64encode(f"bobby:{SECRET}".encode()).decode()
    assert not [each for each in (SECRET, CLIENT, pair, *tokens.given) if each in said]
    assert tokens.given
