"""What a tier lacks at one moment."""

from __future__ import annotations

from collections.abc import Sequence

from livewidget.data.history import EVER


class Standing:
    """A tier is whole from `since` on, but for `holes`: rising ranges [start, stop), ns UTC."""

    __slots__ = ("_holes", "since")

    def __init__(self, since: int, holes: Sequence[tuple[int, int]] = ()) -> None:
        self.since = since
        self._holes = holes

    def whole(self, at: int) -> bool:
        """Say whether nothing is missing at a time."""
        return self.next_whole(at) == at

    def next_whole(self, at: int) -> int:
        """Return the first time from `at` on at which nothing is missing."""
        found = max(at, self.since)
        for start, stop in self._holes:
            if start <= found < stop:
                found = stop
        return found

    def distance(self, at: int) -> tuple[int, int]:
        """Return what is the less the more is there from `at` on, where something is missing."""
        return max(at, self.since), self.next_whole(at)

    def until(self, at: int) -> int:
        """Return up to where nothing is missing, from a time at which nothing is."""
        return min((start for start, _ in self._holes if start > at), default=EVER)
