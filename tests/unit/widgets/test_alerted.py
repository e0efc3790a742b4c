"""A chart that shows alerts: what it tells its pages, and what they answer."""

import time

import pytest

from livewidget import DataStreamer
from livewidget.data.errors import ClosedError, SettingError
from livewidget.engine.alerts.manager import AlertManager
from livewidget.pipeline.alerts.event import ALERTS
from livewidget.testing import wait_until
from livewidget.widgets.alert_feed import PACE_S, AlertFeed, rows_of

from .managers import FakeManager


def shown(chart):
    """What the next status of a chart would tell a page that comes."""
    session, engine = chart._session, chart._hub.engine

    def news():
        session.ask_snapshot()
        return session.news().get("alerts")

    return engine.call(news)


@pytest.mark.parametrize("as_objects", [False, True])
def test_rows_are_plain_data_what_fires_first(as_objects):
    manager = FakeManager(as_objects=as_objects)
    manager.add("over", over=True, time=9_000)
    manager.add("soon", state="pending")
    manager.add("old", time=1_500)
    manager.add("new", time=3_000, message="hot!", value=float("nan"))
    rows = rows_of(manager, 10)
    assert [row["id"] for row in rows] == ["new", "old", "soon", "over"]
    assert rows[1] == {
        "id": "old",
        "rule": "hot",
        "key": "sensor-17",
        "state": "firing",
        "priority": "warning",
        "text": "104.25",
        "since": "1000",
        "time": "1500",
        "acknowledged": False,
        "silenced": False,
        "until": None,
    }
    assert rows[0]["text"] == "hot!"


def test_rows_are_bounded_and_chosen_by_rule():
    manager = FakeManager()
    for number in range(200):
        manager.add(f"a{number}", rule=f"rule-{number % 2}", time=number, value=None)
    rows = rows_of(manager, 50, ["rule-1"])
    assert len(rows) == 50
    assert {row["rule"] for row in rows} == {"rule-1"}
    assert rows[0]["id"] == "a199"
    assert rows[0]["text"] == ""


def test_a_chart_is_told_of_alerts_and_carries_answers_back(make):
    chart, manager = make(y="a"), FakeManager()
    chart.show_alerts(manager)
    wait_until(lambda: shown(chart) == [])
    manager.add("a")
    wait_until(lambda: [row["id"] for row in shown(chart)] == ["a"])
    for action in ("acknowledge", "silence"):
        chart._session.on_alert(action, "a")
        chart._session.on_alert(action, "of another manager")
    assert manager.done == [("acknowledge", "a"), ("silence", "hot", "sensor-17", "1h")]


def test_a_chart_holds_the_newest_hundred(make):
    chart, manager = make(y="a"), FakeManager()
    for number in range(150):
        manager.add(f"a{number}", time=number)
    chart.show_alerts(manager)
    wait_until(lambda: shown(chart))
    assert [row["id"] for row in shown(chart)] == [f"a{n}" for n in range(149, 49, -1)]


def test_another_manager_takes_the_place_of_the_first(make):
    chart, first, second = make(y="a"), FakeManager(), FakeManager()
    chart.show_alerts(first)
    chart.show_alerts(second, rules=["hot"])
    assert (first.heard, len(second.heard)) == ([], 1)
    second.add("cold", rule="cold")
    second.add("hot")
    wait_until(lambda: [row["id"] for row in shown(chart) or ()] == ["hot"])
    chart.show_alerts(None)
    assert second.heard == []
    wait_until(lambda: shown(chart) is None)


def test_closing_lets_go_of_the_manager(make):
    chart, manager = make(y="a"), FakeManager()
    chart.show_alerts(manager)
    chart.close()
    assert manager.heard == []
    with pytest.raises(ClosedError):
        chart.show_alerts(manager)


def test_a_manager_that_fails_harms_no_chart(make, caplog):
    class Broken(FakeManager):
        def acknowledge(self, alert):
            raise RuntimeError(alert)

    chart, manager = make(y="a"), Broken()
    chart.show_alerts(manager)
    manager.add("a")
    wait_until(lambda: shown(chart))
    chart._session.on_alert("acknowledge", "a")
    assert "cannot be acknowledged" in caplog.text
    manager.alerts.append({"id": "no times"})
    manager.change()
    wait_until(lambda: "the alerts cannot be shown" in caplog.text)
    assert chart.push(a=1.0) == 1


@pytest.mark.parametrize("manager", [3, "alerts", object()])
def test_what_is_no_manager_is_refused(make, manager):
    with pytest.raises(SettingError, match="AlertManager"):
        make(y="a").show_alerts(manager)


def test_rules_are_a_list_of_names(make):
    with pytest.raises(SettingError, match="rules is a list"):
        make(y="a").show_alerts(FakeManager(), rules="hot")


def test_many_changes_are_shown_together(make):
    manager, engine = FakeManager(), make(y="a")._hub.engine
    times = []

    def show():
        times.append(engine.loop.time())
        return []

    feed = AlertFeed(manager, engine, show)
    wait_until(lambda: times)
    for number in range(1000):
        manager.add(f"a{number}")
    wait_until(lambda: len(times) == 2)
    assert times[1] - times[0] >= PACE_S * 0.99
    feed.close()
    feed.close()
    engine.call(lambda: None)
    told = len(times)
    manager.change()
    engine.call(lambda: None)
    assert (len(times), manager.heard) == (told, [])


def test_the_end_of_a_silence_is_seen(make):
    manager, engine = FakeManager(), make(y="a")._hub.engine
    manager.add("a", silenced=True, until=time.time_ns() + 400_000_000)
    shown_at = []

    def show():
        shown_at.append(time.time_ns())
        return rows_of(manager, 10)

    feed = AlertFeed(manager, engine, show)
    wait_until(lambda: len(shown_at) == 2)
    assert shown_at[1] >= manager.alerts[0]["until"] - 1_000_000
    feed.close()


def test_the_manager_of_alerts_is_one(make):
    now = time.time_ns()
    row = {"time": now, "since": now - 10, "rule": "hot", "key": "a", "state": "firing"}
    with DataStreamer(schema=ALERTS) as transitions, AlertManager() as manager:
        manager.watch(transitions, output=None)
        chart = make(y="a")
        chart.show_alerts(manager)
        transitions.push(row | {"priority": "critical", "value": 104.0, "message": ""})
        wait_until(lambda: shown(chart))
        [told] = shown(chart)
        assert (told["text"], told["since"], told["acknowledged"]) == ("104", str(now - 10), False)
        for action in ("acknowledge", "silence"):
            chart._session.on_alert(action, told["id"])
        wait_until(lambda: shown(chart)[0]["acknowledged"] and shown(chart)[0]["silenced"])
        chart._session.on_alert("unsilence", told["id"])
        wait_until(lambda: not shown(chart)[0]["silenced"])
