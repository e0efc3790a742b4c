"""A loop in a thread of its own, for servers that synchronous tests and notebooks start."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class LoopThread:
    """Owns one daemon thread with one loop. Started on construction, ended by `close`."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name=f"livewidget-{name}", daemon=True
        )
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Result], timeout_s: float = 10.0) -> Result:
        """Return what a coroutine returns on the loop. Not to be called on the loop itself."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout_s)

    def post(self, callback: Callable[..., object], *args: object) -> None:
        """Call `callback` on the loop soon, without waiting."""
        self.loop.call_soon_threadsafe(callback, *args)

    def close(self) -> None:
        """Cancel what is left on the loop, stop it and join the thread."""
        if self.loop.is_closed():
            return
        self.run(_cancel_others())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
