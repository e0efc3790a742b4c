"""A manager of alerts as far as charts and panels know it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class FakeManager:
    """Keeps alerts as dicts, and notes what it is asked to do."""

    def __init__(self, *, as_objects: bool = False) -> None:
        self.alerts: list[Any] = []
        self.history: list[Any] = []
        self.heard: list[Any] = []
        self.done: list[tuple[Any, ...]] = []
        self.read = 0
        self._make = (lambda row: SimpleNamespace(**row)) if as_objects else dict

    def on_change(self, callback):
        self.heard.append(callback)
        return lambda: self.heard.remove(callback)

    def change(self):
        for each in list(self.heard):
            each()

    def add(self, name, *, over=False, **more):
        row = {
            "id": name,
            "rule": "hot",
            "key": "sensor-17",
            "state": "resolved" if over else "firing",
            "priority": "warning",
            "value": 104.25,
            "time": 2_000,
            "since": 1_000,
            "message": "",
            "acknowledged": False,
            "silenced": False,
        }
        (self.history if over else self.alerts).append(self._make(row | more))
        self.change()

    def acknowledge(self, alert):
        self.done.append(("acknowledge", alert))

    def silence(self, *, rule, key, for_):
        self.done.append(("silence", rule, key, for_))

    def unsilence(self, alert):
        self.done.append(("unsilence", alert))
