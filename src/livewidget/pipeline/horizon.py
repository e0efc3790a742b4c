"""The horizon: how far ahead of the clock an event's time may lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, quote

_LAST = int(np.iinfo(np.int64).max)
DAY_S = 86_400  # room for local times that were read as UTC, and for clocks that differ


def _is_duration(value: object) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < float("inf")


class Horizon:
    """Finds the rows of a batch that lie more than `max_ahead` seconds ahead of the clock.

    One of them would drag a live view into the future, and all that comes after it would count
    as old: a wrong unit makes years of seconds. None: no time is too far ahead, for simulated
    time. Stateless; may be called from any thread.
    """

    def __init__(self, max_ahead: float | None, clock: Clock) -> None:
        if max_ahead is not None and not _is_duration(max_ahead):
            raise SettingError(
                f"max_ahead is seconds, 0 or more, or None for no limit; got {quote(max_ahead)}"
            )
        self._clock = clock
        self._ahead = None if max_ahead is None else round(min(max_ahead, _LAST / 1e9) * 1e9)
        self.reason = (
            f"a time more than {max_ahead} s ahead of the clock: "
            "is its unit right? For simulated time set max_ahead=None"
        )

    def beyond(self, batch: Batch) -> npt.NDArray[np.bool_] | None:
        """Return which rows lie beyond the horizon, bool[n], or None where no row does."""
        if self._ahead is None or not len(batch):
            return None
        times, last = batch.times, min(self._clock.now() + self._ahead, _LAST)
        return times > last if times.max() > last else None
