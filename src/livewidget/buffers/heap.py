"""What the C library holds of memory that is free again, given back to the system."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable

EVERY_BYTES = 16 * 2**20  # of rows packed: what that takes meanwhile leaves holes of some MB


class Heap:
    """Has the free pages within the heap given back now and then; takes some ms each time.

    Small arrays that live long, among large ones that do not, keep glibc from giving back what lies
    between: some per cent of the memory, which no budget counts. Elsewhere it does nothing. Any
    thread.
    """

    def __init__(self, trim: Callable[[int], object] | None) -> None:
        self._trim = trim
        self._used = 0
        self._lock = threading.Lock()

    def used(self, nbytes: int) -> None:
        """Count bytes that were worked on, and trim where they have come to enough."""
        with self._lock:
            self._used += nbytes
            due = self._used >= EVERY_BYTES
            if due:
                self._used = 0
        if due and self._trim is not None:
            self._trim(0)


def malloc_trim() -> Callable[[int], object] | None:
    """Return glibc's own function, or None where the C library is another."""
    try:
        found: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return found


_process = Heap(malloc_trim())


def shared_heap() -> Heap:
    """Return the heap of the process."""
    return _process
