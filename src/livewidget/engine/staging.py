"""The queue between those who push and the one who drains."""

from __future__ import annotations

from dataclasses import dataclass, field

from livewidget.data.batch import Batch

STAGED_ROWS = 262_144  # a quarter of a second at 1,000,000 rows a second
BATCH_ROWS = 63  # as many as a batch costs beside its rows: 4,096 single events fill the queue


@dataclass(frozen=True, slots=True)
class Mark:
    """A gap from `start` (ns UTC; None: from the row before it) to the row behind it."""

    start: int | None
    reason: str


@dataclass(slots=True)
class Load:
    """What was taken at once: batches in order, when the first and the last came (ns UTC), marks.

    A mark stands before the row whose place among all rows goes with it.
    """

    batches: list[Batch] = field(default_factory=list)
    marks: list[tuple[int, Mark]] = field(default_factory=list)
    rows: int = 0
    first_arrival: int = 0
    last_arrival: int = 0


class Staging:
    """Batches and marks in the order in which they came.

    Anybody adds, and takes no lock for it: a push costs less than waking a loop by far, and a
    thread that the system takes off its core holds nobody up. One at a time takes. That rests on
    lists: an append, a slice and its deletion are each one step to all other threads.

    It is full at `STAGED_ROWS`, where each batch counts as `BATCH_ROWS` besides; then whoever fills
    it drains it. Threads that add at the same moment may overshoot by a batch each.
    """

    __slots__ = ("_items", "_rows")

    def __init__(self) -> None:
        self._items: list[tuple[Batch | Mark, int]] = []
        self._rows = 0  # since the last take, but for what threads at the same moment overlook

    def add(self, batch: Batch, size: int, arrival: int) -> bool:
        """Add a batch of `size` rows, come at `arrival` (ns UTC); True where it is full now."""
        self._items.append((batch, arrival))
        self._rows += size + BATCH_ROWS
        return self._rows >= STAGED_ROWS

    def mark(self, mark: Mark) -> None:
        """Add a mark before what comes next."""
        self._items.append((mark, 0))

    def count(self) -> int:
        """Return how many rows wait, exactly. Not beside a take."""
        return sum(len(item) for item, _ in self._items[:] if isinstance(item, Batch))

    @property
    def empty(self) -> bool:
        """Whether nothing waits, neither a row nor a mark."""
        return not self._items

    @property
    def weight(self) -> int:
        """The rows that wait, each batch counted as `BATCH_ROWS` besides, of `STAGED_ROWS`."""
        return self._rows

    def take(self) -> Load:
        """Take all that waits."""
        items = self._items[:]
        load = Load()
        for item, arrival in items:
            if isinstance(item, Mark):
                load.marks.append((load.rows, item))
                continue
            if not load.batches:
                load.first_arrival = arrival
            load.last_arrival = arrival
            load.batches.append(item)
            load.rows += len(item)
        self._rows = 0
        del self._items[: len(items)]  # what has come since stays
        return load
