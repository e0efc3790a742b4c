import pytest

from livewidget.data.errors import SettingError
from livewidget.sources import resolve
from livewidget.sources.address import Address

SECRETS = ["hunter2", "bobby", "tok-123", "8f14e45fceea167a5a36dedd4bea2543"]
URL = f"wss://bobby:hunter2@host:8443/ws/{SECRETS[3]}/btcusdt@aggTrade?token=tok-123&depth=5"


def test_what_is_shown_has_no_secret_and_still_says_where():
    address = Address(URL)
    assert address.shown == "wss://host:8443/ws/…/btcusdt@aggTrade?…"
    assert address.host == "host:8443"
    assert address.url == URL


def test_no_secret_is_left_in_a_text():
    address = Address(URL, ["Bearer abc"])
    text = address.scrub(f"cannot open {URL} with Bearer abc: token tok-123 of bobby, hunter2")
    assert not [each for each in [*SECRETS, "Bearer abc"] if each in text]


def test_plain_words_stay_whole():
    address = Address("wss://host/?depth=5&side=s&live=1")
    assert address.scrub("nothing answers at host:15") == "nothing answers at host:15"


def test_a_source_shows_only_the_address_that_may_be_seen():
    source = resolve(URL, headers={"Authorization": "Bearer hunter2"}, subscribe={"key": "hunter2"})
    for text in (source.name, repr(source), str(source)):
        assert not [each for each in SECRETS if each in text]


@pytest.mark.parametrize("url", ["ws://", "ws:///path", "ws://host:port/", "ws://[::1"])
def test_an_address_that_names_no_server_is_refused(url):
    with pytest.raises(SettingError):
        Address(url)


def test_an_ipv6_host_keeps_its_brackets():
    assert Address("ws://[::1]:9/x").shown == "ws://[::1]:9/x"
