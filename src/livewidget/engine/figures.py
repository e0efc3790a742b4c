"""What a buffer says of itself, and its part in the memory budget of the process."""

from __future__ import annotations

import threading
from typing import Any

from livewidget.buffers.advice import Figures, Lag, Meter
from livewidget.buffers.aged import LEAST_BYTES
from livewidget.buffers.budget import Budget, Member
from livewidget.buffers.consumers import Consumers
from livewidget.buffers.pool import HELD_BYTES, shared_pool
from livewidget.data.clock import Clock
from livewidget.engine.archive import Archive
from livewidget.engine.keeping import Keeping
from livewidget.engine.memory import Memory
from livewidget.monitor.metrics import HistogramSeries

_POOL_SHARE = 32  # what the pool holds for the next ring is one part in so many of the budget
_HOLES = 3  # of a short history's share one part in so many is what the heap makes of it
_HISTORY_SHARE = 4  # of a short allowance the history gets one part in so many at least


class Gauge:
    """Counts what one buffer takes, and sees to it that its memory stays within its allowance.

    `make_way` and `note` are called by the writer around each append, with no lock held; the rest
    by any thread.
    """

    def __init__(
        self, keeping: Keeping, consumers: Consumers, budget: Budget | None, clock: Clock
    ) -> None:
        self._keeping = keeping
        self._consumers = consumers
        self._budget = Budget.shared() if budget is None else budget
        self._pool = shared_pool()
        self._meter = Meter(clock)
        self._member: Member | None = None
        self._memory: Memory | None = None
        self._ring_wants = 0  # bytes, of what is reported
        self._parted = 0, 0  # the allowance, and those bytes, that were parted last
        self.queries = HistogramSeries()  # how long each took that was read to its end, in s
        self.lock = threading.Lock()  # of whoever changes the ring

    @property
    def budget(self) -> Budget:
        """What its memory is a part of."""
        return self._budget

    def join(self, name: str, memory: Memory) -> None:
        """Take part in the budget. Called once, when the memory is made."""
        pool = self._pool
        pool.max_bytes = min(HELD_BYTES, self._budget.max_bytes // _POOL_SHARE)
        self._memory = memory
        keeping = self._keeping
        most = keeping.max_bytes + (0 if memory.aged is None else keeping.history_bytes)
        wants = self._wants(memory, 0)
        self._member = self._budget.join(name, wants=wants, own_most=most, on_change=self._allow)
        self._set(self._member.allowance)

    def make_way(self, memory: Memory, rows: int) -> None:
        """Ask the budget for what the next `rows` rows take."""
        self._pool.tend()
        member = self._member
        if member is not None:
            allowance = member.report(self._wants(memory, rows))
            if memory.aged is not None and (allowance, self._ring_wants) != self._parted:
                self._allow(allowance)

    def note(self, memory: Memory, rows: int) -> None:
        """Count rows that were taken."""
        self._meter.add(rows, len(memory.ring))

    def leave(self) -> None:
        """Give the budget its part back. Again is no error."""
        member, self._member = self._member, None  # with no part of it nothing is to be advised
        if member is not None:
            member.leave()

    def stats(self, memory: Memory | None, archive: Archive | None) -> dict[str, Any]:
        """Return the figures by name."""
        if memory is None:
            return {"rows": 0, "capacity": 0, "memory": 0, "fill": 0.0, "late": 0}
        ring, aged, member = memory.ring, memory.aged, self._member
        found: dict[str, Any] = {
            "rows": len(ring),
            "capacity": ring.capacity,
            "memory": memory.nbytes,
            "fill": ring.fill,
            "late": ring.late,
            "too_late": ring.too_late,
            "high_water": self._meter.high_water,
            "row_rate": self._meter.rate(),
            "drops": {reason: rows for reason, rows in ring.dropped.items() if rows},
            "thinned": ring.thinned,
            "allowance": None if member is None else member.allowance,
            "lags": {each.name: each.lag for each in self._consumers},
        }
        if aged is not None:
            found |= {f"history_{name}": value for name, value in aged.stats().items()}
        return found if archive is None else found | archive.stats()

    def figures(
        self, memory: Memory | None, archive: Archive | None, window_s: float | None
    ) -> Figures:
        """Return what advice goes by."""
        if memory is None:
            return Figures()
        ring, keeping, member = memory.ring, self._keeping, self._member
        aged: dict[str, Any] = {} if memory.aged is None else {**memory.aged.stats()}
        dropped = {name: rows for name, rows in ring.dropped.items() if name != "retention"}
        if keeping.overflow == "drop_oldest":
            dropped.pop("overflow", None)  # that is what it is for
        return Figures(
            rows=len(ring),
            capacity=ring.most_rows,
            high_water=self._meter.high_water,
            rate=self._meter.rate(),
            window_s=window_s,
            memory=memory.nbytes,
            wants=0 if member is None else member.wants,
            allowance=None if member is None else member.allowance,
            budget=self._budget.max_bytes,
            dropped=dropped,
            lags={
                it.name: Lag(it.lag, it.lag_s, it.missed, it.state == "lapsed")
                for it in self._consumers
            },
            late=ring.late,
            too_late=ring.too_late,
            horizon_s=0.0 if ring.horizon is None else ring.horizon / 1e9,
            latest_s=ring.latest / 1e9,
            compression=aged.get("ratio"),
            compressed_rows=aged.get("raw_rows", 0),
            store_error=None if archive is None else archive.ahead.error or None,
            spooled=0 if archive is None else archive.ahead.waiting,
        )

    def _wants(self, memory: Memory, rows: int) -> int:
        """Return the bytes that the ring and the history would have with so many rows more."""
        ring = memory.ring
        wants = max(ring.nbytes, ring.rows_for(rows) * ring.row_bytes)
        if self._keeping.refuses:
            wants = ring.most_bytes
        self._ring_wants = wants
        if memory.aged is None:
            return wants
        # In steps: what has aged grows by a little with every segment.
        step = LEAST_BYTES << max(0, (memory.aged.nbytes - 1) // LEAST_BYTES).bit_length()
        least = wants // (_HISTORY_SHARE - 1)
        return wants + min(self._keeping.history_bytes, max(step, least))

    def _allow(self, allowance: int) -> None:
        with self.lock:
            self._set(allowance)

    def _set(self, allowance: int) -> None:
        """Part an allowance between the ring and the history. Under the lock.

        What the history may grow to is not the ring's meanwhile: a ring that had it would have to
        be copied to give it back.
        """
        memory = self._memory
        assert memory is not None
        self._parted = allowance, self._ring_wants
        if memory.aged is not None:
            share = max(allowance // _HISTORY_SHARE, allowance - self._ring_wants)
            share = max(LEAST_BYTES, min(self._keeping.history_bytes, share))
            allowance -= share
            member = self._member
            if member is not None and member.wants > allowance + share:
                share = max(LEAST_BYTES, share - share // _HOLES)
            if share != memory.aged.max_bytes:
                memory.aged.max_bytes = share
        memory.ring.allowance = max(allowance, memory.ring.row_bytes)
        memory.ring.fit()
