"""Calling a user's function, whatever it does: sync or async, late or never."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

MOST_HANGING = 4  # threads of one owner that may be lost to calls which never return


class Caller:
    """Calls functions beside the loop. All on one loop; who calls sets the time-out.

    A coroutine function is awaited on the loop. Any other runs in a daemon thread of its own, which
    nobody can end: one that is late is let go of, and counts in `hanging` until it returns. Where
    `MOST_HANGING` do, further calls fail at once, so that they do not eat the machine.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._hanging: set[threading.Thread] = set()

    @property
    def hanging(self) -> int:
        """How many calls that were given up have not returned yet."""
        self._hanging = {each for each in self._hanging if each.is_alive()}
        return len(self._hanging)

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return what `function` returns or raise what it raises; cancelled, let go of it.

        Raises TimeoutError where too many calls before it never returned.
        """
        if inspect.iscoroutinefunction(function):
            return await function(*args)
        if self.hanging >= MOST_HANGING:
            raise TimeoutError(f"{MOST_HANGING} earlier calls have not returned")
        result = await self._in_thread(function, args)
        return await result if inspect.isawaitable(result) else result

    async def _in_thread(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def run() -> None:
            result, error = None, None
            try:
                result = function(*args)
            except BaseException as caught:  # noqa: BLE001  (handed to the one who awaits)
                error = caught
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:  # the loop closed meanwhile: nobody is left to tell
                return

        thread = threading.Thread(target=run, name=f"livewidget-{self._name}", daemon=True)
        thread.start()
        try:
            return await future
        except asyncio.CancelledError:
            self._hanging.add(thread)
            raise


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # given up: it came too late
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        future.set_exception(error)
    else:  # that would end the loop, or a future refuses it
        future.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))
