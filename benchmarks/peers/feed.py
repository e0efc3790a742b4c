"""The data of every peer: a line that dates each picture of it, and waves beside it.

The first series stands at `LOW` but for pulses up to `HIGH`, irregular in time: the pulses in a
picture tell which moment it shows, whatever axes and margins a peer draws.
"""

from __future__ import annotations

import numpy as np

from benchmarks.peers.base import WINDOW_S, Array, Load

LOW, HIGH = 1.2, 2.0
Y_RANGE = (-1.3, 2.2)
PULSE_S = 0.12  # 12 pixels of a plot of a thousand


def pulses(until: float) -> Array:
    """Return when the pulses begin, seconds from the start of the history."""
    gaps = np.random.default_rng(7).uniform(0.3, 0.8, int(until / 0.3) + 2)
    begins = np.cumsum(gaps)
    return begins[begins < until]


_BEGINS = pulses(600)


class Feed:
    """Makes rows of a load, end to end; seconds since the start of the history."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._made = 0
        random = np.random.default_rng(1)
        self._noise = random.normal(scale=0.05, size=(load.series, 1 << 14))
        self._phase = np.arange(load.series)[:, None] * 0.4

    @property
    def made(self) -> int:
        """Rows made so far."""
        return self._made

    def take(self, rows: int) -> tuple[Array, Array]:
        """Return the times and the values, of shape (series, rows), of the next rows."""
        index = np.arange(self._made, self._made + rows)
        self._made += rows
        times = index / self._load.rate
        noise = self._noise.take(index, axis=1, mode="wrap")
        values = np.sin(times * (2 * np.pi / WINDOW_S * 3) + self._phase) + noise
        last = np.searchsorted(_BEGINS, times, "right") - 1
        high = (last >= 0) & (times - _BEGINS[last] < PULSE_S)
        values[0] = np.where(high, HIGH, LOW) + 0.3 * noise[0]
        return times, values


class Rolling:
    """The newest rows of a window as contiguous arrays, for peers that keep none."""

    def __init__(self, times: Array, values: Array) -> None:
        self._rows = len(times)
        spare = max(self._rows // 4, 1024)
        self._times = np.empty(self._rows + spare)
        self._values = np.empty((len(values), self._rows + spare))
        self._times[: self._rows] = times
        self._values[:, : self._rows] = values
        self._end = self._rows

    def add(self, times: Array, values: Array) -> tuple[Array, Array]:
        """Add rows; return the window's times and values."""
        new, rows = len(times), self._rows
        if new >= rows:
            return times[-rows:], values[:, -rows:]
        if self._end + new > len(self._times):
            kept = slice(self._end - (rows - new), self._end)
            self._end = rows - new
            self._times[: self._end] = self._times[kept].copy()
            self._values[:, : self._end] = self._values[:, kept].copy()
        self._times[self._end : self._end + new] = times
        self._values[:, self._end : self._end + new] = values
        self._end += new
        seen = slice(self._end - rows, self._end)
        return self._times[seen], self._values[:, seen]
