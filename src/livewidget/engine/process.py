"""What is measured of the process and of the engine's loop, as metrics."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import time
from collections import deque
from typing import Any

import psutil

from livewidget.buffers.budget import Budget
from livewidget.monitor.figures import Rate
from livewidget.monitor.recent import Recent
from livewidget.monitor.registry import Registry

PROBE_S = 0.2  # between two looks at how late the loop is
RECENT_S = 5.0  # what the worst delays are of
_MOST_PAUSES = 10_000  # of collections, between two readings

COLUMNS = (
    "cpu_percent",
    "memory_bytes",
    "memory_share",
    "loop_lag_ms",
    "gil_wait_ms",
    "gc_ms",
    "disk_rate",
    "network_rate",
)


class ProcessTelemetry:
    """CPU, memory, collector, disk and network, read when asked; delays, once it is `begun`.

    Two delays are sampled, five times a second, on the engine's thread. *Loop lag*: how much later
    than it asked for the loop calls a timer, which is for how long callbacks, or other threads,
    keep it from what is due. *GIL wait*: how long the thread waits to have the interpreter lock
    back when it gives it away once, which is what other threads of Python cost each call that does
    so; next to nothing where they are idle.
    """

    def __init__(self, registry: Registry) -> None:
        self._process = psutil.Process()
        self._pauses: deque[float] = deque(maxlen=_MOST_PAUSES)  # s
        self._gc_began = 0.0
        self._gc_s = 0.0
        self._begun = self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._rates = {name: Rate() for name in ("cpu", "gc", "disk", "network")}
        self._rss = 0
        self._disk: dict[str, float] = {}
        self._network: dict[str, float] = {}
        registry.before_collect(self.refresh)
        histogram = registry.histogram
        self._lag = histogram(
            "livewidget_loop_lag_seconds", "How late the engine's loop is", "s"
        ).only
        self._gil = histogram(
            "livewidget_gil_wait_seconds",
            "Wait of the engine's thread for the interpreter lock after it gave it away",
            "s",
        ).only
        self._gc = histogram("livewidget_gc_pause_seconds", "Garbage collections", "s").only
        self._recent = Recent(self._lag, RECENT_S), Recent(self._gil, RECENT_S)
        self._register(registry)

    def refresh(self) -> None:
        """Read what the system tells, once for all who ask; from any thread."""
        pauses = []
        with contextlib.suppress(IndexError):  # two may read at a time
            while True:
                pauses.append(self._pauses.popleft())
        self._gc_s += sum(pauses)
        self._gc.observe_many(pauses)
        self._rss = self._process.memory_info().rss
        self._disk, self._network = self._read_disk(), _read_network()

    def begin(self) -> None:
        """Begin to time the collector and to sample delays. On the engine's loop."""
        if not self._begun and not self._closed:
            self._begun = True
            gc.callbacks.append(self._collecting)
            self._task = asyncio.get_running_loop().create_task(self._probe())

    def close(self) -> None:
        """Time and sample no more. On the engine's loop, or once it has ended."""
        self._closed = True
        if self._begun:
            self._begun = False
            gc.callbacks.remove(self._collecting)
        if self._task is not None and not self._task.get_loop().is_closed():
            self._task.cancel()
        self._task = None

    def figures(self, now: float) -> dict[str, float]:
        """Return the figures of `COLUMNS`; NaN for what is not known."""
        lag, gil = (recent.read(now) for recent in self._recent)
        network, disk = self._network, self._disk
        values = (
            100 * self._rates["cpu"](time.process_time(), now),
            self._rss,
            _share(),
            1e3 * lag.max if lag.total else math.nan,
            1e3 * gil.max if gil.total else math.nan,
            1e3 * self._rates["gc"](self._gc_s, now),
            self._rates["disk"](sum(disk.values()), now) if disk else math.nan,
            self._rates["network"](sum(network.values()), now) if network else math.nan,
        )
        return dict(zip(COLUMNS, values, strict=True))

    def _register(self, registry: Registry) -> None:
        counter, gauge = registry.counter, registry.gauge
        counter(
            "livewidget_process_cpu_seconds_total",
            "CPU time of the process, all threads",
            "s",
            read=time.process_time,
        )
        gauge(
            "livewidget_process_memory_bytes",
            "Memory of the process that is resident",
            "By",
            read=lambda: self._rss,
        )
        gauge(
            "livewidget_memory_budget_ratio",
            "What all buffers want, of what they may have together",
            read=_share,
        )
        counter(
            "livewidget_gc_collections_total",
            "Collections by generation",
            labels=("generation",),
            read=lambda: {str(n): each["collections"] for n, each in enumerate(gc.get_stats())},
        )
        counter(
            "livewidget_process_disk_bytes_total",
            "Bytes that the process had the disks read and write",
            "By",
            ("direction",),
            read=lambda: self._disk,
        )
        counter(
            "livewidget_host_network_bytes_total",
            "Bytes over all networks of the machine, other programs' too",
            "By",
            ("direction",),
            read=lambda: self._network,
        )

    def _read_disk(self) -> dict[str, float]:
        counters: Any = getattr(self._process, "io_counters", None)  # macOS has none
        if counters is None:
            return {}
        try:
            found = counters()
        except (psutil.Error, OSError):  # a container may forbid it
            return {}
        return {"read": found.read_bytes, "written": found.write_bytes}

    def _collecting(self, phase: str, _: dict[str, int]) -> None:
        """Hear of a collection. It may come amid anything: no lock, and no metric."""
        if phase == "start":
            self._gc_began = time.perf_counter()
        else:
            self._pauses.append(time.perf_counter() - self._gc_began)

    async def _probe(self) -> None:
        while True:
            due = time.perf_counter() + PROBE_S
            await asyncio.sleep(PROBE_S)
            woken = time.perf_counter()
            self._lag.observe(max(0.0, woken - due))
            time.sleep(0)  # noqa: ASYNC251  (no sleep: it gives the interpreter lock away once)
            self._gil.observe(time.perf_counter() - woken)


def _share() -> float:
    """Return what all buffers want, of what they may have together."""
    budget = Budget.shared()
    return sum(member.wants for member in budget.members()) / budget.max_bytes


def _read_network() -> dict[str, float]:
    try:
        found: Any = psutil.net_io_counters(nowrap=False)  # None where there is no network
    except (psutil.Error, OSError, RuntimeError):
        return {}
    return {} if found is None else {"received": found.bytes_recv, "sent": found.bytes_sent}
