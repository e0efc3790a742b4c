"""What every kind of window has in common: rows go in, windows are closed, results come out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.convert import Column
from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Floats, Times

EARLY, FINAL, CORRECTION = 0, 1, 2
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows with the slots of their keys, in order of arrival. `before`: the watermark, each."""

    slots: Places
    times: Times
    columns: Mapping[str, Column]
    before: Times

    def __len__(self) -> int:
        return len(self.slots)

    def take(self, rows: Places | Mask | slice) -> Part:
        """Return some of the rows."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Part(self.slots[rows], self.times[rows], columns, self.before[rows])


@dataclass(frozen=True, slots=True)
class Found:
    """Results of windows: the slot of each, its bounds in ns, and the outputs of the metrics.

    `at` is the time that early results have reached, None for others.
    """

    slots: Places
    starts: Times
    ends: Times
    values: list[Floats]
    what: int = FINAL
    at: int | None = None


class Windows(ABC):
    """The windows of all keys. Told of rows and of the watermark, it hands results to `emit`.

    Slots are numbers below `size`. Not thread-safe.
    """

    def __init__(self, emit: Callable[[Found], None], late: Callable[[int], None]) -> None:
        self._emit = emit
        self._late = late
        self.size = 0
        self.born = np.zeros(0, dtype=np.int64)  # of each slot, the smaller the earlier

    def order(self, slots: Places) -> Places:
        """Return in which order slots are told of: those first that came first."""
        return np.argsort(self.born[slots], kind="stable")

    @abstractmethod
    def epochs(self, watermarks: Times) -> Times:
        """Return a number for each watermark that rises as windows may have been closed by it."""

    @abstractmethod
    def gone(self, times: Times, before: Times) -> Mask | None:
        """Return the rows that can be in no window any more; None where the times do not tell."""

    @abstractmethod
    def cuts(self, times: Times, before: Times) -> Places:
        """Return before which rows windows have to be closed, as a row came after its time.

        `times` has one at least that lies before the watermark.
        """

    @abstractmethod
    def take(self, part: Part) -> None:
        """Take rows in, one at least."""

    @abstractmethod
    def close(self, watermark: int) -> None:
        """Close the windows that end at or before the watermark."""

    @abstractmethod
    def early(self, changed: Mask, at: int) -> None:
        """Tell of open windows as they stand, of the slots of a mask, bool[size]."""

    @abstractmethod
    def finish(self) -> None:
        """Close all windows."""

    @abstractmethod
    def alive(self) -> Mask:
        """Return which slots have rows in a window, bool[size]."""

    @abstractmethod
    def drop(self, gone: Mask) -> None:
        """Forget what there is of the slots of a mask."""

    @abstractmethod
    def cells(self) -> int:
        """Return how many states are kept, of a key in a stretch of time each."""

    @abstractmethod
    def save(self) -> dict[str, Any]:
        """Return all of it as plain data."""

    @abstractmethod
    def load(self, saved: dict[str, Any]) -> None:
        """Go on from there."""
