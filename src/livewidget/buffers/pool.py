"""Memory of rings that have gone, handed out again to the next."""

from __future__ import annotations

import mmap
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

HELD_BYTES = 64 * 2**20  # the first storage of some twenty rings; more is the system's again
TENDED_S = 1.0  # between two looks at what has waited for too long
HELD_S = 60.0  # a ring that takes another's place has grown to its size by then


class MemoryPool:
    """Arrays over memory that is mapped page by page, recycled by its exact size in pages.

    What a ring lets go of comes back by itself when the last array, lease or view of it has gone:
    each view holds the array that `array` made, and a finaliser on that one brings the memory
    here. So no view ever sees what another ring writes. Exact sizes, for a block that is larger
    than what was asked for would use memory that no budget counts; rings of one schema grow
    through the same sizes.

    Memory that is handed out again still holds the old values: a ring shows only rows that it has
    written. To zero it (MADV_DONTNEED) would give its pages back to the system, and the faults
    that bring them in again are what the pool saves. At most `max_bytes` are held, each for
    `held_s` seconds by `clock`; the block that has waited longest goes first. Any thread may call
    anything here, the garbage collector too.
    """

    def __init__(
        self,
        max_bytes: int = HELD_BYTES,
        held_s: float = HELD_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_bytes = max_bytes
        self._held_s = held_s
        self._clock = clock
        self._tended_at = clock()
        self.hits = 0  # blocks that were handed out again
        self.misses = 0  # blocks that had to be mapped
        self.held = 0  # bytes that wait to be handed out again
        # By order of return; each with when that was.
        self._blocks: OrderedDict[int, tuple[mmap.mmap, float]] = OrderedDict()
        self._returned: deque[mmap.mmap] = deque()  # by finalisers, which can wait for no lock
        self._lock = threading.Lock()
        self._next = 0

    def array(self, dtype: np.dtype[Any], size: int) -> npt.NDArray[Any]:
        """Return an array of `size` (at least 1) items; their values are anything."""
        wanted = -(-size * dtype.itemsize // mmap.PAGESIZE) * mmap.PAGESIZE
        with self._lock:
            self._sort()
            memory = self._found(wanted)
            if memory is None:
                self.misses += 1
            else:
                self.hits += 1
        self._settle()
        if memory is None:
            memory = mmap.mmap(-1, wanted)
        array = np.frombuffer(memory, dtype=dtype, count=size)
        weakref.finalize(array, self._give_back, memory).atexit = False
        return array

    def tend(self) -> None:
        """Give back to the system what has waited for too long. Often called, and seldom work."""
        now = self._clock()
        if now - self._tended_at >= TENDED_S and self._lock.acquire(blocking=False):
            try:
                self._tended_at = now
                self._sort()
            finally:
                self._lock.release()
            self._settle()

    def clear(self) -> None:
        """Give all that is held back to the system."""
        with self._lock:
            self._sort()
            self._blocks.clear()
            self.held = 0
        self._settle()

    def _give_back(self, memory: mmap.mmap) -> None:
        """Take memory back, at whatever line of whatever thread its last view went."""
        self._returned.append(memory)
        self._settle()

    def _settle(self) -> None:
        """Sort in what has come back; who finds the lock taken leaves it to who has it."""
        while self._returned and self._lock.acquire(blocking=False):
            try:
                self._sort()
            finally:
                self._lock.release()

    def _sort(self) -> None:
        """Hold what has come back, within the bound. Under the lock."""
        now = self._clock()
        while self._returned:
            memory = self._returned.popleft()
            self._blocks[self._next] = memory, now
            self._next += 1
            self.held += len(memory)
        while self._blocks:
            memory, since = next(iter(self._blocks.values()))
            if self.held <= self.max_bytes and now - since <= self._held_s:
                break
            self._blocks.popitem(last=False)
            self.held -= len(memory)

    def _found(self, wanted: int) -> mmap.mmap | None:
        """Return a block of that size, the last that came back. Under the lock."""
        for place in reversed(self._blocks):
            if len(self._blocks[place][0]) == wanted:
                self.held -= wanted
                memory, _ = self._blocks.pop(place)
                return memory if _is_unseen(memory) else None
        return None


def _is_unseen(memory: mmap.mmap) -> bool:
    """Say whether nothing has a pointer into `memory`.

    By the mapping's own count: it refuses another size, its own included, while it is looked at.
    Where the system cannot resize, it says that only after it has made sure.
    """
    try:
        memory.resize(len(memory))
    except BufferError:
        return False
    except (SystemError, OSError, ValueError):
        return True
    return True


_process = MemoryPool()


def shared_pool() -> MemoryPool:
    """Return the pool of the process, from which every ring has its memory."""
    return _process
