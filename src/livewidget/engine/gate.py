"""Waiting, in a coroutine of any loop, for what another thread brings about."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable


class Gate:
    """Lets coroutines through once something is so. `notify` may be called from any thread."""

    def __init__(self) -> None:
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.Lock()

    async def wait_until(self, is_so: Callable[[], object]) -> None:
        """Return once `is_so()`; it is asked now and after each `notify`."""
        if is_so():
            return
        place = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._waiting.add(place)
        try:
            while not is_so():
                await place[1].wait()
                place[1].clear()
        finally:
            with self._lock:
                self._waiting.discard(place)

    def notify(self) -> None:
        """Have everyone look again."""
        if not self._waiting:
            return
        with self._lock:
            waiting = list(self._waiting)
        for loop, event in waiting:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # that loop is closed: nobody waits there any more
                continue
