"""Silences: which alerts nobody is told of, and for how long."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from livewidget.data.errors import SettingError, StateError, quote
from livewidget.engine.alerts.alert import LABELS, Alert

MOST = 1_000
Matcher = str | re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts whose labels match all of `matchers` are not told of from `start` until `end` (ns).

    A matcher is a text, to be equal, or a compiled pattern, to match in full.
    """

    id: str
    matchers: dict[str, Matcher]
    start: int
    end: int
    comment: str = ""
    author: str = ""

    def matches(self, alert: Alert) -> bool:
        """Say whether the alert has the labels."""
        for label, wanted in self.matchers.items():
            value: str = getattr(alert, label)
            if value != wanted if isinstance(wanted, str) else wanted.fullmatch(value) is None:
                return False
        return True

    def save(self) -> dict[str, Any]:
        """Return it as plain data."""
        matchers = {
            label: [False, each] if isinstance(each, str) else [True, each.pattern, each.flags]
            for label, each in self.matchers.items()
        }
        names = ("id", "start", "end", "comment", "author")
        return {name: getattr(self, name) for name in names} | {"matchers": matchers}

    @classmethod
    def load(cls, state: dict[str, Any]) -> Silence:
        """Return what `save` has written. Raises StateError for what it has not."""
        try:
            matchers = {
                label: re.compile(*rest) if is_pattern else rest[0]
                for label, (is_pattern, *rest) in state["matchers"].items()
            }
            return cls(**state | {"matchers": matchers})
        except (KeyError, TypeError, ValueError, re.error) as error:
            raise StateError(f"a silence cannot be read from {quote(state)}: {error}") from None


class Silences:
    """The silences that are or will be. I/O-free; one caller at a time; times in ns."""

    def __init__(self) -> None:
        self._all: dict[str, Silence] = {}
        self._numbers = 0

    def add(self, matchers: dict[str, Any], start: int, end: int, **about: str) -> Silence:
        """Return a new one. Raises SettingError for one that cannot be, or for one too many."""
        for label, wanted in matchers.items():
            if label not in LABELS:
                raise SettingError(f"a silence matches {', '.join(LABELS)}; got {quote(label)}")
            if not isinstance(wanted, (str, re.Pattern)):
                raise SettingError(f"{label} is a text or a compiled pattern, got {quote(wanted)}")
        if not matchers:
            raise SettingError("a silence needs a rule, a key or a priority: which alerts?")
        if end <= start:
            raise SettingError(f"a silence ends after it starts, got start={start}, end={end} (ns)")
        if len(self._all) >= MOST:
            raise SettingError(f"there are {MOST:,} silences already: unsilence some")
        self._numbers += 1
        made = Silence(f"silence-{self._numbers}", dict(matchers), start, end, **about)
        self._all[made.id] = made
        return made

    def remove(self, name: str) -> bool:
        """End one; say whether there was one of that id."""
        return self._all.pop(name, None) is not None

    def until(self, alert: Alert, now: int) -> int | None:
        """Return when the last of those that mute an alert now ends; None where none does."""
        return max((each.end for each in self.muting(alert, now)), default=None)

    def muting(self, alert: Alert, now: int) -> Iterable[Silence]:
        """Yield those that mute an alert now."""
        for each in self._all.values():
            if each.start <= now < each.end and each.matches(alert):
                yield each

    def expire(self, now: int) -> None:
        """Forget those that are over."""
        if any(each.end <= now for each in self._all.values()):
            self._all = {name: each for name, each in self._all.items() if each.end > now}

    def __iter__(self) -> Any:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def save(self) -> dict[str, Any]:
        """Return all as plain data."""
        return {"numbers": self._numbers, "all": [each.save() for each in self._all.values()]}

    def load(self, state: dict[str, Any]) -> None:
        """Take what `save` has written in place of all. Raises StateError."""
        loaded = [Silence.load(each) for each in state["all"]]
        self._numbers = int(state["numbers"])
        self._all = {each.id: each for each in loaded}
