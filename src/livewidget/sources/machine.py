"""This machine: processor, memory, disk and network, through psutil."""

from __future__ import annotations

from typing import Any

import numpy as np

from livewidget.sources.base import LoopClock, Outlet
from livewidget.sources.pull import PullSource
from livewidget.sources.worker import Worker

_COUNTERS = ("disk_read", "disk_write", "net_received", "net_sent")


class Machine(PullSource):
    """Real data with no network.

    Columns: `time`; `cpu` and `memory` in percent of the whole machine; `disk_read`,
    `disk_write`, `net_received` and `net_sent` in bytes a second. `cpu` and the rates are means
    since the reading before: NaN in the first, and where the system has no such counters.
    """

    def __init__(self, interval: float | None = None, *, clock: LoopClock | None = None) -> None:
        super().__init__(interval, clock=clock)
        self.name = "this machine"
        self._before: tuple[float, tuple[float, ...]] | None = None
        self._cpu_before: tuple[float, float] | None = None

    async def _read(self, outlet: Outlet, worker: Worker) -> None:
        outlet.emit(await worker.call(self._measure))

    def _measure(self) -> dict[str, Any]:
        import psutil

        at, counters = self._clock.monotonic(), _counters()
        rates = self._rates(at, counters)
        self._before = (at, counters)
        return {
            "time": np.datetime64(self._clock.now(), "ns"),
            "cpu": self._cpu(),
            "memory": psutil.virtual_memory().percent,
            **dict(zip(_COUNTERS, rates, strict=True)),
        }

    def _cpu(self) -> float:
        # Not psutil.cpu_percent: it keeps one state for all callers of a process.
        before, self._cpu_before = self._cpu_before, _cpu_seconds()
        busy, total = (
            new - old for new, old in zip(self._cpu_before, before or (0.0, 0.0), strict=True)
        )
        return float("nan") if before is None or total <= 0 else 100.0 * max(0.0, busy) / total

    def _rates(self, at: float, counters: tuple[float, ...]) -> tuple[float, ...]:
        if self._before is None or at <= self._before[0]:
            return (float("nan"),) * len(counters)
        seconds = at - self._before[0]
        # A counter falls back when a device leaves: that is no negative traffic.
        return tuple(
            max(0.0, new - old) / seconds
            for new, old in zip(counters, self._before[1], strict=True)
        )


def _cpu_seconds() -> tuple[float, float]:
    """Return the busy and the total processor seconds since boot."""
    import psutil

    times = psutil.cpu_times()._asdict()
    # Linux counts a guest's time in the user's as well.
    total = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)
    return total - times["idle"] - times.get("iowait", 0.0), total


def _counters() -> tuple[float, ...]:
    """Return the bytes since boot, in the order of `_COUNTERS`; NaN where there are none."""
    import psutil

    # Both are None in some containers, which the published types do not say.
    disk: Any = psutil.disk_io_counters()
    net: Any = psutil.net_io_counters()
    missing = float("nan")
    return (
        missing if disk is None else float(disk.read_bytes),
        missing if disk is None else float(disk.write_bytes),
        missing if net is None else float(net.bytes_recv),
        missing if net is None else float(net.bytes_sent),
    )
