"""The rows of the group that is not full yet, as far as they are at hand."""

from __future__ import annotations

from livewidget.data.batch import Batch, concat
from livewidget.sketches.outstanding import in_order


class Tail:
    """Rows of the group at a place, up to row `end`. Not for several threads: its owner locks."""

    def __init__(self) -> None:
        self.place = 0
        self.end = 0
        self._parts: list[Batch] = []

    def begin(self, place: int, first: int) -> None:
        """Begin with no rows at a place, whose first row is `first`."""
        self.place, self.end = place, first
        self._parts = []

    def put(self, there: int, end: int, batch: Batch) -> None:
        """Take rows up to `end`, where it has all that are there before row `there`."""
        if there == self.end:
            self.end = end
            self._parts.append(batch)

    def rows(self) -> Batch | None:
        """Return them by rising time; None for none."""
        parts = [part for part in self._parts if len(part)]
        if not parts:
            return None
        if len(parts) > 1:
            self._parts = [in_order(concat(parts))]
        return in_order(self._parts[0] if len(parts) > 1 else parts[0])
