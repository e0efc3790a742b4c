"""What browsers say: each message checked, then taken up. The engine's thread only."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from livewidget.data.clock import Clock
from livewidget.data.errors import quote
from livewidget.data.viewport import Viewport
from livewidget.engine.adapt import Drawn
from livewidget.engine.clients import Sight
from livewidget.engine.pages import Strain

if TYPE_CHECKING:
    from livewidget.engine.hub import Hub
    from livewidget.engine.session import ChartSession
    from livewidget.engine.transport import Message

log = logging.getLogger("livewidget")

QUIET_S = 60.0  # between two log lines about messages that do not fit
WIDEST = 16_384  # CSS pixels: two 8K screens
MOST_AGES = 64
LONGEST_NAME = 256
MOST_TRIP_MS = 60_000.0  # a longer one is a clock that was set
_STRAIN = ("long_tasks", "long_ms", "heap")
ACTIONS = ("acknowledge", "silence")
ADVICE = ("apply", "undo")


class Inbox:
    """Takes up the messages of `wire/layout.md`; counts what does not fit in `malformed`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.malformed = 0
        self._logged_at = -math.inf
        self._answers: dict[str, Callable[[Message, list[memoryview]], None]] = {}
        self._takers: dict[str, Callable[[Message, list[memoryview], Clock], None]] = {
            "view": self._view,
            "bye": self._bye,
            "snapshot": self._snapshot,
            "range": self._range,
            "ack": self._ack,
            "saved": self._saved,
            "export": self._export,
            "alert": self._alert,
            "advice": self._advice,
        }

    def take(self, content: Any, buffers: list[memoryview], clock: Clock) -> None:
        """Take up one message; what does not fit is counted and passed over."""
        try:
            self._takers[_text(content, "kind")](content, buffers, clock)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            self.malformed += 1
            if clock.monotonic() - self._logged_at >= QUIET_S:
                self._logged_at = clock.monotonic()
                log.warning("a browser's message does not fit (%r): %s", error, quote(content))

    def expect(self, request: str, answer: Callable[[Message, list[memoryview]], None]) -> None:
        """Call `answer` with the `saved` message of this request."""
        self._answers[request] = answer

    def forget(self, request: str) -> None:
        """Expect that answer no longer."""
        self._answers.pop(request, None)

    def _session(self, content: Message) -> ChartSession | None:
        """Return the chart that a message is about; None for one that was closed."""
        return self._hub.session(_number(content, "chart"))

    def _view(self, content: Message, _: list[memoryview], clock: Clock) -> None:
        session = self._session(content)
        if session is None:
            chart = _number(content, "chart")
            self._hub.send({"kind": "closed", "chart": chart, "reason": "the chart was closed"})
            return
        width, visible = round(_float(content, "width")), content["visible"]
        if not 0 <= width <= WIDEST or not isinstance(visible, bool):
            raise ValueError(f"width is 0 to {WIDEST}, visible true or false")
        self._look(session, content, Sight(width, visible), clock)

    def _bye(self, content: Message, _: list[memoryview], clock: Clock) -> None:
        session = self._session(content)
        if session is not None:
            self._look(session, content, None, clock)

    def _look(
        self, session: ChartSession, content: Message, sight: Sight | None, clock: Clock
    ) -> None:
        hub, chart = self._hub, session.chart
        watched, examined = hub.watched(chart), hub.examined(chart)
        hub.heard_of(chart)
        name, view = _text(content, "client"), _number(content, "view")
        comes = hub.clients.look(name, chart, view, sight, clock.monotonic())
        hub.fit(session)
        if comes:
            hub.show(session, revive=not watched)
        elif hub.examined(chart) and not examined:
            hub.wake(chart)  # a dashboard beside its chart: a whole status, and at once

    def _snapshot(self, content: Message, _: list[memoryview], __: Clock) -> None:
        session = self._session(content)
        if session is not None:
            session.ask_snapshot()

    def _range(self, content: Message, _: list[memoryview], __: Clock) -> None:
        session = self._session(content)
        if session is None:
            return
        span, token = content["range"], _number(content, "token")
        if not 0 <= token < 2**32:
            raise ValueError("token is a u32")
        if span is not None:
            start, stop = int(span[0]), int(span[1])
            if not -(2**62) < start < stop < 2**62:
                raise ValueError("range is [start, stop] with start < stop")
            span = start, stop
        session.look(Viewport(session.viewport.width, span, token))

    def _ack(self, content: Message, _: list[memoryview], clock: Clock) -> None:
        name, tick = _text(content, "client"), _number(content, "tick")
        now = clock.monotonic()
        self._hub.returned(name, now)
        client = self._hub.clients.heard(name, now)
        times = [_float(content, each) for each in ("sent", "received", "now")]
        heard = clock.now() / 1e6
        if times[0] > 0:
            client.clock.add(times[0], times[1], times[2], heard)
        strain = _strain(content.get("page"), times, heard)
        self._hub.acknowledged(name, tick)
        told: dict[int, Drawn] = {}
        for chart, drawn in content["charts"].items():
            session = self._hub.session(int(chart))
            if session is not None:
                ages = [float(age) - client.clock.ms for age in drawn["age_ms"][:MOST_AGES]]
                each = told[session.chart] = Drawn(
                    _number(drawn, "drawn"),
                    0.0 if drawn["draw_ms"] is None else _float(drawn, "draw_ms"),
                    [age for age in ages if math.isfinite(age)],
                )
                monitor = self._hub.monitor(session.chart)
                monitor.drawn(name, each.frames, each.draw_ms, each.ages_ms, now)
                monitor.told(name, strain)
                self._hub.drawing.drawn(
                    name, session.chart, each.frames, each.draw_ms, each.ages_ms, now
                )
        busy_ms = _float(content, "busy_ms") if "busy_ms" in content else 0.0
        self._hub.adapt.told(name, told, now, busy_ms, strain)

    def _saved(self, content: Message, buffers: list[memoryview], _: Clock) -> None:
        answer = self._answers.pop(_text(content, "request"), None)
        if answer is not None:
            answer(content, buffers)

    def _export(self, content: Message, _: list[memoryview], __: Clock) -> None:
        session = self._session(content)
        if session is not None and session.exporter is not None:
            session.exporter(_text(content, "client"), _text(content, "format"))

    def _alert(self, content: Message, _: list[memoryview], __: Clock) -> None:
        session = self._session(content)
        action, alert = _text(content, "action"), _text(content, "alert")
        if action not in ACTIONS:
            raise ValueError(f"action is one of {ACTIONS}")
        if session is not None and session.on_alert is not None:
            session.on_alert(action, alert)

    def _advice(self, content: Message, _: list[memoryview], __: Clock) -> None:
        session = self._session(content)
        action, finding = _text(content, "action"), _text(content, "finding")
        if action not in ADVICE:
            raise ValueError(f"action is one of {ADVICE}")
        if session is not None and session.on_advice is not None:
            session.on_advice(action, finding)


def _strain(page: Any, times: list[float], heard: float) -> Strain:
    """Return how a page does; what an older one does not tell is not known."""
    told = {} if page is None else {name: _float(page, name) for name in _STRAIN if name in page}
    sent, received, now = times
    trip_ms = (heard - sent) - (now - received) if sent > 0 else math.nan
    return Strain(trip_ms=trip_ms if trip_ms < MOST_TRIP_MS else math.nan, **told)


def _number(content: Any, name: str) -> int:
    value = content[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise TypeError(f"{name} is a whole number, got {quote(value)}")
    return int(value)


def _float(content: Any, name: str) -> float:
    value = float(content[name])
    if not math.isfinite(value):
        raise ValueError(f"{name} is a finite number")
    return value


def _text(content: Any, name: str) -> str:
    value = content[name]
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        raise TypeError(f"{name} is a short text, got {quote(value)}")
    return value
