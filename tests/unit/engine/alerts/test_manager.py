"""The manager at work: from a streamer's output to whoever is told."""

import logging
import re
import threading

import pytest

from livewidget import DataStreamer
from livewidget.codecs import state as codec
from livewidget.data.batch import Batch
from livewidget.data.errors import ClosedError, SchemaError, SettingError, StateError
from livewidget.engine.alerts.alert import alerts_of
from livewidget.engine.alerts.handlers import Callback, Notebook
from livewidget.engine.alerts.manager import AlertManager
from livewidget.engine.alerts.runner import HandlerRunner
from livewidget.engine.alerts.steady import SteadyWall
from livewidget.pipeline.alerts.event import ALERTS
from livewidget.resilience.backoff import Backoff
from livewidget.testing import ManualClock, wait_until

S = 10**9
NOON = 1_700_000_000  # s


def row(state, at, key="a", rule="hot", since=0, priority="warning"):
    return {
        "time": (NOON + at) * S,
        "rule": rule,
        "key": key,
        "state": state,
        "priority": priority,
        "value": 41.5,
        "since": (NOON + since) * S,
        "message": f"{key} is {rule}",
    }


@pytest.fixture
def alerts(engine):
    """A streamer of alerts, whatever found them."""
    streamer = DataStreamer(schema=ALERTS, max_ahead=None, engine=engine)
    yield streamer
    streamer.stop()


@pytest.fixture
def managed(engine, alerts):
    made = []

    def make(*handlers, **options):
        options = {"engine": engine, "group_interval": 0} | options
        made.append(AlertManager(alerts.stream, handlers=handlers, **options))
        wait_until(lambda: alerts._line.feed.active)
        return made[-1]

    yield make
    for each in made:
        each.close(0.2)


def test_alerts_are_told_and_can_be_looked_at(alerts, managed):
    told = []
    manager = managed(told.append)
    alerts.push([row("pending", 1), row("firing", 2), row("firing", 3, "b", since=3)])
    wait_until(lambda: [each.status for each in told] == ["firing"])
    assert [(it.key, it.state) for it in manager.alerts] == [("a", "firing"), ("b", "firing")]
    alerts.push([row("resolved", 4)])
    wait_until(lambda: len(told) == 2)
    assert (told[1].status, told[1].labels) == ("resolved", {"rule": "hot"}) or told[1].alerts
    frame = manager.to_dataframe()
    assert frame["key"].tolist() == ["a", "b"]
    assert frame["state"].tolist() == ["resolved", "firing"]
    assert str(frame["time"].dt.tz) == "UTC"
    assert (manager.rules, len(manager.streams)) == (["hot"], 1)
    one = manager.alerts[0].as_dict()
    assert one.keys() >= {"id", "rule", "key", "state", "priority", "value", "time", "since"}
    assert manager.stats() | {"handlers": 0} == {
        "alerts": 1,
        "silences": 0,
        "transitions": 4,
        "notices": 2,
        "unreadable": 0,
        "duplicates": 0,
        "stale": 0,
        "refused": 0,
        "forgotten": 0,
        "handlers": 0,
    }


def test_alerts_of_an_output_are_taken_and_other_columns_do_not_matter(engine, managed):
    base = DataStreamer(engine=engine)
    routed = base.stream.route({"alerts": "value > 0"}).open(engine=engine)
    manager = AlertManager(engine=engine)
    assert manager.watch(routed) is manager
    wait_until(lambda: base._line.feed.active)
    base.push([row("firing", 1) | {"note": "x", "since": "2023-11-14T22:13:20Z"}])
    wait_until(lambda: manager.alerts or manager.stats()["unreadable"])
    assert [each.key for each in manager.alerts] == ["a"]
    manager.close()
    routed.stop()
    base.stop()


def test_what_is_no_alert_is_counted_and_said_once(alerts, managed, caplog):
    manager = managed()
    with caplog.at_level(logging.WARNING):
        alerts.push([row("on fire", 1)])
        wait_until(lambda: manager.stats()["unreadable"] == 1)
        alerts.push([row("firing", 2, priority="huge")])
        wait_until(lambda: manager.stats()["unreadable"] == 2)
    assert "state is one of pending, firing, resolved; got 'on fire'" in caplog.text
    assert len(caplog.records) == 1
    alerts.push([row("firing", 3)])
    wait_until(lambda: manager.alerts)


def test_silence_unsilence_and_acknowledge(alerts, managed):
    told, changes = [], []
    manager = managed(told.append)
    stop = manager.on_change(lambda: changes.append(1))
    made = manager.silence(rule="hot", key=re.compile("a|b"), for_="1h", comment="works")
    alerts.push([row("firing", 1)])
    wait_until(lambda: manager.alerts)
    assert manager.alerts[0].silenced
    assert [each.comment for each in manager.silences] == ["works"]
    assert told == []
    assert manager.unsilence(manager.alerts[0].id)
    wait_until(lambda: len(told) == 1)
    assert not manager.unsilence(made.id)
    assert [each.by for each in manager.acknowledge(rule="hot", by="Ada")] == ["Ada"]
    assert manager.acknowledge("gone") == []
    assert manager.alerts[0].acknowledged
    wait_until(lambda: len(changes) >= 4)
    stop()
    with pytest.raises(SettingError, match="for_ is a positive duration"):
        manager.silence(rule="hot", for_="-1h")
    with pytest.raises(SettingError, match="which alerts"):
        manager.silence(for_="1h")
    with pytest.raises(SettingError, match="ends after it starts"):
        manager.silence(rule="hot", for_="0s")
    with pytest.raises(SettingError, match="acknowledge takes the id"):
        manager.acknowledge()


def noticed(manager):
    return manager.stats()["notices"]


def test_what_still_fires_is_told_again_by_the_clock(alerts, managed):
    clock, told = ManualClock(), []
    manager = managed(told.append, clock=clock, repeat_interval="1h", group_wait="10s")
    alerts.push([row("firing", 1)])
    wait_until(lambda: manager.alerts)
    wait_until(lambda: noticed(manager) or (clock.sleepers and clock.advance(1)))
    for _ in range(350):
        wait_until(lambda: clock.sleepers)
        clock.advance(10)
    assert noticed(manager) == 1
    wait_until(lambda: noticed(manager) == 2 or (clock.sleepers and clock.advance(10)))
    wait_until(lambda: [each.status for each in told] == ["firing", "firing"])


def test_a_clock_that_is_set_back_holds_nothing_up():
    clock = ManualClock(now=1_000 * S)
    wall = SteadyWall(clock)
    clock.advance(10)
    assert wall.now() == 1_010 * S
    clock.set_wall(10 * S)
    assert wall.now() == 1_010 * S
    clock.advance(5)
    assert wall.now() == 1_015 * S
    clock.set_wall(5_000 * S)
    assert wall.now() > 5_000 * S, "a machine that slept"


def test_a_clock_that_is_set_back_by_an_hour_holds_no_notice_up(alerts, managed):
    clock, told = ManualClock(), []
    manager = managed(told.append, clock=clock, group_wait="10s")
    alerts.push([row("firing", 1)])
    wait_until(lambda: manager.alerts)
    clock.set_wall(clock.now() - 3_600 * S)
    wait_until(lambda: noticed(manager) or (clock.sleepers and clock.advance(1)))
    assert clock.monotonic() < 600
    wait_until(lambda: told)


def test_a_restart_tells_nothing_twice_and_what_was_not_told_yet(alerts, managed):
    told, again = [], []

    def refuse(_):
        raise OSError("nobody there")

    broken = HandlerRunner(Callback(refuse, "pager"), backoff=lambda: Backoff(60, 60))
    manager = managed(Callback(told.append, "first"), broken)
    manager.silence(rule="cold", for_="1h")
    alerts.push([row("firing", 1), row("firing", 1, rule="cold")])
    wait_until(lambda: told and broken.stats()["failed"])
    manager.close(0.05)
    state = codec.unpack(codec.pack(manager.save()))
    pager = Callback(again.append, "pager")
    after = managed(Callback(told.append, "first"), pager, state=state)
    alerts.push([row("firing", 1), row("firing", 1, rule="cold")])  # the source begins anew
    wait_until(lambda: again and after.stats()["duplicates"] >= 2)
    assert [each.id for each in again] == [each.id for each in told]
    assert [each.alerts[0].rule for each in told] == ["hot"]
    with pytest.raises(StateError, match="version 1"):
        after.load({})


def test_each_transition_is_an_event_and_a_row(alerts, managed):
    manager, heard = managed(), []
    manager.bus.subscribe("alert", heard.append)
    streamer = manager.streamer
    alerts.push([row("firing", 1), row("firing", 2), row("resolved", 3)])
    wait_until(lambda: len(heard) == 2)
    assert [each.values["state"] for each in heard] == ["firing", "resolved"]
    wait_until(lambda: streamer.account().received == 2)
    assert streamer.to_dataframe()["state"].tolist() == ["firing", "resolved"]


def test_handlers_that_fail_or_hang_hold_no_stream(alerts, managed, release):
    notebook = Notebook()
    manager = managed(lambda _: 1 / 0, lambda _: release.wait(), notebook, group_by=("key",))
    for start in range(0, 300, 100):
        numbers = range(start, start + 100)
        alerts.push([row("firing", each, str(each), since=each) for each in numbers])
    wait_until(lambda: len(manager.alerts) == 300)
    wait_until(lambda: manager.stats()["handlers"][2]["delivered"] == 300)
    assert alerts.account().dropped == 0
    failing = manager.stats()["handlers"][0]
    assert failing["last_error"] == "ZeroDivisionError: division by zero"


def test_a_callback_that_raises_is_none_of_ours(alerts, managed, caplog):
    manager, calls = managed(), []
    manager.on_change(lambda: 1 / 0)
    manager.on_change(lambda: calls.append(1))
    alerts.push([row("firing", 1)])
    wait_until(lambda: calls)
    assert "a callback for alerts failed" in caplog.text


def test_what_cannot_be_is_refused(engine):
    for options, said in [
        ({"group_by": ("host",)}, "group_by is of"),
        ({"group_wait": "soon"}, "group_wait is a positive duration"),
        ({"repeat_interval": 0}, "repeat_interval is a positive duration"),
        ({"handlers": [7]}, "a handler is a Handler or a function, got 7"),
    ]:
        with pytest.raises(SettingError, match=said):
            AlertManager(engine=engine, **options)
    manager = AlertManager(engine=engine)
    with manager, pytest.raises(SettingError, match="a DataStreamer or a Stream, got 'x'"):
        manager.watch("x")
    with pytest.raises(ClosedError):
        manager.watch(DataStreamer(engine=engine))
    manager.close()
    with pytest.raises(SchemaError, match="no column 'rule'"):
        alerts_of(Batch.of({"time": [1.0]}), print)


def test_many_threads_at_once(alerts, managed):
    told, errors = [], []
    manager = managed(told.append, group_by=("key",))

    def meddle(number):
        try:
            for _ in range(50):
                made = manager.silence(key=str(number), for_="1h")
                manager.acknowledge(rule="hot", key=str(number))
                assert len(manager.to_dataframe()) >= 0
                assert manager.unsilence(made.id)
        except Exception as error:  # noqa: BLE001  (it is shown by the test)
            errors.append(error)

    threads = [threading.Thread(target=meddle, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for second in range(50):
        states = ("firing", "resolved")
        keys = map(str, range(4))
        alerts.push([row(states[second % 2], second, key, since=second // 2) for key in keys])
    for thread in threads:
        thread.join()
    wait_until(lambda: manager.stats()["transitions"] == 200)
    assert errors == []
    assert (manager.alerts, manager.silences) == ([], [])
    assert len(manager.history) == 100
