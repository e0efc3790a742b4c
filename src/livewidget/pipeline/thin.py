"""Thinning to a sampling rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, quote
from livewidget.data.text import Text

_SECOND = 1_000_000_000
_MOST_KEYS = 100_000  # slots remembered: past them a key counts as new, and passes once too often


class Thin:
    """Lets at most `rate` events a second of event time pass, of each key of column `by`.

    Time is cut into slots of 1/rate on an absolute grid and the first event of each slot passes,
    so that what passes does not depend on how the events were cut into batches. Not thread-safe.
    """

    def __init__(self, rate: float, by: str | None = None) -> None:
        if not rate > 0:
            raise SettingError(f"sampling_rate is a positive number in Hz, got {quote(rate)}")
        self._slot = max(1, round(_SECOND / rate))
        self._by = by
        self._last: dict[str | None, int] = {}

    def __call__(self, batch: Batch) -> Batch:
        """Return the rows that pass, in their order."""
        if not len(batch):
            return batch
        slots = batch.times // self._slot
        column = batch[self._by] if self._by is not None else None
        keep = np.zeros(len(batch), dtype=bool)
        if not isinstance(column, Text):
            self._pick(keep, None, slots, np.arange(len(batch)))
            return batch.take(keep)
        order = np.argsort(column.codes, kind="stable")
        codes = column.codes[order]
        edges = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])).tolist()
        for low, high in zip(edges, [*edges[1:], len(order)], strict=True):
            code = int(codes[low])
            key = column.categories[code] if code >= 0 else None
            self._pick(keep, key, slots, order[low:high])
        return batch.take(keep)

    def _pick(
        self,
        keep: npt.NDArray[np.bool_],
        key: str | None,
        slots: npt.NDArray[np.int64],
        rows: npt.NDArray[np.intp],
    ) -> None:
        if not len(rows):
            return
        own = slots[rows]
        known = self._last.get(key)
        newest = np.maximum.accumulate(own)
        before = np.empty_like(newest)
        before[0] = newest[0] - 1 if known is None else known
        np.maximum(newest[:-1], before[0], out=before[1:])
        keep[rows] = own > before
        if len(self._last) >= _MOST_KEYS:
            self._last.clear()
        self._last[key] = max(int(newest[-1]), int(before[0]))
