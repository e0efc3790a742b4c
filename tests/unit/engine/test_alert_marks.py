"""Alerts of a chart in its status: told where they changed, and to pages that come."""

import pytest

ALERT = {"id": "a", "rule": "hot", "state": "firing", "time": "1", "since": "1"}


def told(rig):
    statuses = [content.get("status", {}) for content, _ in rig.transport.of_kind("tick")]
    return [each["1"]["alerts"] for each in statuses if "alerts" in each.get("1", {})]


def test_they_are_sent_where_they_change_and_not_else(rig):
    session = rig.chart()
    rig.view()
    rig.live(3)
    assert told(rig) == []
    session.show_alerts([ALERT])
    rig.live(5)
    session.show_alerts([dict(ALERT)])
    rig.live(5)
    assert told(rig) == [[ALERT]]
    session.show_alerts(None)
    rig.live(3)
    assert told(rig) == [[ALERT], None]


def test_a_page_that_comes_is_told(rig):
    session = rig.chart()
    session.show_alerts([ALERT])
    rig.view("A")
    rig.live(2)
    rig.view("B", view=7)
    rig.live(2)
    assert told(rig) == [[ALERT], [ALERT]]
    rig.say("snapshot", "B", chart=1, have=0)
    rig.live(2)
    assert told(rig) == [[ALERT]] * 3


def test_a_persons_answer_is_handed_on(rig):
    session, heard = rig.chart(), []
    rig.say("alert", chart=1, action="silence", alert="a")
    assert rig.hub.inbox.malformed == 0
    session.on_alert = lambda *given: heard.append(given)
    rig.say("alert", chart=1, action="acknowledge", alert="a")
    rig.say("alert", chart=2, action="acknowledge", alert="of no chart")
    assert heard == [("acknowledge", "a")]


@pytest.mark.parametrize(
    "content",
    [
        {"action": "delete", "alert": "a"},
        {"action": "silence", "alert": 3},
        {"action": "silence", "alert": "a" * 257},
        {"action": None},
    ],
)
def test_an_answer_that_does_not_fit_is_passed_over(rig, content):
    heard = []
    rig.chart().on_alert = lambda *given: heard.append(given)
    rig.say("alert", chart=1, **content)
    assert rig.hub.inbox.malformed == 1
    assert heard == []
