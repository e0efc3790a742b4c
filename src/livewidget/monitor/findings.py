"""What was found, in plain words with the numbers, and what can be done about it. I/O-free."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

BOTTLENECK, TREND, ANOMALY, FORECAST, ALERT = "bottleneck", "trend", "anomaly", "forecast", "alert"
INFO, WARNING, CRITICAL = "info", "warning", "critical"
OPEN, APPLIED, HELPED, TAKEN_BACK = "open", "applied", "helped", "taken back"


@dataclass(frozen=True, slots=True)
class Check:
    """How it is seen that an action helped: the `figure` that `read` gives became less.

    By the part `margin` of itself at least. None from `read` is a figure that is not known now.
    """

    figure: str
    read: Callable[[], float | None]
    margin: float = 0.2

    def helped(self, before: float, after: float) -> bool:
        """Say whether it got better by the margin."""
        return after <= before - self.margin * abs(before) and after < before


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done at once: what it is called, how, how it is taken back, and its check."""

    label: str
    apply: Callable[[], None]
    undo: Callable[[], None]
    check: Check


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a user should know: `text` is a sentence, or several, with the numbers.

    `id` stays the same while it goes on. Two with the same id are the same finding.
    """

    id: str
    kind: str
    level: str
    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    action: Action | None = None
    status: str = OPEN

    def told(self) -> dict[str, Any]:
        """Return it as a status tells it; see `wire/layout.md`."""
        return {
            "id": self.id,
            "kind": self.kind,
            "level": self.level,
            "text": self.text,
            "numbers": dict(self.numbers),
            "action": None if self.action is None else self.action.label,
            "status": self.status,
        }
