"""What can be produced: synthetic feeds from a seed, and tables to replay. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.sources.replay import with_index
from livewidget.sources.signals import Prices, Sensors

SYMBOLS = ("ALPHA", "BETA", "GAMMA", "DELTA")
SENSORS = ("temperature", "pressure", "humidity")
SIDES = ("buy", "sell")
_FIRST_ORDER = 1_000_000
_TICK = 0.01  # the step of an order's price
_LOT = 10
_MOST_LOTS = 50


class Feed(Protocol):
    """Events numbered from 0, asked for in order, each once. Values depend on the seed alone."""

    @property
    def size(self) -> int | None:
        """How many events there are; None for no end."""
        ...

    def take(self, start: int, stop: int, origin: int) -> Batch:
        """Return the events `start` to `stop` (excluded); event 0 is at `origin`, ns UTC."""
        ...


class SignalFeed:
    """The prices and the sensors of `livewidget.sources.Synthetic`."""

    size = None

    def __init__(self, signal: Prices | Sensors) -> None:
        self._signal = signal

    def take(self, start: int, stop: int, origin: int) -> Batch:
        """Return `time` and the signal's columns."""
        return Batch.of(self._signal.columns(origin, start, stop))


class Walk:
    """A random walk, of standard deviation 1 a second: `time` and `value`."""

    size = None

    def __init__(self, rate: float, seed: int) -> None:
        self._rate = rate
        self._rng = np.random.default_rng(seed)
        self._last = 0.0

    def take(self, start: int, stop: int, origin: int) -> Batch:
        """Return the next steps of the walk."""
        steps = self._rng.standard_normal(stop - start) / np.sqrt(self._rate)
        steps[:1] += self._last
        value = np.cumsum(steps)
        self._last = float(value[-1]) if len(value) else self._last
        return Batch.of(
            {"time": _times(start, stop, origin, self._rate).view("M8[ns]"), "value": value}
        )


class Orders:
    """Limit orders around a walking price, in ticks of 0.01 and lots of 10.

    `time`, `order_id`, `symbol`, `side`, `price`, `quantity`, `sequence`: both numbers go up by
    one an order, the first from 1,000,000 and the second from 0, so that a reader can tell what is
    missing, doubled or late.
    """

    size = None
    SCHEMA = Schema.of(
        {
            "time": "time",
            "order_id": "int",
            "symbol": "text",
            "side": "text",
            "price": "float",
            "quantity": "int",
            "sequence": "int",
        },
        "time",
    )

    def __init__(self, rate: float, seed: int, symbols: Sequence[str]) -> None:
        self._rate = rate
        self._symbols = tuple(symbols)
        # One generator for each column: values do not depend on how the events fell into batches.
        seeds = np.random.default_rng(seed).spawn(5)
        self._which, self._side, self._steps, self._offsets, self._lots = seeds
        self._mid = 100.0

    def take(self, start: int, stop: int, origin: int) -> Batch:
        """Return the next orders."""
        count, numbers = stop - start, np.arange(start, stop)
        which = (self._which.random(count) * len(self._symbols)).astype(np.int32)
        side = (self._side.random(count) < 0.5).astype(np.int32)  # noqa: PLR2004  (even odds)
        steps = self._steps.standard_normal(count) * 0.05 / np.sqrt(self._rate)
        steps[:1] += self._mid
        mid = np.cumsum(steps)
        self._mid = float(mid[-1]) if count else self._mid
        away = np.abs(self._offsets.standard_normal(count)) * 5 * _TICK
        price = mid * (1 + 0.1 * which) + np.where(side == 0, -away, away)
        columns: tuple[Column, ...] = (
            _times(start, stop, origin, self._rate),
            _FIRST_ORDER + numbers,
            Text(which, self._symbols),
            Text(side, SIDES),
            np.round(price, 2),
            _LOT * (1 + (self._lots.random(count) * _MOST_LOTS).astype(np.int64)),
            numbers,
        )
        return Batch(self.SCHEMA, columns)


class TableFeed:
    """The rows of a table in the order they stand, with their own times, or `rebase`d to now.

    `time` names the column of the times (else an index of times, else as `Batch.of` finds it).
    Rows of a table without times are stamped with the moment they are sent.
    """

    def __init__(self, data: Any, rate: float, *, time: str | None, rebase: bool) -> None:
        table, name = with_index(data, time)
        self._batch = Batch.of(table, time=name, arrival=0)
        self._rate = rate
        self._rebase = rebase or bool((self._batch.times == 0).all())
        self.size = len(self._batch)

    def take(self, start: int, stop: int, origin: int) -> Batch:
        """Return the next rows."""
        batch = self._batch.take(slice(start, stop))
        if not self._rebase:
            return batch
        columns = list(batch.columns)
        place = batch.schema.index(batch.schema.time)
        columns[place] = _times(start, start + len(batch), origin, self._rate)
        return Batch(batch.schema, tuple(columns))


def synthetic(what: str, rate: float, seed: int, names: Sequence[str] | None) -> Feed:
    """Return the feed of that name; `names` are its symbols, or its sensors.

    Raises SettingError for a name that is none, and for `names` where there is nothing to name.
    """
    if names is not None and (what == "walk" or not names):
        raise SettingError(f"names are for prices, sensors and orders, got {quote(names)}")
    if what == "prices":
        return SignalFeed(Prices(rate, tuple(names or SYMBOLS), seed, 100.0, 0.0005))
    if what == "sensors":
        return SignalFeed(Sensors(rate, tuple(names or SENSORS), seed, 0.05))
    if what == "orders":
        return Orders(rate, seed, names or SYMBOLS)
    if what == "walk":
        return Walk(rate, seed)
    raise SettingError(f"expected {', '.join(SYNTHETIC)}, got {quote(what)}")


SYNTHETIC = ("prices", "sensors", "orders", "walk")


def _times(start: int, stop: int, origin: int, rate: float) -> npt.NDArray[np.int64]:
    return origin + (np.arange(start, stop) * (1e9 / rate)).astype(np.int64)
