"""The panel of alerts: its rows, its buttons, its end."""

import ipywidgets
import pytest

from livewidget.data.errors import SettingError
from livewidget.testing import wait_until
from livewidget.widgets import kernel
from livewidget.widgets.alert_panel import MOST_ROWS, AlertPanel

from .managers import FakeManager

ROW = {"rule": "hot", "state": "firing", "priority": "info", "time": 2, "since": 1}


@pytest.fixture
def manager():
    return FakeManager()


@pytest.fixture
def panel(manager):
    panel = AlertPanel(manager)
    yield panel
    panel.close()


def say(panel, **content):
    """What a button of the page sends."""
    panel._handle_custom_msg(content, [])


def test_it_lists_what_the_manager_has(panel, manager):
    manager.add("a")
    manager.add("b", over=True)
    wait_until(lambda: [row["id"] for row in panel.rows] == ["a", "b"])
    assert panel.get_state()["rows"][0]["since"] == "1000"
    assert repr(panel) == "AlertPanel('Alerts', 1 firing)"


def test_its_rows_are_bounded(panel, manager):
    manager.alerts += [dict(ROW, id=str(n)) for n in range(MOST_ROWS + 100)]
    manager.change()
    wait_until(lambda: len(panel.rows) == MOST_ROWS)


def test_it_says_what_is_watched(panel, manager):
    assert panel.watched == ""
    manager.streams, manager.rules = ["s"], []
    manager.change()
    wait_until(lambda: panel.watched == "1 stream is watched.")
    manager.rules, manager.streams = ["a", "b"], ["s", "t", "u"]
    manager.change()
    wait_until(lambda: panel.watched == "Alerts of 2 rules so far. 3 streams are watched.")


def test_its_buttons_reach_the_manager(panel, manager):
    manager.add("a")
    wait_until(lambda: panel.rows)
    say(panel, action="acknowledge", alert="a")
    say(panel, action="silence", alert="a")
    say(panel, action="unsilence", alert="a")
    assert manager.done == [
        ("acknowledge", "a"),
        ("silence", "hot", "sensor-17", "1h"),
        ("unsilence", "a"),
    ]


@pytest.mark.parametrize(
    "content",
    [{"action": "acknowledge", "alert": "gone"}, {"action": 3, "alert": "a"}, {"action": "delete"}],
)
def test_what_does_not_fit_is_passed_over(panel, manager, content):
    manager.add("a")
    wait_until(lambda: panel.rows)
    say(panel, **content)
    assert manager.done == []


def test_close_frees_it_and_lets_go_of_the_manager(manager):
    kernel.shared()
    before = len(ipywidgets.widgets.widget._instances)
    for _ in range(10):
        panel = AlertPanel(manager)
        panel.close()
        panel.close()
    assert repr(panel) == "AlertPanel(closed)"
    assert len(ipywidgets.widgets.widget._instances) == before
    assert manager.heard == []


def test_what_is_no_manager_is_refused():
    kernel.shared()
    before = len(ipywidgets.widgets.widget._instances)
    with pytest.raises(SettingError, match="AlertManager"):
        AlertPanel(3)
    assert len(ipywidgets.widgets.widget._instances) == before
