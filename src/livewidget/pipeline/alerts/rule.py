"""An alert rule, as a user writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.alerts.condition import (
    Absence,
    Condition,
    Functions,
    Pattern,
    condition,
)
from livewidget.pipeline.alerts.event import PRIORITIES
from livewidget.pipeline.alerts.grammar import Line, is_text, named, nanoseconds, read
from livewidget.pipeline.alerts.message import Message

MESSAGE = "{key} {rule}: {state} at {value:g}"
_SETTINGS = ("name", "when", "for", "priority", "clear", "message", "key")


class Rule:
    """One alert rule: what it waits for, for how long, and what it says.

    `Rule("hot", "temperature > 100", for_="5m", clear="temperature < 95")`, or in one line,
    `Rule("hot", "temperature > 100 for 5m clear below 95")`. `when` is one of

    - a condition, as in `Expression`: a threshold such as `errors / requests > 0.1`, or any other;
    - a rate of change, `rate(temperature) > 3 per 10s`: between a row and the one before it;
    - an absence, `no data for 30s`: since the newest row of a key;
    - a pattern, `a then b within 10s`, of rules by their names or of conditions: it fires when b
      begins, at most so long after a last held, in an earlier row, and is resolved when b is;
    - a composite, `a and not b`, of rules by their names and of conditions; it is looked at when
      one of them changes.

    A name that is no word is put in quotes there. A condition begins where it holds, and has to
    hold for `for_` to fire. It fires until it holds no longer or, where there is a `clear`, until
    that holds (hysteresis). Where a value that it looks at is missing it neither begins nor ends,
    except where it asks `is_missing` or `coalesce`.

    `key` restricts it to the rows of one key of the operator's `by`; several columns are joined
    by ", ". `message` is a template of {rule}, {key}, {state}, {priority}, {value:.1f}, {time} and
    {since}. Immutable. Raises SettingError that names the rule, the place and what was expected.
    """

    def __init__(
        self,
        name: str,
        when: str,
        *,
        for_: Any = None,
        priority: str = "warning",
        clear: str | None = None,
        message: str | None = None,
        key: str | None = None,
        functions: Functions | None = None,
    ) -> None:
        if not is_text(name):
            raise SettingError(f"a rule's name is text, got {quote(name)}")
        self.name = name
        self.when = when
        self.key = key
        self.priority = priority
        try:
            self._check(clear)
            self.message = Message(MESSAGE if message is None else message)
            self.condition, self.hold = _parsed(when, for_, clear, functions)
        except SettingError as error:
            raise SettingError(f"rule {quote(name)}: {error}") from None
        self.settings = (name, when, str(for_), priority, clear or "", key or "")

    def _check(self, clear: object) -> None:
        if self.priority not in PRIORITIES:
            expected = ", ".join(PRIORITIES)
            raise SettingError(f"priority is one of {expected}; got {quote(self.priority)}")
        if self.key is not None and not isinstance(self.key, str):
            raise SettingError(f"key is text, got {quote(self.key)}")
        if clear is not None and (not isinstance(clear, str) or not clear.strip()):
            raise SettingError(f"clear is a condition, 'below 95' or 'above 5'; got {quote(clear)}")

    @classmethod
    def of(cls, written: object, functions: Functions | None = None) -> Rule:
        """Return a rule, one line such as `hot: temperature > 100 for 5m`, or a table, as a rule.

        A line without a name is its own. A table has a name and a `when`, and may have for,
        priority, clear, message and key. Raises SettingError.
        """
        if isinstance(written, Rule):
            return written
        if isinstance(written, str):
            return cls(*named(written), functions=functions)
        if not isinstance(written, Mapping):
            what = "a rule is a Rule, a line of text or a table with a name and a when"
            raise SettingError(f"{what}; got {quote(written)}")
        settings = dict(written)
        for name in settings:
            if name not in _SETTINGS:
                expected = ", ".join(_SETTINGS)
                raise SettingError(f"a rule has no {quote(name)}; it has {expected}")
        for name in ("name", "when"):
            if name not in settings:
                raise SettingError(f"a rule has a {name}; got {quote(written)}")
        return cls(for_=settings.pop("for", None), functions=functions, **settings)

    def __repr__(self) -> str:
        return f"Rule({self.name!r}, {self.when!r})"


def _parsed(
    when: str, for_: Any, clear: str | None, functions: Functions | None
) -> tuple[Condition, int]:
    """Return what a rule waits for, and how many ns long that has to hold. Raises SettingError."""
    line = read(when)
    ends, hold = _once(line, "clear", clear), _once(line, "for", for_)
    found = condition(line, hold, ends or "", functions)
    if isinstance(found, Pattern) and (hold is not None or ends):
        raise SettingError("a pattern takes no for and no clear")
    timed = hold is not None and not isinstance(found, Absence)
    return found, nanoseconds(hold, "for") if timed else 0


def _once(line: Line, word: str, beside: Any) -> Any:
    """Return a setting from the line or from beside it; None where it is in neither."""
    inline = line.part(word)
    if inline and beside is not None:
        raise SettingError(f"{word} is given twice: {quote(inline)} in the line, and beside it")
    return inline or beside
