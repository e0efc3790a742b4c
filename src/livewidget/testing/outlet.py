"""An outlet that keeps what a source says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from livewidget.data.batch import Batch, Data
from livewidget.data.events import State


class RecordingOutlet:
    """Records every call, in order. Any thread may call it (list.append is atomic)."""

    def __init__(self) -> None:
        self.data: list[Data] = []
        self.rejected: list[tuple[object, str]] = []
        self.gaps: list[tuple[int | None, int | None, str]] = []
        self.states: list[tuple[State, str, int]] = []
        self.asked_stored = 0
        self._open = asyncio.Event()
        self._open.set()

    def emit(self, data: Data) -> int:
        """Keep `data` and return its number of rows. Raises SchemaError where it has none."""
        rows = len(Batch.of(data, arrival=0))
        self.data.append(data)
        return rows

    def reject(self, payload: object, reason: str) -> None:
        """Keep one refused message."""
        self.rejected.append((payload, reason))

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Keep one gap."""
        self.gaps.append((start, stop, reason))

    def state(self, state: State, detail: str = "", attempt: int = 0) -> None:
        """Keep one state."""
        self.states.append((state, detail, attempt))

    @property
    def full(self) -> bool:
        """Whether `hold` is in force."""
        return not self._open.is_set()

    def hold(self) -> None:
        """Make sources wait in `ready`, until `release`. On the loop of the source."""
        self._open.clear()

    def release(self) -> None:
        """Let sources go on. On the loop of the source."""
        self._open.set()

    async def ready(self) -> None:
        """Wait while held."""
        await self._open.wait()

    async def stored(self) -> None:
        """Count one question; all is stored that was emitted."""
        self.asked_stored += 1

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows emitted so far, as records; times as int ns UTC."""
        return [row for data in list(self.data) for row in Batch.of(data, arrival=0).rows()]

    def column(self, name: str) -> Sequence[Any]:
        """Return one column of all rows; None where a row does not have it."""
        return [row.get(name) for row in self.rows]
