"""What the page is told of alerts: rows of plain data, no faster than an eye can follow."""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from livewidget.data.errors import SettingError, quote
from livewidget.engine.thread import Engine

log = logging.getLogger("livewidget")

PACE_S = 0.25
SILENCE = "1h"
LONGEST_TEXT = 300  # characters of a message

Row = dict[str, Any]


class Manager(Protocol):
    """What charts and panels ask of the manager of alerts. Called on the engine's thread.

    `alerts` are those that pend or fire, `history` those that are over; each has id, rule, key,
    state, priority, value, time and since (ns), message, acknowledged and silenced, as attributes
    or by key.
    """

    @property
    def alerts(self) -> Iterable[Any]:
        """The alerts that pend or fire."""

    @property
    def history(self) -> Iterable[Any]:
        """Those that are over."""

    def on_change(self, callback: Callable[[], object]) -> Callable[[], object]:
        """Call `callback` at each change, on any thread, until what is returned is called."""

    def acknowledge(self, alert: str, /) -> object:
        """Note that somebody knows."""

    def silence(self, *, rule: str, key: str, for_: str) -> object:
        """Tell nobody for a time."""

    def unsilence(self, alert: str, /) -> object:
        """Tell of it again."""


class AlertFeed:
    """Calls `show` on the engine's thread when alerts change, at most four times a second.

    `show` returns the rows that it shows: once a silence of one of them ends it is called again.
    Made on any thread; the first call comes at once. Raises SettingError for what is no manager.
    """

    def __init__(self, manager: Manager, engine: Engine, show: Callable[[], list[Row]]) -> None:
        missing = [name for name in _NEEDED if not hasattr(manager, name)]
        if missing:
            raise SettingError(
                f"alerts come from an AlertManager, got {quote(manager)}: no {missing[0]}"
            )
        self._engine = engine
        self._show = show
        self._asked = False  # a plain flag: a change that comes too often costs no post
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None
        self._next = 0.0  # s, of the loop's clock
        self._stop = manager.on_change(self._changed)
        self._changed()

    def close(self) -> None:
        """Show nothing any more. From any thread; again is no error."""
        if not self._closed:
            self._closed = True
            self._stop()
            self._engine.post(self._cancel)

    def _changed(self) -> None:
        if not self._asked and not self._closed:
            self._asked = True
            self._engine.post(self._soon)

    def _soon(self) -> None:
        if not self._closed:
            loop = self._engine.loop
            self._timer = loop.call_later(max(0.0, self._next - loop.time()), self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._asked = False
        self._next = self._engine.loop.time() + PACE_S
        try:
            self._look_again(self._show())
        except Exception:
            log.exception("the alerts cannot be shown")

    def _look_again(self, rows: list[Row]) -> None:
        """Look when the first silence ends: no manager tells of that."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        ends = [int(row["until"]) for row in rows if row["until"] is not None]
        if ends and not self._closed:
            wait_s = (min(ends) - time.time_ns()) / 1e9
            self._again = self._engine.loop.call_later(max(PACE_S, wait_s), self._changed)

    def _cancel(self) -> None:
        for timer in (self._timer, self._again):
            if timer is not None:
                timer.cancel()


_NEEDED = ("alerts", "history", "on_change", "acknowledge", "silence", "unsilence")


def rows_of(manager: Manager, most: int, rules: Iterable[str] | None = None) -> list[Row]:
    """Return at most so many alerts as `wire/layout.md` has them: what fires first, then the new.

    `rules` are those that count; None for all.
    """
    wanted = None if rules is None else set(rules)
    known = (
        each
        for each in (*manager.alerts, *manager.history)
        if wanted is None or _field(each, "rule") in wanted
    )
    rows: dict[str, Row] = {}
    for row in map(_row, heapq.nsmallest(most, known, key=_order)):
        rows.setdefault(row["id"], row)
    return list(rows.values())


_ORDER = {"firing": 0, "pending": 1}


def _order(alert: Any) -> tuple[int, int]:
    return _ORDER.get(str(_field(alert, "state")), 2), -int(_field(alert, "time"))


def _field(alert: Any, name: str) -> Any:
    return alert.get(name) if isinstance(alert, Mapping) else getattr(alert, name, None)


def _row(alert: Any) -> Row:
    def get(name: str) -> Any:
        return _field(alert, name)

    until = get("until")
    return {
        "id": str(get("id")),
        "rule": str(get("rule")),
        "key": str(get("key") or ""),
        "state": str(get("state")),
        "priority": str(get("priority")),
        "text": _text(get("message"), get("value")),
        "since": str(int(get("since"))),
        "time": str(int(get("time"))),
        "acknowledged": bool(get("acknowledged")),
        "silenced": bool(get("silenced")),
        "until": None if until is None else str(int(until)),
    }


def _text(message: object, value: object) -> str:
    """Return the message, or the value where there is none; empty where there is neither."""
    if message:
        return str(message)[:LONGEST_TEXT]
    if isinstance(value, (int, float)) and value == value:  # noqa: PLR0124  (NaN is no value)
        return f"{value:.6g}"
    return ""


def carry_out(manager: Manager, action: str, alert: str, rows: Iterable[Row]) -> None:
    """Do what a person asked for about an alert that is shown; one that is gone is passed over."""
    row = next((row for row in rows if row["id"] == alert), None)
    if row is None:
        return
    if action == "acknowledge":
        manager.acknowledge(alert)
    elif action == "silence":
        manager.silence(rule=row["rule"], key=row["key"], for_=SILENCE)
    elif action == "unsilence":
        manager.unsilence(alert)
