"""The kernel's side of the soak: what feeds a chart by hand, and what notes the kernel's figures.

Imported by the soak's notebook.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from livewidget.data.errors import ClosedError
from livewidget.engine.thread import Engine

# Of one of ipykernel's subshells, a bare kernel's too: 7 or 8. JupyterLab opens one for each page
# with a comm, and a refresh does not close it.
SUBSHELL_FILES = 8
PUSHES_S = 50
ROWS = 40  # of a push


class Pusher:
    """A thread that pushes 2,000 rows a second of two waves to a chart until that is closed."""

    def __init__(self, chart: Any) -> None:
        self._chart = chart
        threading.Thread(target=self._run, name="feed", daemon=True).start()

    def _run(self) -> None:
        beat = threading.Event()
        spread = np.arange(1 - ROWS, 1) * (1_000_000_000 // PUSHES_S // ROWS)
        with suppress(ClosedError):
            while not beat.wait(1 / PUSHES_S):
                times = time.time_ns() + spread
                high = np.sin(times / 1e9)
                self._chart.push({"time": times, "high": high, "low": high - 0.5})


async def walk(rate: float = 100.0) -> AsyncIterator[dict[str, float]]:
    """Yield a random walk as a program of a person would: one event at a time, by the clock."""
    random, value = np.random.default_rng(3), 0.0
    while True:
        value += float(random.normal())
        yield {"time": time.time(), "value": value}
        await asyncio.sleep(1 / rate)


class Sampler:
    """Writes the kernel's figures to a file, a line of JSON every `every` seconds, from a thread.

    `charts` maps names to the charts that are there now; the cells change it.
    """

    def __init__(self, path: str, charts: dict[str, Any], every: float) -> None:
        self._path = Path(path)
        self._charts = charts
        self._every = every
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed-sampler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; from a cell."""
        self._ended.set()
        self._thread.join()

    def sample(self) -> dict[str, Any]:
        """Return the figures of now: bytes, counts, % of a core; of each chart what it tells."""
        return {
            "at": time.time(),
            "kernel": self._process.memory_info().rss,
            "cpu": self._process.cpu_percent(),
            "charts": {name: self._chart(chart) for name, chart in list(self._charts.items())},
        } | resources()

    def _chart(self, chart: Any) -> dict[str, Any] | None:
        try:
            stats = chart.stats()
        except (TimeoutError, RuntimeError):  # it is being closed, or the kernel is very busy
            return None
        return {
            "number": chart.chart,
            "account": asdict(stats["account"]),
            "state": stats["state"],
            "gaps": stats["gaps"],
            "fps": stats["fps"],
            "latency": stats["latency_ms"],
            "rows": stats["rows"],
        }

    def _run(self) -> None:
        with self._path.open("a", buffering=1) as out:
            while not self._ended.wait(self._every):
                out.write(json.dumps(self.sample()) + "\n")


def resources() -> dict[str, int]:
    """Return what must not grow in this process: threads, sockets, open files, the loop's tasks.

    Without what ipykernel's subshells hold; those are counted by themselves.
    """
    process, loop = psutil.Process(), Engine.shared().loop
    names = [each.name for each in threading.enumerate()]
    subshells = sum(name.startswith("subshell-") for name in names)
    return {
        "threads": len(names) - subshells,
        "sockets": len(process.net_connections()),
        "files": process.num_fds() - SUBSHELL_FILES * subshells,
        "tasks": Engine.shared().call(lambda: len(asyncio.all_tasks(loop))),
        "subshells": subshells,
    }
