"""A page and a kernel that a controller can steer: costs, queues, and figures once a second."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from livewidget.monitor.controller import Controller
from livewidget.monitor.ladder import Setting
from livewidget.monitor.pressure import Signals

STEP_S = 0.1  # between two steps of the controller
REPORT_S = 1.0  # between two words of the page
MOST_QUEUED_MS = 2000.0  # the credit lets no more be under way


@dataclass(slots=True)
class Plant:
    """Costs in ms: a frame `fixed` and `point` for each point a pixel, times `cpu` and `load`.

    `charts` of them share a page and an engine. `noise` is the spread of what is measured.
    """

    fixed: float = 2.0
    point: float = 2.0
    build: float = 1.0
    build_point: float = 0.5
    charts: int = 1
    link_ms: float = 10.0
    cpu: float = 1.0
    load: float = 1.0
    noise: float = 0.0
    seed: int = 0
    now: float = 0.0
    queued_ms: float = 0.0
    _report: Signals = field(default_factory=Signals)
    _since: float = 0.0
    _worst_ms: float = 0.0
    _random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def draw_ms(self, setting: Setting) -> float:
        """What a frame of one chart takes the page."""
        return self.cpu * (self.fixed + self.load * self.point * setting.points)

    def build_ms(self, setting: Setting) -> float:
        """What a tick of all charts takes the engine."""
        return self.charts * (self.build + self.load * self.build_point * setting.points)

    def page(self, setting: Setting) -> float:
        """The part of the page's time that drawing asks for."""
        return self.charts * self.draw_ms(setting) * setting.fps / 1000

    def engine(self, setting: Setting) -> float:
        """The part of the engine's time that building asks for."""
        return self.build_ms(setting) * setting.fps / 1000

    def latency_ms(self, setting: Setting) -> float:
        """From arrival to pixel now."""
        own = self.draw_ms(setting) + self.build_ms(setting)
        return 1000 / setting.fps + self.link_ms + own + self.queued_ms

    def run(self, controller: Controller, seconds: float) -> list[tuple[float, Setting]]:
        """Let time pass; the settings in force, each `STEP_S`."""
        seen = []
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            self._pass(controller.setting)
            seen.append((self.now, controller.step(self.now, self._signals(controller.setting))))
        return seen

    def _pass(self, setting: Setting) -> None:
        over = max(self.page(setting), self.engine(setting)) - 1
        drain = max(over, -0.5) * 1000 * STEP_S
        self.queued_ms = min(MOST_QUEUED_MS, max(0.0, self.queued_ms + drain))
        self._worst_ms = max(self._worst_ms, self.latency_ms(setting))
        if self.now - self._since < REPORT_S - 1e-9:
            return
        busy = self.page(setting)
        self._report = Signals(
            draw_ms=self._about(self.draw_ms(setting)),
            page_ms=self._about(1000 * min(1.0, busy)),
            drawn=self._about(setting.fps / max(1.0, busy)),
            sent=setting.fps,
            latency_ms=self._about(self._worst_ms),
            seen_from=self._since,
        )
        self._since, self._worst_ms = self.now, 0.0

    def _signals(self, setting: Setting) -> Signals:
        told = self._report
        return Signals(
            draw_ms=told.draw_ms,
            page_ms=told.page_ms,
            drawn=told.drawn,
            sent=told.sent,
            latency_ms=told.latency_ms,
            seen_from=told.seen_from,
            build_ms=self._about(self.build_ms(setting)),
        )

    def _about(self, value: float) -> float:
        return value * (1 + self._random.uniform(-self.noise, self.noise))
