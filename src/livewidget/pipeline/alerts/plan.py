"""All rules of one operator together: who depends on whom, and what each key is watched for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.alerts.condition import (
    Absence,
    Composite,
    Condition,
    Leaf,
    Pattern,
    Source,
    Threshold,
)
from livewidget.pipeline.alerts.rule import Rule

MOST_RULES = 100_000
MOST_DEPTH = 40  # of rules that are made of rules
MOST_SHOWN = 20  # names in a message
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that has a state for each key: a rule, or a condition within one (`rule` None).

    `hold` in ns. `leaves`: the names of the units that it is made of. `held`: its number among
    those whose last row that held is remembered, or -1.
    """

    name: str
    condition: Condition
    key: str | None
    hold: int = 0
    rule: Rule | None = None
    leaves: tuple[str, ...] = ()
    held: int = -1


@dataclass(frozen=True, slots=True)
class Join:
    """A composite or a pattern of one key: its own place, and those of its leaves (-1: none)."""

    place: int
    leaves: tuple[int, ...]
    holds: Callable[[Sequence[bool]], bool] | None
    within: int = 0
    held: int = -1  # of the first leaf


class Watch:
    """What one key is watched for: its units by place, and their numbers in arrays.

    First come thresholds by source, then absences, then joins, each after those that it needs;
    `rank`, by place, is the order in which they tell of what happens at the same instant. `over`
    and `under`, float64[3, thresholds], are from where up and down a number changes the state of
    one that does not hold, that waits, that fires; NaN for nowhere.
    """

    def __init__(self, units: Iterable[Unit], numbers: Mapping[Source, int]) -> None:
        units = list(units)
        ranks = {unit.name: rank for rank, unit in enumerate(units)}
        kinds: tuple[list[Unit], list[Unit], list[Unit]] = ([], [], [])
        for unit in units:
            kind = {Threshold: 0, Absence: 1}.get(type(unit.condition), 2)
            kinds[kind].append(unit)
        kinds[0].sort(key=lambda unit: numbers[_threshold(unit).source])
        limits = [_threshold(unit) for unit in kinds[0]]
        self.units = kinds[0] + kinds[1] + kinds[2]
        self.rank = [ranks[unit.name] for unit in self.units]
        self.thresholds, self.absences = len(kinds[0]), len(kinds[1])
        self.source = np.array([numbers[each.source] for each in limits], dtype=np.intp)
        self.over, self.under = _edges(limits)
        self.columns, self.starts = np.unique(self.source, return_index=True)
        spans = [each.condition.span for each in kinds[1] if isinstance(each.condition, Absence)]
        self.spans = np.array(spans, dtype=np.int64)
        places = {unit.name: place for place, unit in enumerate(self.units)}
        self.joins = [_join(unit, places, self.units) for unit in kinds[2]]


class Plan:
    """The rules of one operator, checked against each other, and what each key is watched for.

    `sources` have the numbers that thresholds look at; `held` the thresholds whose last row that
    held is remembered. Raises SettingError for a name given twice, for one that is not there, and
    for rules that turn in a circle.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        if not 0 < len(self.rules) <= MOST_RULES:
            raise SettingError(f"an alert has 1 to {MOST_RULES:,} rules, got {len(self.rules):,}")
        _check_names(self.rules)
        self.held: dict[Threshold, int] = {}
        self.sources: dict[Source, int] = {}
        self.askers: list[str] = []  # the rule that each source is of, or the first
        self.absences = any(isinstance(rule.condition, Absence) for rule in self.rules)
        units: list[Unit] = []
        for rule in self.rules:
            self._add(rule, units)
        for unit in units:
            if isinstance(unit.condition, Threshold):
                source = unit.condition.source
                if source not in self.sources:
                    self.sources[source] = len(self.sources)
                    self.askers.append(unit.name.split("\0")[0])
        common: list[tuple[int, Unit]] = []
        self._own: dict[str, list[tuple[int, Unit]]] = {}
        for each in enumerate(_ordered(units)):
            key = each[1].key
            (common if key is None else self._own.setdefault(key, [])).append(each)
        self._common = common
        self.common = Watch((unit for _, unit in common), self.sources)

    @property
    def keyed(self) -> bool:
        """Whether a rule is restricted to a key."""
        return bool(self._own)

    def watch(self, key: str) -> Watch:
        """Return what a key is watched for: `common`, or more where rules are its own."""
        own = self._own.get(key)
        if own is None:
            return self.common
        every = sorted([*self._common, *own], key=lambda each: each[0])
        return Watch((unit for _, unit in every), self.sources)

    def _add(self, rule: Rule, units: list[Unit]) -> None:
        """Add the units of a rule: itself, after the conditions in it that have no name."""
        leaves: tuple[Leaf, ...] = ()
        if isinstance(rule.condition, Pattern):
            leaves = (rule.condition.first, rule.condition.second)
        elif isinstance(rule.condition, Composite):
            leaves = rule.condition.leaves
        names = []
        for place, leaf in enumerate(leaves):
            held = -1
            if isinstance(leaf, Threshold):
                if isinstance(rule.condition, Pattern) and not place:
                    held = self.held.setdefault(leaf, len(self.held))
                name = f"{rule.name}\0{place}"  # no rule has such a name
                units.append(Unit(name, leaf, rule.key, held=held))
                names.append(name)
            else:
                names.append(leaf)
        units.append(Unit(rule.name, rule.condition, rule.key, rule.hold, rule, tuple(names)))


def _check_names(rules: Iterable[Rule]) -> None:
    """Names are of one rule, or of one a key: then each of them is restricted to another."""
    keys: dict[str, set[str | None]] = {}
    for rule in rules:
        taken = keys.setdefault(rule.name, set())
        if rule.key in taken or None in taken or (taken and rule.key is None):
            raise SettingError(
                f"rule {quote(rule.name)}: there are two of that name; "
                "rules that share one are each restricted to another key"
            )
        taken.add(rule.key)


def _ordered(units: Sequence[Unit]) -> list[Unit]:
    """Return the units, each after those it is made of; thresholds and absences as they were."""
    named: dict[str, list[Unit]] = {}
    for unit in units:
        named.setdefault(unit.name, []).append(unit)
    done: dict[str, bool] = {}  # False while it is under way
    joins: list[Unit] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if done.get(name):
            return
        if name in done:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise SettingError(f"rule {quote(path[-1])}: these rules turn in a circle: {circle}")
        done[name] = False
        for leaf in dict.fromkeys(leaf for unit in named[name] for leaf in unit.leaves):
            if leaf not in named:
                raise _unknown(name, leaf, named)
            if len(path) >= MOST_DEPTH:
                raise SettingError(f"rule {quote(path[0])} is made of rules {MOST_DEPTH} deep")
            visit(leaf, (*path, name))
        joins.extend(unit for unit in named[name] if unit.leaves)
        done[name] = True

    for name in named:
        visit(name, ())
    return [unit for unit in units if not unit.leaves] + joins


def _unknown(name: str, leaf: str, named: Iterable[str]) -> SettingError:
    known = [each for each in named if "\0" not in each]
    close = get_close_matches(leaf, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    shown = ", ".join(known[:MOST_SHOWN]) + (", ..." if len(known) > MOST_SHOWN else "")
    return SettingError(
        f"rule {quote(name)}: it names no rule, {quote(leaf)}; {hint}the rules are {shown}"
    )


def _edges(limits: Sequence[Threshold]) -> tuple[Floats, Floats]:
    """Return `Watch.over` and `Watch.under`."""
    sign = np.array([each.sign for each in limits], dtype=np.float64)
    high = np.array([each.high for each in limits], dtype=np.float64)
    low = np.array([each.low for each in limits], dtype=np.float64)
    never = np.full(len(limits), np.nan)
    begins = np.stack([np.nextafter(high, np.inf), never, never])
    ends = np.stack([never, high, low])
    above = sign > 0
    return np.where(above, begins, -ends), np.where(above, ends, -begins)


def _threshold(unit: Unit) -> Threshold:
    assert isinstance(unit.condition, Threshold)
    return unit.condition


def _join(unit: Unit, places: Mapping[str, int], units: Sequence[Unit]) -> Join:
    leaves = tuple(places.get(leaf, -1) for leaf in unit.leaves)
    if isinstance(unit.condition, Composite):
        return Join(places[unit.name], leaves, unit.condition.holds)
    assert isinstance(unit.condition, Pattern)
    held = units[leaves[0]].held if leaves[0] >= 0 else -1
    return Join(places[unit.name], leaves, None, unit.condition.within, held)
