"""What is held in memory: the ring and, behind it, what has aged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from livewidget.buffers.aged import AgedBuffer
from livewidget.buffers.ring import RingBuffer
from livewidget.data.batch import Batch
from livewidget.data.history import CHUNK_ROWS, EVER, check_range, chunks
from livewidget.data.schema import Schema
from livewidget.sketches.outstanding import cut, join
from livewidget.storage.pieces import pieces


class Memory:
    """The fastest tier: every row once, from the ring or from `aged`, which takes what leaves it.

    The writer's thread appends to the ring; any thread reads.
    """

    name = "memory"

    def __init__(
        self, ring: RingBuffer, aged: AgedBuffer | None = None, packer: PackingThread | None = None
    ) -> None:
        self.ring = ring
        self.aged = aged
        self._packer = packer
        self.before = -EVER  # ns UTC: there are rows of earlier times that never were here
        if aged is not None:
            ring.on_evict = aged.append

    @property
    def schema(self) -> Schema:
        """The schema of the rows."""
        return self.ring.schema

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        return self.ring.nbytes + (0 if self.aged is None else self.aged.nbytes)

    @property
    def ring_since(self) -> int:
        """The time (ns UTC) from which on every row is in the ring."""
        return max(self.before, self.ring.since)

    def since(self) -> int:
        """Return the time (ns UTC) from which on every row is here."""
        return self.ring_since if self.aged is None else max(self.before, self.aged.since())

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held, ns UTC, or None where nothing is."""
        spans = [self.ring.span(), None if self.aged is None else self.aged.span()]
        found = [span for span in spans if span is not None]
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield the rows of a range as `History.read` does, a chunk or so in memory at a time.

        What is let go of while it is read is no longer kept: `since` tells.
        """
        check_range(start, stop, width)
        at = start
        for edge in [*self._edges(start, stop, width), stop]:
            yield from self._window(at, edge, width)
            at = edge

    def close(self) -> None:
        """End the thread that packs; the writer packs what still comes. Again is no error."""
        if self._packer is not None:
            self._packer.close()

    def _edges(self, start: int, stop: int, width: int) -> list[int]:
        """Return times, rising, that part the ring's rows in a range into chunks."""
        if width:  # answers at a width are small
            return []
        edges = self.ring.lease().times[::CHUNK_ROWS].copy()
        found: list[int] = np.unique(edges[(edges > start) & (edges < stop)]).tolist()
        return found

    def _window(self, start: int, stop: int, width: int) -> Iterator[Batch]:
        if self.aged is None:
            yield from self.ring.read(start, stop, width=width)
            return
        while True:
            view = self.aged.view()
            recent = list(self.ring.read(start, stop, width=width, first=view.taken))
            if self.ring.tail <= view.taken:  # else rows have gone from one to the other meanwhile
                break
        at = start
        for older, edge in pieces(view.read(start, stop, width=width), start, stop, width):
            parts = [] if older is None else [older]
            parts += [cut(batch, at, edge) for batch in recent]
            yield from chunks(join(parts, at, edge, width, self.ring.by))
            at = edge


class PackingThread:
    """A thread that packs what has aged, so that the writer need not: it ends with its owner."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = ThreadPoolExecutor(1, "livewidget-packer")

    def submit(self, job: Callable[[], object]) -> None:
        """Run a job in the thread, or here once it was closed."""
        pool = self._pool
        try:
            if pool is not None:
                pool.submit(job)
                return
        except RuntimeError:  # it was closed meanwhile, or the interpreter ends
            pass
        job()

    def close(self) -> None:
        """Let what is under way end, and take nothing more. Again is no error."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
