"""Watches a stream and its chart: stages, findings, and what is done about them."""

from __future__ import annotations

import contextlib
import logging
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from livewidget.data.clock import Clock, SystemClock
from livewidget.data.errors import SettingError, quote
from livewidget.data.events import FINAL
from livewidget.engine.remedies import Remedies
from livewidget.engine.stages import Stages
from livewidget.monitor.advisor import Advisor
from livewidget.monitor.diagnosis import Diagnosis, Vitals
from livewidget.monitor.figures import Process
from livewidget.monitor.findings import Finding
from livewidget.monitor.stages import BROWSER, Stage

if TYPE_CHECKING:
    from livewidget.engine.hub import Hub
    from livewidget.engine.session import ChartSession
    from livewidget.engine.streamer import DataStreamer

log = logging.getLogger("livewidget")
EVERY_S = 1.0
SETTLE_READINGS = 6  # before it is judged whether something helped


class Watch:
    """Reads the stages once in `every_s` seconds at most, whenever it is asked. From any thread.

    `parts` is what a status tells of it. Without a chart there are no frames, link and browser.
    """

    def __init__(
        self,
        streamer: DataStreamer,
        session: ChartSession | None = None,
        hub: Hub | None = None,
        clock: Clock | None = None,
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._streamer = streamer
        self._session = session
        self._hub = hub
        self._clock = SystemClock() if clock is None else clock
        self._every_s = every_s
        self._reader = Stages(streamer, session, hub, self._clock)
        self._remedies = Remedies(streamer, session, lambda: self.stages)
        self._diagnosis = Diagnosis(self._remedies, self._remedies.rescue)
        self._advisor = Advisor(SETTLE_READINGS * every_s)
        self._process = Process()
        self._read_at: float | None = None
        self._begun = False
        self._lock = threading.RLock()
        self.stages: tuple[Stage, ...] = ()
        self.findings: list[Finding] = []
        self._found: list[Finding] = []  # before what was done about them

    def parts(self, *, whole: bool = True) -> dict[str, Any]:
        """Return the findings and, if `whole`, the stages, as a status tells them."""
        hub = self._hub
        if hub is not None and hub.engine.alive and not hub.engine.here:
            with contextlib.suppress(TimeoutError):  # what blocks the engine is not waited for
                return hub.engine.call(lambda: self._parts(whole=whole))
        return self._parts(whole=whole)

    def _parts(self, *, whole: bool) -> dict[str, Any]:
        with self._lock:
            now = self._clock.monotonic()
            if self._read_at is None or now - self._read_at >= self._every_s:
                self._read_at = now
                self._read(now)
            findings = {"findings": [each.told() for each in self.findings]}
            if not whole:
                return findings
            limits = {(each.stage, each.label) for each in self._diagnosis.limits}
            stages = [
                _told(each) | {"limits": (each.name, each.label) in limits} for each in self.stages
            ]
            return {"stages": stages} | findings

    def apply(self, finding: str) -> None:
        """Do what a finding advises; it is taken back where it does not help.

        Raises SettingError where there is no such finding, or nothing to do.
        """
        if self._streamer.state[0] in FINAL:
            raise SettingError(f"there is nothing to apply for {quote(finding)}: the stream ended")
        with self._lock:
            now = self._clock.monotonic()
            self._advisor.apply(finding, now)
            self.findings = self._advisor.update(now, self._found)

    def undo(self, finding: str) -> None:
        """Take back what was done. Raises SettingError where nothing was."""
        with self._lock:
            now = self._clock.monotonic()
            self._advisor.undo(finding, now)
            self.findings = self._advisor.update(now, self._found)

    def take(self, action: str, finding: str) -> None:
        """Do what a browser asks for: "apply" or "undo". What is over by then is passed by."""
        try:
            self.apply(finding) if action == "apply" else self.undo(finding)
        except SettingError as error:
            log.info("advice was not taken: %s", error)

    def _read(self, now: float) -> None:
        self.stages = self._reader.read(now)
        first, self._begun = not self._begun, True
        if first:
            return  # there are no rates before the second reading
        if self._streamer.state[0] in FINAL:
            self._advisor.end(now)
        self._found = self._diagnosis.read(now, self.stages, self._vitals(now))
        self.findings = self._advisor.update(now, self._found)

    def _vitals(self, now: float) -> Vitals:
        self._process.read(now)
        members = self._streamer.buffer.gauge.budget.members()
        budget = self._streamer.buffer.gauge.budget.max_bytes
        # Buffers with bounds of their own that come to less never reach the budget.
        bounds = [each.own_most for each in members]
        reached = any(each is None for each in bounds) or sum(each or 0 for each in bounds) > budget
        chart = None if self._session is None else self._session.chart
        latency = None if self._hub is None or chart is None else self._hub.drawing.age_ms(chart)
        browser = next((each for each in self.stages if each.name == BROWSER), None)
        drawn = browser is not None and browser.served > 0
        return Vitals(
            memory=float(self._process.memory),
            buffers=float(sum(each.wants for each in members)),
            budget=float(budget) if reached else None,
            latency_ms=latency,
            draw_ms=1000 * browser.busy / browser.served if browser and drawn else None,
        )


def _told(stage: Stage) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in asdict(stage).items()
    }
