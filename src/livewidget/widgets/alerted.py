"""Alerts on a chart: marks on the picture, and a banner above it while one fires."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from livewidget.data.errors import ClosedError, SettingError, quote
from livewidget.widgets.alert_feed import AlertFeed, Manager, Row, carry_out, rows_of

if TYPE_CHECKING:
    from livewidget.engine.hub import Hub
    from livewidget.engine.session import ChartSession

log = logging.getLogger("livewidget")

MOST_MARKS = 100


class Alerted:
    """What a `LiveChart` shows of alerts. Every method may be called from any thread."""

    chart: int
    _session: ChartSession | None
    _hub: Hub
    _alerts: AlertFeed | None = None

    def show_alerts(self, manager: Manager | None, rules: Sequence[str] | None = None) -> None:
        """Mark a manager's alerts on the chart, and tell of those that fire in a banner above it.

        At most the 100 newest; `rules` names those that count (None: all). Another manager takes
        the place of the one before, None takes it away. Raises SettingError for what is no
        manager, ClosedError on a chart that was closed.
        """
        if isinstance(rules, str) or not all(isinstance(each, str) for each in rules or ()):
            raise SettingError(f"rules is a list of names, got {quote(rules)}")
        session = self._session
        if session is None:
            raise ClosedError("the chart was closed")
        self._hide_alerts()
        if manager is None:
            self._tell(session, None)
            return
        told: list[Row] = []

        def show() -> list[Row]:
            told[:] = rows_of(manager, MOST_MARKS, rules)
            self._tell(session, list(told))
            return told

        def act(action: str, alert: str) -> None:
            try:
                carry_out(manager, action, alert, told)
            except Exception:
                log.exception("an alert cannot be %sd", action)

        session.on_alert = act
        self._alerts = AlertFeed(manager, self._hub.engine, show)

    def _hide_alerts(self) -> None:
        """Let go of the manager."""
        if self._alerts is not None:
            self._alerts.close()
            self._alerts = None

    def _tell(self, session: ChartSession, rows: list[Row] | None) -> None:
        """Hand the rows to the session, on the engine's thread."""
        hub: Hub = self._hub

        def run() -> None:
            session.show_alerts(rows)
            hub.wake(session.chart)

        hub.engine.post(run)
