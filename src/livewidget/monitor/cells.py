"""A cell for each thread, summed when it is read: to count takes no lock."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

C = TypeVar("C")


class _Owner:
    """Lives as long as its thread does, in the thread's own storage."""

    __slots__ = ("__weakref__",)


class PerThread(Generic[C]):
    """One cell for each thread that asks; `mine` takes no lock but the first time.

    What a thread that has ended has counted is folded into one cell, by `fold(into, cell)`.
    """

    def __init__(self, make: Callable[[], C], fold: Callable[[C, C], None]) -> None:
        self._make = make
        self._fold = fold
        self._local = threading.local()
        self._cells: list[tuple[weakref.ref[_Owner], C]] = []
        self._ended = make()
        self._lock = threading.Lock()  # of readers, and of a thread's first time

    def mine(self) -> C:
        """Return the cell of the thread that calls; nobody else writes to it."""
        try:
            cell: C = self._local.cell
        except AttributeError:
            cell = self._join()
        return cell

    def read(self, take: Callable[[C], None]) -> None:
        """Call `take` with each cell. From any thread, one at a time."""
        with self._lock:
            living = []
            for owner, cell in self._cells:
                if owner() is None:
                    self._fold(self._ended, cell)
                else:
                    living.append((owner, cell))
            self._cells = living
            for cell in (self._ended, *(cell for _, cell in living)):
                take(cell)

    def _join(self) -> C:
        owner, cell = _Owner(), self._make()
        with self._lock:
            self._cells.append((weakref.ref(owner), cell))
        self._local.owner = owner
        self._local.cell = cell
        return cell
