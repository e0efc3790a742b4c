"""Alert rules event by event, key by key: slow, and meant to be read beside what rules promise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

SECOND = 1_000_000_000


@dataclass
class Slow:
    """One rule as plain functions of a row: `holds` and `ends` say True, False or None (unknown).

    `kind`: condition, absence, pattern (of `first` and `second`, names) or composite (`holds` is
    given a function that says which rules fire).
    """

    name: str
    kind: str = "condition"
    holds: Any = None
    ends: Any = None  # by default where it does not hold
    value: Any = None
    shown: Any = None  # the value that is told of, of that value
    hold: int = 0
    span: int = 0
    rate: int = 0  # value is the change of `value` over so many ns
    first: str = ""
    second: str = ""
    leaves: tuple[str, ...] = ()  # of a composite
    hidden: bool = False
    by_rows: bool = False  # a pattern's first that is no rule: the last row that held counts


@dataclass
class State:
    state: str = "idle"
    since: int = 0
    due: int | None = None
    value: float = float("nan")
    ended: int | None = None
    last: int | None = None  # the last row that held
    before: tuple[int, float] | None = None  # time and value, for a rate


@dataclass
class Key:
    newest: int | None = None
    states: dict[str, State] = field(default_factory=dict)


class Twin:
    """All rules over all rows; `told` has what happened: time, rule, key, state, value, since."""

    def __init__(self, rules, by):
        self.rules = {rule.name: rule for rule in rules}
        self.by = by
        self.keys = {}
        self.told = []
        self.newest = None
        self.turned = []  # what changed in this instant, in order

    def finish(self):

        for name, key in sorted(self.keys.items()):
            self.at = name
            self.pass_to(key, self.newest)

    def row(self, row):
        self.at = (row["key"] or "") if self.by else ""
        key = self.keys.setdefault(self.at, Key(None, {name: State() for name in self.rules}))
        time = row["time"] if key.newest is None else max(row["time"], key.newest)
        self.newest = time if self.newest is None else max(self.newest, time)
        if key.newest is not None:
            self.pass_to(key, time)
        self.instant(key, time, row)
        key.newest = time

    def instant(self, key, time, row):
        was = {name: each.state for name, each in key.states.items()}
        self.turned = []
        for name, rule in self.rules.items():
            each = key.states[name]
            if rule.kind == "absence" and each.state == "firing":
                self.end(key, name, time, (time - each.since) / 1e9)
            if rule.kind != "condition":
                continue
            value, holds, ends = self.judged(rule, each, row, time)
            if holds is not None and self.changes(each.state, holds, ends):
                (self.begin if each.state == "idle" else self.end)(key, name, time, value)
        self.settle(key, time, was)
        for name, rule in self.rules.items():
            if rule.by_rows and rule.value(row) is not None and rule.holds(rule.value(row)):
                key.states[name].last = time

    @staticmethod
    def changes(state, holds, ends):
        return {"idle": holds, "pending": not holds, "firing": ends}[state]

    def judged(self, rule, each, row, time):
        value = rule.value(row)
        if rule.rate and value is not None:
            before = each.before
            if before is not None and before[0] >= time:
                value = None
            else:
                each.before = (time, value)
                if before is None:
                    return None, None, None
                value = (value - before[1]) * rule.rate / (time - before[0])
                value = None if math.isnan(value) else value
        if value is None:
            return None, None, None
        holds = rule.holds(value)
        told = rule.shown(value) if rule.shown else value
        return told, holds, rule.ends(value) if rule.ends else not holds

    def pass_to(self, key, limit):
        while True:
            dues = [each.due for each in key.states.values() if each.due is not None]
            dues += [
                key.newest + rule.span
                for name, rule in self.rules.items()
                if rule.kind == "absence" and key.states[name].state == "idle"
            ]
            due = min(dues, default=None)
            if due is None or due > limit:
                return
            was = {name: each.state for name, each in key.states.items()}
            self.turned = []
            for name, rule in self.rules.items():
                each = key.states[name]
                silent = rule.kind == "absence" and each.state == "idle"
                if silent and key.newest + rule.span == due:
                    each.since, each.value = key.newest, rule.span / 1e9
                elif each.due != due:
                    continue
                self.turn(key, name, "firing", due)
            self.settle(key, due, was)

    def settle(self, key, time, was):
        states = key.states
        if all(states[name].state == state for name, state in was.items()):
            return
        for name, rule in self.rules.items():
            state = states[name].state
            made = rule.leaves or (rule.second,)
            trigger = [states[each].value for each in self.turned if each in made][-1:]
            if not trigger:
                continue
            if rule.kind == "composite":
                on = rule.holds(lambda other: states[other].state == "firing")
                if on and state == "idle":
                    self.begin(key, name, time, *trigger)
                elif not on and state != "idle":
                    self.end(key, name, time, *trigger)
            if rule.kind == "pattern":
                self.pattern(key, rule, time, was, trigger)

    def pattern(self, key, rule, time, was, trigger):
        state, first = key.states[rule.name].state, key.states[rule.first]
        on = key.states[rule.second].state == "firing"
        if self.rules[rule.first].by_rows:
            last = first.last
        else:
            last = time if was[rule.first] == "firing" else first.ended
        near = last is not None and time - last <= rule.span
        if state == "firing" and not on:
            self.end(key, rule.name, time, *trigger)
        elif state == "idle" and on and was[rule.second] != "firing" and near:
            self.begin(key, rule.name, time, *trigger)

    def begin(self, key, name, time, value):
        each, hold = key.states[name], self.rules[name].hold
        each.since, each.value = time, value
        each.due = time + hold if hold else None
        self.turn(key, name, "pending" if hold else "firing", time)

    def end(self, key, name, time, value):
        each = key.states[name]
        if each.state == "firing":
            each.ended = time
        each.value = value
        self.turn(key, name, "idle", time)

    def turn(self, key, name, state, time):
        each = key.states[name]
        self.turned.append(name)
        each.state = state
        if state != "pending":
            each.due = None
        if not self.rules[name].hidden:
            told = "resolved" if state == "idle" else state
            self.told.append((time, name, self.at, told, each.value, each.since))
