"""How a connection does, in figures and in words."""

from __future__ import annotations

from dataclasses import dataclass

from livewidget.data.events import State


@dataclass(frozen=True, slots=True)
class Health:
    """One look at a connection. What is not known is None, never 0.

    `uptime` is the fraction of the time since the first attempt in which the connection stood.
    `round_trip_s` and its `jitter_s` are in s. `loss` is the fraction of the events that did not
    come, by gaps in their numbers, and `missed` how many. `silent_s` is the time since the last
    message, in s. `healthy` has its `reason` in words; `quality` is from 0 to 1, see
    `resilience.health.quality`.
    """

    state: State
    uptime: float
    round_trip_s: float | None
    jitter_s: float | None
    loss: float
    missed: int
    reconnects: int
    silent_s: float | None
    healthy: bool
    reason: str
    quality: float
