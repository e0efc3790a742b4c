"""The life of a piece of advice: open, applied, and then helped or taken back. I/O-free."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from livewidget.data.errors import SettingError, quote
from livewidget.monitor.findings import (
    APPLIED,
    HELPED,
    OPEN,
    TAKEN_BACK,
    Action,
    Check,
    Finding,
)

SETTLE_S = 6.0  # before it is judged: queues and means over some seconds have to follow
_JUDGED = 0.5  # of that time, the last part
_SHOWN_S = 60.0  # for so long it is said how it went
_AGAIN_S = 300.0  # what did not help is not offered before
_BEFORE = 5  # readings
LEAST_READINGS = 2


@dataclass
class _Case:
    """An action that was applied, and what the figure it is for was before and is since."""

    finding: Finding
    action: Action
    at: float
    before: float | None
    status: str = APPLIED
    said: str = ""
    until: float = 0.0  # shown until then, once it is judged
    since: list[tuple[float, float]] = field(default_factory=list)


class Advisor:
    """Keeps the findings of now with the state of their actions. One thread at a time.

    `now` is in s, by a steady clock; call `update` about once a second.
    """

    def __init__(self, settle_s: float = SETTLE_S) -> None:
        self._settle_s = settle_s
        self._open: dict[str, Finding] = {}
        self._cases: dict[str, _Case] = {}
        self._before: dict[str, deque[float]] = {}
        self._not_before: dict[str, float] = {}  # s, by finding: when it is offered again

    def update(self, now: float, findings: Sequence[Finding]) -> list[Finding]:
        """Take what is found now; return it with what is under way, each with its status."""
        self._open = {each.id: each for each in findings}
        for case in self._cases.values():
            self._follow(case, now)
        self._cases = {
            name: case
            for name, case in self._cases.items()
            if case.status == APPLIED or now < case.until
        }
        self._measure()
        return self._listed(now)

    def apply(self, name: str, now: float) -> None:
        """Do what a finding advises. Raises SettingError where there is none, or nothing to do.

        What the action raises goes on to the caller; the finding stays open then.
        """
        finding = self._open.get(name)
        if finding is None:
            raise SettingError(f"there is no finding {quote(name)}; there are {sorted(self._open)}")
        running = name in self._cases and self._cases[name].status == APPLIED
        if finding.action is None or running or now < self._not_before.get(name, now):
            raise SettingError(f"there is nothing to apply for {quote(name)} now")
        action, known = finding.action, self._before.get(name)
        action.apply()
        before = median(known) if known else action.check.read()
        self._cases[name] = _Case(finding, action, now, before)

    def undo(self, name: str, now: float) -> None:
        """Take an action back. Raises SettingError where none was applied."""
        case = self._cases.get(name)
        if case is None or case.status == TAKEN_BACK:
            raise SettingError(f"nothing was applied for {quote(name)}")
        self._take_back(case, now, "It was taken back.")

    def end(self, now: float) -> None:
        """Take back what is not judged yet: of a stream that has ended no figure tells."""
        for case in self._cases.values():
            if case.status == APPLIED:
                label = case.action.label
                said = f"{label}: taken back, the stream ended before its effect was known."
                self._take_back(case, now, said)

    def _follow(self, case: _Case, now: float) -> None:
        if case.status != APPLIED:
            return
        value = case.action.check.read()
        if value is not None and now - case.at >= (1 - _JUDGED) * self._settle_s:
            case.since.append((now, value))
        if now - case.at >= self._settle_s and len(case.since) >= LEAST_READINGS:
            self._judge(case, now)
        elif now - case.at >= 3 * self._settle_s:  # nobody can say: then it is as it was
            self._take_back(case, now, f"{case.action.label}: taken back, its effect is not known.")

    def _judge(self, case: _Case, now: float) -> None:
        check, after = case.action.check, median(value for _, value in case.since)
        if case.before is None:
            self._take_back(case, now, f"{case.action.label}: taken back, its effect is not known.")
            return
        went = f"{check.figure} went from {_number(case.before)} to {_number(after)}"
        if check.helped(case.before, after):
            case.status, case.until = HELPED, now + _SHOWN_S
            case.said = f"{case.action.label}: it helped, {went}."
        else:
            self._take_back(case, now, f"{case.action.label}: taken back, it did not help: {went}.")

    def _take_back(self, case: _Case, now: float, said: str) -> None:
        case.action.undo()
        case.status, case.said, case.until = TAKEN_BACK, said, now + _SHOWN_S
        self._not_before[case.finding.id] = now + _AGAIN_S

    def _measure(self) -> None:
        """Read the figures of what may be applied, to know them as they were before."""
        checks: dict[str, Check] = {
            each.id: each.action.check
            for each in self._open.values()
            if each.action is not None and each.id not in self._cases
        }
        self._before = {name: self._before.get(name, deque(maxlen=_BEFORE)) for name in checks}
        for name, check in checks.items():
            value = check.read()
            if value is not None:
                self._before[name].append(value)

    def _listed(self, now: float) -> list[Finding]:
        found: list[Finding] = []
        for each in self._open.values():
            case = self._cases.get(each.id)
            if case is not None:
                found.append(_with(each, case))
            elif now < self._not_before.get(each.id, now):
                found.append(replace(each, action=None))
            else:
                found.append(replace(each, status=OPEN))
        gone = [_with(it.finding, it) for name, it in self._cases.items() if name not in self._open]
        return found + gone


def _with(finding: Finding, case: _Case) -> Finding:
    text = f"{finding.text} {case.said}" if case.said else finding.text
    return replace(finding, text=text, action=case.action, status=case.status)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 (digits)
