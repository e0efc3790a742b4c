"""Few, fat deliveries from many small items."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

DELAY_S = 0.005  # one decode or conversion for all that comes in 5 ms; an eye sees 10 times that


class Collector:
    """Holds items for at most `delay_s` seconds or `most` in size, then delivers all at once.

    Used on one loop. It cannot overflow: the item that fills it delivers. What `deliver`
    raises from a timer is raised to the owner by the next `add` or by `close`.
    """

    def __init__(
        self, deliver: Callable[[list[Any]], object], *, most: int = 4096, delay_s: float = DELAY_S
    ) -> None:
        self._deliver = deliver
        self._most = most
        self._delay_s = delay_s
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
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001  (kept for the owner)
            self._error = error
