import pandas as pd
import pytest

from livewidget.data.errors import SettingError, SourceError
from livewidget.sources import Machine, resolve
from livewidget.sources.iterators import AsyncIteratorSource, IteratorSource
from livewidget.sources.pull import CallableSource
from livewidget.sources.replay import Replay
from livewidget.sources.websocket import WebSocketSource


async def stream():
    yield 1


@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        ("ws://host/path", WebSocketSource),
        ("WSS://host", WebSocketSource),
        (stream(), AsyncIteratorSource),
        (stream, AsyncIteratorSource),
        ((number for number in (1, 2)), IteratorSource),
        ([1, 2], IteratorSource),
        (lambda: 1, CallableSource),
        (pd.DataFrame({"time": [1.0], "a": [2.0]}), Replay),
    ],
)
def test_each_thing_has_its_source(thing, kind):
    assert type(resolve(thing)) is kind


def test_a_source_is_itself_and_takes_no_options():
    machine = Machine()
    assert resolve(machine, interval=None) is machine
    with pytest.raises(SettingError, match="interval"):
        resolve(machine, interval=2.0)


def test_options_go_to_the_source_and_unknown_ones_are_named():
    assert resolve(lambda: 1, interval=0.5).interval == 0.5
    with pytest.raises(SettingError, match="headers"):
        resolve(lambda: 1, headers={})


@pytest.mark.parametrize("thing", [None, 3, b"ws://host", {"a": 1}, object()])
def test_what_is_no_source_is_named_with_what_is_accepted(thing):
    with pytest.raises(SourceError, match="expected a URL") as caught:
        resolve(thing)
    assert repr(thing)[:30] in str(caught.value)


def test_a_class_is_told_from_an_object():
    with pytest.raises(SourceError, match="Machine is a class"):
        resolve(Machine)


@pytest.mark.parametrize("url", ["amqp://user:secret@host/topic", "redis://h?key=secret", "x://"])
def test_other_schemes_list_those_there_are_and_show_no_secret(url):
    with pytest.raises(
        SourceError, match=r"not supported in this version.*ws://, wss://"
    ) as caught:
        resolve(url)
    assert "secret" not in str(caught.value)


def test_text_that_is_no_url_is_refused():
    with pytest.raises(SourceError, match=r"the text 'ticks.csv'"):
        resolve("ticks.csv")


def test_the_columns_wanted_name_what_is_plain():
    source = resolve(iter([]), time="t", values=["bid", "ask"])
    assert source._fields == ("t", "bid", "ask")
    assert resolve(iter([]))._fields == ("time", "value")
    assert resolve(iter([]), fields=("a", "b"), values=["c"])._fields == ("a", "b")


def test_a_feed_is_spared_other_fields_only_where_its_time_is_known():
    decoder = resolve("ws://host", time="t", values=["bid"], by="symbol")._decoder
    assert decoder._names == ("t", "bid", "symbol")
    assert resolve("ws://host", values=["bid"])._decoder._names is None


def test_a_table_is_told_its_time():
    frame = pd.DataFrame({"when": [2.0, 1.0], "a": [2.0, 1.0]})
    assert resolve(frame, time="when", values=["a"])._batch.schema.time == "when"
