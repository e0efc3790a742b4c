import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.data.errors import SettingError, SourceError
from livewidget.sources import OAuth2, PollSource, ReplayFile, allow, allow_list, resolve
from livewidget.sources.address import Address
from livewidget.sources.allow_list import AllowList, Rule, check_allowed, from_environment


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(allow_list, "_process", AllowList())


def passes(scheme, host):
    try:
        check_allowed(scheme, host)
    except SettingError:
        return False
    return True


def test_without_a_list_all_pass():
    assert passes("wss", "anywhere.example")
    assert passes("file", None)


@pytest.mark.parametrize(
    ("pattern", "fit", "unfit"),
    [
        ("feed.example", ["feed.example", "FEED.example."], ["a.feed.example", "feed.example.org"]),
        (".example", ["example", "a.example", "b.a.example"], ["notexample", "example.org"]),
        ("*.example", ["a.example", "b.a.example"], ["example", "a.example.org"]),
        ("feed-?.example", ["feed-1.example"], ["feed-12.example", "feed-.example"]),
        ("::1", ["::1"], ["::2", "1"]),
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.11", "127.1", "localhost"]),
    ],
)
def test_names_suffixes_and_patterns(pattern, fit, unfit):
    allow(hosts=[pattern])
    assert all(passes("wss", host) for host in fit)
    assert not any(passes("wss", host) for host in unfit)


def test_files_are_a_scheme_and_have_no_host():
    allow(hosts=["feed.example"])
    assert passes("file", None)
    allow(schemes=["wss", "https://"])
    assert not passes("file", None)
    assert passes("https", "feed.example")
    assert not passes("http", "feed.example")


def test_an_empty_list_lets_nothing_pass():
    allow(hosts=[])
    assert not passes("wss", "feed.example")


RULES = st.lists(
    st.builds(
        Rule,
        st.just("here"),
        hosts=st.none() | st.lists(st.sampled_from(["a.x", ".x", "*.x", "b.x", "y"])).map(tuple),
        schemes=st.none() | st.lists(st.sampled_from(["ws", "wss", "file"])).map(tuple),
    ),
    max_size=5,
)


@given(RULES)
def test_no_further_call_lets_anything_pass_that_did_not(rules):
    def open_places():
        found = set()
        for scheme in ("ws", "wss", "file"):
            for host in ("a.x", "b.x", "x", "y", "z", None):
                try:
                    listed.check(scheme, host)
                except SettingError:
                    continue
                found.add((scheme, host))
        return found

    listed = AllowList()
    before = open_places()
    for rule in rules:
        listed.narrow(rule)
        assert open_places() <= before
        before = open_places()


def test_a_url_is_checked_where_it_is_handed_in_and_the_list_is_named():
    allow(hosts=["feed.example"])
    resolve("wss://feed.example/x")
    for make in (
        lambda: resolve("wss://bob:hunter2@other.example/x?token=tok-123"),
        lambda: PollSource("https://feed.example", proxy="http://other.example:3128"),
        lambda: OAuth2("https://other.example/token", "id", "secret"),
    ):
        with pytest.raises(SettingError, match=r"^other\.example is not .*\.sources\.allow") as hit:
            make()
        assert "hunter2" not in str(hit.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://feed.example@evil.example/",
        "https://feed.example:x@evil.example:80/",
        "https://evil.example/feed.example",
        "https://evil.example#feed.example",
        "https://evil.example?feed.example",
        "https://feed.example.evil.example/",
        "https://evil.example\\@feed.example/",
        "https://feed.example\\.evil.example/",
        "https://feed.example\t.evil.example/",
        "https://feed%2eexample/",
    ],
)
def test_no_spelling_makes_the_client_go_where_the_list_did_not_look(url):
    from httpx2 import URL, InvalidURL
    from websockets.exceptions import InvalidURI
    from websockets.uri import parse_uri

    allow(hosts=["feed.example"])
    try:
        Address(url)
    except SettingError:
        return
    for parse in (lambda: URL(url).host, lambda: parse_uri(url.replace("https", "wss")).host):
        try:
            assert parse() == "feed.example"
        except (InvalidURL, InvalidURI):
            continue


async def test_a_list_that_comes_later_holds_at_the_next_connect(outlet, running):
    source = resolve("ws://127.0.0.1:9/x")
    allow(hosts=["feed.example"])
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 is not among the hosts"):
        await running(source, outlet)


def test_the_environment_is_a_list_of_its_own():
    rules = from_environment(
        {"LIVEWIDGET_ALLOWED_HOSTS": "a.x, .y ,", "LIVEWIDGET_ALLOWED_SCHEMES": "wss"}
    )
    listed = AllowList(rules)
    listed.check("wss", "b.y")
    with pytest.raises(SettingError, match=r"^b\.x is not .* LIVEWIDGET_ALLOWED_HOSTS allows$"):
        listed.check("wss", "b.x")
    with pytest.raises(SettingError, match=r"^ws:// is not .* LIVEWIDGET_ALLOWED_SCHEMES allows$"):
        listed.check("ws", "a.x")


def test_a_cell_cannot_loosen_what_the_environment_says():
    code = """
import os
from livewidget.sources import allow, resolve
os.environ["LIVEWIDGET_ALLOWED_HOSTS"] = "*"
allow(hosts=["*"])
for url in ("ws://in.example", "ws://out.example"):
    try:
        print(resolve(url).name)
    except ValueError as error:
        print(error)
"""
    environment = {"LIVEWIDGET_ALLOWED_HOSTS": "in.example", "PYTHONPATH": ":".join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == [
        "ws://in.example",
        "out.example is not among the hosts that LIVEWIDGET_ALLOWED_HOSTS allows",
    ]


def test_one_name_in_place_of_a_list_is_a_mistake():
    with pytest.raises(SettingError, match=r"hosts is a list of names, got 'feed\.example'"):
        allow(hosts="feed.example")


def test_files_too_may_be_kept_out(tmp_path):
    (tmp_path / "x.csv").write_text("time,n\n1,2\n")
    allow(schemes=["https"])
    for thing in (tmp_path / "x.ndjson", "file:///x.ndjson", ReplayFile):
        with pytest.raises(SettingError, match="file"):
            thing(tmp_path / "x.csv") if thing is ReplayFile else resolve(thing)
