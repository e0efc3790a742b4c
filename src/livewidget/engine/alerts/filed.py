"""Who is told of a stream's alerts, as a stream file says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from livewidget.engine.alerts.handler import Handler
from livewidget.engine.alerts.handlers import Email, Log, Webhook
from livewidget.engine.alerts.lasting import LastingAlerts
from livewidget.engine.alerts.manager import AlertManager
from livewidget.engine.alerts.terms import terms_of
from livewidget.engine.streamer import DataStreamer

HANDLERS: dict[str, Callable[..., Handler]] = {"email": Email, "log": Log, "webhook": Webhook}


@dataclass(frozen=True, slots=True)
class Alerts:
    """The settings of an `AlertManager` for one stream, whose output `watch` it reads.

    Raises SettingError for settings that cannot be.
    """

    handlers: Sequence[Handler] = ()
    watch: str = "alerts"
    group_by: Sequence[str] = ("rule",)
    group_wait: object = "0s"
    group_interval: object = "30s"
    repeat_interval: object = "4h"
    cool_down: object = "0s"

    def __post_init__(self) -> None:
        self._terms()

    def open(self, streamer: DataStreamer) -> AlertManager:
        """Return the manager at work; it ends with the streamer, and lasts in its store if any."""
        settings: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "handlers",
                "group_by",
                "group_wait",
                "group_interval",
                "repeat_interval",
                "cool_down",
            )
        }
        engine, archive = streamer.engine, streamer.buffer.archive
        manager = AlertManager(engine=engine, **settings).watch(streamer, self.watch)
        lasting = archive is not None and archive.keeps_state
        if archive is not None and lasting:
            streamer.attach(LastingAlerts(manager, archive, engine))
        else:
            streamer.attach(manager)
        return manager

    def _terms(self) -> object:
        return terms_of(
            self.group_by,
            self.group_wait,
            self.group_interval,
            self.repeat_interval,
            self.cool_down,
        )
