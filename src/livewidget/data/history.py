"""What can be asked for rows by time: buffers, stores and tiers alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
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


@dataclass(frozen=True, slots=True)
class Missing:
    """A range of times (ns UTC) that could not be read now, and why in a line for people."""

    start: int
    stop: int
    reason: str


@dataclass(slots=True)
class Answer:
    """The rows of a range as `History.read` gives them, and the ranges that are not among them.

    `missing` is complete once `batches` has been read to its end.
    """

    batches: Iterator[Batch]
    missing: list[Missing] = field(default_factory=list)


def check_range(start: int, stop: int, width: int) -> None:
    """Raise SettingError for a range or a width that cannot be."""
    if stop < start:
        raise SettingError(f"a range ends after it starts, got start={start}, stop={stop} (ns UTC)")
    if width < 0:
        raise SettingError(f"width is 0 or more ns, got {width}")


def chunks(batch: Batch | None, rows: int = CHUNK_ROWS) -> Iterator[Batch]:
    """Yield the rows of a batch in batches of at most `rows`; nothing for None."""
    for start in range(0, 0 if batch is None else len(batch), rows):
        assert batch is not None
        yield batch if len(batch) <= rows else batch.take(slice(start, start + rows))
