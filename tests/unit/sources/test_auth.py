import base64
import copy
import pickle
import threading
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.data.errors import SettingError, SourceError
from livewidget.sources import ApiKey, Basic, Bearer, OAuth2, PollSource, SseSource, WebSocketSource
from livewidget.sources.address import Address
from livewidget.sources.auth import Credentials, to_auth

SECRET = "hunter2-swordfish"
ALL = [
    Bearer(SECRET),
    Basic("bob", SECRET),
    ApiKey(SECRET),
    ApiKey(SECRET, query="key"),
    OAuth2("https://host/token", "me", SECRET),
    to_auth(lambda: {"X": SECRET}),
]


@pytest.mark.parametrize("auth", ALL, ids=lambda auth: type(auth).__name__)
def test_no_repr_shows_a_secret(auth):
    assert SECRET not in f"{auth!r} {auth} {[auth]}"
    for make in (SseSource, PollSource):
        assert SECRET not in repr(make("http://host/x", auth=auth))
    assert SECRET not in repr(WebSocketSource("ws://host/x", auth=auth))


async def test_each_kind_sends_what_its_standard_says():
    async def headers(auth):
        return (await auth.credentials(fresh=True)).headers

    assert await headers(Bearer("t")) == {"Authorization": "Bearer t"}
    pair = base64.b64encode("bob:pä".encode()).decode()
    assert await headers(Basic("bob", "pä")) == {"Authorization": f"Basic {pair}"}
    assert await headers(ApiKey("k")) == {"X-API-Key": "k"}
    assert await headers(ApiKey("k", "X-Other")) == {"X-Other": "k"}
    key = await ApiKey("k", query="key").credentials(fresh=True)
    assert (key.headers, key.query) == ({}, {"key": "k"})


async def test_a_callable_is_asked_before_a_connect_and_its_answer_serves_until_the_next():
    asked = []

    def sync():
        asked.append(threading.current_thread())
        return {"X": str(len(asked))}

    async def later():
        return sync()

    for function in (sync, later):
        asked.clear()
        auth = to_auth(function)
        seen = [(await auth.credentials(fresh=fresh)).headers["X"] for fresh in (1, 0, 1, 0)]
        assert seen == ["1", "1", "2", "2"]
        assert auth.renew()
        assert (await auth.credentials(fresh=False)).headers["X"] == "3"
        at_home = asked[0] is threading.current_thread()
        assert at_home is (function is later)  # one that blocks must not hold the loop


@pytest.mark.parametrize("answer", [None, "Bearer x", {"X": 3}, [("X", "y")]])
async def test_a_callable_that_returns_no_headers_says_what_is_expected(answer):
    with pytest.raises(SourceError, match="mapping of headers"):
        await to_auth(lambda: answer).credentials(fresh=True)


async def test_what_a_callable_raises_is_told_by_its_type_alone():
    def broken():
        raise error

    error = RuntimeError(SECRET)
    auth = to_auth(broken)
    with pytest.raises(SourceError, match=r"^auth raised RuntimeError$"):
        await auth.credentials(fresh=True)
    error = ConnectionResetError(SECRET)
    with pytest.raises(OSError, match=r"^auth raised ConnectionResetError$"):
        await auth.credentials(fresh=True)


async def test_a_callable_that_worked_once_may_fail_and_be_asked_again():
    answers = [{"X": "1"}, RuntimeError(SECRET), {"X": "2"}]

    async def moody():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    auth = to_auth(moody)
    await auth.credentials(fresh=True)
    with pytest.raises(OSError, match=r"^auth raised RuntimeError$"):
        await auth.credentials(fresh=True)
    assert (await auth.credentials(fresh=True)).headers == {"X": "2"}


@pytest.mark.parametrize("thing", [SECRET, {"Authorization": SECRET}, 3, Bearer])
def test_what_is_no_auth_is_refused_and_not_shown(thing):
    with pytest.raises(SettingError, match="auth is Bearer, Basic") as caught:
        PollSource("http://host", auth=thing)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [f"{SECRET}\r\nX-Evil: 1", f"{SECRET}\n", "", "  ", None])
def test_a_secret_that_would_break_the_header_is_refused_and_not_shown(value):
    for make in (Bearer, ApiKey):
        with pytest.raises(SettingError) as caught:
            make(value)
        assert SECRET not in str(caught.value)


def test_a_user_with_a_colon_is_refused():
    with pytest.raises(SettingError, match="colon"):
        Basic("a:b", SECRET)


@given(st.text(min_size=1), st.sampled_from(["", "?a=1", "?a=1&b=%20"]))
def test_a_query_parameter_is_added_and_read_back(value, query):
    url = Credentials({}, {"key": value}).added_to(f"wss://host:1/p{query}")
    before = parse_qsl(urlsplit(f"wss://host:1/p{query}").query)
    assert parse_qsl(urlsplit(url).query, keep_blank_values=True) == [*before, ("key", value)]


def test_what_comes_later_is_hidden_too_and_the_memory_of_it_is_bounded():
    address = Address("https://host/x")
    for n in range(1_000):
        address.hide([f"token-{n:04}"])
    assert address.scrub("token-0999 and token-0990") == "… and …"
    assert len(address._later) < 100


def test_every_spelling_of_a_credential_is_hidden():
    address = Address("https://host/x")
    address.hide(Credentials({"A": f"Bearer {SECRET}"}, {"k": "pass word/9"}).secrets())
    for text in (SECRET, f"Bearer {SECRET}", "pass word/9", "pass%20word%2F9"):
        assert address.scrub(f"<{text}>") in ("<…>", "<Bearer …>")


@pytest.mark.parametrize("auth", ALL[:4], ids=lambda auth: type(auth).__name__)
def test_a_copy_shows_no_more(auth):
    assert SECRET not in repr(copy.copy(auth))
    assert SECRET not in repr(pickle.loads(pickle.dumps(auth)))
