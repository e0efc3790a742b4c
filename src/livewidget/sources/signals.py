"""The shapes of the synthetic signals: index ranges in, columns out. No clock, no I/O."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.errors import SettingError
from livewidget.data.text import Text
from livewidget.sources.base import Outlet

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Times = npt.NDArray[np.datetime64]


_HIGHEST_RATE = 1e9  # above it, events would share a nanosecond


class Signal(ABC):
    """Events numbered from 0, `rate` a second. Ranges are asked for in order, each once."""

    def __init__(self, rate: float, seed: int) -> None:
        if not 0 < rate <= _HIGHEST_RATE:
            raise SettingError(f"rate is events a second, above 0 and up to 1e9; got {rate}")
        self.rate = rate
        self.rng = np.random.default_rng(seed)

    def time(self, origin: int, index: int) -> int:
        """Return the time of one event in ns UTC, where event 0 is at `origin`."""
        return origin + int(index * (1e9 / self.rate))

    def times(self, origin: int, indices: Indices) -> Times:
        """Return the times of events as datetime64[ns]."""
        # int64 of the offset: exact to a nanosecond or so for the first 104 days.
        return (origin + (indices * (1e9 / self.rate)).astype(np.int64)).view("datetime64[ns]")

    @abstractmethod
    def emit(self, outlet: Outlet, origin: int, start: int, stop: int) -> None:
        """Emit the events `start` to `stop` (excluded)."""

    def _wave(self, indices: Indices, period_s: float, phase: float = 0.0) -> Floats:
        turns = indices * (1.0 / (self.rate * period_s)) + phase
        wave: Floats = np.sin(2 * np.pi * turns)
        return wave


class Prices(Signal):
    """A random walk for each symbol, and a spread of 2 hundredths of a percent."""

    def __init__(
        self, rate: float, symbols: tuple[str, ...], seed: int, start: float, volatility: float
    ) -> None:
        super().__init__(rate, seed)
        walks = max(1, len(symbols))
        self._symbols = symbols
        self._step = start * volatility / np.sqrt(rate / walks)
        self._half_spread = start * 0.0001
        self._last = start * (1 + 0.1 * np.arange(walks))

    def emit(self, outlet: Outlet, origin: int, start: int, stop: int) -> None:
        """Emit `time`, `bid`, `ask` and, with symbols, `symbol`."""
        outlet.emit(self.columns(origin, start, stop))

    def columns(self, origin: int, start: int, stop: int) -> dict[str, Any]:
        """Return what `emit` emits."""
        indices = np.arange(start, stop)
        steps = self.rng.standard_normal(stop - start) * self._step
        walks = len(self._last)
        keys = indices % walks
        mid = np.empty(stop - start)
        for walk in range(walks):
            mine = slice((walk - start) % walks, None, walks)
            path = steps[mine]
            if len(path):
                path[0] += self._last[walk]
                mid[mine] = np.cumsum(path)
                self._last[walk] = mid[mine][-1]
        columns: dict[str, Any] = {
            "time": self.times(origin, indices),
            "bid": mid - self._half_spread,
            "ask": mid + self._half_spread,
        }
        symbol = {"symbol": Text(keys.astype(np.int32), self._symbols)} if self._symbols else {}
        return columns | symbol


class Sensors(Signal):
    """Waves of different period, each with noise of its own."""

    def __init__(self, rate: float, names: tuple[str, ...], seed: int, noise: float) -> None:
        super().__init__(rate, seed)
        if not names:
            raise SettingError("names must name at least one sensor")
        self._names = names
        self._noise = noise
        self._rngs = self.rng.spawn(len(names))

    def emit(self, outlet: Outlet, origin: int, start: int, stop: int) -> None:
        """Emit `time` and a column for each name."""
        outlet.emit(self.columns(origin, start, stop))

    def columns(self, origin: int, start: int, stop: int) -> dict[str, Any]:
        """Return what `emit` emits."""
        indices = np.arange(start, stop)
        columns: dict[str, Any] = {"time": self.times(origin, indices)}
        for place, (name, rng) in enumerate(zip(self._names, self._rngs, strict=True)):
            wave = self._wave(indices, period_s=10.0 + 7.0 * place, phase=place / 3)
            columns[name] = wave + self._noise * rng.standard_normal(stop - start)
        return columns


class Bursts(Signal):
    """Dense for a while, sparse between."""

    def __init__(
        self, rate: float, seed: int, every_s: float, length_s: float, quiet: float
    ) -> None:
        super().__init__(rate, seed)
        _check_cycle(every_s, length_s)
        if not 0 <= quiet <= 1:
            raise SettingError(f"quiet is a share from 0 to 1, got {quiet}")
        self._every = every_s * rate
        self._length = length_s * rate
        self._quiet = quiet

    def emit(self, outlet: Outlet, origin: int, start: int, stop: int) -> None:
        """Emit `time` and `value` of the events that are not thinned out."""
        indices = np.arange(start, stop)
        draws = self.rng.random((stop - start, 2))
        burst = indices % self._every < self._length
        keep = burst | (draws[:, 0] < self._quiet)
        if keep.any():
            value = np.where(burst, 1.0, 0.1) * draws[:, 1]
            outlet.emit({"time": self.times(origin, indices[keep]), "value": value[keep]})


class Gaps(Signal):
    """A wave that falls silent at the end of each cycle."""

    def __init__(self, rate: float, seed: int, every_s: float, length_s: float) -> None:
        super().__init__(rate, seed)
        _check_cycle(every_s, length_s)
        self._every = every_s * rate
        self._heard = (every_s - length_s) * rate
        self._last: int | None = None

    def emit(self, outlet: Outlet, origin: int, start: int, stop: int) -> None:
        """Emit `time` and `value` of what is heard, and each silence as a gap."""
        indices = np.arange(start, stop)
        values = self._wave(indices, 5.0) + 0.05 * self.rng.standard_normal(stop - start)
        heard = indices[indices % self._every < self._heard]
        for run in np.split(heard, np.flatnonzero(np.diff(heard) > 1) + 1):
            if len(run):
                self._note_gap(outlet, origin, int(run[0]))
                outlet.emit({"time": self.times(origin, run), "value": values[run - start]})
                self._last = int(run[-1])

    def _note_gap(self, outlet: Outlet, origin: int, first: int) -> None:
        if self._last is not None and first > self._last + 1:
            before, after = self.time(origin, self._last), self.time(origin, first)
            outlet.gap(before, after, "a gap, made on purpose")


def _check_cycle(every_s: float, length_s: float) -> None:
    if not 0 < length_s < every_s:
        raise SettingError(f"expected 0 < length_s < every_s, got {length_s} and {every_s}")
