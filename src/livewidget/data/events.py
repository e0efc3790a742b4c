"""What happens beside the data: states, gaps and dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a streamer or a chart is doing, in the words that the user sees."""

    WAITING = "waiting"
    LIVE = "live"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    RECONNECTING = "reconnecting"
    STALE = "stale"
    ENDED = "ended"
    FAILED = "failed"


FINAL = frozenset({State.ENDED, State.FAILED})


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time that the source did not deliver: ns since the epoch, UTC."""

    start: int
    stop: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was refused, with the reason. `at` is the arrival in ns UTC.

    `operator` names what refused it: "decode", "schema", or an operator of the pipeline.
    """

    at: int
    reason: str
    payload: object
    operator: str = "schema"
