"""What an alert manager can be asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from livewidget.engine.alerts.alert import Alert
from livewidget.engine.alerts.bus import EventBus
from livewidget.engine.alerts.desk import Desk
from livewidget.engine.alerts.runner import HandlerRunner
from livewidget.engine.alerts.silence import Silence
from livewidget.engine.alerts.steady import SteadyWall
from livewidget.engine.streamer import DataStreamer

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
EVENT = "alert"


class Overview:
    """The questions to an `AlertManager`. From any thread."""

    bus: EventBus
    runners: list[HandlerRunner]
    _desk: Desk
    _wall: SteadyWall
    _lock: threading.Lock
    _callbacks: list[Callable[[], object]]
    _sources: list[str]
    _rules: dict[str, None]
    _counts: dict[str, int]

    @property
    def alerts(self) -> list[Alert]:
        """Those that pend or fire now."""
        return self._asked(lambda desk, now: desk.alerts(now))

    @property
    def history(self) -> list[Alert]:
        """Those that fired and are over, the oldest first."""
        return self._asked(lambda desk, _: desk.history)

    @property
    def silences(self) -> list[Silence]:
        """The silences that are, or will be."""
        return self._asked(lambda desk, _: list(desk.silences))

    @property
    def streams(self) -> list[str]:
        """What is watched, by name."""
        return list(self._sources)

    @property
    def rules(self) -> list[str]:
        """The rules of which there were alerts."""
        return list(self._rules)

    @property
    def streamer(self) -> DataStreamer:
        """The transitions from now on as a stream of their own: to chart, record or export."""
        return self.bus.streamer(EVENT)

    def to_dataframe(self) -> pd.DataFrame:
        """Return the history and then what pends or fires; times in UTC."""
        import pandas as pd

        rows = [each.as_dict() for each in (*self.history, *self.alerts)]
        frame = pd.DataFrame(rows, columns=_COLUMNS)
        for name in ("time", "since", "acknowledged_at", "until"):
            frame[name] = pd.to_datetime(frame[name], utc=True)
        return frame

    def stats(self) -> dict[str, Any]:
        """Return counts: transitions, notices, what was passed over and why, and each handler's."""
        return {
            "alerts": len(self.alerts),
            "silences": len(self.silences),
            **self._counts,
            **{name: self._desk.counts[name] for name in _PASSED_OVER},
            "handlers": [each.stats() for each in self.runners],
        }

    def on_change(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback` called when alerts change; returns what stops it.

        On the engine's thread: it must be quick. For work there are handlers.
        """
        with self._lock:
            self._callbacks = [*self._callbacks, callback]

        def stop() -> None:
            with self._lock:
                self._callbacks = [each for each in self._callbacks if each is not callback]

        return stop

    def _asked(self, question: Callable[[Desk, int], T]) -> T:
        with self._lock:
            return question(self._desk, self._wall.now())


_PASSED_OVER = ("duplicates", "stale", "refused", "forgotten")
_COLUMNS = [
    *("id", "rule", "key", "state", "priority", "value", "time", "since", "message"),
    *("acknowledged", "by", "acknowledged_at", "silenced", "until"),
]
