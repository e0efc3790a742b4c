"""Running sources in a test, and making sure that nothing of them stays."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from livewidget.sources.base import Outlet, Source


class SourceRunner:
    """Starts sources as tasks; an async context manager that stops them on leaving.

    Leaving raises AssertionError where a source has left a task or a thread behind.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._before: set[asyncio.Task[object]] = set()
        self._threads_before: set[threading.Thread] = set()

    def start(self, source: Source, outlet: Outlet) -> asyncio.Task[None]:
        """Run `source` into `outlet`; await the task for its end, or cancel it."""
        task = asyncio.create_task(source.run(outlet))
        self._tasks.append(task)
        return task

    async def __aenter__(self) -> Self:
        self._before = asyncio.all_tasks()
        self._threads_before = set(threading.enumerate())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        here = {asyncio.current_task()}
        tasks = [each for each in asyncio.all_tasks() - here if each not in self._before]
        # asyncio's resolver and the servers of a test have threads too: only a source's count.
        threads = [
            each
            for each in set(threading.enumerate()) - self._threads_before
            if each.name.startswith("livewidget-source-")
        ]
        if tasks or threads:
            raise AssertionError(f"a source left behind {tasks} and {threads}")
