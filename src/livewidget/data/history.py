"""What can be asked for rows by time: buffers, stores and tiers alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from livewidget.data.batch import Batch
from livewidget.data.schema import Schema

CHUNK_ROWS = 65_536  # rows in one batch of an answer at most: 2 MB at four columns
EVER = 2**62  # ns: beyond every time that a batch may hold


class History(Protocol):
    """Rows that can be read by a range of times. Any thread may read while one writes."""

    @property
    def schema(self) -> Schema | None:
        """The schema of the rows, or None before any."""
        ...

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held, ns UTC, or None where nothing is."""
        ...

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield the rows with start <= time < stop (ns UTC), by rising time, in batches.

        Rows of one time keep the order in which they came. With a `width` (ns) above 0 only those
        that stand for each bucket of that width, see `sketches.outstanding`; `width` is one that
        `sketches.ladder.snap` returns. A batch has `CHUNK_ROWS` rows at most, and none is empty.
        Raises SettingError where stop comes before start.
        """
        ...
