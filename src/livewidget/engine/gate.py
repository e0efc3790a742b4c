"""Waiting, in a thread or in a coroutine of any loop, for what another thread brings about."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

PATIENCE_S = 10.0  # how long a thread waits


class Gate:
    """Lets who waits through once something is so. `notify` may be called from any thread."""

    def __init__(self) -> None:
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.RLock()
        self._threads = 0
        self._told = threading.Condition(self._lock)

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

    def hold(self, is_so: Callable[[], object]) -> None:
        """Hold a thread until `is_so()`; one with a loop, which must not wait, goes on at once.

        Raises TimeoutError after `PATIENCE_S`.
        """
        if is_so() or _on_a_loop():
            return
        with self._lock:
            self._threads += 1
            try:
                if not self._told.wait_for(is_so, PATIENCE_S):
                    raise TimeoutError(f"there was no room for {PATIENCE_S:.0f} s")
            finally:
                self._threads -= 1

    def notify(self) -> None:
        """Have everyone look again."""
        if self._threads:
            with self._lock:
                self._told.notify_all()
        if not self._waiting:
            return
        with self._lock:
            waiting = list(self._waiting)
        for loop, event in waiting:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # that loop is closed: nobody waits there any more
                continue


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
