"""Which of several connections deliver a stream, and what was seen by none of them."""

from __future__ import annotations

import threading
from collections.abc import Hashable


class Cover:
    """Keeps who covers the stream: a member does from its first delivery until it is lost.

    One that has just connected does not: what came before its first delivery it has not seen. A
    stretch without cover is a gap, unless the member that ends it was there before and says of none
    itself: then it goes on where it was, as an event stream does behind its last id.

    No I/O. Any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._covering: set[Hashable] = set()
        self._whole: set[Hashable] = set()  # those that have missed nothing since they were lost
        self.begun = False

    def covers(self, member: Hashable) -> bool:
        """Tell whether this member covers the stream now."""
        return member in self._covering

    def joins(self, member: Hashable) -> bool:
        """Tell whether this member's next delivery would be its first beside others that cover."""
        return bool(self._covering) and member not in self._covering

    def delivers(self, member: Hashable) -> bool:
        """Note a delivery, before it is made; tell whether there is a gap before it."""
        if member in self._covering:
            return False
        with self._lock:
            gap = self.begun and not self._covering and member not in self._whole
            self._covering.add(member)
            self._whole.add(member)
            self.begun = True
        return gap

    def misses(self, member: Hashable) -> bool:
        """Note that a member has a gap of its own; tell whether it is the stream's, now.

        Where nobody covers, its next delivery will say so.
        """
        with self._lock:
            if self._covering == {member}:
                return True
            if member not in self._covering:
                self._whole.discard(member)
        return False

    def lost(self, member: Hashable) -> None:
        """Note that a member's connection is gone, and it may return."""
        with self._lock:
            self._covering.discard(member)

    def stopped(self, member: Hashable) -> None:
        """Note that a member was stopped: when it returns, it may not know what it has missed."""
        with self._lock:
            self._covering.discard(member)
            self._whole.discard(member)
