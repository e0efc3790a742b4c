"""The one thread on which everything live runs."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Coroutine
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, Generic, TypeVar, cast

T = TypeVar("T")
log = logging.getLogger("livewidget")

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that spins must give the interpreter lock away.

Python's own 0.005 makes each call that gives it away wait 5 ms to come back, beside a cell that
spins: a frame of twenty calls takes 50 ms. It is a setting of the whole process; the engine sets
it when it starts and puts it back when it stops. `Engine.switch_interval = None` leaves it alone.
"""


class Answer(Generic[T]):
    """What one thread gives and another one waits for, once.

    Not a Future: a KeyboardInterrupt while its `result` enters its condition leaves that locked,
    and who sets the result waits for ever. To give and to fail wait for nothing.
    """

    def __init__(self) -> None:
        self._given: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def give(self, value: T) -> None:
        """Have `wait` return a value."""
        self._given.put((value, None))

    def fail(self, error: BaseException) -> None:
        """Have `wait` raise an error."""
        self._given.put((None, error))

    def wait(self, timeout: float) -> T:
        """Return what was given. Raises what it failed with; TimeoutError after `timeout` s."""
        try:
            value, error = self._given.get(timeout=timeout)
        except Empty:
            raise TimeoutError from None
        if error is not None:
            raise error
        return cast("T", value)


class Engine:
    """A background thread with one asyncio loop. `Engine.shared()` is the process's own.

    User code is never called with a lock held. All methods may be called from any thread.
    """

    switch_interval: ClassVar[float | None] = SWITCH_INTERVAL
    _shared: ClassVar[Engine | None] = None
    _sharing: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._restore: float | None = None
        if self.switch_interval is not None:
            self._restore = sys.getswitchinterval()
            sys.setswitchinterval(self.switch_interval)
        self._running = True
        self._thread = threading.Thread(target=self._main, name="livewidget-engine", daemon=True)
        self._thread.start()

    @classmethod
    def shared(cls) -> Engine:
        """Return the process's engine; the first call starts it."""
        with cls._sharing:
            if cls._shared is None or not cls._shared.alive:
                cls._shared = cls()
            return cls._shared

    @property
    def alive(self) -> bool:
        """Whether the thread runs.

        Not by `Thread.is_alive`, which takes the thread for ended for good where an interrupt, as
        of a cell, falls into it.
        """
        return self._running

    @property
    def here(self) -> bool:
        """Whether the caller is on the engine's thread."""
        return threading.current_thread() is self._thread

    def wait_for(self, job: Coroutine[Any, Any, T], timeout: float) -> T:
        """Run a coroutine on the engine's thread and return its result. From any other thread.

        Raises what it raises; TimeoutError after `timeout` seconds, after which the coroutine goes
        on, and where the engine is closed before it is done.
        """
        answer: Answer[T] = Answer()

        async def run() -> None:
            try:
                answer.give(await job)
            except asyncio.CancelledError:
                answer.fail(TimeoutError("the engine was closed before it was done"))
                raise
            except BaseException as error:  # noqa: BLE001  (it is raised where it is awaited)
                answer.fail(error)

        self.spawn(run(), "livewidget-wait")
        return answer.wait(timeout)

    def post(self, call: Callable[[], object]) -> None:
        """Have `call` run on the engine's thread soon, after what was posted before."""
        self.loop.call_soon_threadsafe(call)

    def spawn(self, job: Coroutine[Any, Any, object], name: str) -> None:
        """Run a coroutine on the engine's thread; its owner cancels it through its own means."""
        self.post(lambda: self._spawn(job, name))

    def call(self, call: Callable[[], T], timeout: float = 10.0) -> T:
        """Run `call` on the engine's thread and return what it returns, or raise what it raises."""
        if self.here:
            return call()
        answer: Answer[T] = Answer()

        def run() -> None:
            try:
                answer.give(call())
            except BaseException as error:  # noqa: BLE001  (it is raised where it is awaited)
                answer.fail(error)

        self.post(run)
        return answer.wait(timeout)

    def close(self) -> None:
        """Cancel what runs, stop the thread and give the switch interval back."""
        if self.alive:
            self.post(self._cancel_all)
            self._thread.join(5.0)
        if self._restore is not None:
            sys.setswitchinterval(self._restore)
            self._restore = None

    def _spawn(self, job: Coroutine[Any, Any, object], name: str) -> None:
        task = self.loop.create_task(job, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s stopped", task.get_name(), exc_info=error)

    def _cancel_all(self) -> None:
        async def end() -> None:
            others = [task for task in self._tasks if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self.loop.stop()

        self._spawn(end(), "livewidget-end")

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self._running = False
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
