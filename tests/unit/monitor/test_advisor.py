"""Advice that is applied is judged by its figure: it helped, or it is taken back and said so."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SettingError
from livewidget.monitor.advisor import SETTLE_S, Advisor
from livewidget.monitor.findings import Action, Check, Finding

NAME = "bottleneck-x"


class Machine:
    """A setting that is turned on, and a figure that follows it."""

    def __init__(self, before=100.0, after=50.0):
        self.on = False
        self.before, self.after = before, after
        self.calls = []
        self.action = Action(
            "Turn it on", self._apply, self._undo, Check("the queue", self.read, 0.2)
        )

    def _apply(self):
        self.calls.append("apply")
        self.on = True

    def _undo(self):
        self.calls.append("undo")
        self.on = False

    def read(self):
        return self.after if self.on else self.before

    @property
    def finding(self):
        return Finding(NAME, "bottleneck", "warning", "X is slow.", {}, self.action)


class Desk:
    """An advisor and its clock, asked once a second."""

    def __init__(self, machine):
        self.machine = machine
        self.advisor = Advisor()
        self.now = 1000.0
        self.there = True

    def run(self, seconds):
        for _ in range(round(seconds)):
            self.now += 1.0
            findings = [self.machine.finding] if self.there else []
            self.listed = self.advisor.update(self.now, findings)
        return {each.id: each for each in self.listed}.get(NAME)

    def apply(self):
        self.advisor.apply(NAME, self.now)

    def undo(self):
        self.advisor.undo(NAME, self.now)


def test_what_helps_stays_and_is_said():
    desk = Desk(Machine())
    assert desk.run(5).status == "open"
    desk.apply()
    assert desk.run(1).status == "applied"
    found = desk.run(SETTLE_S)
    assert found.status == "helped"
    assert found.text == "X is slow. Turn it on: it helped, the queue went from 100 to 50."
    assert desk.machine.calls == ["apply"]


@settings(deadline=None)
@given(st.floats(0.1, 1e6), st.one_of(st.floats(0.0, 0.79), st.floats(0.81, 2.0)))
def test_the_margin_decides(before, part):
    desk = Desk(Machine(before, before * part))
    desk.run(5)
    desk.apply()
    found = desk.run(SETTLE_S + 1)
    assert found.status == ("helped" if part < 0.8 else "taken back")
    assert desk.machine.on == (found.status == "helped")


def test_what_does_not_help_is_taken_back_said_and_not_offered_again_for_a_while():
    desk = Desk(Machine(after=95.0))
    desk.run(5)
    desk.apply()
    found = desk.run(SETTLE_S + 1)
    assert found.status == "taken back"
    assert "taken back, it did not help: the queue went from 100 to 95." in found.text
    assert desk.machine.calls == ["apply", "undo"]
    assert desk.run(70).action is None  # it is the finding again, with nothing to press
    with pytest.raises(SettingError, match="nothing to apply"):
        desk.apply()
    assert desk.run(300).action is not None
    desk.apply()


def test_a_verdict_is_told_where_the_finding_has_gone():
    desk = Desk(Machine())
    desk.run(5)
    desk.apply()
    desk.there = False
    assert desk.run(2).status == "applied"
    assert desk.run(SETTLE_S).status == "helped"
    assert desk.run(100) is None


def test_a_person_takes_it_back():
    desk = Desk(Machine())
    desk.run(3)
    desk.apply()
    desk.undo()
    assert not desk.machine.on
    assert desk.run(1).status == "taken back"
    with pytest.raises(SettingError, match="nothing was applied"):
        desk.undo()


def test_what_helped_can_be_taken_back_for_as_long_as_it_is_shown():
    desk = Desk(Machine())
    desk.run(3)
    desk.apply()
    assert desk.run(SETTLE_S + 2).status == "helped"
    desk.undo()
    assert desk.machine.calls == ["apply", "undo"]


def test_twice_at_once_and_what_is_not_there_are_refused():
    desk = Desk(Machine())
    desk.run(1)
    desk.apply()
    with pytest.raises(SettingError, match="nothing to apply"):
        desk.apply()
    with pytest.raises(SettingError, match="no finding 'nonsense'; there are"):
        desk.advisor.apply("nonsense", desk.now)


def test_an_effect_that_nobody_can_see_is_taken_back():
    machine = Machine()
    machine.after = None
    desk = Desk(machine)
    desk.run(5)
    desk.apply()
    found = desk.run(3 * SETTLE_S + 1)
    assert found.status == "taken back"
    assert "its effect is not known" in found.text


def test_an_action_that_raises_leaves_the_finding_open():
    machine = Machine()

    def fail():
        raise OSError("no")

    machine.action = Action("Fail", fail, fail, Check("x", lambda: 1.0))
    desk = Desk(machine)
    desk.run(2)
    with pytest.raises(OSError, match="no"):
        desk.apply()
    assert desk.run(1).status == "open"


def test_what_is_told_has_the_names_of_the_layout():
    told = Machine().finding.told()
    assert told == {
        "id": NAME,
        "kind": "bottleneck",
        "level": "warning",
        "text": "X is slow.",
        "numbers": {},
        "action": "Turn it on",
        "status": "open",
    }
