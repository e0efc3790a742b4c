"""One thread for the code of a source that blocks."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar

Result = TypeVar("Result")
_Job = tuple[Callable[[], Any], asyncio.Future[Any]]


class Worker:
    """Runs calls one after another in a daemon thread of its own; an async context manager.

    Not a ThreadPoolExecutor: the interpreter waits for those at exit, and a user's function
    that never returns must not keep a kernel from closing. Leaving waits `grace_s` seconds
    for the call under way, then lets go of it; its result is thrown away and the thread ends
    with it.
    """

    def __init__(self, name: str, grace_s: float = 1.0) -> None:
        # One caller awaits one call at a time, and then comes the sentinel.
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._grace_s = grace_s
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._work,), name=f"livewidget-source-{name}", daemon=True
        )

    async def call(self, function: Callable[[], Result]) -> Result:
        """Return what `function` returns in the thread, or raise what it raises."""
        future: asyncio.Future[Result] = self._loop.create_future()
        self._jobs.put((function, future))
        return await future

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._jobs.put(None)
        try:
            async with asyncio.timeout(
                self._grace_s
            ):  # wait_for of 3.11 may swallow a cancellation
                await self._ended.wait()
        except TimeoutError:
            return
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, future = job
            try:
                result, error = function(), None
            except BaseException as caught:  # noqa: BLE001  (handed to the one who awaits)
                result, error = None, caught
            self._post(_settle, future, result, error)
            del job, function, future, result, error
        self._post(self._ended.set)

    def _post(self, callback: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            # The loop closed while a call outlived its grace: nobody is left to tell.
            return


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():  # cancelled: the result came too late
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):  # a future refuses it
        future.set_exception(RuntimeError(f"StopIteration: {error}"))
    else:
        future.set_exception(error)
