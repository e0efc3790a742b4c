"""Waiting for what another thread brings about, at next to no cost for that thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable


class Bell:
    """Wakes who waits; `ring` may be called from any thread, and costs 50 ns where nobody waits.

    No wake-up is lost: who waits is listed before it looks, and who rings has changed what is
    looked at before it reads the list, so one of the two sees the other. No lock is taken: one
    operation on a dict is whole in itself.
    """

    def __init__(self) -> None:
        self._waiting: dict[object, Callable[[], object]] = {}

    def tell(self, call: Callable[[], object]) -> None:
        """Have `call` called at each ring from now on, by whoever rings."""
        self._waiting[object()] = call

    def ring(self) -> None:
        """Have everyone look again."""
        if self._waiting:
            for wake in list(self._waiting.values()):
                wake()

    def wait(self, is_so: Callable[[], object], timeout: float | None = None) -> bool:
        """Hold the thread until `is_so()`, `timeout` seconds at most; return whether it is."""
        if is_so():
            return True
        event = threading.Event()
        until = None if timeout is None else time.monotonic() + timeout
        self._waiting[event] = event.set
        try:
            while not is_so():
                left = None if until is None else until - time.monotonic()
                if (left is not None and left <= 0) or not event.wait(left):
                    return bool(is_so())
                event.clear()
        finally:
            del self._waiting[event]
        return True

    async def wait_async(
        self,
        is_so: Callable[[], object],
        timeout: float | None = None,  # noqa: ASYNC109 # the same words as those of `wait`
    ) -> bool:
        """As `wait`, while the running loop goes on."""
        if is_so():
            return True
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # that loop is closed: nobody waits there any more
                self._waiting.pop(event, None)

        self._waiting[event] = wake
        try:
            async with asyncio.timeout(timeout):
                while not is_so():
                    await event.wait()
                    event.clear()
        except TimeoutError:
            return bool(is_so())
        finally:
            self._waiting.pop(event, None)
        return True
