"""What can be done at run time about a limit: only what takes effect at once, and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil

from livewidget.engine.outputs import Output
from livewidget.monitor.bottleneck import Limit
from livewidget.monitor.findings import Action, Check
from livewidget.monitor.stages import (
    BROWSER,
    FRAMES,
    LINK,
    PIPELINE,
    SINK,
    SOURCE,
    STORE,
    Stage,
)

if TYPE_CHECKING:
    from livewidget.engine.session import ChartSession
    from livewidget.engine.streamer import DataStreamer

PIPELINE_ROWS = 10_000  # at once: what a batch costs beside its rows is little then
SINK_ROWS = 100_000
_HELD = 0.1  # of the time
_LOAD = 0.6  # of a browser's time, that a lower cap aims at
_LEAST_FPS = 5.0
_MB = 2**20
FAST = "fast"  # what a session's `quality` may be set to
_Remedy = tuple[str, Action | None]


class Remedies:
    """Knows for each limit of a stream and its chart what may be changed.

    `stages` returns the newest reading, by which it is checked whether that helped.
    """

    def __init__(
        self,
        streamer: DataStreamer,
        session: ChartSession | None,
        stages: Callable[[], Sequence[Stage]],
    ) -> None:
        self._streamer = streamer
        self._session = session
        self._stages = stages
        self._for: dict[str, Callable[[Limit], _Remedy]] = {
            SOURCE: self._source,
            PIPELINE: self._pipeline,
            STORE: self._store,
            SINK: self._sink,
            FRAMES: self._picture,
            LINK: self._picture,
            BROWSER: self._picture,
        }

    def __call__(self, limit: Limit) -> _Remedy:
        """Return a hint in words ("" for none), and what can be applied."""
        known = self._for.get(limit.stage)
        return ("", None) if known is None else known(limit)

    def rescue(self) -> Action | None:
        """Return how the buffers get half as much memory again, where the machine has it."""
        budget = self._streamer.buffer.gauge.budget
        before = budget.max_bytes
        more = before // 2
        if psutil.virtual_memory().available < 2 * more:
            return None
        used = Check(
            "the used part of the memory budget, in percent,",
            lambda: 100 * sum(each.wants for each in budget.members()) / budget.max_bytes,
        )
        return _setting(
            f"Give the buffers {(before + more) / _MB:,.0f} MB",
            budget,
            "max_bytes",
            before + more,
            used,
        )

    def _source(self, _: Limit) -> _Remedy:
        held = any(each.state == "rate limit" for each in self._stages())
        return ("rate_limit sets that.", None) if held else ("", None)

    def _pipeline(self, limit: Limit) -> _Remedy:
        flow = self._streamer.inside[0].flow
        if flow is None:
            return "", None
        queue = flow.queue
        hint = (
            "Operators that wait, or let other threads run, gain from workers=."
            if not flow.apart
            else ""
        )
        if queue.settings.batch_rows < PIPELINE_ROWS:
            settings = replace(queue.settings, batch_rows=PIPELINE_ROWS)
            label = f"Work on up to {PIPELINE_ROWS:,} rows at once"
            return hint, _setting(label, queue, "settings", settings, self._cost_of(limit))
        held = self._part(SOURCE, "", "held")
        if queue.settings.overflow in ("block", "resize") and (held() or 0.0) >= _HELD:
            settings = replace(queue.settings, overflow="drop_oldest")
            check = Check("the part of the time that the source is held", held)
            label = "Drop the oldest rows that wait, and count them"
            return hint, _setting(label, queue, "settings", settings, check)
        return hint, None

    def _store(self, _: Limit) -> _Remedy:
        return "A faster disk, or sync= of its store_options, takes more.", None

    def _sink(self, limit: Limit) -> _Remedy:
        output = next((it for it in self._streamer.outputs if it.name == limit.label), None)
        if output is None:
            return "", None
        rows = min(SINK_ROWS, 10 * output.delivery.batch_rows)
        if rows <= output.delivery.batch_rows or output.waiting <= output.delivery.batch_rows:
            return "", None
        return "", self._larger(output, rows, limit)

    def _larger(self, output: Output, rows: int, limit: Limit) -> Action:
        delivery = replace(output.delivery, batch_rows=rows)
        label = f"Hand {output.name} up to {rows:,} rows at once"
        return _setting(label, output, "delivery", delivery, self._cost_of(limit))

    def _picture(self, limit: Limit) -> _Remedy:
        session = self._session
        if session is None:
            return "", None
        check = Check(
            f"the part of the time that the {limit.stage} works",
            self._part(limit.stage, limit.label, "busy"),
        )
        if limit.stage == LINK:
            held = self._part(FRAMES, "", "held")
            busy = self._part(LINK, limit.label, "busy")
            check = Check(
                "the part of the time that the link holds frames",
                lambda: max(held() or 0.0, busy() or 0.0),
            )
        if session.quality != FAST:
            label = 'Draw with quality="fast"'
            return "", _setting(label, session, "quality", FAST, check, session.choose)
        busy_now = max(limit.numbers.get("busy", 1.0), 0.01)
        drawn = limit.numbers.get("served", session.cap)
        cap = max(_LEAST_FPS, min(float(round(drawn * _LOAD / busy_now)), session.cap / 2))
        if cap >= session.cap:
            return "", None
        label = f"Draw at most {cap:.0f} frames a second"
        return "", _setting(label, session, "cap", cap, check, session.choose)

    def _cost_of(self, limit: Limit) -> Check:
        """Return the check of what one row costs a stage, in µs."""
        busy = self._part(limit.stage, limit.label, "busy")
        served = self._part(limit.stage, limit.label, "served")

        def cost() -> float | None:
            part, rows = busy(), served()
            return 1e6 * part / rows if part is not None and rows else None

        return Check(f"the time that a row takes the {limit.stage}, in µs,", cost)

    def _part(self, name: str, label: str, figure: str) -> Callable[[], float | None]:
        def read() -> float | None:
            for each in self._stages():
                if each.name == name and label in ("", each.label):
                    value: float = getattr(each, figure)
                    return value
            return None

        return read


def _setting(
    label: str,
    owner: Any,
    name: str,
    value: object,
    check: Check,
    put: Callable[[str, object], None] | None = None,
) -> Action:
    """Return the action that sets an attribute, and sets it back unless it was changed since.

    By `put`, where the owner is to be told.
    """
    before: list[object] = []
    put = partial(setattr, owner) if put is None else put

    def apply() -> None:
        before[:] = [getattr(owner, name)]
        put(name, value)

    def undo() -> None:
        if before and getattr(owner, name) == value:
            put(name, before[0])

    return Action(label, apply, undo, check)
