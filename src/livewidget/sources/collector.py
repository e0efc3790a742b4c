"""Few, fat deliveries from many small items."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

DELAY_S = 0.005  # one decode or conversion for all that comes in 5 ms; an eye sees 10 times that
BUSY_DELAY_S = 0.02  # beside many others: still within one frame
_SLOWER, _FASTER = 2.0, 0.9


class Collector:
    """Holds items for `delay_s` seconds or `most` in size, then delivers all at once.

    Where the loop is late for it, because it has many such to serve, the delay grows up to
    `BUSY_DELAY_S`: fewer and fatter deliveries make a busy loop less so. Used on one loop. It
    cannot overflow: the item that fills it delivers. What `deliver` raises from a timer is raised
    to the owner by the next `add` or by `close`.
    """

    def __init__(
        self, deliver: Callable[[list[Any]], object], *, most: int = 4096, delay_s: float = DELAY_S
    ) -> None:
        self._deliver = deliver
        self._most = most
        self._least_s = self._delay_s = delay_s
        self._items: list[Any] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None

    def add(self, item: object, size: int = 1) -> bool:
        """Take one item. True when it filled the collector: time to let the loop breathe."""
        self._items.append(item)
        self._size += size
        # Nearly always neither: an item among others costs next to nothing.
        return (self._timer is None or self._size >= self._most) and self._turn()

    def flush(self) -> None:
        """Deliver what is held, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._items:
            items, self._items, self._size = self._items, [], 0
            self._deliver(items)

    def close(self) -> None:
        """Deliver what is held and stop the timer; raises what a delivery raised before."""
        self.flush()
        if self._error is not None:
            raise self._error

    def _turn(self) -> bool:
        """Deliver where it is full, else have what is held delivered in time."""
        if self._error is not None:
            raise self._error
        if self._size >= self._most:
            self.flush()
            return True
        self._timer = asyncio.get_running_loop().call_later(self._delay_s, self._due)
        return False

    def _due(self) -> None:
        if self._timer is not None:
            late = asyncio.get_running_loop().time() - self._timer.when() > self._delay_s / 2
            wanted = self._delay_s * (_SLOWER if late else _FASTER)
            self._delay_s = max(self._least_s, min(wanted, BUSY_DELAY_S))
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001  (kept for the owner)
            self._error = error
