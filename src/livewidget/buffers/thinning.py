"""What a ring does where "thin" is its policy: of the older half every second row goes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from livewidget.buffers.halving import halve
from livewidget.buffers.levels import Levels
from livewidget.buffers.reading import Readable
from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch

FEWEST_TO_THIN = 8  # rows: of fewer there is no half to choose


class Thinning(Readable):
    """The part of a ring that renumbers rows. The writer's thread only, but for `moved`."""

    by: str | None
    handed: int
    keep: Callable[[Batch], npt.NDArray[np.bool_]] | None
    on_evict: Callable[[Batch], None] | None
    thinned: int
    thinnings: int
    _gone: int
    _moves: list[tuple[int, npt.NDArray[np.intp], int]]

    @property
    def capacity(self) -> int:
        """Rows that fit without growing."""
        return self.held[0].capacity

    def hand_on(self, rows: int | None = None) -> None:
        """Give the next rows to `on_evict`."""
        raise NotImplementedError

    def moved(self, row: int) -> int:
        """Return the number now of a row's place before the last append that renumbered rows.

        `thinnings` tells such an append. Rows that went are passed over to the next that is here.
        """
        for start, places, stop in self._moves:
            if row < stop:
                row = stop - len(places) + int(np.searchsorted(places, row - start))
        return row

    def _thin(self, size: int) -> None:
        """Halve the older half until `size` rows fit."""
        if len(self) + size > self.capacity:
            self._moves, moved = [], self.thinned
            while len(self) + size > self.capacity and len(self) >= FEWEST_TO_THIN:
                self._thin_once()
            self.thinnings += self.thinned > moved

    def _thin_once(self) -> None:
        start, middle = self.tail, self.tail + len(self) // 2
        if self.on_evict is not None and self.handed < middle:
            self.hand_on(middle - self.handed)
        lease = self.lease(start, middle)
        older = lease.copy()
        places = halve(older, None if self.keep is None else self.keep(older), self.by)
        gone = np.delete(older.times, places)
        columns = {name: values[places] for name, values in lease.raw().items()}
        storage = Storage(self.schema, self.capacity)
        tail = middle - len(places)
        storage.write(tail, columns, len(places))
        storage.write(middle, self.lease(middle).raw(), self.head - middle)
        storage.oldest = tail
        self._gone = max(self._gone, int(gone.max()))
        self.thinned += len(gone)
        self._moves.append((start, places, middle))
        if start < self.disorder < middle:
            self.disorder = middle
        self.tail = tail
        self.held = storage, Levels(self.by)
