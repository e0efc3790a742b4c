"""AlertPanel: all alerts of a manager, to be looked through, acknowledged and silenced."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Sized
from typing import Any

import traitlets as t

from livewidget.widgets import kernel
from livewidget.widgets.alert_feed import AlertFeed, Manager, Row, carry_out, rows_of
from livewidget.widgets.base import LinkedWidget
from livewidget.widgets.link import hear_beside_cells
from livewidget.widgets.traits import Zone

log = logging.getLogger("livewidget")

MOST_ROWS = 500


class AlertPanel(LinkedWidget):
    """A list of a manager's alerts: what fires first, the newest 500 in all.

    Each can be acknowledged, silenced for an hour and told of again. `tz` is the zone of the times
    shown. Closing it leaves the manager alone.
    """

    kind = t.Unicode("alerts", read_only=True).tag(sync=True)
    rows: Any = t.List(read_only=True).tag(sync=True)
    watched = t.Unicode("", read_only=True).tag(sync=True)
    tz = Zone("local").tag(sync=True)

    def __init__(self, manager: Manager, *, title: str = "Alerts", tz: str = "local") -> None:
        link, hub = kernel.shared()
        self.set_trait("chart", kernel.next_number())
        self.set_trait("link", link)
        super().__init__(title=title, tz=tz)
        # What is sent from the engine's thread belongs to the cell that made the panel.
        self._context = contextvars.copy_context()
        self._manager = manager
        hear_beside_cells(self.comm)
        self.on_msg(self._hear)
        try:
            self._feed = AlertFeed(manager, hub.engine, self._show)
        except BaseException:
            self.close_comms()
            raise
        self._forget = kernel.free_on_rerun(self, lambda _: self.close())

    def close(self) -> None:
        """Free the panel. From any thread; again is no error."""
        if self.comm is None:
            return
        self._forget()
        self._feed.close()
        self.close_comms()

    def __repr__(self) -> str:
        if self.comm is None:
            return "AlertPanel(closed)"
        firing = sum(row["state"] == "firing" for row in self.rows)
        return f"AlertPanel({self.title!r}, {firing} firing)"

    def _show(self) -> list[Row]:
        rows = rows_of(self._manager, MOST_ROWS)
        if self.comm is not None:
            self._context.copy().run(self._set, rows)
        return rows

    def _set(self, rows: list[Row]) -> None:
        with self.hold_sync():
            self.set_trait("rows", rows)
            self.set_trait("watched", _watched(self._manager))

    def _hear(self, _: object, content: Any, __: object) -> None:
        """Carry out what a button says; what does not fit is passed over."""
        if not isinstance(content, dict):
            return
        action, alert = content.get("action"), content.get("alert")
        if isinstance(action, str) and isinstance(alert, str):
            try:
                carry_out(self._manager, action, alert, self.rows)
            except Exception:
                log.exception("an alert cannot be changed")


def _watched(manager: Manager) -> str:
    """Return what is watched in one sentence, as far as the manager says."""
    streams, rules = (getattr(manager, name, ()) for name in ("streams", "rules"))
    told = []
    if rules:
        told.append(f"Alerts of {_count(rules, 'rule')} so far.")
    if streams:
        told.append(f"{_count(streams, 'stream')} {'is' if len(streams) == 1 else 'are'} watched.")
    return " ".join(told)


def _count(things: Sized, what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"
