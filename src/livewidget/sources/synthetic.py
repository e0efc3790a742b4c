"""Signals made here, from a seed: the same seed gives the same values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from livewidget.data.events import State
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock
from livewidget.sources.signals import Bursts, Gaps, Prices, Sensors, Signal

_BEAT_S = 0.02  # 50 chunks a second: smooth at 30 frames, few numpy calls at any rate
_LONGEST_S = 1.0  # what is made up for after a stall; a longer one is a gap


class Synthetic(Source):
    """Events evenly spaced in time at `rate` a second, in chunks, as if they came in live.

    Made by one of the constructors below. `count` ends it after so many event numbers (a burst
    or a gap leaves some of them out). The values depend on `seed` and `rate` alone, never on
    how the chunks fell; only a stall of more than a second is left out.
    """

    def __init__(
        self,
        name: str,
        signal: Signal,
        *,
        count: int | None = None,
        clock: LoopClock | None = None,
    ) -> None:
        self.name = name
        self._signal = signal
        self._rate = signal.rate
        self._count = count
        self._clock = clock or SystemLoopClock()

    @classmethod
    def prices(
        cls,
        rate: float = 1000.0,
        *,
        symbols: Sequence[str] = (),
        seed: int = 0,
        start: float = 100.0,
        volatility: float = 0.0005,
        **options: Any,
    ) -> Synthetic:
        """Random-walk quotes: `time`, `bid`, `ask`, and `symbol` where `symbols` are given.

        With symbols, events go round them in turn. `volatility` is the relative step a second.
        """
        signal = Prices(rate, tuple(symbols), seed, start, volatility)
        return cls("synthetic prices", signal, **options)

    @classmethod
    def sensors(
        cls,
        rate: float = 100.0,
        *,
        names: Sequence[str] = ("temperature", "pressure", "humidity"),
        seed: int = 0,
        noise: float = 0.05,
        **options: Any,
    ) -> Synthetic:
        """Noisy slow waves: `time` and one column for each of `names`."""
        return cls("synthetic sensors", Sensors(rate, tuple(names), seed, noise), **options)

    @classmethod
    def bursts(
        cls,
        rate: float = 1000.0,
        *,
        seed: int = 0,
        every_s: float = 5.0,
        length_s: float = 0.5,
        quiet: float = 0.01,
        **options: Any,
    ) -> Synthetic:
        """Events at `rate` in bursts, and at `quiet` times that between: `time`, `value`."""
        signal = Bursts(rate, seed, every_s, length_s, quiet)
        return cls("synthetic bursts", signal, **options)

    @classmethod
    def gaps(
        cls,
        rate: float = 100.0,
        *,
        seed: int = 0,
        every_s: float = 10.0,
        length_s: float = 2.0,
        **options: Any,
    ) -> Synthetic:
        """A noisy wave that falls silent for `length_s` of each `every_s`: `time`, `value`.

        Each silence is reported as a gap.
        """
        return cls("synthetic gaps", Gaps(rate, seed, every_s, length_s), **options)

    async def run(self, outlet: Outlet) -> None:
        """Emit what has come due, at a steady beat, until `count` events or cancelled."""
        outlet.state(State.LIVE)
        origin, begun, made = self._clock.now(), self._clock.monotonic(), 0
        while self._count is None or made < self._count:
            due = int((self._clock.monotonic() - begun) * self._rate) + 1
            if self._count is not None:
                due = min(due, self._count)
            made = self._skip(outlet, origin, made, due)
            if due > made:
                self._signal.emit(outlet, origin, made, due)
                made = due
            await self._clock.sleep(max(_BEAT_S, 1.0 / self._rate))

    def _skip(self, outlet: Outlet, origin: int, made: int, due: int) -> int:
        """Return where to go on: after a stall (a laptop asleep) the rest is a gap."""
        oldest = due - max(1, int(_LONGEST_S * self._rate))
        if oldest <= made:
            return made
        start, stop = (self._signal.time(origin, index) for index in (made, oldest))
        outlet.gap(start, stop, "the generator was stalled")
        return oldest
