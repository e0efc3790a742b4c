"""Events of declared types, and those who listen."""

import asyncio
import logging
import threading

import pytest

from livewidget.data.errors import ClosedError, SchemaError, SettingError
from livewidget.engine.alerts.bus import EventBus
from livewidget.testing import ManualClock, wait_for, wait_until

HALT = {"symbol": "text", "price": "float", "level": "int"}


@pytest.fixture
def bus(engine):
    with EventBus(engine=engine, clock=ManualClock(now=5)) as bus:
        bus.declare("halt", HALT, priority="warning")
        yield bus


def test_an_event_is_what_was_declared(bus):
    event = bus.emit("halt", {"symbol": "ABC", "price": 3}, level=2)
    assert (event.type, event.priority, event.time) == ("halt", "warning", 5)
    assert dict(event.values) == {"time": 5, "symbol": "ABC", "price": 3.0, "level": 2}
    assert bus.emit("halt", level=1, time="1970-01-01T00:00:01Z").time == 10**9
    assert bus.stats() == {"emitted": {"halt": 2}, "listeners": []}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"symbol": "ABC"}, "event 'halt': column 'level' is of kind 'int' and is absent"),
        ({"level": 1, "price": "dear"}, "event 'halt': .*'price'.*dear"),
        ({"level": 1, "colour": "red"}, "event 'halt': .*'colour'"),
        ({"level": 1.5}, "event 'halt': .*level"),
        ({"level": [1, 2], "price": 1}, "event 'halt'"),
    ],
)
def test_what_does_not_fit_is_refused_at_the_door(bus, values, said):
    heard = []
    bus.subscribe("halt", heard.append)
    with pytest.raises(SchemaError, match=said):
        bus.emit("halt", values)
    assert bus.stats()["emitted"] == {}
    assert heard == []


def test_names_and_priorities_are_checked(bus):
    with pytest.raises(SettingError, match="no event type 'hault'; declared are 'halt'"):
        bus.emit("hault")
    with pytest.raises(SettingError, match="no event type 'hault'"):
        bus.subscribe("hault", print)
    with pytest.raises(SettingError, match="priority is one of info, warning, critical; got 'h"):
        bus.declare("x", HALT, priority="huge")
    with pytest.raises(SettingError, match="'halt' is declared already"):
        bus.declare("halt", {"symbol": "text"})
    with pytest.raises(SchemaError, match="kind is one of"):
        bus.declare("x", {"symbol": "string"})
    with pytest.raises(SettingError, match="name is a text other than"):
        bus.declare("*", HALT)
    with pytest.raises(SettingError, match="overflow is one of drop_oldest, drop_newest"):
        bus.subscribe("halt", print, overflow="block")
    bus.declare("halt", HALT, priority="warning")  # the same again is no error


async def test_functions_coroutines_and_iterators_all_hear_of_everything(bus):
    plain, awaited, read = [], [], []

    async def hear(event):
        await asyncio.sleep(0)
        awaited.append(event.values["level"])

    bus.declare("other", handler=lambda event: plain.append(event.type))
    bus.subscribe("halt", lambda event: plain.append(event.values["level"]))
    bus.subscribe("*", hear)
    reader = bus.subscribe("halt")

    async def iterate():
        async for event in reader:
            await asyncio.sleep(0)
            read.append(event.values["level"])

    task = asyncio.create_task(iterate())
    for number in range(100):
        await asyncio.to_thread(bus.emit, "halt", level=number)
    await wait_for(lambda: len(plain) == len(awaited) == len(read) == 100)
    assert plain == awaited == read == list(range(100))
    bus.close()
    await asyncio.wait_for(task, 5)
    with pytest.raises(ClosedError):
        bus.emit("halt", level=1)


def test_a_slow_or_a_failing_listener_harms_nobody(bus, release, caplog):
    heard = []
    slow = bus.subscribe("halt", lambda _: release.wait(), queue=10)
    newest = bus.subscribe("halt", queue=10, overflow="drop_newest")
    with caplog.at_level(logging.WARNING):
        failing = bus.subscribe("halt", lambda _: 1 / 0)
        bus.subscribe("halt", heard.append)
        for number in range(1_000):
            bus.emit("halt", level=number)
        wait_until(lambda: len(heard) == 1_000)
        wait_until(lambda: failing.idle)
    assert failing.failed == 1_000
    assert failing.last_error == "ZeroDivisionError: division by zero"
    assert len(caplog.records) == 1, "the first failure is told, the others counted"
    assert slow.dropped == 989
    assert newest.dropped == 990
    assert newest._waiting[0].values["level"] == 0
    assert slow._waiting[0].values["level"] == 990


def test_a_listener_that_was_closed_hears_nothing_more(bus):
    heard = []
    with bus.subscribe("halt", heard.append):
        bus.emit("halt", level=1)
        wait_until(lambda: heard)
    bus.emit("halt", level=2)
    assert bus.stats()["listeners"] == []
    assert len(heard) == 1


def test_no_thread_stays_where_nothing_happens(bus):
    listeners = [bus.subscribe("halt", lambda _: None) for _ in range(20)]
    bus.emit("halt", level=1)
    wait_until(lambda: all(each.idle for each in listeners))
    wait_until(lambda: not any("listener" in each.name for each in threading.enumerate()))


def test_the_events_of_a_type_are_a_stream_too(bus):
    streamer = bus.streamer("halt")
    assert bus.streamer("halt") is streamer
    bus.emit("halt", symbol="ABC", level=1, price=2.5)
    bus.emit("halt", symbol="DEF", level=2)
    wait_until(lambda: streamer.account().received == 2)
    assert streamer.to_dataframe()["symbol"].tolist() == ["ABC", "DEF"]
