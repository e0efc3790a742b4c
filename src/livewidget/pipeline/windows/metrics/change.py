"""How values change with time: rate, trend, and a mean that forgets."""

from __future__ import annotations

import numpy as np

from livewidget.data.duration import seconds
from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Arrays, Floats, Rows, Times
from livewidget.pipeline.windows.metrics.basic import End, OfColumn
from livewidget.pipeline.windows.metrics.together import Together

_SECOND = 1e9  # ns
_Z = 1.959963984540054  # of the normal distribution, two-sided 95 %
# Student's t, two-sided 95 %, for 1 to 10 degrees of freedom.
_T = np.array(
    [np.nan, 12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281]
)


class Rate(Together):
    """The change a second from the first value to the last, by event time; NaN of one moment."""

    def __init__(self, column: str) -> None:
        self._ends = End(column, last=False), End(column, last=True)
        super().__init__(self._ends, ("",))

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the changes a second."""
        first, last = self._split(state)
        span = (last["time"][cells].astype(np.float64) - first["time"][cells]) / _SECOND
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (last["value"][cells] - first["value"][cells]) / span
        found[span <= 0] = np.nan
        return (found,)


class Slope(OfColumn):
    """The slope a second of a line through the values, by least squares, and its 95 % interval.

    Outputs: the slope, `low` and `high`; the interval takes three values, the slope two of
    different times. Moments are added up about their means (Chan, Golub and LeVeque, 1979).
    """

    outputs = ("", "low", "high")

    def new(self, cells: int) -> Arrays:
        """Return lines through nothing."""
        names = ("count", "mean_t", "mean_x", "tt", "xx", "tx")
        state: Arrays = {name: np.zeros(cells) for name in names}
        state["origin"] = np.zeros(cells, dtype=np.int64)  # what `mean_t` (s) is counted from, ns
        return state

    def update(self, state: Arrays, rows: Rows) -> None:
        """Work the moments of the new rows out, and add them."""
        runs = rows.runs(self.column)
        if not len(runs.values):
            return
        times = rows.times[runs.rows]
        origin = times[runs.begins]
        since = (times - np.repeat(origin, runs.counts)) / _SECOND
        mean_t = np.add.reduceat(since, runs.begins) / runs.counts
        mean_x = np.add.reduceat(runs.values, runs.begins) / runs.counts
        t = since - np.repeat(mean_t, runs.counts)
        x = runs.values - np.repeat(mean_x, runs.counts)
        products = (np.add.reduceat(each, runs.begins) for each in (t * t, x * x, t * x))
        self._add(
            state, runs.cells, origin, runs.counts.astype(np.float64), mean_t, mean_x, *products
        )

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add another's."""
        names = ("origin", "count", "mean_t", "mean_x", "tt", "xx", "tx")
        self._add(state, cells, *(other[name][others] for name in names))

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the slopes and the ends of their intervals, in units a second."""
        count, tt, xx, tx = (state[name][cells] for name in ("count", "tt", "xx", "tx"))
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = np.where(tt > 0, tx / tt, np.nan)
            rest = np.maximum(xx - slope * tx, 0.0) / (count - 2)
            reach = student(count - 2) * np.sqrt(rest / tt)
        return slope, slope - reach, slope + reach

    @staticmethod
    def _add(
        state: Arrays,
        cells: Places,
        origin: Times,
        count: Floats,
        mean_t: Floats,
        mean_x: Floats,
        tt: Floats,
        xx: Floats,
        tx: Floats,
    ) -> None:
        own = state["count"][cells]
        none = own == 0
        state["origin"][cells[none]] = origin[none]
        mean_t = mean_t + (origin - state["origin"][cells]) / _SECOND
        whole = np.maximum(own + count, 1)
        share = count / whole
        apart_t, apart_x = mean_t - state["mean_t"][cells], mean_x - state["mean_x"][cells]
        weight = own * share
        state["count"][cells] = own + count
        state["mean_t"][cells] += apart_t * share
        state["mean_x"][cells] += apart_x * share
        state["tt"][cells] += tt + apart_t * apart_t * weight
        state["xx"][cells] += xx + apart_x * apart_x * weight
        state["tx"][cells] += tx + apart_t * apart_x * weight


def student(freedom: Floats) -> Floats:
    """Return the two-sided 95 % quantile of Student's t; NaN without a degree of freedom.

    From a table up to 10, beyond by the expansion of Cornish and Fisher: within 1e-4.
    """
    few = np.clip(freedom, 0, len(_T) - 1).astype(np.intp)
    v = np.maximum(freedom, len(_T) - 1)
    z = _Z
    many = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    many = many + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    return np.where(freedom < len(_T), _T[few], many)


class Ema(OfColumn):
    """The exponential moving average by event time: what lies `half_life` back weighs half.

    As `ewm(halflife=..., times=...).mean()` of pandas gives it at the newest row.
    """

    def __init__(self, column: str, half_life: object) -> None:
        super().__init__(column)
        self._half_life = seconds(half_life, "half_life") * _SECOND

    def new(self, cells: int) -> Arrays:
        """Return averages of nothing."""
        return {
            "newest": np.zeros(cells, dtype=np.int64),
            "sum": np.zeros(cells),
            "weight": np.zeros(cells),
        }

    def update(self, state: Arrays, rows: Rows) -> None:
        """Add the new rows, as of the newest of them."""
        runs = rows.runs(self.column)
        if not len(runs.values):
            return
        times = rows.times[runs.rows]
        newest = np.maximum.reduceat(times, runs.begins)
        weights = np.exp2((times - np.repeat(newest, runs.counts)) / self._half_life)
        weight = np.add.reduceat(weights, runs.begins)
        total = np.add.reduceat(weights * runs.values, runs.begins)
        self._add(state, runs.cells, newest, total, weight)

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add another's."""
        self._add(state, cells, *(other[name][others] for name in ("newest", "sum", "weight")))

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the averages; NaN of nothing."""
        with np.errstate(invalid="ignore"):
            return (state["sum"][cells] / state["weight"][cells],)

    def _add(
        self, state: Arrays, cells: Places, newest: Times, total: Floats, weight: Floats
    ) -> None:
        own = state["newest"][cells]
        own = np.where(state["weight"][cells] > 0, own, newest)
        newest = np.where(weight > 0, newest, own)
        both = np.maximum(own, newest)
        mine, theirs = (np.exp2((each - both) / self._half_life) for each in (own, newest))
        state["newest"][cells] = both
        state["sum"][cells] = state["sum"][cells] * mine + total * theirs
        state["weight"][cells] = state["weight"][cells] * mine + weight * theirs
